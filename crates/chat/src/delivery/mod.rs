//! Delivery: what leaves a plan and reaches mailboxes, after the store has said yes.

mod mailbox;

use std::sync::Arc;

use bytes::Bytes;

pub use mailbox::Mailbox;
pub(crate) use mailbox::{Bounds, Parcel};

use crate::session::{Keeping, SessionEntry};

/// One stanza on its way to one session.
#[derive(Clone)]
pub struct Delivery {
    /// The session whose mailbox takes it.
    pub to: Arc<SessionEntry>,
    /// The whole stanza, serialised for a `jabber:client` stream.
    pub stanza: Bytes,
    /// Where the recipient's archive keeps it, so that an undelivered one can be marked waiting.
    pub(crate) keeping: Keeping,
}

impl Delivery {
    /// A stanza that is kept nowhere.
    #[must_use]
    pub fn new(to: &Arc<SessionEntry>, stanza: Bytes) -> Self {
        Self {
            to: Arc::clone(to),
            stanza,
            keeping: Keeping::Nowhere,
        }
    }

    /// Puts the stanza into the mailbox; a full one closes its session, the archive keeps.
    pub fn perform(self) {
        let _ = self.attempt();
    }

    /// The same; gives the delivery back when the session has ended since it was planned, or has no
    /// room.
    pub(crate) fn attempt(self) -> Option<Self> {
        let Self {
            to,
            stanza,
            keeping,
        } = self;
        match to.mailbox().offer(Parcel::Stanza { stanza, keeping })? {
            Parcel::Stanza { stanza, keeping } => Some(Self {
                to,
                stanza,
                keeping,
            }),
            Parcel::Waiting { .. } | Parcel::Handover(_) | Parcel::Close(_) => None,
        }
    }
}
