//! Sessions that can be resumed (XEP-0198 §5): those that wait for their client, and those whose
//! connection does not know yet that it is dead.

#![expect(
    clippy::vec_box,
    reason = "a session goes from owner to owner in its box"
)]

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use base::{BareJid, Moment};
use futures_channel::oneshot;
use parking_lot::Mutex;
use xmpp::stream::server::Credential;

use super::Session;
use crate::SessionEntry;
use crate::delivery::Parcel;

/// All resumable sessions by their id.
#[derive(Default)]
pub(crate) struct Resumables {
    sessions: Mutex<HashMap<Box<str>, Resumable>>,
}

enum Resumable {
    Connected {
        entry: Arc<SessionEntry>,
        /// Connections that want it, in the order in which they came.
        claimants: Claimants,
    },
    Waiting {
        session: Box<Session>,
        until: Moment,
    },
}

impl Resumable {
    fn connected(entry: &Arc<SessionEntry>) -> Self {
        Self::Connected {
            entry: Arc::clone(entry),
            claimants: Claimants::new(),
        }
    }

    fn entry(&self) -> &Arc<SessionEntry> {
        match self {
            Self::Connected { entry, .. } => entry,
            Self::Waiting { session, .. } => session.entry(),
        }
    }
}

type Claimants = VecDeque<oneshot::Sender<Box<Session>>>;

/// Gives the session to the first claimant that is still there; else gives it back.
fn hand_over(claimants: &mut Claimants, mut session: Box<Session>) -> Result<(), Box<Session>> {
    while let Some(claimant) = claimants.pop_front() {
        match claimant.send(session) {
            Ok(()) => return Ok(()),
            Err(back) => session = back,
        }
    }
    Err(session)
}

/// What a claim finds.
pub(crate) enum Claim {
    /// The session, at once.
    Taken(Box<Session>),
    /// Its old connection hands it over as soon as it has finished what it does.
    Asked(oneshot::Receiver<Box<Session>>),
    /// Nothing under that id for that account.
    Unknown,
}

impl Resumables {
    /// A connection has the session `id`. Whoever has claimed it meanwhile asks that one.
    pub(crate) fn connected(&self, id: &str, entry: &Arc<SessionEntry>) {
        let mut sessions = self.sessions.lock();
        if let Some(Resumable::Connected { claimants, .. }) = sessions.get(id) {
            if !claimants.is_empty() {
                entry.mailbox().push(Parcel::Handover);
            }
            return;
        }
        let connected = Resumable::connected(entry);
        sessions.insert(id.into(), connected);
    }

    /// Whether a connection has claimed the session.
    pub(crate) fn is_claimed(&self, id: &str) -> bool {
        match self.sessions.lock().get(id) {
            Some(Resumable::Connected { claimants, .. }) => !claimants.is_empty(),
            Some(Resumable::Waiting { .. }) | None => false,
        }
    }

    /// Gives the session to a connection that has claimed it; back when none is there any more.
    pub(crate) fn hand_over(&self, id: &str, session: Box<Session>) -> Result<(), Box<Session>> {
        match self.sessions.lock().get_mut(id) {
            Some(Resumable::Connected { claimants, .. }) => hand_over(claimants, session),
            Some(Resumable::Waiting { .. }) | None => Err(session),
        }
    }

    /// Lets a session wait for its client, unless another connection has claimed it already: then it goes there.
    pub(crate) fn park(&self, id: &str, session: Box<Session>, until: Moment) {
        let mut sessions = self.sessions.lock();
        let session = match sessions.get_mut(id) {
            Some(Resumable::Connected { claimants, .. }) => hand_over(claimants, session).err(),
            Some(Resumable::Waiting { .. }) | None => Some(session),
        };
        if let Some(session) = session {
            sessions.insert(id.into(), Resumable::Waiting { session, until });
        }
    }

    pub(crate) fn remove(&self, id: &str) {
        self.sessions.lock().remove(id);
    }

    /// Takes the session `id` of `account` from wherever it is; only for whoever has come in by the
    /// same secret of the account, so that no app password takes over what has more rights.
    pub(crate) fn claim(&self, id: &str, account: &BareJid, credential: Credential) -> Claim {
        let mut sessions = self.sessions.lock();
        let owned = sessions.get(id).is_some_and(|resumable| {
            let entry = resumable.entry();
            entry.jid().bare_str() == account.as_str() && entry.admission().credential == credential
        });
        if !owned {
            return Claim::Unknown;
        }
        let claim;
        // The id stays: whoever comes next asks the one that has the session then.
        let connected = match sessions.remove(id) {
            None => return Claim::Unknown,
            Some(Resumable::Waiting { session, .. }) => {
                let connected = Resumable::connected(session.entry());
                claim = Claim::Taken(session);
                connected
            }
            Some(Resumable::Connected {
                entry,
                mut claimants,
            }) => {
                let (claimant, handover) = oneshot::channel();
                claimants.push_back(claimant);
                entry.mailbox().push(Parcel::Handover);
                claim = Claim::Asked(handover);
                Resumable::Connected { entry, claimants }
            }
        };
        sessions.insert(id.into(), connected);
        claim
    }

    /// Takes the session behind `entry` if it waits.
    pub(crate) fn claim_waiting(&self, entry: &Arc<SessionEntry>) -> Option<Box<Session>> {
        self.take(|session, _| Arc::ptr_eq(session.entry(), entry))
            .pop()
    }

    /// Takes all waiting sessions of an account.
    pub(crate) fn claim_account(&self, account: &BareJid) -> Vec<Box<Session>> {
        self.take(|session, _| session.account().jid() == account)
    }

    /// Sessions whose client has not come back in time.
    pub(crate) fn expired(&self, now: Moment) -> Vec<Box<Session>> {
        self.take(|_, until| until <= now)
    }

    /// All sessions that wait.
    pub(crate) fn drain(&self) -> Vec<Box<Session>> {
        self.take(|_, _| true)
    }

    /// In the order in which their time is up: what happens is the same in every run.
    fn take(&self, mut ended: impl FnMut(&Session, Moment) -> bool) -> Vec<Box<Session>> {
        let mut taken: Vec<_> = self
            .sessions
            .lock()
            .extract_if(|_, resumable| match resumable {
                Resumable::Waiting { session, until } => ended(session, *until),
                Resumable::Connected { .. } => false,
            })
            .filter_map(|(id, resumable)| match resumable {
                Resumable::Waiting { session, until } => Some((until, id, session)),
                Resumable::Connected { .. } => None,
            })
            .collect();
        taken.sort_unstable_by(|(until, id, _), (other_until, other_id, _)| {
            (until, id).cmp(&(other_until, other_id))
        });
        taken.into_iter().map(|(_, _, session)| session).collect()
    }
}
