//! Everything that a session needs to know of its account, read in one go.

use std::sync::Arc;

use crate::{
    Account, AccountId, Activity, ArchivePreferences, PushRegistration, Reading, Roster,
    RosterRequest, Store,
};

/// What is kept about an account, but for its archive and its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountState {
    /// The account.
    pub account: Account,
    /// Its roster with version.
    pub roster: Roster,
    /// Requests for its presence that wait for an answer, oldest first.
    pub requests: Vec<RosterRequest>,
    /// Blocked addresses, sorted.
    pub blocklist: Vec<Arc<str>>,
    /// Its wishes for its archive; `None` when it never set any.
    pub preferences: Option<ArchivePreferences>,
    /// When its last session ended, if it ever had one.
    pub activity: Option<Activity>,
    /// Hash of the picture that it shows (XEP-0153), if it shows one.
    pub avatar: Option<Arc<str>>,
    /// How many messages wait for it.
    pub offline_count: u64,
    /// Every device that ever stood in its device list (XEP-0384), sorted; see
    /// [`Batch::devices_listed`](crate::Batch::devices_listed).
    pub devices: Arc<[u32]>,
    /// Devices that are told when something comes while they sleep, oldest first.
    pub push: Vec<PushRegistration>,
}

impl Store {
    /// Everything that a session needs to know of an account; `None` when it is gone.
    pub fn account_state(&self, account: AccountId) -> Reading<Option<AccountState>> {
        self.backend().account_state(account)
    }
}
