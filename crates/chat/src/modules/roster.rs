//! RFC 6121 §2: the roster

mod draft;

use std::sync::Arc;

use base::BareJid;
use store::{RosterChange, RosterItem, RosterVersion};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::roster::{Change, Item, RosterSet};
use xmpp::xml::Writer;

pub(crate) use draft::{Draft, commit};

use super::{IqContext, IqHandler, Module, Reply, Run, Target, store_failed};
use crate::{AccountFacts, Work};

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "roster",
    specification: "RFC 6121",
    title: "Roster and roster versioning",
    version: "2011",
    stream_features: &["<ver xmlns='urn:xmpp:features:rosterver'/>"],
    iq: &[
        IqHandler {
            targets: &[Target::Own],
            set: false,
            payload: "query",
            namespace: ns::ROSTER,
            run: Run::Client(get),
        },
        IqHandler {
            targets: &[Target::Own],
            set: true,
            payload: "query",
            namespace: ns::ROSTER,
            run: Run::Client(set),
        },
        IqHandler {
            targets: &[Target::Other],
            set: false,
            payload: "query",
            namespace: ns::ROSTER,
            run: Run::Client(forbidden),
        },
        IqHandler {
            targets: &[Target::Other],
            set: true,
            payload: "query",
            namespace: ns::ROSTER,
            run: Run::Client(forbidden),
        },
    ],
    ..Module::NONE
};

/// Groups that one contact may be in.
const MOST_GROUPS: usize = 100;
/// Changes that a returning client gets one by one; with more it gets the whole roster.
const MOST_CHANGES: usize = 250;

/// The item of a contact, by bare address.
pub(crate) fn item<'a>(facts: &'a AccountFacts, contact: &str) -> Option<&'a RosterItem> {
    let items = &facts.roster.items;
    let at = items
        .binary_search_by(|item| (*item.contact).cmp(contact))
        .ok()?;
    items.get(at)
}

/// RFC 6121 §2.3.3: only the owner's clients may.
fn forbidden(_context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async {
        Err(StanzaError::new(StanzaCondition::Forbidden)
            .text("A contact list can be read and changed by its owner only."))
    })
}

fn get(context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let payload = context.payload();
        let known = payload.root().attr("ver").map(str::to_owned);
        drop(payload);
        // From here on changes wait: what the answer does not show comes as a push after it.
        let _turn = context.account.turn().await;
        context.session.set_interested();
        let Some(known) = known else {
            return Ok(Reply::payload(whole(&context.account.facts(), false)));
        };
        let (version, size) = {
            let facts = context.account.facts();
            (facts.roster.version, facts.roster.items.len())
        };
        // An empty version asks for all (RFC 6121 §2.6.1), and so does one that is not ours.
        let known = known
            .parse::<RosterVersion>()
            .ok()
            .filter(|known| *known != RosterVersion::NONE);
        match known {
            Some(known) if known == version => return Ok(Reply::empty()),
            Some(known) => {
                let changes = context
                    .chat
                    .store()
                    .roster_changes_since(context.account.id(), known)
                    .await;
                let changes = changes.map_err(|error| store_failed(&error))?;
                // What changed is told by pushes (§2.6.3) when that is less than everything.
                if let Some(changes) =
                    changes.filter(|found| found.changes.len() <= size.min(MOST_CHANGES))
                {
                    changes
                        .changes
                        .iter()
                        .for_each(|change| retell(&context, change));
                    return Ok(Reply::empty());
                }
            }
            None => {}
        }
        Ok(Reply::payload(whole(&context.account.facts(), true)))
    })
}

/// Tells one session of a change that it missed.
fn retell(context: &IqContext, change: &RosterChange) {
    let (item, version) = match change {
        RosterChange::Set(item) => (draft::shown(item), item.version),
        RosterChange::Removed(contact, version) => (
            Item {
                jid: contact,
                subscription: "remove",
                ..Item::default()
            },
            *version,
        ),
    };
    draft::push_to(
        &context.session,
        &draft::push_payload(&item, version),
        version,
    );
}

/// The whole roster.
fn whole(facts: &AccountFacts, versioned: bool) -> String {
    let roster = &facts.roster;
    let mut out = Writer::with_capacity(64 + roster.items.len() * 96);
    out.start("query")
        .xmlns(ns::ROSTER)
        .attr_opt("ver", versioned.then(|| roster.version.to_string()));
    for item in &roster.items {
        draft::shown(item).write(&mut out);
    }
    out.end();
    out.finish()
}

fn set(context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let payload = context.payload();
        let set = RosterSet::read(payload.root())?;
        let contact = BareJid::parse(set.jid)
            .or_else(|_| base::Jid::parse(set.jid).map(|jid| jid.bare()))
            .map_err(|_| {
                StanzaError::new(StanzaCondition::JidMalformed).text(
                    "The address of the contact is not a valid one; please check its spelling.",
                )
            })?;
        let config = context.chat.config();
        let limits = &config.limits;
        let checked_name = |name: &str| checked_name(name, limits.roster_text_bytes);
        let put =
            match set.change {
                Change::Remove => None,
                Change::Put { name, groups } => {
                    let name = name.map(checked_name).transpose()?;
                    if groups.len() > MOST_GROUPS {
                        return Err(StanzaError::new(StanzaCondition::NotAcceptable).text(
                            format!("A contact can be in {MOST_GROUPS} groups at the most."),
                        ));
                    }
                    let groups = groups
                        .iter()
                        .map(|group| checked_name(group))
                        .collect::<Result<Vec<_>, _>>()?;
                    Some((name, groups))
                }
            };
        drop(payload);
        match put {
            None => super::subscription::remove(&context, &contact).await?,
            Some((name, groups)) => {
                let turn = context.account.turn().await;
                let mut draft = Draft::of(&context.account, &contact, &turn);
                draft.rename(name, groups);
                draft.check_room(limits.roster_items)?;
                let version = commit(&context.chat, &mut [&mut draft]).await?;
                draft.push(version);
            }
        }
        Ok(Reply::empty())
    })
}

/// A name that is not too long (RFC 6121 §2.3.3).
fn checked_name(name: &str, most: usize) -> Result<Arc<str>, StanzaError> {
    if name.len() > most {
        return Err(
            StanzaError::new(StanzaCondition::NotAcceptable).text(format!(
                "A name or group is too long; {most} bytes are the most."
            )),
        );
    }
    Ok(name.into())
}
