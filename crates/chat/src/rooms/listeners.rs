//! Whose a room is while they are not in it: who finds it in the list of conversations, and who is told of
//! what is said in it.

use std::collections::HashSet;
use std::sync::Arc;

use base::{BareJid, Jid};
use store::{Affiliation, PushAudience, RoomConfig, RoomId, RoomsQuery, RosterVersion, Whois};
use xmpp::condition::StanzaError;
use xmpp::ns;
use xmpp::xml::Stanza;

use super::room::{Room, State, Who, to_store};
use crate::modules::{content, encryption, store_failed};
use crate::{Account, Chat};

/// Words of a message that are looked at for nicknames.
const MOST_WORDS: usize = 200;

/// A room that an account may read at any time.
#[derive(Debug)]
pub(crate) struct ReadableRoom {
    pub(crate) address: Arc<str>,
    pub(crate) id: RoomId,
    /// With real addresses.
    pub(crate) sees_addresses: bool,
    /// When the account's standing in it changed last.
    pub(crate) since: RosterVersion,
}

/// The rooms that an account may read: those it is a member of, and of those that it has a bookmark of
/// the ones that anybody may enter. `bookmarked` are addresses, others than those of rooms of ours too.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn readable<'a>(
    chat: &Chat,
    account: &Account,
    bookmarked: impl Iterator<Item = &'a str>,
) -> Result<Vec<ReadableRoom>, StanzaError> {
    let domain = super::address(chat);
    let named = bookmarked.filter_map(|address| {
        let (local, at) = address.split_once('@')?;
        (at == domain).then(|| local.into())
    });
    let groups = account.facts().account.groups.clone();
    let query = RoomsQuery {
        address: account.jid().as_str().into(),
        domain: chat.domain(),
        groups: groups.clone(),
        named: named.collect(),
    };
    let found = chat.store().rooms_of(query).await;
    let found = found.map_err(|error| store_failed(&error))?.into_iter();
    let readable = found.filter_map(|found| {
        let standing = with_group(found.affiliation, &found.config, &groups);
        may_read(standing, &found.config).then(|| ReadableRoom {
            address: format!("{}@{domain}", found.localpart).into(),
            id: found.room,
            sees_addresses: found.config.whois == Whois::Anyone || standing >= Affiliation::Admin,
            since: found.version,
        })
    });
    Ok(readable.collect())
}

/// A standing with what membership by a group of the directory adds.
fn with_group(own: Affiliation, config: &RoomConfig, groups: &[Arc<str>]) -> Affiliation {
    match &config.group {
        Some(group) if own == Affiliation::None && groups.contains(group) => Affiliation::Member,
        _ => own,
    }
}

/// Whether somebody of this standing reads what is said without being there: members do, and whoever has
/// a bookmark where anybody may enter.
fn may_read(standing: Affiliation, config: &RoomConfig) -> bool {
    if config.locked {
        return standing == Affiliation::Owner;
    }
    standing >= Affiliation::Member || (standing == Affiliation::None && is_open(config))
}

/// Whether anybody who is not banned may enter.
fn is_open(config: &RoomConfig) -> bool {
    !config.members_only && config.password.is_none() && !config.locked
}

/// What a room is to somebody of ours who may have to be told of what is said in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bond {
    /// It is none of its business.
    None,
    /// Only with a bookmark.
    Bookmark,
    /// A member, or somebody who is there.
    Whole,
}

impl Room {
    /// Among `wanted`, those who are members by a standing of their own, or are in the room.
    pub fn among(&self, wanted: &HashSet<BareJid>) -> Vec<BareJid> {
        let state = self.state();
        let is_member = |address: &str| {
            let person = state.people.get(address);
            person.is_some_and(|person| to_store(person.affiliation) >= Affiliation::Member)
        };
        if wanted.len() < state.people.len() {
            let here = |address: &BareJid| is_member(address.as_str()) || state.is_present(address);
            return wanted
                .iter()
                .filter(|address| here(address))
                .cloned()
                .collect();
        }
        let members = state.people.keys().filter(|address| is_member(address));
        let members = members.filter_map(|address| wanted.get(&**address));
        let present = state.present().filter_map(|address| wanted.get(address));
        let both: HashSet<&BareJid> = members.chain(present).collect();
        both.into_iter().cloned().collect()
    }

