//! Where keys and sessions are kept: a small trait over named records, which the caller implements with whatever it has.
//!
//! The machine puts all that one operation changes into one [`Changes`], commits it, and only then gives the result
//! away. So a crash leaves either the state before, in which the message can be read again, or the state after, in
//! which it waits in the inbox ([`Machine::undelivered`](crate::Machine::undelivered)); and a key that wrote a message
//! is never used for a second one.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

#[cfg(feature = "conformance")]
pub mod conformance;
mod draft;
mod memory;
mod migration;

#[cfg(test)]
mod snapshot_tests;

pub use memory::{MemoryError, MemoryStore};

pub(crate) use draft::Draft;

/// The bytes of a record. They hold secrets and are wiped when dropped.
pub type RecordBytes = Zeroizing<Vec<u8>>;

/// Keeps records by name.
///
/// Names are up to about 3,300 bytes of UTF-8, compared byte by byte: `sessions/romeo@montague.example/31415/2`. The
/// suite `conformance` (a feature of this crate) says what must hold.
pub trait KeyStore {
    /// What can go wrong with the store.
    type Error: std::error::Error + 'static;

    /// The record of this name.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn load(&self, name: &str) -> Result<Option<RecordBytes>, Self::Error>;

    /// All records whose names begin with `prefix`, in the order of their names.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn scan(&self, prefix: &str) -> Result<Vec<(String, RecordBytes)>, Self::Error>;

    /// Makes all changes, or none of them. When it returns they must survive a crash of the machine.
    ///
    /// # Errors
    /// When nothing was changed.
    fn commit(&mut self, changes: &Changes) -> Result<(), Self::Error>;
}

/// Records to be written and to be deleted, all at once.
#[derive(Clone, Default)]
pub struct Changes {
    records: BTreeMap<String, Option<RecordBytes>>,
}

impl Changes {
    /// No changes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes a record, in place of what there was. The last change of a record counts.
    pub fn put(&mut self, name: impl Into<String>, bytes: RecordBytes) -> &mut Self {
        self.records.insert(name.into(), Some(bytes));
        self
    }

    /// Deletes a record; it need not be there.
    pub fn delete(&mut self, name: impl Into<String>) -> &mut Self {
        self.records.insert(name.into(), None);
        self
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Each record once, in the order of the names; `None` is to be deleted.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, Option<&RecordBytes>)> {
        self.records
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.as_ref()))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Option<RecordBytes>> {
        self.records.get(name)
    }
}

impl fmt::Debug for Changes {
    /// Names and lengths only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(
                self.iter()
                    .map(|(name, bytes)| (name, bytes.map(|bytes| bytes.len()))),
            )
            .finish()
    }
}
