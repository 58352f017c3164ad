//! Rooms: configuration, subject, affiliations, reserved nicknames, hats, and their list.
//!
//! A room's messages are in the archive, under the [`OwnerId`](crate::OwnerId) of its [`RoomId`].

mod config;

use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;

use crate::batch::Write;
use crate::{ArchiveId, AuditNote, Batch, Reading, RoomId, RosterVersion, Store};

pub use config::{PrivateMessages, RoomConfig, Whois};

/// Long-lived standing of an address in a room (XEP-0045 §5.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Affiliation {
    /// Banned.
    Outcast,
    /// None.
    #[default]
    None,
    /// A member.
    Member,
    /// An administrator.
    Admin,
    /// An owner.
    Owner,
}

/// What is kept of one address in a room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomPerson {
    /// Bare address, normalised; a domain alone for a ban of a whole domain.
    pub address: Arc<str>,
    /// Its standing.
    pub affiliation: Affiliation,
    /// The nickname that is reserved for it.
    pub nick: Option<Arc<str>>,
    /// Why it has its standing, in somebody's words.
    pub reason: Option<Arc<str>>,
    /// At which version its standing changed last; set by the store, ignored in writes.
    pub version: RosterVersion,
}

/// The subject of a room (XEP-0045 §8.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomSubject {
    /// The whole `<message/>` that set it, without `to`.
    pub stanza: Bytes,
    /// When it came.
    pub at: Timestamp,
}

/// Somebody was invited into a room and has neither come nor refused (XEP-0045 §7.8.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomInvitation {
    /// Bare address of who is invited.
    pub invitee: Arc<str>,
    /// Bare address of who has invited.
    pub inviter: Arc<str>,
    /// When.
    pub at: Timestamp,
}

/// A hat that a room's people may wear (XEP-0317).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomHat {
    /// What it is, for programs.
    pub uri: Arc<str>,
    /// What it is, for people.
    pub title: Arc<str>,
    /// Its colour, a hue angle as text.
    pub hue: Option<Arc<str>>,
    /// Bare addresses of those who wear it, sorted. Ignored in writes.
    pub worn_by: Vec<Arc<str>>,
}

/// A room that is to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewRoom {
    /// The part before the `@`, normalised.
    pub localpart: Arc<str>,
    /// Its configuration.
    pub config: RoomConfig,
    /// Who stands how in it from the beginning.
    pub people: Vec<RoomPerson>,
}

/// What the list of rooms knows of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomSummary {
    /// Its key.
    pub id: RoomId,
    /// The part before the `@`.
    pub localpart: Arc<str>,
    /// Its configuration.
    pub config: RoomConfig,
}

/// Some of the rooms, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomPage {
    /// The rooms, ordered by name.
    pub rooms: Vec<RoomSummary>,
    /// There are more behind them.
    pub more: bool,
}

/// A room that an address stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomMembership {
    /// The room.
    pub room: RoomId,
    /// The part before the `@`.
    pub localpart: Arc<str>,
    /// How it stands there; never none.
    pub affiliation: Affiliation,
}

/// Which rooms concern somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomsQuery {
    /// Bare address of the one whose rooms they are; those in which it stands somehow.
    pub address: Arc<str>,
    /// Its domain, which may be banned as a whole.
    pub domain: Arc<str>,
    /// Groups of the directory that it is in; the rooms of which they are.
    pub groups: Vec<Arc<str>>,
    /// Localparts of further rooms.
    pub named: Vec<Arc<str>>,
}

/// A room, and how somebody stands in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomStanding {
    /// The room.
    pub room: RoomId,
    /// The part before the `@`.
    pub localpart: Arc<str>,
    /// Its configuration.
    pub config: RoomConfig,
    /// The standing of its own, or the ban of its domain. Membership by a group is not in it.
    pub affiliation: Affiliation,
    /// At which version the standing of its own changed last.
    pub version: RosterVersion,
}