    /// Those who may have to be told besides: people of its group, and those with a bookmark of a room
    /// that anybody may enter.
    pub(crate) fn push_audience(&self) -> PushAudience {
        let config = self.config();
        PushAudience {
            group: config.group.clone(),
            item: is_open(&config).then(|| (ns::BOOKMARKS.into(), self.jid().as_str().into())),
        }
    }

    /// What the room is to an account now.
    pub(crate) fn bond(&self, account: &Account) -> Bond {
        let who = Who::account(account);
        let state = self.state();
        if state.gone {
            return Bond::None;
        }
        match to_store(state.affiliation(&who)) {
            Affiliation::Outcast => Bond::None,
            Affiliation::None if state.is_present(&who.bare) => Bond::Whole,
            standing if !may_read(standing, &state.config) => Bond::None,
            Affiliation::None => Bond::Bookmark,
            _ => Bond::Whole,
        }
    }

    /// XEP-0492 §4: of private groups one hears always, of others when one is named.
    pub(crate) fn is_private(&self) -> bool {
        encryption::is_private(&self.config())
    }

    /// Whether a session is in the room.
    pub(crate) fn is_attended_by(&self, session: &Jid) -> bool {
        self.state().occupant_of(session).is_some()
    }
}

/// Bare addresses of those whom a message means: by a reference to their address or their place in the room
/// (XEP-0372), by an answer to them (XEP-0461), or by their nickname, where it can be read.
pub(super) fn meant(room: &Room, state: &State, stanza: &Stanza) -> Vec<BareJid> {
    let by_nick = |nick: &str| {
        let occupant = state
            .occupants
            .get(nick)
            .map(|occupant| occupant.bare.clone());
        occupant.or_else(|| BareJid::parse(state.reserved.get(nick)?).ok())
    };
    let by_address = |address: Jid| match address.resource() {
        Some(nick) if address.bare_str() == room.jid().as_str() => by_nick(nick),
        _ => Some(address.bare()),
    };
    let mut meant: Vec<BareJid> = content::mentioned(stanza)
        .into_iter()
        .filter_map(by_address)
        .collect();
    let answered = stanza.child("reply", ns::REPLY).and_then(|reply| {
        let tree = reply.tree();
        Jid::parse(tree.root().attr("to")?).ok()
    });
    meant.extend(answered.and_then(by_address));
    if let Some(body) = stanza.child("body", ns::CLIENT) {
        let tree = body.tree();
        let text = tree.root().text();
        // "Nick: …" may have blanks in it.
        let addressed = text.split_once([':', ',']).map(|(nick, _)| nick);
        let words = text.split_whitespace().take(MOST_WORDS).map(|word| {
            word.trim_start_matches('@')
                .trim_end_matches(['.', ',', ':', ';', '!', '?'])
        });
        meant.extend(addressed.into_iter().chain(words).filter_map(by_nick));
    }
    meant.sort_unstable();
    meant.dedup();
    meant
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_read_without_being_there() {
        let open = RoomConfig::default();
        let group = RoomConfig::group_chat();
        let shut = RoomConfig {
            password: Some(base::Redacted::new("secret".into())),
            ..RoomConfig::default()
        };
        let fresh = RoomConfig {
            locked: true,
            ..RoomConfig::default()
        };
        for (config, expected) in [
            (&open, [false, true, true, true]),
            (&group, [false, false, true, true]),
            (&shut, [false, false, true, true]),
            (&fresh, [false, false, false, true]),
        ] {
            let reads = [
                Affiliation::Outcast,
                Affiliation::None,
                Affiliation::Member,
                Affiliation::Owner,
            ]
            .map(|standing| may_read(standing, config));
            assert_eq!(reads, expected, "{config:?}");
        }
        let department = RoomConfig::department_room("Sales", false);
        let sales: [Arc<str>; 1] = ["Sales".into()];
        let standing = |own| with_group(own, &department, &sales);
        assert_eq!(standing(Affiliation::None), Affiliation::Member);
        assert_eq!(standing(Affiliation::Outcast), Affiliation::Outcast);
        assert_eq!(
            with_group(Affiliation::None, &department, &[]),
            Affiliation::None
        );
    }
}
