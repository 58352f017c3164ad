//! XEP-0045: Multi-User Chat: private groups and open rooms, who is in them, and what is said there.

mod making;
mod messages;
mod picture;
mod presence;
pub(crate) mod private;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::{BareJid, Jid, Moment};
use xmpp::xep::muc::{Affiliation, Role};

use crate::client::Client;
use crate::event::Event;
use crate::storage::database::Database;
use crate::storage::record::{Decoder, Encoder, RecordError};
use crate::storage::{Direction, KeyRange, Storage, StorageError, Table};
use crate::turn::Turn;
use crate::views::{Availability, ConversationId, ConversationKind, Member};

/// After so long it is asked whether we are still in a room (XEP-0410).
const SELF_PING: Duration = Duration::from_secs(10 * 60);
/// After so long joining is tried again.
const AGAIN: Duration = Duration::from_secs(60);
/// In larger rooms nobody is told who types and who has seen what.
const SMALL: usize = 20;
const MOST_OCCUPANTS: usize = 20_000;

/// Somebody who is there.
#[derive(Debug, Clone)]
struct Occupant {
    real: Option<BareJid>,
    id: Option<String>,
    affiliation: Affiliation,
    role: Role,
    availability: Availability,
}

/// How far we are in a room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Presence {
    #[default]
    Outside,
    Joining(Moment),
    Inside,
    /// The room does not let us in; why, for the person.
    Refused(String),
}

/// What is kept of a room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Kept {
    nick: String,
    /// We want to be in it.
    wanted: bool,
    /// Members only, and they see each other's addresses.
    group: bool,
    /// `None` while that is not known.
    archived: Option<bool>,
    members: BTreeMap<BareJid, u8>,
    /// It is to be made: its name, who is to be in it, whether it is a private group.
    making: Option<(String, Vec<BareJid>, bool)>,
    /// What other clients keep in its bookmark.
    extensions: String,
    /// The department whose room it is.
    department: Option<String>,
}

impl Kept {
    fn encode(&self) -> Vec<u8> {
        let mut record = Encoder::new(2);
        record
            .text(&self.nick)
            .flag(self.wanted)
            .flag(self.group)
            .option(self.archived, |record, archived| {
                record.flag(archived);
            })
            .list(self.members.iter(), |record, (jid, affiliation)| {
                record.text(jid.as_str()).byte(*affiliation);
            })
            .option(self.making.as_ref(), |record, (name, members, group)| {
                record.text(name);
                record.list(members.iter(), |record, jid| {
                    record.text(jid.as_str());
                });
                record.flag(*group);
            })
            .text(&self.extensions)
            .option_text(self.department.as_deref());
        record.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let (version, mut fields) = Decoder::new(bytes, 2)?;
        let fields = &mut fields;
        Ok(Self {
            nick: fields.string()?,
            wanted: fields.flag()?,
            group: fields.flag()?,
            archived: fields.option(Decoder::flag)?,
            members: fields
                .list(|fields| Ok((fields.jid()?, fields.byte()?)))?
                .into_iter()
                .collect(),
            making: fields.option(|fields| {
                Ok((fields.string()?, fields.list(Decoder::jid)?, fields.flag()?))
            })?,
            extensions: fields.string()?,
            department: match version {
                1 => None,
                _ => fields.option_string()?,
            },
        })
    }
}

fn affiliation_number(affiliation: Affiliation) -> u8 {
    match affiliation {
        Affiliation::Outcast => 0,
        Affiliation::None => 1,
        Affiliation::Member => 2,
        Affiliation::Admin => 3,
        Affiliation::Owner => 4,
    }
}

fn affiliation_of(number: u8) -> Affiliation {
    match number {
        0 => Affiliation::Outcast,
        2 => Affiliation::Member,
        3 => Affiliation::Admin,
        4 => Affiliation::Owner,
        _ => Affiliation::None,
    }
}

#[derive(Debug, Clone, Default)]
struct Room {
    kept: Kept,
    presence: Presence,
    occupants: BTreeMap<String, Occupant>,
    /// How many of the lists of members came on this session.
    lists: u8,
    heard: Moment,
    pinging: bool,
}

/// All rooms that we are in or were in.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    all: BTreeMap<BareJid, Room>,
}