/// What is kept of a room, but for its archive and its card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomState {
    /// Its key.
    pub id: RoomId,
    /// The part before the `@`.
    pub localpart: Arc<str>,
    /// When it was made.
    pub created: Timestamp,
    /// Its configuration.
    pub config: RoomConfig,
    /// Its subject, if it was ever set.
    pub subject: Option<RoomSubject>,
    /// Hashes of its pictures (XEP-0486), in the order of its card.
    pub avatar: Vec<Arc<str>>,
    /// Everyone with a standing or a reserved nickname.
    pub people: Vec<RoomPerson>,
    /// Version of the affiliations; [`RosterVersion::NONE`] when none was ever changed.
    pub version: RosterVersion,
    /// The hats there are.
    pub hats: Vec<RoomHat>,
    /// Invitations that are open.
    pub invitations: Vec<RoomInvitation>,
}

/// Affiliations that changed since a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeopleChanges {
    /// Last state of each address that changed, oldest change first.
    pub people: Vec<RoomPerson>,
    /// Version of the whole now.
    pub version: RosterVersion,
}

impl Batch {
    /// Replaces a room's configuration.
    pub fn room_config_set(&mut self, room: RoomId, config: &RoomConfig) {
        self.push(Write::Room(
            room,
            RoomWrite::Config(Box::new(config.clone())),
        ));
    }

    /// Replaces a room's subject.
    pub fn room_subject_set(&mut self, room: RoomId, subject: RoomSubject) {
        self.push(Write::Room(room, RoomWrite::Subject(Box::new(subject))));
    }

    /// Sets how an address stands in a room, with its nickname and reason. Its new version, and the
    /// room's, is [`Submitted::version`](crate::Submitted::version).
    pub fn room_person_set(&mut self, room: RoomId, person: RoomPerson) {
        self.push_versioned(Write::Room(room, RoomWrite::Person(Box::new(person))));
    }

    /// Reserves a nickname for an address, or (`None`) gives it free. Its standing stays.
    pub fn room_nick_set(&mut self, room: RoomId, address: &str, nick: Option<&str>) {
        self.push_versioned(Write::Room(
            room,
            RoomWrite::Nick(address.into(), nick.map(Into::into)),
        ));
    }

    /// Replaces a room's card; `avatar` are the hashes of its pictures.
    pub fn room_vcard_set(&mut self, room: RoomId, vcard: Option<&str>, avatar: Vec<Arc<str>>) {
        self.push(Write::Room(
            room,
            RoomWrite::Vcard(vcard.map(Into::into), avatar),
        ));
    }

    /// Adds a hat or changes the one with its URI.
    pub fn room_hat_set(&mut self, room: RoomId, hat: RoomHat) {
        self.push(Write::Room(room, RoomWrite::Hat(Box::new(hat))));
    }

    /// Removes a hat from the room and from everyone who wears it.
    pub fn room_hat_remove(&mut self, room: RoomId, uri: &str) {
        self.push(Write::Room(room, RoomWrite::HatRemove(uri.into())));
    }

    /// Puts a hat of the room on an address, or takes it off.
    pub fn room_hat_wear(&mut self, room: RoomId, uri: &str, address: &str, worn: bool) {
        self.push(Write::Room(
            room,
            RoomWrite::HatWear(uri.into(), address.into(), worn),
        ));
    }

    /// Remembers that somebody was invited; a second time counts as the first.
    pub fn room_invitation_set(&mut self, room: RoomId, invitation: RoomInvitation) {
        self.push(Write::Room(
            room,
            RoomWrite::Invitation(Box::new(invitation)),
        ));
    }

    /// Ends the invitations of somebody: those of `inviter`, or all.
    pub fn room_invitation_end(&mut self, room: RoomId, invitee: &str, inviter: Option<&str>) {
        self.push(Write::Room(
            room,
            RoomWrite::InvitationEnd(invitee.into(), inviter.map(Into::into)),
        ));
    }

    /// Forgets an address that is nobody's any more, as if it had never been in the room: its
    /// standing, its nickname, its hats and its invitations. The room's version goes on, as with
    /// [`Batch::room_person_set`].
    pub fn room_person_forget(&mut self, room: RoomId, address: &str) {
        self.push_versioned(Write::Room(room, RoomWrite::Forget(address.into())));
    }

    /// Puts something in place of a message in the room's archive: whoever reads the archive must
    /// ask for [`Store::room_tombstones`].
    pub fn room_tombstone_set(&mut self, room: RoomId, id: ArchiveId, stanza: &[u8]) {
        self.push(Write::Room(room, RoomWrite::Tombstone(id, stanza.into())));
    }
}

