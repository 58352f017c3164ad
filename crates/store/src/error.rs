//! What can go wrong, in words that say what to do.

use std::path::PathBuf;
use std::sync::Arc;

/// A read or write failed. Cheap to clone: one failed commit answers many tickets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The id that the query starts from is not in the archive (XEP-0059 §2.2: `item-not-found`).
    #[error("no entry with this id is in the archive")]
    ItemNotFound,
    /// The name is taken.
    #[error("an account of this name is there already")]
    AlreadyExists,
    /// The account was removed or never was.
    #[error("there is no such account")]
    NoSuchAccount,
    /// The token is not valid any more, or was used with this count or a higher one.
    #[error("the token was used with this count before, or is not valid any more")]
    TokenSpent,
    /// The disk or the quota is full. Nothing of this write was kept; later writes work again once
    /// there is space.
    #[error(
        "the disk is full: nothing of this write was kept; make space on the volume of the data folder"
    )]
    DiskFull,
    /// The operating system could not read or write the database.
    #[error("the operating system could not read or write the database: {0}")]
    Io(Arc<str>),
    /// The database is damaged.
    #[error(
        "the database is damaged ({0}): stop the server, keep a copy of the data folder, and restore the last backup with `hauspost restore`"
    )]
    Corrupt(Arc<str>),
    /// More writes wait than the configured bound allows: the disk does not keep up.
    #[error("the disk does not keep up with the writes; try again later")]
    Overloaded,
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
    /// The data do not fit: a backup of another program, a value that is too long.
    #[error("{0}")]
    Refused(Arc<str>),
    /// Anything else that the database engine said.
    #[error("the database said: {0}")]
    Backend(Arc<str>),
}

/// The store could not be opened.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{} is in use by another process: a running server has it open; use its admin socket, or stop it first", .0.display())]
    Locked(PathBuf),
    /// A newer version of the program wrote it.
    #[error(
        "the database has schema {found}, this program knows up to {known}: it was written by a newer version; install that version or restore an older backup"
    )]
    Newer {
        /// Schema version in the file.
        found: u32,
        /// Newest schema version that this program knows.
        known: u32,
    },
    /// A migration that was applied is not the one that this program contains.
    #[error(
        "migration {0} of the database differs from the one in this program: the file was written by a modified build; use that build, or restore a backup"
    )]
    MigrationChanged(u32),
    /// The file is a database of something else.
    #[error("{} is not a database of this server; name another data folder", .0.display())]
    Foreign(PathBuf),
    /// The database engine is older than the version that fixed a corruption bug.
    #[error(
        "SQLite {found} can damage a database in WAL mode; at least {least} is needed: rebuild with the bundled SQLite"
    )]
    EngineTooOld {
        /// Version found.
        found: String,
        /// Oldest version that is safe.
        least: &'static str,
    },
    /// The file or folder could not be used.
    #[error("{}: {reason}", .path.display())]
    Io {
        /// What was touched.
        path: PathBuf,
        /// What the operating system said.
        reason: String,
    },
    /// The content could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}
