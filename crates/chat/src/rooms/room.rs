//! A room in memory: how it is set up, who stands how in it, and who is there.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base::{BareJid, Jid, Moment, Timestamp};
use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;
use store::{RoomConfig, RoomHat, RoomId, RoomPerson, RoomState, RosterVersion, Whois};
use xmpp::xep::muc::{Affiliation, Role};
use xmpp::xep::occupant_id::occupant_id;

use super::invitations::Invitations;
use super::line::{Audience, Entry, Line, Output, Recipient, Shared};
use crate::{Account, Chat, Sender};

/// A room.
pub struct Room {
    id: RoomId,
    jid: BareJid,
    created: Timestamp,
    state: Mutex<State>,
    pub(super) line: Line,
    turn: futures_util::lock::Mutex<()>,
    /// When it was used last, in microseconds of [`Moment`].
    used: AtomicU64,
}

/// What a room is at this moment.
pub(super) struct State {
    pub(super) config: Arc<RoomConfig>,
    /// The text of the subject.
    pub(super) subject: Option<Arc<str>>,
    pub(super) avatar: Vec<Arc<str>>,
    pub(super) hats: Vec<RoomHat>,
    /// By bare address, or domain.
    pub(super) people: HashMap<Arc<str>, Person>,
    /// Whose a reserved nickname is.
    pub(super) reserved: HashMap<Arc<str>, Arc<str>>,
    /// How many of the people are banned.
    pub(super) outcasts: usize,
    pub(super) invitations: Invitations,
    pub(super) version: RosterVersion,
    /// By nickname.
    pub(super) occupants: BTreeMap<Arc<str>, Occupant>,
    /// Nickname of each session that is there.
    pub(super) sessions: HashMap<Jid, Arc<str>>,
    /// How many occupants there are of each bare address.
    present: HashMap<BareJid, u32>,
    audience: Option<Audience>,
    /// Nicknames whose presence has changed since it was told, in large rooms; with the last presence of
    /// whoever was told of under it and has left.
    pub(super) pending: BTreeMap<Arc<str>, Option<super::show::Shown>>,
    /// It was destroyed: whoever still holds it must look for it again.
    pub(super) gone: bool,
}

/// How an address stands in a room.
#[derive(Clone, Debug, Default)]
pub(super) struct Person {
    pub(super) affiliation: Affiliation,
    pub(super) nick: Option<Arc<str>>,
    pub(super) reason: Option<Arc<str>>,
}

/// Somebody who is there, with one or more sessions under one nickname.
pub(super) struct Occupant {
    pub(super) nick: Arc<str>,
    pub(super) bare: BareJid,
    pub(super) role: Role,
    pub(super) affiliation: Affiliation,
    /// XEP-0421.
    pub(super) id: Arc<str>,
    /// The last is the one whose presence is shown.
    pub(super) sessions: SmallVec<[Attendance; 1]>,
    /// Others have been told of it.
    pub(super) announced: bool,
    /// Others have not been told how it has changed, and are when it says or does something.
    pub(super) untold: bool,
    /// How its presence looks to others, until something in it changes.
    pub(super) shown: Option<Arc<super::show::Shown>>,
}

/// One session of an occupant.
pub(super) struct Attendance {
    pub(super) recipient: Arc<Recipient>,
    /// What is inside of its last presence.
    pub(super) presence: Box<str>,
}

/// Somebody as far as standing depends on it.
#[derive(Clone, Debug)]
pub(super) struct Who {
    pub(super) bare: BareJid,
    /// Groups of the directory, for people of ours.
    groups: Vec<Arc<str>>,
}

impl Who {
    pub(super) fn of(sender: &Sender) -> Self {
        Self {
            bare: sender.jid().bare(),
            groups: sender
                .account()
                .map(|account| account.facts().account.groups.clone())
                .unwrap_or_default(),
        }
    }

    /// Somebody of ours.
    pub(super) fn account(account: &Account) -> Self {
        Self {
            bare: account.jid().clone(),
            groups: account.facts().account.groups.clone(),
        }
    }

    /// Somebody whose account may be in memory.
    pub(super) fn at(chat: &Chat, bare: BareJid) -> Self {
        Self {
            groups: chat
                .cached_account(bare.as_str())
                .map(|account| account.facts().account.groups.clone())
                .unwrap_or_default(),
            bare,
        }
    }
}

/// The right to change what is kept of a room.
pub(super) type Turn<'a> = futures_util::lock::MutexGuard<'a, ()>;

impl Room {
    pub(super) fn new(jid: BareJid, kept: RoomState) -> Self {
        let mut state = State {
            config: Arc::new(kept.config),
            subject: None,
            avatar: kept.avatar,
            hats: kept.hats,
            people: HashMap::with_capacity(kept.people.len()),
            reserved: HashMap::new(),
            outcasts: 0,
            invitations: Invitations::new(kept.invitations),
            version: kept.version,
            occupants: BTreeMap::new(),
            sessions: HashMap::new(),
            present: HashMap::new(),
            audience: None,
            pending: BTreeMap::new(),
            gone: false,
        };
        for person in kept.people {
            state.note_person(&person);
        }
        Self {
            id: kept.id,
            jid,
            created: kept.created,
            state: Mutex::new(state),
            line: Line::default(),
            turn: futures_util::lock::Mutex::new(()),
            used: AtomicU64::new(0),
        }
    }

