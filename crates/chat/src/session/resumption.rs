//! Sessions that can be resumed (XEP-0198 §5): those that wait for their client, and those whose
//! connection does not know yet that it is dead.

#![expect(
    clippy::vec_box,
    reason = "a session goes from owner to owner in its box"
)]

use std::collections::HashMap;
use std::sync::Arc;

use base::{BareJid, Moment};
use parking_lot::Mutex;
use xmpp::stream::server::Credential;

use super::{Handover, Session, SessionEntry};
use crate::delivery::Parcel;

/// All resumable sessions by their id.
#[derive(Default)]
pub(crate) struct Resumables {
    sessions: Mutex<HashMap<Box<str>, Resumable>>,
}

enum Resumable {
    Connected(Arc<SessionEntry>),
    Waiting {
        session: Box<Session>,
        until: Moment,
    },
}

/// What a claim finds.
pub(crate) enum Claim {
    /// The session, at once.
    Taken(Box<Session>),
    /// Its old connection hands it over as soon as it has finished what it does.
    Asked(futures_channel::oneshot::Receiver<Box<Session>>),
    /// Nothing under that id for that account.
    Unknown,
}

impl Resumables {
    pub(crate) fn connected(&self, id: &str, entry: &Arc<SessionEntry>) {
        self.sessions
            .lock()
            .insert(id.into(), Resumable::Connected(Arc::clone(entry)));
    }

    /// Lets a session wait for its client; gives it back, with who asks, when another connection
    /// has claimed it already.
    pub(crate) fn park(
        &self,
        id: &str,
        session: Box<Session>,
        until: Moment,
    ) -> Option<(Box<Session>, Handover)> {
        // A claim leaves its parcel under the same lock, so it is seen here or finds the session.
        let mut sessions = self.sessions.lock();
        if let Some(handover) = session.entry().mailbox().take_handover() {
            return Some((session, handover));
        }
        sessions.insert(id.into(), Resumable::Waiting { session, until });
        None
    }

    pub(crate) fn remove(&self, id: &str) {
        self.sessions.lock().remove(id);
    }

    /// Takes the session `id` of `account` from wherever it is; only for whoever has come in by the
    /// same secret of the account, so that no app password takes over what has more rights.
    pub(crate) fn claim(&self, id: &str, account: &BareJid, credential: Credential) -> Claim {
        let mut sessions = self.sessions.lock();
        let owned = sessions.get(id).is_some_and(|resumable| {
            let entry = match resumable {
                Resumable::Connected(entry) => entry,
                Resumable::Waiting { session, .. } => session.entry(),
            };
            entry.jid().bare_str() == account.as_str() && entry.admission().credential == credential
        });
        if !owned {
            return Claim::Unknown;
        }
        // The id stays: whoever comes next asks the one that has the session then.
        let Some(resumable) = sessions.get_mut(id) else {
            return Claim::Unknown;
        };
        let entry = match resumable {
            Resumable::Connected(entry) => Arc::clone(entry),
            Resumable::Waiting { session, .. } => Arc::clone(session.entry()),
        };
        match std::mem::replace(resumable, Resumable::Connected(Arc::clone(&entry))) {
            Resumable::Waiting { session, .. } => Claim::Taken(session),
            Resumable::Connected(_) => {
                let (to, from) = futures_channel::oneshot::channel();
                entry.mailbox().push(Parcel::Handover(Handover { to }));
                Claim::Asked(from)
            }
        }
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
                Resumable::Connected(_) => false,
            })
            .filter_map(|(id, resumable)| match resumable {
                Resumable::Waiting { session, until } => Some((until, id, session)),
                Resumable::Connected(_) => None,
            })
            .collect();
        taken.sort_unstable_by(|(until, id, _), (other_until, other_id, _)| {
            (until, id).cmp(&(other_until, other_id))
        });
        taken.into_iter().map(|(_, _, session)| session).collect()
    }
}
