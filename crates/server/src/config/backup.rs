//! Backups that the server makes by itself.

use std::path::PathBuf;

use super::section::section;

section! {
    /// Backups that the server makes by itself, while it runs: store, certificates and files. `hauspost restore FOLDER --at TIME`
    /// goes back to one, `hauspost restore FOLDER --at latest --drill` only tries whether that would work.
    pub struct Backup {
        /// Folder in which each backup becomes a folder named after its time; best on another disk. Empty: none are made.
        folder: PathBuf = PathBuf::new(),
        /// Hours from one backup to the next.
        hours: u32 = 24,
        /// How many backups stay; the oldest go. Files that have not changed take their space once.
        keep: u32 = 14,
    }
}

impl Backup {
    /// Whether backups are made.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.folder.as_os_str().is_empty()
    }
}
