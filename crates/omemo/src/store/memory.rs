//! Keys in memory, for tests and for what need not outlive the process.

use std::collections::BTreeMap;
use std::fmt;

use super::{Changes, KeyStore, RecordBytes};

/// A store in memory. A clone is a copy of what is in it now, as a disk would be found after a crash.
#[derive(Clone, Default)]
pub struct MemoryStore {
    records: BTreeMap<String, RecordBytes>,
    commits_left: Option<usize>,
}

/// The store was told to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store fails because a test told it to")]
pub struct MemoryError;

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// After `commits` more, every commit fails, as on a full disk; `None` ends that.
    pub const fn fail_after(&mut self, commits: Option<usize>) {
        self.commits_left = commits;
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryStore({} records)", self.records.len())
    }
}

impl KeyStore for MemoryStore {
    type Error = MemoryError;

    fn load(&self, name: &str) -> Result<Option<RecordBytes>, MemoryError> {
        Ok(self.records.get(name).cloned())
    }

    fn scan(&self, prefix: &str) -> Result<Vec<(String, RecordBytes)>, MemoryError> {
        Ok(self
            .records
            .range(prefix.to_owned()..)
            .take_while(|(name, _)| name.starts_with(prefix))
            .map(|(name, bytes)| (name.clone(), bytes.clone()))
            .collect())
    }

    fn commit(&mut self, changes: &Changes) -> Result<(), MemoryError> {
        match &mut self.commits_left {
            Some(0) => return Err(MemoryError),
            Some(left) => *left -= 1,
            None => {}
        }
        for (name, bytes) in changes.iter() {
            match bytes {
                Some(bytes) => self.records.insert(name.to_owned(), bytes.clone()),
                None => self.records.remove(name),
            };
        }
        Ok(())
    }
}
