//! What others see of a session: its address, mailbox and presence.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI16, AtomicU64, Ordering};

use base::{FullJid, Jid, Timestamp};
use parking_lot::Mutex;
use store::{ArchiveId, PushTarget};

use super::spans::Spans;
use super::{Copies, Mailbox};
use crate::admission::Admission;
use crate::caps::SessionFeatures;

/// Priority of a session that is not available.
const UNAVAILABLE: i16 = i16::MIN;

/// Sessions become reachable in this order.
static TURNS: AtomicU64 = AtomicU64::new(1);

/// The shared side of a session.
pub struct SessionEntry {
    jid: FullJid,
    mailbox: Mailbox,
    admission: Admission,
    priority: AtomicI16,
    carbons: AtomicBool,
    interested: AtomicBool,
    blocking_interested: AtomicBool,
    reads_archive: AtomicBool,
    presence: Mutex<PresenceState>,
    features: SessionFeatures,
    returned: Mutex<BTreeSet<ArchiveId>>,
    copies: Copies,
    /// Its client is gone, and it waits for resumption.
    forsaken: AtomicBool,
    dismissed: AtomicBool,
    /// Nobody looks at its client (XEP-0352).
    unwatched: AtomicBool,
    /// Its client has not answered whether it has got what was sent.
    silent: AtomicBool,
    /// Registrations for notifications that its client has made.
    push: Mutex<Vec<PushTarget>>,
    spans: Spans,
    /// Which in order it was when it last became reachable; 0 when it never was.
    turn: AtomicU64,
}

/// Registrations that are remembered as those of a client.
const MOST_PUSH: usize = 16;
/// Messages of other sessions that are remembered as given to this one too.
const MOST_RETURNED: usize = 20_000;

#[derive(Default)]
struct PresenceState {
    current: Option<CurrentPresence>,
    directed: Vec<Jid>,
}

/// The last available presence that a session has broadcast.
#[derive(Clone)]
pub struct CurrentPresence {
    /// The stanza with `from` stamped and without `to`: the bytes between the head and the end
    /// tag are the client's own.
    pub stanza: xmpp::xml::Stanza,
    /// When it was sent.
    pub at: Timestamp,
}

impl SessionEntry {
    pub(crate) fn new(jid: FullJid, mailbox: Mailbox, admission: Admission) -> Arc<Self> {
        Arc::new(Self {
            jid,
            mailbox,
            admission,
            priority: AtomicI16::new(UNAVAILABLE),
            carbons: AtomicBool::new(false),
            interested: AtomicBool::new(false),
            blocking_interested: AtomicBool::new(false),
            reads_archive: AtomicBool::new(false),
            presence: Mutex::default(),
            features: SessionFeatures::default(),
            returned: Mutex::default(),
            copies: Copies::default(),
            forsaken: AtomicBool::new(false),
            dismissed: AtomicBool::new(false),
            unwatched: AtomicBool::new(false),
            silent: AtomicBool::new(false),
            push: Mutex::default(),
            spans: Spans::default(),
            turn: AtomicU64::new(0),
        })
    }

    /// The full address.
    #[must_use]
    pub fn jid(&self) -> &FullJid {
        &self.jid
    }

    /// How it has come in.
    #[must_use]
    pub fn admission(&self) -> &Admission {
        &self.admission
    }

    /// Where stanzas for it go.
    #[must_use]
    pub fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    /// Priority of an available session (RFC 6121 §4.7.2.3); `None` when it is not available.
    #[must_use]
    pub fn priority(&self) -> Option<i8> {
        i8::try_from(self.priority.load(Ordering::Relaxed)).ok()
    }

