//! Delivery: what leaves a plan and reaches the mailboxes of sessions, after the store has said yes.

mod copies;
mod entry;
mod mailbox;
mod spans;

use std::sync::Arc;

use bytes::Bytes;
use store::ArchiveId;

pub(crate) use copies::{ByCopy, Copies, Kept};
pub use entry::{CurrentPresence, SessionEntry};
pub use mailbox::Mailbox;
pub(crate) use mailbox::{Bounds, Parcel};

/// Where a stanza is kept that is on its way to a client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Keeping {
    /// Nowhere.
    Nowhere,
    /// In the account's archive.
    Archive(ArchiveId),
    /// Only among what waits for the account: from there it is to be removed once the client has it.
    Waiting(ArchiveId),
    /// It is a copy (XEP-0280) of what is kept under this id, for a session that the message itself did not reach.
    Copy(ArchiveId),
}

impl From<Option<ArchiveId>> for Keeping {
    fn from(kept: Option<ArchiveId>) -> Self {
        kept.map_or(Self::Nowhere, Self::Archive)
    }
}

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
            Parcel::Waiting { .. } | Parcel::Handover | Parcel::Close(_) => None,
        }
    }
}
