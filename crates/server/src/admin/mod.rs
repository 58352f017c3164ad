//! Administration of a running or a stopped server: one set of requests, carried out in one place.
//!
//! A running server takes them over `data_dir/admin.sock`, one JSON object a line each way. Passwords never travel:
//! whoever asks derives the keys.

mod audit;
mod client;
mod execute;
mod socket;

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use store::ScramRecord;

pub use audit::{AuditLine, AuditWish};
pub use client::{Target, connect, make_data_dir, open_existing, open_target};
pub(crate) use execute::localpart;
pub use execute::{Execution, execute, has_owner};
pub use socket::{give_way, listen};

/// Version of the protocol; both ends must speak the same.
pub const VERSION: u32 = 1;
/// Longest line, in bytes.
const LINE_BYTES: u64 = 16 * 1024 * 1024;

/// Where the socket of a data folder is.
pub fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join("admin.sock")
}

/// Where the store of a data folder is.
pub fn store_path(data_dir: &Path) -> PathBuf {
    data_dir.join("store")
}

/// A request with the version of the protocol.
#[derive(Debug, Deserialize, Serialize)]
pub struct Envelope {
    /// See [`VERSION`].
    pub version: u32,
    /// What is asked.
    pub request: Request,
}

/// What an administrator can ask.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Request {
    /// Who are you.
    Status,
    /// Make one account.
    UserAdd(AccountData),
    /// Make many accounts; those that exist stay as they are.
    UserImport {
        /// The accounts.
        accounts: Vec<AccountData>,
    },
    /// Replace an account's keys, revoke its tokens and end its sessions.
    UserPasswd {
        /// Localpart.
        name: String,
        /// New keys.
        keys: Vec<KeyData>,
    },
    /// Up to 1000 accounts behind a name.
    UserList {
        /// The last name of the page before.
        after: Option<String>,
    },
    /// Let an account log in, or not.
    UserEnable {
        /// Localpart.
        name: String,
        /// Whether it may.
        enabled: bool,
    },
    /// Put an account into groups, and out of all others.
    UserGroups {
        /// Localpart.
        name: String,
        /// The groups; `None` only asks which there are.
        groups: Option<Vec<String>>,
    },
    /// Give a role, or tell it.
    UserRole {
        /// Localpart.
        name: String,
        /// Name of the role; without, nothing is changed.
        role: Option<String>,
    },
    /// List what has access to an account.
    UserAccess {
        /// Localpart.
        name: String,
    },
    /// Take access back.
    UserRevoke {
        /// Localpart.
        name: String,
        /// As in the list.
        id: String,
    },
    /// Remove an account with all that belongs to it.
    UserRemove {
        /// Localpart.
        name: String,
    },
    /// Make an invitation to an account.
    UserInvite {
        /// Localpart that it is for; any, without.
        #[serde(default)]
        name: Option<String>,
        /// Days that it lasts, if not as many as the configuration says.
        #[serde(default)]
        days: Option<u32>,
        /// How often it may be used.
        #[serde(default)]
        uses: u32,
    },
    /// List the invitations, newest first.
    UserInvitations,
    /// Take an invitation back.
    UserUninvite {
        /// As in the list.
        id: String,
    },
    /// Make a token of the REST interface.
    TokenCreate {
        /// Localpart.
        name: String,
        /// What it is for.
        #[serde(default)]
        label: String,
        /// What it may do.
        scopes: Vec<String>,
        /// Days that it lasts; for ever, without.
        #[serde(default)]
        days: Option<u32>,
    },
    /// List the tokens of an account.
    TokenList {
        /// Localpart.
        name: String,
    },
    /// End a token.
    TokenRevoke {
        /// Localpart.
        name: String,
        /// As in the list.
        id: String,
    },
    /// Write all accounts out (XEP-0227).
    Export {
        /// Absolute path of a new file or folder.
        target: PathBuf,
        /// A folder with a file for each user.
        folder: bool,
    },
    /// Take accounts in (XEP-0227).
    Import {
        /// Absolute path of a document, or of a folder with one.
        source: PathBuf,
    },
    /// Copy the store into a new file.
    Backup {
        /// Absolute path of the file.
        target: PathBuf,
    },
    /// Give the store away: the server stops, answers when the store is closed, and starts again when this conversation ends.
    Pause,
    /// Read through the store.
    Check {
        /// Every entry, not only the structure.
        full: bool,
        /// Heads of the audit log that were noted elsewhere.
        #[serde(default)]
        audit_heads: Vec<String>,
    },
    /// Entries of the audit log.
    Audit(AuditWish),
    /// Where the audit log ends.
    AuditHead,
    /// Synchronise with the directory.
    DirectorySync {
        /// Only say what would be done.
        dry_run: bool,
        /// Shut out as many as there are.
        shut_out_many: bool,
    },
    /// Give an account to the person of its name in the directory.
    DirectoryAdopt {
        /// Localpart.
        name: String,
    },
}

/// An account to be made.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct AccountData {
    /// Localpart.
    pub name: String,
    /// Name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Name of the role; none without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Departments and teams.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Keys, one for each hash.
    pub keys: Vec<KeyData>,
}

/// [`ScramRecord`] as JSON; bytes in base64.
#[derive(Clone, PartialEq, Deserialize, Serialize)]
pub struct KeyData {
    hash: String,
    iterations: u32,
    salt: String,
    stored_key: String,
    server_key: String,
}

