//! XEP-0463: MUC Affiliations Versioning

use std::sync::Arc;

use bytes::Bytes;
use store::{PeopleChanges, RosterVersion};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::affiliation_versions::Versions;
use xmpp::xep::muc::{Affiliation, Item};
use xmpp::xml::Writer;

use super::line::{Output, Recipient, Shared};
use super::room::{Room, State, of_store};
use crate::Chat;
use crate::modules::store_failed;

/// What somebody who enters is told of the affiliations.
pub(super) enum Answer {
    /// Nothing: it has the newest.
    Current,
    /// All of them.
    Full,
    /// What has changed since a version.
    Changes(String, PeopleChanges),
}

/// Finds out what somebody does not know who knows the version `wanted.since`.
pub(super) async fn since(
    chat: &Chat,
    room: &Room,
    wanted: &Versions,
) -> Result<Answer, StanzaError> {
    let Some(known) = &wanted.since else {
        return Ok(Answer::Full);
    };
    let Ok(version) = known.parse::<RosterVersion>() else {
        return Ok(Answer::Full);
    };
    let changes = chat.store().room_people_since(room.id(), version).await;
    Ok(match changes.map_err(|error| store_failed(&error))? {
        None => Answer::Full,
        Some(changes) if changes.people.is_empty() => Answer::Current,
        Some(changes) => Answer::Changes(known.clone(), changes),
    })
}

/// Whether somebody of this standing may read who stands how (§5).
pub(super) fn may_read(state: &State, affiliation: Affiliation) -> bool {
    affiliation >= Affiliation::Admin
        || (state.is_non_anonymous() && affiliation >= of_store(state.config.member_list_for))
}

impl Answer {
    /// The message that goes ahead of all presence (§4.2).
    pub(super) fn message(
        &self,
        room: &Room,
        state: &State,
        affiliation: Affiliation,
        to: &Arc<Recipient>,
    ) -> Option<Output> {
        let item = |address: &str, affiliation| Item {
            jid: base::Jid::parse(address).ok(),
            affiliation: Some(affiliation),
            ..Item::default()
        };
        let (since, items): (Option<&str>, Vec<Item>) = match self {
            Self::Current => return None,
            _ if !may_read(state, affiliation) => {
                return Some(Output::One(Arc::clone(to), forbidden(room, to)));
            }
            Self::Full => (
                None,
                state
                    .people
                    .iter()
                    .filter(|(_, person)| person.affiliation != Affiliation::None)
                    .map(|(address, person)| item(address, person.affiliation))
                    .collect(),
            ),
            Self::Changes(since, changes) => (
                Some(since),
                changes
                    .people
                    .iter()
                    .map(|person| item(&person.address, of_store(person.affiliation)))
                    .collect(),
            ),
        };
        let versions = Versions {
            since: since.map(str::to_owned),
            until: Some(state.version.to_string()),
        };
        let text = message(room, &versions, &items);
        Some(Output::One(Arc::clone(to), Shared::of(&text).to(to)))
    }
}

/// A message of the room that says how people stand.
pub(super) fn message(room: &Room, versions: &Versions, items: &[Item]) -> String {
    let mut out = Writer::with_capacity(128 + items.len() * 80);
    out.start("message").attr("from", room.jid().as_str());
    out.start("x").xmlns(ns::MUC_USER);
    versions.write(&mut out);
    for item in items {
        item.write(&mut out);
    }
    out.end().end();
    out.finish()
}

fn forbidden(room: &Room, to: &Recipient) -> Bytes {
    let mut out = Writer::with_capacity(256);
    out.start("message")
        .attr("from", room.jid().as_str())
        .attr("to", to.jid.as_str())
        .attr("type", "error");
    StanzaError::new(StanzaCondition::Forbidden)
        .text("Who stands how in this room is not for everyone to read.")
        .write(&mut out);
    out.end();
    out.into_bytes()
}
