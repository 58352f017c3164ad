//! Whose a room is while they are not in it: who finds it in the list of conversations, and who is told of
//! what is said in it.

use std::collections::HashSet;

use base::{BareJid, Jid};
use store::{Affiliation, PushAudience};
use xmpp::ns;
use xmpp::xml::Stanza;

use super::room::{Room, State, Who, to_store};
use crate::Account;
use crate::modules::{content, encryption};
use crate::readable_rooms::{is_open, may_read};

/// Words of a message that are looked at for nicknames.
const MOST_WORDS: usize = 200;

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