    /// The store's key, also of its archive.
    #[must_use]
    pub fn id(&self) -> RoomId {
        self.id
    }

    /// Its address.
    #[must_use]
    pub fn jid(&self) -> &BareJid {
        &self.jid
    }

    /// When it was made.
    #[must_use]
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// How it is set up.
    #[must_use]
    pub fn config(&self) -> Arc<RoomConfig> {
        Arc::clone(&self.state.lock().config)
    }

    /// What it is at this moment. Hold the guard for a few instructions only.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Waits for the right to change what is kept of it, from reading what a change builds on until
    /// everyone is told.
    pub(super) async fn turn(&self) -> Turn<'_> {
        self.turn.lock().await
    }

    pub(super) fn touch(&self, now: Moment) {
        self.used.store(now.micros(), Ordering::Relaxed);
    }

    pub(super) fn used(&self) -> Moment {
        Moment::from_micros(self.used.load(Ordering::Relaxed))
    }

    /// The address of an occupant.
    pub(super) fn occupant_jid(&self, nick: &str) -> String {
        format!("{}/{nick}", self.jid.as_str())
    }

    /// The id of an occupant (XEP-0421). The key of the room is part of it: a room of the same name
    /// that is made later has others.
    pub(super) fn occupant_id(&self, chat: &Chat, bare: &BareJid) -> String {
        let secret = chat.config().secret;
        let room = format!("{}\0{}", self.jid.as_str(), self.id.number());
        occupant_id(&secret, &room, bare.as_str())
    }

    /// Puts outputs into the order. The caller holds the lock of the state that decided them.
    pub(super) fn say(&self, outputs: Vec<Output>) {
        if !outputs.is_empty() {
            self.line.push(Entry::now(outputs));
        }
    }
}

impl State {
    /// Takes a change of somebody's standing.
    pub(super) fn note_person(&mut self, person: &RoomPerson) {
        if let Some(old) = self.people.remove(&person.address) {
            self.outcasts -= usize::from(old.affiliation == Affiliation::Outcast);
            if let Some(nick) = old.nick {
                self.reserved.remove(&nick);
            }
        }
        if let Some(nick) = &person.nick {
            self.reserved
                .insert(Arc::clone(nick), Arc::clone(&person.address));
        }
        let affiliation = of_store(person.affiliation);
        self.outcasts += usize::from(affiliation == Affiliation::Outcast);
        if affiliation != Affiliation::None || person.nick.is_some() {
            self.people.insert(
                Arc::clone(&person.address),
                Person {
                    affiliation,
                    nick: person.nick.clone(),
                    reason: person.reason.clone(),
                },
            );
        }
    }

    /// What is kept of somebody, to be changed and kept again.
    pub(super) fn person(&self, address: &str) -> RoomPerson {
        let known = self.people.get(address).cloned().unwrap_or_default();
        RoomPerson {
            address: address.into(),
            affiliation: to_store(known.affiliation),
            nick: known.nick,
            reason: known.reason,
            version: RosterVersion::NONE,
        }
    }

    /// How somebody stands. A ban of an address or a whole domain comes before membership by a group
    /// of the directory, and a standing of one's own before a ban of the domain.
    pub(super) fn affiliation(&self, who: &Who) -> Affiliation {
        if let Some(person) = self.people.get(who.bare.as_str())
            && person.affiliation != Affiliation::None
        {
            return person.affiliation;
        }
        if self
            .people
            .get(who.bare.domain())
            .is_some_and(|domain| domain.affiliation == Affiliation::Outcast)
        {
            return Affiliation::Outcast;
        }
        match &self.config.group {
            Some(group) if who.groups.contains(group) => Affiliation::Member,
            _ => Affiliation::None,
        }
    }

    /// Whether somebody must not learn that the room is there: it is hidden and for members, and this
    /// is none of them. Such a person gets the answers of a room that is not there.
    pub(super) fn is_secret_from(&self, who: &Who) -> bool {
        !self.config.listed
            && self.config.members_only
            && self.affiliation(who) < Affiliation::Member
            && !self.is_present(&who.bare)
    }

    /// Whether somebody may know what goes on in the room: who is in it or stands in it, and whoever
    /// could just enter.
    pub(super) fn shows_inside(&self, who: &Who) -> bool {
        match self.affiliation(who) {
            Affiliation::Outcast => false,
            Affiliation::None => {
                self.is_present(&who.bare)
                    || !(self.config.members_only
                        || self.config.password.is_some()
                        || self.config.locked)
            }
            Affiliation::Member | Affiliation::Admin | Affiliation::Owner => true,
        }
    }

    /// The role that a standing brings (XEP-0045 §5.1.2).
    pub(super) fn role_of(&self, affiliation: Affiliation) -> Role {
        match affiliation {
            Affiliation::Outcast => Role::None,
            Affiliation::None if self.config.moderated => Role::Visitor,
            Affiliation::None | Affiliation::Member => Role::Participant,
            Affiliation::Admin | Affiliation::Owner => Role::Moderator,
        }
    }

