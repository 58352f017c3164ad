//! Where accounts come from: those that a directory keeps are known by what it calls them.

use std::sync::Arc;

use crate::batch::Write;
use crate::{Account, AccountId, Batch, Reading, Store};

/// What ties an account to a person of a directory. Such an account has no password here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Which directory: `ldap`.
    pub source: Arc<str>,
    /// What the directory calls the person for as long as the person is there, whatever name comes and goes. No other account
    /// has the same of the same source.
    pub external: Arc<str>,
    /// Groups that the directory gave last, sorted. Others were given here and stay.
    pub groups: Vec<Arc<str>>,
    /// When the password was changed last, in the directory's own words, where it says so.
    pub password_changed: Option<Arc<str>>,
    /// The directory has ended the account: the person was not there any more, or not enabled.
    pub gone: bool,
}

impl Batch {
    /// Ties an account to a person of a directory, in place of what it was tied to before. The ticket fails with
    /// [`AlreadyExists`](crate::StoreError::AlreadyExists) when another account is tied to the same person.
    pub fn identity_set(&mut self, account: AccountId, identity: Identity) {
        self.push(Write::IdentitySet(account, Box::new(identity)));
    }
}

impl Store {
    /// All accounts that are tied to people of this directory, disabled ones included.
    pub fn identities(&self, source: &str) -> Reading<Vec<(Account, Identity)>> {
        self.backend().identities(source.into())
    }
}