    /// True after initial presence.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.priority.load(Ordering::Relaxed) != UNAVAILABLE
    }

    /// True when it wants copies of the account's other conversations (XEP-0280).
    #[must_use]
    pub fn wants_carbons(&self) -> bool {
        self.carbons.load(Ordering::Relaxed)
    }

    /// Switches copies on or off (XEP-0280 §4).
    pub fn set_carbons(&self, on: bool) {
        self.carbons.store(on, Ordering::Relaxed);
    }

    /// True while it has not taken what came, or not answered whether it has got it (XEP-0198 §4).
    pub(crate) fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed) || !self.mailbox.is_empty()
    }

    /// Whether it has still to answer that.
    pub(crate) fn set_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::Relaxed);
    }

    /// True while its client is there and somebody looks at it.
    pub(crate) fn attends(&self) -> bool {
        !self.forsaken.load(Ordering::Relaxed) && !self.unwatched.load(Ordering::Relaxed)
    }

    /// Whether it waits for its client to resume.
    pub(crate) fn set_forsaken(&self, forsaken: bool) {
        self.forsaken.store(forsaken, Ordering::Relaxed);
    }

    /// Whether nobody looks at its client.
    pub(crate) fn set_unwatched(&self, unwatched: bool) {
        self.unwatched.store(unwatched, Ordering::Relaxed);
    }

    /// Its client has made a registration for notifications.
    pub(crate) fn add_push(&self, target: PushTarget) {
        let mut push = self.push.lock();
        if push.len() < MOST_PUSH && !push.contains(&target) {
            push.push(target);
        }
    }

    /// Its access was taken away: it leaves nothing behind any more.
    pub(crate) fn dismiss(&self) {
        self.dismissed.store(true, Ordering::Relaxed);
    }

    /// Whether its access was taken away.
    pub(crate) fn is_dismissed(&self) -> bool {
        self.dismissed.load(Ordering::Relaxed)
    }

    /// Whether its client has made this registration.
    pub(crate) fn has_push(&self, target: &PushTarget) -> bool {
        self.push.lock().contains(target)
    }

    /// True when it has asked for the roster (an interested resource, RFC 6121 §2.2).
    #[must_use]
    pub fn is_interested(&self) -> bool {
        self.interested.load(Ordering::Relaxed)
    }

    /// It has asked for the roster.
    pub fn set_interested(&self) {
        self.interested.store(true, Ordering::Relaxed);
    }

    /// True when it has asked for the block list (XEP-0191 §3.2).
    #[must_use]
    pub fn wants_blocking(&self) -> bool {
        self.blocking_interested.load(Ordering::Relaxed)
    }

    /// It has asked for the block list.
    pub fn set_wants_blocking(&self) {
        self.blocking_interested.store(true, Ordering::Relaxed);
    }

    /// True when it gets from the archive what came while nobody was there (XEP-0386 §4).
    #[must_use]
    pub fn reads_archive(&self) -> bool {
        self.reads_archive.load(Ordering::Relaxed)
    }

    /// It was bound in a way that promises so.
    pub fn set_reads_archive(&self) {
        self.reads_archive.store(true, Ordering::Relaxed);
    }

    /// True when messages to the account reach it: it is available, and its priority is not
    /// negative (RFC 6121 §8.5.2.1.1).
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        self.priority.load(Ordering::SeqCst) >= 0
    }

    /// True when messages reach it and it has had room for all of them. One that has not is about to end.
    pub(crate) fn takes_messages(&self) -> bool {
        self.is_reachable() && self.mailbox.takes_stanzas()
    }

    /// Notes a kept message that is meant for this session, when that is decided: how things stand
    /// when it is delivered says nothing of other messages.
    pub(crate) fn note_kept(&self, id: ArchiveId) {
        if self.is_reachable() {
            self.spans.note(id);
        }
    }

    /// True when the account's messages went to this session too by the time that `id` was kept.
    pub(crate) fn had_messages_at(&self, id: ArchiveId) -> bool {
        self.spans.contain(id)
    }

    /// True when this session was reachable before `other` became so: what the account got while
    /// `other` was there, this one got too. (A session that has ended keeps its turn.)
    pub(crate) fn came_before(&self, other: &Self) -> bool {
        let (own, others) = (
            self.turn.load(Ordering::Relaxed),
            other.turn.load(Ordering::Relaxed),
        );
        own != 0 && own < others
    }

    /// Notes that this session gets a message that another one has left. False when it got it
    /// before, from a third: it must not see the same message twice.
    pub(crate) fn take_returned(&self, id: ArchiveId) -> bool {
        let mut returned = self.returned.lock();
        let fresh = returned.insert(id);
        if returned.len() > MOST_RETURNED {
            // The oldest one goes.
            returned.pop_first();
        }
        fresh
    }

    /// Copies that are on their way to it, or have reached it while messages did not.
    pub(crate) fn copies(&self) -> &Copies {
        &self.copies
    }

    /// Notes that it is given a copy of a message that is kept under `id`, when that is decided.
    pub(crate) fn note_copy(&self, id: ArchiveId) {
        self.note_kept(id);
        self.copies.sent(id, self.is_reachable());
    }

    /// What its client can do (XEP-0115).
    pub(crate) fn features(&self) -> &SessionFeatures {
        &self.features
    }

    /// The current available presence.
    #[must_use]
    pub fn presence(&self) -> Option<CurrentPresence> {
        self.presence.lock().current.clone()
    }

    /// Takes a new broadcast presence. Returns true when it is the initial one.
    pub fn set_available(&self, stanza: xmpp::xml::Stanza, priority: i8, at: Timestamp) -> bool {
        let first = {
            let mut state = self.presence.lock();
            state
                .current
                .replace(CurrentPresence { stanza, at })
                .is_none()
        };
        let was_reachable = self.is_reachable();
        if priority >= 0 && !was_reachable {
            // What was noted while it went is no part of what begins.
            self.spans.end();
            self.turn
                .store(TURNS.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        }
        self.priority.store(i16::from(priority), Ordering::Relaxed);
        if priority < 0 && was_reachable {
            self.spans.end();
        }
        first
    }

    /// The session is no longer available. Returns what it was.
    pub fn set_unavailable(&self) -> Option<CurrentPresence> {
        self.priority.store(UNAVAILABLE, Ordering::Relaxed);
        self.spans.end();
        let mut state = self.presence.lock();
        state.current.take()
    }

    /// Notes an address that was sent directed presence (RFC 6121 §4.6); at most `most` are kept.
    /// Returns false when there is no room.
    pub fn add_directed(&self, to: Jid, most: usize) -> bool {
        let mut state = self.presence.lock();
        if state.directed.contains(&to) {
            return true;
        }
        if state.directed.len() >= most {
            return false;
        }
        state.directed.push(to);
        true
    }

    /// Directed presence to this address has ended.
    pub fn remove_directed(&self, to: &Jid) {
        self.presence.lock().directed.retain(|other| other != to);
    }

    /// Those who were sent directed presence and are meant by `which`; they are forgotten.
    #[must_use]
    pub fn take_directed_to(&self, which: impl Fn(&Jid) -> bool) -> Vec<Jid> {
        self.presence
            .lock()
            .directed
            .extract_if(.., |to| which(to))
            .collect()
    }

    /// Everyone who was sent directed presence; the list is empty afterwards.
    #[must_use]
    pub fn take_directed(&self) -> Vec<Jid> {
        std::mem::take(&mut self.presence.lock().directed)
    }
}
