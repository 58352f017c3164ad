//! When an account was last there (XEP-0012).

use std::sync::Arc;

use base::Timestamp;

use crate::batch::Write;
use crate::{AccountId, Batch, Reading, Store};

/// The last sign of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// When its last session ended.
    pub at: Timestamp,
    /// Status text of its last unavailable presence (XEP-0012 §4).
    pub status: Option<Arc<str>>,
}

impl Batch {
    /// Keeps when the last session of an account ended.
    pub fn activity_set(&mut self, account: AccountId, activity: Activity) {
        self.push(Write::Activity(account, Box::new(activity)));
    }
}

impl Store {
    /// When the last session of an account ended, if it ever had one.
    pub fn activity(&self, account: AccountId) -> Reading<Option<Activity>> {
        self.backend().activity(account)
    }
}
