//! Whom to tell when something comes for an account whose devices sleep (XEP-0357, RFC 8030).

use std::fmt;
use std::sync::Arc;

use base::Timestamp;

use crate::batch::Write;
use crate::{AccountId, Batch, Reading, Store};

/// Where notifications go.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum PushTarget {
    /// An app server.
    Service {
        /// Its address.
        jid: Arc<str>,
        /// The node there; may be empty.
        node: Arc<str>,
    },
    /// A push service of browsers.
    Web {
        /// The address there, which is a secret of the browser.
        endpoint: Arc<str>,
    },
}

/// One device, or whatever else wants to be told.
#[derive(Clone, PartialEq, Eq)]
pub struct PushRegistration {
    /// Where notifications go; there is one registration for each.
    pub target: PushTarget,
    /// What goes along: for a service a form as XML, if it wants one; for the web 65 bytes of public
    /// key and 16 bytes of secret.
    pub options: Option<Arc<[u8]>>,
    /// When it was made or renewed.
    pub registered: Timestamp,
    /// What stands for the device that has made it, in whatever words its users like; `None` when it has not said which.
    pub device: Option<Arc<str>>,
}

/// Accounts that want to be told of something that is not theirs alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushAudience {
    /// Those of a group of the directory.
    pub group: Option<Arc<str>>,
    /// Those that have an item at a node: the node, and the item's id, in which an `@` stands.
    pub item: Option<(Arc<str>, Arc<str>)>,
}

impl fmt::Debug for PushTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service { jid, .. } => write!(f, "Service({jid}, …)"),
            Self::Web { .. } => f.write_str("Web(…)"),
        }
    }
}

impl fmt::Debug for PushRegistration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PushRegistration({:?}, …)", self.target)
    }
}

impl Batch {
    /// Keeps a registration; replaces one with the same target.
    pub fn push_set(&mut self, account: AccountId, registration: PushRegistration) {
        self.push(Write::PushSet(account, Box::new(registration)));
    }

    /// Deletes the registration of a target.
    pub fn push_remove(&mut self, account: AccountId, target: &PushTarget) {
        self.push(Write::PushRemove(account, Box::new(target.clone())));
    }
}

impl Store {
    /// The registrations of an account, oldest first.
    pub fn push_registrations(&self, account: AccountId) -> Reading<Vec<PushRegistration>> {
        self.backend().push_registrations(account)
    }

    /// Localparts of the accounts that have registrations.
    pub fn push_accounts(&self) -> Reading<Vec<Arc<str>>> {
        self.backend().push_accounts()
    }

    /// Localparts of the accounts that have registrations and belong to an audience; some may be
    /// twice among them.
    pub fn push_audience(&self, audience: PushAudience) -> Reading<Vec<Arc<str>>> {
        self.backend().push_audience(audience)
    }
}