impl Rooms {
    pub(crate) fn open<S: Storage>(database: &Database<S>) -> Result<Self, StorageError> {
        let rows = database.scan(
            Table::Rooms,
            &KeyRange::all(),
            Direction::Forward,
            usize::MAX,
        )?;
        let mut rooms = Self::default();
        for (key, value) in rows {
            let jid = std::str::from_utf8(&key)
                .ok()
                .and_then(|jid| BareJid::parse(jid).ok())
                .ok_or_else(|| StorageError::damaged("rooms"))?;
            let kept = Kept::decode(&value).map_err(|error| error.of("a room"))?;
            rooms.all.insert(
                jid,
                Room {
                    kept,
                    ..Room::default()
                },
            );
        }
        Ok(rooms)
    }

    pub(crate) fn is_room(&self, jid: &BareJid) -> bool {
        self.all.contains_key(jid)
    }

    /// We are in it, or want to be.
    pub(crate) fn is_wanted(&self, jid: &BareJid) -> bool {
        self.all.get(jid).is_some_and(|room| room.kept.wanted)
    }

    pub(crate) fn department(&self, jid: &BareJid) -> Option<Arc<str>> {
        let department = self.all.get(jid)?.kept.department.as_deref();
        department.map(Arc::from)
    }

    pub(crate) fn is_joined(&self, jid: &BareJid) -> bool {
        let room = self.all.get(jid);
        room.is_some_and(|room| room.presence == Presence::Inside && room.kept.making.is_none())
    }

    pub(crate) fn is_small(&self, jid: &BareJid) -> bool {
        let room = self.all.get(jid);
        room.is_some_and(|room| room.occupants.len() <= SMALL && room.kept.members.len() <= SMALL)
    }

    pub(crate) fn has_member(&self, jid: &BareJid) -> bool {
        let mut rooms = self.all.values();
        rooms.any(|room| room.kept.members.contains_key(jid))
    }

    pub(crate) fn own_nick(&self, jid: &BareJid) -> Option<&str> {
        self.all.get(jid).map(|room| room.kept.nick.as_str())
    }

    pub(crate) fn cannot_write(&self, jid: &BareJid) -> Option<Arc<str>> {
        let room = self.all.get(jid)?;
        match &room.presence {
            Presence::Refused(text) => Some(Arc::from(text.as_str())),
            _ if !room.kept.wanted => Some(Arc::from("You are not in it: join first.")),
            Presence::Inside => {
                let own = room.occupants.get(&room.kept.nick)?;
                (own.role == Role::Visitor).then(|| Arc::from("You may read here, not write."))
            }
            _ => None,
        }
    }

    /// The accounts to encrypt for; `None` while they are not known.
    pub(crate) fn members_to_encrypt_for(&self, jid: &BareJid) -> Option<Vec<BareJid>> {
        let room = self.all.get(jid)?;
        // Each list counts once: owners, admins, members.
        (room.lists >= 3).then(|| {
            let members = room.kept.members.iter();
            members
                .filter(|(_, affiliation)| **affiliation >= 2)
                .map(|(jid, _)| jid.clone())
                .collect()
        })
    }

    pub(crate) fn deadline(&self) -> Moment {
        self.all
            .values()
            .filter_map(|room| match room.presence {
                Presence::Joining(since) => Some(since + AGAIN),
                Presence::Inside => Some(room.heard + SELF_PING),
                _ => None,
            })
            .min()
            .unwrap_or(Moment::NEVER)
    }
}

impl<S: Storage> Client<S> {
    /// It is a room, whether we are in it or not.
    pub(crate) fn know_room(&mut self, jid: &BareJid) {
        if !self.rooms.is_room(jid) {
            self.rooms.all.entry(jid.clone()).or_default();
            self.keep_room(jid);
        }
    }

    fn keep_room(&self, jid: &BareJid) {
        if let Some(room) = self.rooms.all.get(jid) {
            let key = jid.as_str().as_bytes().to_vec();
            self.database.put(Table::Rooms, key, room.kept.encode());
        }
    }

    fn change_room(&mut self, jid: &BareJid, change: impl FnOnce(&mut Room)) {
        if let Some(room) = self.rooms.all.get_mut(jid) {
            let before = room.kept.clone();
            change(room);
            if room.kept != before {
                self.keep_room(jid);
            }
            self.conversations.redraw(jid);
        }
    }

    fn usual_nick(&self) -> String {
        self.name_of(&self.settings.account).to_string()
    }