    /// True when everyone may see real addresses.
    pub(super) fn is_non_anonymous(&self) -> bool {
        self.config.whois == Whois::Anyone
    }

    /// The occupant that a session is.
    pub(super) fn occupant_of(&self, session: &Jid) -> Option<&Occupant> {
        self.occupants.get(self.sessions.get(session)?)
    }

    /// How many occupants an address has.
    pub(super) fn is_present(&self, bare: &BareJid) -> bool {
        self.present.contains_key(bare)
    }

    /// Bare addresses of those who are there.
    pub(super) fn present(&self) -> impl Iterator<Item = &BareJid> {
        self.present.keys()
    }

    /// The same for an address as text.
    pub(super) fn is_here(&self, bare: &str) -> bool {
        self.present.contains_key(bare)
    }

    /// Adds an occupant.
    pub(super) fn insert(&mut self, occupant: Occupant) {
        *self.present.entry(occupant.bare.clone()).or_default() += 1;
        self.audience = None;
        for attendance in &occupant.sessions {
            self.sessions
                .insert(attendance.recipient.jid.clone(), Arc::clone(&occupant.nick));
        }
        self.occupants.insert(Arc::clone(&occupant.nick), occupant);
    }

    /// Adds a session to an occupant.
    pub(super) fn attend(&mut self, nick: &Arc<str>, attendance: Attendance) {
        if let Some(occupant) = self.occupants.get_mut(nick) {
            self.sessions
                .insert(attendance.recipient.jid.clone(), Arc::clone(nick));
            occupant.sessions.push(attendance);
            occupant.shown = None;
            self.audience = None;
        }
    }

    /// Takes a session away; true when it was the occupant's last, who stays until
    /// [`State::remove`].
    pub(super) fn depart(&mut self, session: &Jid) -> bool {
        let Some(nick) = self.sessions.remove(session) else {
            return false;
        };
        self.audience = None;
        let Some(occupant) = self.occupants.get_mut(&nick) else {
            return false;
        };
        if occupant.sessions.len() == 1 {
            return true;
        }
        occupant
            .sessions
            .retain(|attendance| attendance.recipient.jid != *session);
        occupant.shown = None;
        false
    }

    /// Takes an occupant away with all its sessions.
    pub(super) fn remove(&mut self, nick: &str) -> Option<Occupant> {
        let occupant = self.occupants.remove(nick)?;
        self.audience = None;
        for attendance in &occupant.sessions {
            self.sessions.remove(&attendance.recipient.jid);
        }
        if let Some(count) = self.present.get_mut(&occupant.bare) {
            *count -= 1;
            if *count == 0 {
                self.present.remove(&occupant.bare);
            }
        }
        Some(occupant)
    }

    /// Takes everyone away.
    pub(super) fn clear(&mut self) {
        self.occupants.clear();
        self.sessions.clear();
        self.present.clear();
        self.pending.clear();
        self.audience = None;
    }

    /// All sessions of all occupants, as they are now.
    pub(super) fn audience(&mut self) -> Audience {
        let occupants = &self.occupants;
        let audience = self.audience.get_or_insert_with(|| {
            occupants
                .values()
                .flat_map(|occupant| &occupant.sessions)
                .map(|attendance| Arc::clone(&attendance.recipient))
                .collect()
        });
        Arc::clone(audience)
    }

    /// Sessions of those with a role of at least `role`.
    pub(super) fn audience_from(&self, role: Role) -> Audience {
        self.occupants
            .values()
            .filter(|occupant| occupant.role >= role)
            .flat_map(|occupant| &occupant.sessions)
            .map(|attendance| Arc::clone(&attendance.recipient))
            .collect()
    }

    /// One text to everyone.
    pub(super) fn for_all(&mut self, text: &str) -> Output {
        Output::Many(Arc::new(Shared::of(text)), self.audience())
    }
}

impl Occupant {
    /// Its first session's address.
    pub(super) fn jid(&self) -> Option<&Jid> {
        self.sessions
            .last()
            .map(|attendance| &attendance.recipient.jid)
    }
}

/// An affiliation as the store says it.
pub(super) fn to_store(affiliation: Affiliation) -> store::Affiliation {
    match affiliation {
        Affiliation::Outcast => store::Affiliation::Outcast,
        Affiliation::None => store::Affiliation::None,
        Affiliation::Member => store::Affiliation::Member,
        Affiliation::Admin => store::Affiliation::Admin,
        Affiliation::Owner => store::Affiliation::Owner,
    }
}

/// An affiliation as the wire says it.
pub(super) fn of_store(affiliation: store::Affiliation) -> Affiliation {
    match affiliation {
        store::Affiliation::Outcast => Affiliation::Outcast,
        store::Affiliation::None => Affiliation::None,
        store::Affiliation::Member => Affiliation::Member,
        store::Affiliation::Admin => Affiliation::Admin,
        store::Affiliation::Owner => Affiliation::Owner,
    }
}
