//! What an account wants archived (XEP-0441).

use std::sync::Arc;

use crate::batch::Write;
use crate::{AccountId, Batch, Reading, Store};

/// What happens with messages that no rule names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ArchiveDefault {
    /// All are archived.
    #[default]
    Always,
    /// None is archived.
    Never,
    /// Those with contacts in the roster are archived.
    Roster,
}

/// An account's wishes for its archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArchivePreferences {
    /// For whom no rule names.
    pub default: ArchiveDefault,
    /// Addresses with whom everything is archived.
    pub always: Vec<Arc<str>>,
    /// Addresses with whom nothing is archived.
    pub never: Vec<Arc<str>>,
}

impl Batch {
    /// Replaces an account's wishes for its archive.
    pub fn preferences_set(&mut self, account: AccountId, preferences: ArchivePreferences) {
        self.push(Write::Preferences(account, Box::new(preferences)));
    }
}

impl Store {
    /// An account's wishes for its archive; `None` when it never set any.
    pub fn preferences(&self, account: AccountId) -> Reading<Option<ArchivePreferences>> {
        self.backend().preferences(account)
    }
}
