//! App passwords: further keys of an account, each for one program, each with an end of its own.

use std::sync::Arc;

use base::Timestamp;

use crate::batch::Write;
use crate::{AccountId, Batch, Reading, ScramRecord, Store};

/// Key of an app password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppPasswordId(i64);

impl AppPasswordId {
    /// The id of this number.
    #[must_use]
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }
}

/// What is told of an app password; the password itself is never stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppPassword {
    /// Its key.
    pub id: AppPasswordId,
    /// What its owner calls it.
    pub label: Arc<str>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was used last.
    pub last_used: Option<Timestamp>,
}

impl Batch {
    /// Notes that an app password has let somebody in.
    pub fn app_password_used(&mut self, account: AccountId, id: AppPasswordId, at: Timestamp) {
        self.push(Write::AppPasswordUsed(account, id, at));
    }

    /// Ends an app password with its tokens and devices.
    pub fn app_password_remove(&mut self, account: AccountId, id: AppPasswordId) {
        self.push(Write::AppPasswordRemove(account, Some(id)));
    }

    /// Ends all app passwords of an account with their tokens and devices.
    pub fn app_password_remove_all(&mut self, account: AccountId) {
        self.push(Write::AppPasswordRemove(account, None));
    }
}

impl Store {
    /// Keeps a new app password: its label, and one record of keys for each hash function.
    ///
    /// # Errors
    /// [`NoSuchAccount`](crate::StoreError::NoSuchAccount) when the account is gone.
    pub fn app_password_create(
        &self,
        account: AccountId,
        label: &str,
        keys: Vec<ScramRecord>,
        now: Timestamp,
    ) -> Reading<AppPasswordId> {
        self.backend()
            .app_password_create(account, label.into(), keys, now)
    }

    /// The app passwords of an account, oldest first.
    pub fn app_passwords(&self, account: AccountId) -> Reading<Vec<AppPassword>> {
        self.backend().app_passwords(account)
    }
}
