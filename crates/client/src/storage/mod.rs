//! Where everything is kept: ordered byte keys in a few tables, and one atomic, durable commit per operation.
//!
//! The caller brings a [`Storage`]: SQLite natively, a file of the browser there, [`MemoryStorage`] in tests. The suite
//! `conformance` (a feature of this crate) says what must hold. Whatever one call of the client changes, keys of
//! the end-to-end encryption included, is one commit; what it leads to on the wire is given away after it.

#[cfg(feature = "conformance")]
pub mod conformance;
pub(crate) mod database;
mod memory;
pub(crate) mod record;

use std::fmt;
use std::ops::Deref;

pub use memory::MemoryStorage;

/// Names a table. The number is written to disk and never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Table {
    /// Single records: the account, its token, versions of what was fetched.
    State = 1,
    /// Records of the end-to-end encryption. They hold secrets.
    Keys = 2,
    /// Conversations, by their numbers.
    Conversations = 3,
    /// Messages, by conversation and order.
    Messages = 4,
    /// By which ids a message is known.
    MessageIds = 5,
    /// What was said about messages that are not there yet.
    Orphans = 6,
    /// What is to be sent.
    Outbox = 7,
    /// Stanzas of the stream that the server has not acknowledged.
    Stream = 8,
    /// What of the archives has not been fetched.
    Gaps = 9,
    /// Messages that were fetched and wait to be decrypted in their order.
    Ciphertexts = 10,
    /// The roster, and what else is known of people.
    People = 11,
    /// What is known of rooms and who is in them.
    Rooms = 12,
    /// Pictures.
    Pictures = 13,
    /// The index of the search.
    Search = 14,
    /// Files that were received or are to be sent.
    Files = 15,
    /// What is handed from device to device.
    History = 16,
}

impl Table {
    /// All tables.
    pub const ALL: [Self; 16] = [
        Self::State,
        Self::Keys,
        Self::Conversations,
        Self::Messages,
        Self::MessageIds,
        Self::Orphans,
        Self::Outbox,
        Self::Stream,
        Self::Gaps,
        Self::Ciphertexts,
        Self::People,
        Self::Rooms,
        Self::Pictures,
        Self::Search,
        Self::Files,
        Self::History,
    ];

    /// Its number on disk.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

/// Which way to go through keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The smallest key first.
    Forward,
    /// The largest key first.
    Backward,
}

/// A range of keys, compared byte by byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    /// The first key that belongs to it.
    pub from: Vec<u8>,
    /// The first key behind it; `None` for no end.
    pub to: Option<Vec<u8>>,
}

impl KeyRange {
    /// All keys.
    #[must_use]
    pub const fn all() -> Self {
        Self {
            from: Vec::new(),
            to: None,
        }
    }

    /// The keys that begin with `prefix`.
    #[must_use]
    pub fn prefix(prefix: &[u8]) -> Self {
        let mut to = prefix.to_vec();
        // The next prefix of the same length: behind trailing 0xff there is none.
        while to.pop_if(|last| *last == u8::MAX).is_some() {}
        if let Some(last) = to.last_mut() {
            *last += 1;
        }
        Self {
            from: prefix.to_vec(),
            to: (!to.is_empty()).then_some(to),
        }
    }

    /// From `from` (with it) to `to` (without it).
    #[must_use]
    pub fn between(from: &[u8], to: &[u8]) -> Self {
        Self {
            from: from.to_vec(),
            to: Some(to.to_vec()),
        }
    }

    /// Whether a key belongs to it.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        key >= self.from.as_slice() && self.to.as_ref().is_none_or(|to| key < to.as_slice())
    }

    /// Whether no key can belong to it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.to.as_ref().is_some_and(|to| *to <= self.from)
    }
}

/// A key with its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// Keeps values by table and key.
///
/// Keys have up to 4,096 bytes; values up to 16 MiB, and hold secrets and what was said: they belong on a disk that only
/// the user can read.
pub trait Storage {
    /// The value of a key.
    ///
    /// # Errors
    /// [`StorageError`], when it cannot be read.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError>;

    /// At most `limit` rows whose keys are in `range`, in this order.
    ///
    /// # Errors
    /// [`StorageError`], when they cannot be read.
    fn scan(
        &self,
        table: Table,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Row>, StorageError>;

    /// Makes all changes, in their order, or none of them. When it returns they must survive a crash of the machine.
    ///
    /// # Errors
    /// [`StorageError`], when nothing was changed.
    fn commit(&mut self, changes: &Changes) -> Result<(), StorageError>;
}

/// One change.
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub table: Table,
    /// Of which key.
    pub key: Vec<u8>,
    /// To which value; `None` deletes the key, which need not be there.
    pub value: Option<Vec<u8>>,
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change")
            .field("table", &self.table)
            .field("key_bytes", &self.key.len())
            .field("value_bytes", &self.value.as_ref().map(Vec::len))
            .finish()
    }
}

/// Changes to be made all at once, in this order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes(Vec<Change>);

impl Changes {
    /// No changes.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Writes a value, in place of what there was.
    pub fn put(&mut self, table: Table, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.0.push(Change {
            table,
            key: key.into(),
            value: Some(value.into()),
        });
    }

    /// Deletes a key; it need not be there.
    pub fn delete(&mut self, table: Table, key: impl Into<Vec<u8>>) {
        self.0.push(Change {
            table,
            key: key.into(),
            value: None,
        });
    }
}

impl Deref for Changes {
    type Target = [Change];

    fn deref(&self) -> &[Change] {
        &self.0
    }
}

/// What went wrong with a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StorageFault {
    /// There is no room left.
    Full,
    /// Another program has it open.
    InUse,
    /// It is damaged.
    Damaged,
    /// A newer version of the program wrote it.
    Newer,
    /// Anything else.
    Other,
}

/// A storage has failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct StorageError {
    /// What kind of failure it is.
    pub fault: StorageFault,
    /// What happened and what to do, for the person.
    pub text: String,
}

impl StorageError {
    /// A failure with what to do about it.
    pub fn new(fault: StorageFault, text: impl Into<String>) -> Self {
        Self {
            fault,
            text: text.into(),
        }
    }

    pub(crate) fn damaged(what: &str) -> Self {
        Self::new(
            StorageFault::Damaged,
            format!("a record of {what} is damaged: restore the file or sign in anew"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::KeyRange;

    #[test]
    fn prefixes() {
        for (prefix, key, inside) in [
            (&b"ab"[..], &b"ab"[..], true),
            (b"ab", b"ab\xff\xff", true),
            (b"ab", b"ac", false),
            (b"ab", b"a", false),
            (b"a\xff", b"a\xff\x01", true),
            (b"a\xff", b"b", false),
            (b"\xff", b"\xff\xff", true),
            (b"", b"anything", true),
        ] {
            assert_eq!(KeyRange::prefix(prefix).contains(key), inside, "{key:?}");
        }
    }
}
