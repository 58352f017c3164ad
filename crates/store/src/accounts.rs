//! Accounts: who may log in, with which keys, and what the house knows about them.

use std::fmt;
use std::sync::Arc;

use base::Timestamp;

use crate::batch::Write;
use crate::{AccountId, AppPasswordId, AuditNote, Batch, Identity, Reading, Store, TokenRecord};

/// Salted keys of one password for one hash function (RFC 5802 §3). The password itself is never
/// stored.
#[derive(Clone, PartialEq, Eq)]
pub struct ScramRecord {
    /// Hash function as in the mechanism's name: `SHA-1`, `SHA-256` or `SHA-512`.
    pub hash: Arc<str>,
    /// Iterations of PBKDF2.
    pub iterations: u32,
    /// Salt, as raw bytes.
    pub salt: Vec<u8>,
    /// `StoredKey`, as long as the hash function's output.
    pub stored_key: Vec<u8>,
    /// `ServerKey`, as long as the hash function's output.
    pub server_key: Vec<u8>,
}

impl fmt::Debug for ScramRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            hash, iterations, ..
        } = self;
        write!(f, "ScramRecord({hash}, {iterations} iterations, …)")
    }
}

/// What an account may do for the house besides its own matters. What exactly is said where it is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Role {
    /// Nothing.
    #[default]
    Person = 0,
    /// Looks at everything that administrators see, and changes nothing.
    Auditor = 1,
    /// Helps people: passwords, devices, invitations; not those of administrators.
    Helpdesk = 2,
    /// Administers people, rooms and rules.
    Administrator = 3,
    /// Administers, and says who administers.
    Owner = 4,
}

impl Role {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 5] = [
        Self::Person,
        Self::Auditor,
        Self::Helpdesk,
        Self::Administrator,
        Self::Owner,
    ];

    /// The role of this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Its name in files and interfaces.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Auditor => "auditor",
            Self::Helpdesk => "helpdesk",
            Self::Administrator => "administrator",
            Self::Owner => "owner",
        }
    }

    /// The role of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Whether it administers the server.
    #[must_use]
    pub const fn administers(self) -> bool {
        matches!(self, Self::Administrator | Self::Owner)
    }
}

/// An account to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewAccount {
    /// Localpart, normalised (PRECIS UsernameCaseMapped).
    pub localpart: Arc<str>,
    /// Name for people, if it differs.
    pub display_name: Option<Arc<str>>,
    /// What it may do for the house.
    pub role: Role,
    /// Departments and teams.
    pub groups: Vec<Arc<str>>,
    /// Keys, one record for each hash function; none for accounts that log in by certificate.
    pub keys: Vec<ScramRecord>,
    /// Who it is in a directory, if it comes from one.
    pub identity: Option<Identity>,
    /// What the audit log is told when the account is made.
    pub audit: Option<AuditNote>,
}

/// What became of one account of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Imported {
    /// The account is new.
    Created(AccountId),
    /// An account of this name was there before and is unchanged.
    Exists(AccountId),
}

/// An account as it is kept, without its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Key of the account.
    pub id: AccountId,
    /// Localpart, normalised.
    pub localpart: Arc<str>,
    /// Name for people, if one is set.
    pub display_name: Option<Arc<str>>,
    /// What it may do for the house.
    pub role: Role,
    /// Whether the account may log in.
    pub enabled: bool,
    /// Departments and teams, sorted.
    pub groups: Vec<Arc<str>>,
    /// When the account was made.
    pub created: Timestamp,
}

/// Everything that a login needs, read in one go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The account.
    pub account: Account,
    /// Who it is in a directory, which then has the password.
    pub identity: Option<Identity>,
    /// Its keys, one record for each hash function.
    pub keys: Vec<ScramRecord>,
    /// Keys of its app passwords, likewise.
    pub app_keys: Vec<(AppPasswordId, ScramRecord)>,
    /// The FAST tokens of the client that asks, newest first; expired ones included.
    pub tokens: Vec<TokenRecord>,
}

/// One page of the list of accounts, ordered by localpart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountPage {
    /// The accounts.
    pub accounts: Vec<Account>,
    /// Whether there are more behind the last.
    pub more: bool,
}

/// A change of an account; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// Set or (inner `None`) clear the name for people.
    pub display_name: Option<Option<Arc<str>>>,
    /// Give another role.
    pub role: Option<Role>,
    /// Allow or forbid login.
    pub enabled: Option<bool>,
    /// Replace the groups.
    pub groups: Option<Vec<Arc<str>>>,
    /// Replace all keys.
    pub keys: Option<Vec<ScramRecord>>,
}

impl Batch {
    /// Changes an account. The ticket fails with [`NoSuchAccount`](crate::StoreError::NoSuchAccount)
    /// when it is gone.
    pub fn account_change(&mut self, account: AccountId, change: AccountChange) {
        self.push(Write::AccountChange(account, Box::new(change)));
    }

    /// Adds or replaces the keys of one hash function and leaves the others (XEP-0480).
    pub fn account_add_key(&mut self, account: AccountId, key: ScramRecord) {
        self.push(Write::AccountAddKey(account, Box::new(key)));
    }
}

impl Batch {
    /// Begins to remove an account: nobody can log in any more, and until it is removed
    /// [`Store::accounts_being_removed`] names it.
    pub fn account_removal_begin(&mut self, account: AccountId) {
        self.push(Write::AccountRemovalBegin(account));
    }

    /// Takes the begin of a removal back: the account stays, and may log in or not.
    pub fn account_removal_cancel(&mut self, account: AccountId, enabled: bool) {
        self.push(Write::AccountRemovalCancel(account, enabled));
    }
}

impl Store {
    /// The accounts whose removal was begun and is not done.
    pub fn accounts_being_removed(&self) -> Reading<Vec<Account>> {
        self.backend().accounts_being_removed()
    }

    /// Makes an account.
    ///
    /// # Errors
    /// [`AlreadyExists`](crate::StoreError::AlreadyExists) when the localpart is taken.
    pub fn account_create(&self, account: NewAccount) -> Reading<AccountId> {
        self.backend().account_create(account)
    }

    /// Makes many accounts in one commit; those whose names are taken stay unchanged. One result for
    /// each, in order.
    pub fn account_import(&self, accounts: Vec<NewAccount>) -> Reading<Vec<Imported>> {
        self.backend().account_import(accounts)
    }

    /// Removes an account with everything that it owns. False when it was gone before.
    pub fn account_remove(&self, account: AccountId) -> Reading<bool> {
        self.backend().account_remove(account)
    }

    /// The account of a normalised localpart.
    pub fn account_find(&self, localpart: &str) -> Reading<Option<Account>> {
        self.backend().account_find(localpart.into())
    }

    /// The account of a key.
    pub fn account(&self, account: AccountId) -> Reading<Option<Account>> {
        self.backend().account(account)
    }

    /// Account, keys and (where `client` is the XEP-0388 user-agent id of the asking client) its
    /// tokens.
    pub fn login(&self, localpart: &str, client: Option<&str>) -> Reading<Option<Login>> {
        self.backend()
            .login(localpart.into(), client.map(Into::into))
    }

    /// Up to `max` accounts whose localparts come after `after`, ordered by localpart.
    pub fn account_list(&self, after: Option<&str>, max: usize) -> Reading<AccountPage> {
        self.backend().account_list(after.map(Into::into), max)
    }

    /// How many accounts there are.
    pub fn account_count(&self) -> Reading<u64> {
        self.backend().account_count()
    }
}
