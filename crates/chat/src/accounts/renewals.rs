//! Who has got new keys while somebody was just coming in by the old ones.

use std::collections::HashMap;
use std::time::Duration;

use base::{BareJid, Moment};
use parking_lot::Mutex;

/// Longer than anybody may take from the first byte to the session.
const REMEMBERED: Duration = Duration::from_secs(900);

/// Accounts whose keys have changed lately. A connection that began before must not go in: what it has shown may be the old
/// password. Sessions that are bound are ended when the keys change; those that are not yet are found by this.
#[derive(Default)]
pub(crate) struct Renewals {
    accounts: Mutex<HashMap<BareJid, Moment>>,
}

impl Renewals {
    /// The keys of `account` have changed. Call after the commit, and before sessions are ended.
    pub(super) fn note(&self, account: &BareJid, now: Moment) {
        self.accounts.lock().insert(account.clone(), now);
    }

    /// Whether they have changed since `began`.
    pub(crate) fn since(&self, account: &BareJid, began: Moment) -> bool {
        let changed = self.accounts.lock().get(account).copied();
        changed.is_some_and(|changed| changed > began)
    }

    /// Forgets what no connection can be older than.
    pub(crate) fn sweep(&self, now: Moment) {
        let mut accounts = self.accounts.lock();
        accounts.retain(|_, changed| *changed + REMEMBERED > now);
        accounts.shrink_to(64);
    }
}