impl std::fmt::Debug for KeyData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyData({}, …)", self.hash)
    }
}

impl From<&ScramRecord> for KeyData {
    fn from(record: &ScramRecord) -> Self {
        Self {
            hash: record.hash.to_string(),
            iterations: record.iterations,
            salt: STANDARD.encode(&record.salt),
            stored_key: STANDARD.encode(&record.stored_key),
            server_key: STANDARD.encode(&record.server_key),
        }
    }
}

impl KeyData {
    /// `None` when the base64 is broken.
    fn record(&self) -> Option<ScramRecord> {
        Some(ScramRecord {
            hash: self.hash.as_str().into(),
            iterations: self.iterations,
            salt: STANDARD.decode(&self.salt).ok()?,
            stored_key: STANDARD.decode(&self.stored_key).ok()?,
            server_key: STANDARD.decode(&self.server_key).ok()?,
        })
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(tag = "reply", rename_all = "kebab-case")]
pub enum Reply {
    /// Done.
    Done,
    /// To [`Request::Status`].
    Status {
        /// Version of the program.
        program: String,
        /// The domain.
        domain: String,
        /// Process id.
        pid: u32,
    },
    /// To [`Request::UserList`].
    Accounts {
        /// One page.
        accounts: Vec<Listed>,
        /// There are more.
        more: bool,
    },
    /// To [`Request::UserGroups`].
    Groups {
        /// The groups that the account is in now.
        groups: Vec<String>,
    },
    /// To [`Request::UserRole`].
    Role {
        /// Name of the role that the account has now.
        role: String,
    },
    /// To [`Request::Audit`].
    Audit {
        /// One page.
        entries: Vec<AuditLine>,
        /// There are more.
        more: bool,
    },
    /// To [`Request::AuditHead`].
    AuditHead {
        /// Number and digest.
        head: String,
    },
    /// To [`Request::UserAccess`].
    Access {
        /// App passwords first, then devices, then sessions of clients that do not say which device they are.
        list: Vec<ListedAccess>,
    },
    /// To [`Request::UserRevoke`].
    Revoked {
        /// Whoever has it knows the password, and can come back by it.
        password_known: bool,
    },
    /// To [`Request::DirectorySync`].
    Directory(crate::identity::Report),
    /// To [`Request::UserInvite`].
    Invitation {
        /// For programs.
        uri: String,
        /// Token of the page `/invite/<token>`.
        token: String,
        /// The page, where browsers reach this server.
        page: Option<String>,
        /// When it ends.
        expires: String,
    },
    /// To [`Request::UserInvitations`].
    Invitations {
        /// All that are kept.
        list: Vec<ListedInvitation>,
    },
    /// To [`Request::TokenCreate`].
    Token {
        /// The token.
        secret: String,
    },
    /// To [`Request::TokenList`].
    Tokens {
        /// Newest first.
        list: Vec<ListedToken>,
    },
    /// To [`Request::UserImport`].
    Imported {
        /// Accounts made.
        created: usize,
        /// Names that existed and were left as they are.
        existing: Vec<String>,
    },
    /// To [`Request::Export`].
    Exported {
        /// Accounts written.
        accounts: u64,
    },
    /// To [`Request::Import`].
    TakenIn {
        /// Accounts made.
        created: u64,
        /// Names that existed and were left as they are.
        existing: Vec<String>,
        /// Messages in archives.
        messages: u64,
        /// What was left out, and why.
        notes: Vec<String>,
        /// Further notes.
        more: u64,
    },
    /// To [`Request::Check`].
    Checked {
        /// What is wrong; empty: nothing.
        problems: Vec<String>,
        /// Accounts seen.
        accounts: u64,
        /// Archive entries seen.
        entries: u64,
    },
    /// It could not be done.
    Failed {
        /// Why, and what to do.
        problem: String,
    },
}

/// One line of a list of what has access to an account.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct ListedAccess {
    /// What to revoke it by.
    pub id: String,
    /// It is an app password.
    pub app_password: bool,
    /// It is connected now.
    pub connected: bool,
    /// When it was seen first.
    pub first_seen: Option<String>,
    /// When it was seen last.
    pub last_seen: Option<String>,
    /// Its program; of an app password what it is for.
    pub software: Option<String>,
    /// Its device.
    pub device: Option<String>,
}

/// One line of a list of invitations.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct ListedInvitation {
    /// What to revoke it by.
    pub id: String,
    /// Who invites; nobody: the house.
    pub inviter: Option<String>,
    /// Localpart that it is for.
    pub name: Option<String>,
    /// It makes accounts, not only contacts.
    pub account: bool,
    /// How often it was used.
    pub times: u32,
    /// How often it may be used.
    pub uses: u32,
    /// When it ends.
    pub expires: String,
    /// It can be used now.
    pub open: bool,
}

/// One line of a list of tokens.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct ListedToken {
    /// What to revoke it by.
    pub id: String,
    /// What it is for.
    pub label: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created: String,
    /// When it ends.
    pub expires: Option<String>,
    /// When it was used last.
    pub last_used: Option<String>,
}

/// One line of a list of accounts.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Listed {
    /// Localpart.
    pub name: String,
    /// Name for people.
    pub display_name: Option<String>,
    /// Name of the role.
    pub role: String,
    /// May log in.
    pub enabled: bool,
    /// Departments and teams.
    pub groups: Vec<String>,
}