/// A write of this domain.
#[derive(Debug)]
#[allow(
    missing_docs,
    reason = "each is documented at the method of Batch that makes it"
)]
pub enum RoomWrite {
    Config(Box<RoomConfig>),
    Subject(Box<RoomSubject>),
    Person(Box<RoomPerson>),
    Nick(Arc<str>, Option<Arc<str>>),
    Vcard(Option<Box<str>>, Vec<Arc<str>>),
    Hat(Box<RoomHat>),
    HatRemove(Arc<str>),
    HatWear(Arc<str>, Arc<str>, bool),
    Invitation(Box<RoomInvitation>),
    InvitationEnd(Arc<str>, Option<Arc<str>>),
    Forget(Arc<str>),
    Tombstone(ArchiveId, Box<[u8]>),
}

impl Store {
    /// Makes a room; gives its key and the version of its affiliations.
    ///
    /// # Errors
    /// [`AlreadyExists`](crate::StoreError::AlreadyExists) when the name is taken.
    pub fn room_create(&self, room: NewRoom) -> Reading<(RoomId, RosterVersion)> {
        self.room_create_noted(room, None)
    }

    /// The same, with an entry of the audit log in the same commit.
    ///
    /// # Errors
    /// As [`Store::room_create`].
    pub fn room_create_noted(
        &self,
        room: NewRoom,
        note: Option<AuditNote>,
    ) -> Reading<(RoomId, RosterVersion)> {
        self.backend().room_create(room, note)
    }

    /// Removes a room with all that is kept of it; its archive goes in slices, behind the answer.
    /// False when there is no such room.
    pub fn room_remove(&self, room: RoomId) -> Reading<bool> {
        self.room_remove_noted(room, None)
    }

    /// The same, with an entry of the audit log in the same commit.
    pub fn room_remove_noted(&self, room: RoomId, note: Option<AuditNote>) -> Reading<bool> {
        self.backend().room_remove(room, note)
    }

    /// What is kept of the room of this name.
    pub fn room_state(&self, localpart: &str) -> Reading<Option<RoomState>> {
        self.backend().room_state(localpart.into())
    }

    /// Up to `max` rooms behind the name `after`, those in the public list only or all of them.
    pub fn room_list(&self, after: Option<&str>, max: usize, listed: bool) -> Reading<RoomPage> {
        self.backend().room_list(after.map(Into::into), max, listed)
    }

    /// How many rooms there are, those in the public list only or all of them.
    pub fn room_count(&self, listed: bool) -> Reading<u64> {
        self.backend().room_count(listed)
    }

    /// The rooms that a bare address stands in, by name; those that it is banned from included.
    pub fn room_memberships(&self, address: &str) -> Reading<Vec<RoomMembership>> {
        self.backend().room_memberships(address.into())
    }

    /// The names of all rooms in which anything is kept of a bare address: a standing, a nickname, a
    /// hat or an invitation.
    pub fn room_traces(&self, address: &str) -> Reading<Vec<Arc<str>>> {
        self.backend().room_traces(address.into())
    }

    /// Affiliations that changed since `version`. `None` when that is too long ago to say, or not a
    /// version of this room's past.
    pub fn room_people_since(
        &self,
        room: RoomId,
        version: RosterVersion,
    ) -> Reading<Option<PeopleChanges>> {
        self.backend().room_people_since(room, version)
    }

    /// The rooms that concern somebody, each once.
    pub fn rooms_of(&self, query: RoomsQuery) -> Reading<Vec<RoomStanding>> {
        self.backend().rooms_of(query)
    }

    /// A room's card (XEP-0054), if it has one.
    pub fn room_vcard(&self, room: RoomId) -> Reading<Option<String>> {
        self.backend().room_vcard(room)
    }

    /// What stands in place of messages of a room's archive, from one id to another (included), in
    /// order.
    pub fn room_tombstones(
        &self,
        room: RoomId,
        from: ArchiveId,
        to: ArchiveId,
    ) -> Reading<Vec<(ArchiveId, Bytes)>> {
        self.backend().room_tombstones(room, from, to)
    }
}
