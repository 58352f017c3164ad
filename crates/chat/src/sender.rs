//! Who sends a stanza.

use std::sync::Arc;

use base::Jid;

use crate::{Account, SessionEntry};

/// Where a stanza comes from. Its `from` was checked by whoever makes a value of this.
#[derive(Clone)]
pub enum Sender {
    /// A client of ours.
    Client {
        /// Its session.
        session: Arc<SessionEntry>,
        /// Whose it is.
        account: Arc<Account>,
    },
    /// The house itself: a room, another service, an account on whose behalf the server acts.
    House(Jid),
    /// An account in whose name the server sends: what is sent counts as its own.
    Account {
        /// The account.
        account: Arc<Account>,
        /// Its bare address.
        jid: Jid,
    },
    /// Somebody of another domain: another server's user, or a component.
    Elsewhere(Jid),
}

impl Sender {
    /// The address the stanza comes from: a full one for a client.
    #[must_use]
    pub fn jid(&self) -> &Jid {
        match self {
            Self::Client { session, .. } => session.jid(),
            Self::House(jid) | Self::Elsewhere(jid) | Self::Account { jid, .. } => jid,
        }
    }

    /// The session, when it is a client of ours.
    #[must_use]
    pub fn session(&self) -> Option<&Arc<SessionEntry>> {
        match self {
            Self::Client { session, .. } => Some(session),
            Self::House(_) | Self::Elsewhere(_) | Self::Account { .. } => None,
        }
    }

    /// The account, when it is a client of ours, or an account in whose name the server sends.
    #[must_use]
    pub fn account(&self) -> Option<&Arc<Account>> {
        match self {
            Self::Client { account, .. } | Self::Account { account, .. } => Some(account),
            Self::House(_) | Self::Elsewhere(_) => None,
        }
    }

    /// True when it is this session.
    #[must_use]
    pub fn is_session(&self, other: &Arc<SessionEntry>) -> bool {
        self.session()
            .is_some_and(|session| Arc::ptr_eq(session, other))
    }

    /// True when it is a client of this account.
    #[must_use]
    pub fn is_of(&self, other: &Account) -> bool {
        self.account()
            .is_some_and(|account| account.id() == other.id())
    }
}