    /// Whether this is somebody to talk with and no room, whatever others say of it. A room is not encrypted for those in
    /// it only because it is one: nobody must be able to make one of a person.
    pub(crate) fn is_person(&self, jid: &BareJid) -> bool {
        let talked = || {
            let record = self.conversations.find(jid);
            let record = record.and_then(|number| self.conversations.get(number));
            record.is_some_and(|record| !record.is_room() && record.last.is_some())
        };
        // Rooms have a domain of their own, beside that of the accounts (XEP-0045 §2).
        jid.domain() == self.settings.account.domain()
            || jid.local().is_none()
            || self.people.get(jid).is_some_and(|person| person.in_roster)
            || talked()
    }

    /// Wants to be in a room.
    pub(crate) fn join_room(&mut self, jid: &BareJid, nick: Option<String>, turn: &mut Turn<'_>) {
        let number = self.room_conversation(jid, ConversationKind::Room, turn);
        if let Some(record) = self.conversations.change(number) {
            record.hidden = false;
            if record.kind == ConversationKind::Person {
                record.kind = ConversationKind::Room;
            }
        }
        let usual = self.usual_nick();
        let room = self.rooms.all.entry(jid.clone()).or_default();
        room.kept.wanted = true;
        if let Some(nick) = nick {
            room.kept.nick = nick;
        } else if room.kept.nick.is_empty() {
            room.kept.nick = usual;
        }
        let outside = !matches!(room.presence, Presence::Inside | Presence::Joining(_));
        self.keep_room(jid);
        if outside {
            self.enter(jid, turn);
        }
    }

    /// The bookmark of a room is this (XEP-0402).
    pub(crate) fn bookmark_of(&self, jid: &BareJid) -> Option<(String, bool, String)> {
        let room = self.rooms.all.get(jid)?;
        Some((
            room.kept.nick.clone(),
            room.kept.wanted,
            room.kept.extensions.clone(),
        ))
    }

    /// Another device has changed the bookmark of a room.
    pub(crate) fn bookmarked(
        &mut self,
        jid: &BareJid,
        nick: Option<String>,
        autojoin: bool,
        extensions: String,
        turn: &mut Turn<'_>,
    ) {
        if self.is_person(jid) {
            return;
        }
        let wanted = self.rooms.all.get(jid).is_some_and(|room| room.kept.wanted);
        if autojoin && !wanted {
            self.join_room(jid, nick, turn);
        } else if !autojoin && wanted {
            self.part_room(jid, true);
        } else if !autojoin {
            return;
        }
        self.change_room(jid, |room| room.kept.extensions = extensions);
    }

    /// Somebody is something else to a room from now on.
    pub(crate) fn affiliation_is(
        &mut self,
        jid: &BareJid,
        who: &BareJid,
        affiliation: Affiliation,
    ) {
        self.change_room(jid, |room| {
            note_affiliation(&mut room.kept, who, affiliation);
        });
        self.tell(Event::Members(jid.clone().into()));
    }

    /// Who is in a group or room: those who are there first, then by name.
    #[must_use]
    pub fn members(&self, conversation: &ConversationId) -> Vec<Member> {
        let Some(room) = self.rooms.all.get(conversation.jid()) else {
            return Vec::new();
        };
        let own = &self.settings.account;
        let mut members: Vec<Member> = room
            .occupants
            .iter()
            .map(|(nick, occupant)| Member {
                account: occupant.real.clone(),
                nick: Some(Arc::from(nick.as_str())),
                name: match &occupant.real {
                    Some(real) => self.name_of(real),
                    None => Arc::from(nick.as_str()),
                },
                own: *nick == room.kept.nick,
                affiliation: occupant.affiliation,
                role: Some(occupant.role),
                availability: occupant.availability,
                occupant: Jid::parse(&format!("{conversation}/{nick}")).ok(),
            })
            .collect();
        for (jid, affiliation) in &room.kept.members {
            let there = members
                .iter()
                .any(|member| member.account.as_ref() == Some(jid));
            if !there && *affiliation >= 2 {
                members.push(Member {
                    account: Some(jid.clone()),
                    nick: None,
                    name: self.name_of(jid),
                    own: jid == own,
                    affiliation: affiliation_of(*affiliation),
                    role: None,
                    availability: Availability::Offline,
                    occupant: None,
                });
            }
        }
        members.sort_by_cached_key(|member| (member.nick.is_none(), member.name.to_lowercase()));
        members
    }
}

fn note_affiliation(kept: &mut Kept, who: &BareJid, affiliation: Affiliation) {
    if affiliation == Affiliation::None {
        kept.members.remove(who);
    } else if kept.members.len() < MOST_OCCUPANTS {
        kept.members
            .insert(who.clone(), affiliation_number(affiliation));
    }
}
