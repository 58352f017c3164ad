//! Copies of the whole store, and whether it is sound.

use std::path::{Path, PathBuf};

use crate::{OpenError, Reading, Store};

/// How much of a backup is done.
pub type Progress = Box<dyn FnMut(BackupProgress) + Send>;

/// State of a running backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupProgress {
    /// Parts of the database that are still to be copied, in pages.
    pub remaining: u64,
    /// Size of the database, in pages.
    pub total: u64,
}

/// How thorough a check is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckDepth {
    /// Structure only: seconds for gigabytes.
    Quick,
    /// Structure, indexes, and every archive entry.
    Full,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Each thing that is wrong, with what it means. Empty: all is well.
    pub problems: Vec<String>,
    /// How many accounts were seen.
    pub accounts: u64,
    /// How many archive entries were seen.
    pub entries: u64,
}

impl Store {
    /// Copies the whole store into the new file `target` while it runs, in slices. The copy holds
    /// everything that was acknowledged before the call; it is verified, then given its name.
    ///
    /// # Errors
    /// [`Refused`](crate::StoreError::Refused) when `target` exists,
    /// [`DiskFull`](crate::StoreError::DiskFull), [`Io`](crate::StoreError::Io).
    pub fn backup(&self, target: PathBuf, progress: Option<Progress>) -> Reading<()> {
        self.backend().backup(target, progress)
    }

    /// Reads through the store and says what is wrong.
    pub fn check(&self, depth: CheckDepth) -> Reading<CheckReport> {
        self.backend().check(depth)
    }
}

/// Puts the backup `source` in the place of the store in `folder`, which no process may have open. The
/// backup is verified first; the store that was there is kept beside it under a name that is given
/// back.
///
/// # Errors
/// [`OpenError::Locked`] when a server runs there; what is wrong with the backup otherwise, and then
/// nothing was changed.
pub fn restore(source: &Path, folder: &Path) -> Result<Option<PathBuf>, OpenError> {
    crate::backend::sqlite::restore(source, folder)
}
