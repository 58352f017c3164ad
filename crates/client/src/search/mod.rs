//! Search over what was said: a local index in the [`Storage`], made of decrypted text, that never leaves the device.
//!
//! Words are found whatever their case and accents (`muller` and `Mueller` find *Müller*), and by their beginnings; in
//! quotation marks as they stand, one behind the other. Filters narrow it: see [`Query::parse`].
//!
//! # How it is kept
//! The words of a message, folded, are one small row (the *tail*), written with the message in one commit. [`tidy`] moves
//! the tail, when it has [`TAIL_ROWS`] rows, into *chunks* of up to [`CHUNK_MESSAGES`] messages: their words in one piece,
//! which is searched as fast as memory is read. Beside each chunk stand the times it spans, and a Bloom filter over the
//! beginnings and trigrams of its words, so that most of them are never opened. An edit or a removal is a row in the tail
//! that hides what a chunk says, until `tidy` mends the chunk.
//!
//! Results come newest first, in pages; the search goes back in time only as far as a page needs.
//!
//! ```
//! use client::search::{self, Entry, Has, Query};
//! use client::storage::{Changes, MemoryStorage, Storage};
//! use client::{ConversationId, Timestamp};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut storage = MemoryStorage::new();
//! let mut changes = Changes::new(); // with the message itself
//! search::insert(&mut changes, &Entry {
//!     conversation: &ConversationId::parse("juliet@capulet.example")?,
//!     message: "000640000000000000000001".parse()?,
//!     sender: "juliet@capulet.example",
//!     has: Has::default(),
//!     texts: &["Treffen wir uns im Café?"],
//! });
//! storage.commit(&changes)?;
//! let now = Timestamp::from_seconds(1_800_000_000);
//! let page = search::find(&storage, &Query::parse("cafe treff", now, 60)?, None, 20)?;
//! assert_eq!(page.hits.len(), 1);
//! # Ok(())
//! # }
//! ```

mod chunk;
mod filter;
mod finding;
mod index;
mod query;
mod words;

#[cfg(test)]
mod tests;

use crate::storage::database::Database;
use crate::storage::{Direction, KeyRange, Row, Storage, StorageError, Table};
use crate::views::{ConversationId, MessageKey};

pub use finding::find;
pub use index::{insert, remove, replace, tidy};
pub use query::{Named, Query, QueryError};

/// With so many rows in the tail, [`tidy`] moves them into chunks.
pub const TAIL_ROWS: usize = 512;
/// Most messages of a chunk.
pub const CHUNK_MESSAGES: usize = 256;
/// Most bytes of a message's folded words that are kept; what is behind is not found.
pub const MOST_TEXT_BYTES: usize = 16 * 1024;

/// What a message has beside words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Has {
    /// A file of any kind.
    pub file: bool,
    /// A link.
    pub link: bool,
    /// A picture.
    pub image: bool,
    /// A voice message.
    pub voice: bool,
}

impl Has {
    fn bits(self) -> u8 {
        [self.file, self.link, self.image, self.voice]
            .into_iter()
            .enumerate()
            .fold(0, |bits, (at, has)| bits | u8::from(has) << at)
    }
}

/// A message as the search sees it.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'e> {
    /// Where it was said.
    pub conversation: &'e ConversationId,
    /// Which message: its order is its time.
    pub message: MessageKey,
    /// Who said it: the account where it is known, else the name in the room.
    pub sender: &'e str,
    /// What it has beside words.
    pub has: Has,
    /// Its words, and those of its files and previews; a phrase does not go over from one to the next.
    pub texts: &'e [&'e str],
}

/// A message that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// Which message.
    pub message: MessageKey,
    /// Where it was said.
    pub conversation: ConversationId,
}

/// Where the next page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(Hit);

/// Some of what was found, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The messages.
    pub hits: Vec<Hit>,
    /// Where it goes on; `None` when there are no more.
    pub next: Option<Cursor>,
}

/// The rows of the index: those of a [`Storage`], with what an operation has changed and not committed yet.
pub trait Rows {
    /// The value of a key.
    ///
    /// # Errors
    /// [`StorageError`], when it cannot be read.
    fn row(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError>;

    /// At most `limit` rows of a range.
    ///
    /// # Errors
    /// [`StorageError`], when they cannot be read.
    fn rows(
        &self,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Row>, StorageError>;
}

impl<S: Storage> Rows for S {
    fn row(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        self.get(Table::Search, key)
    }

    fn rows(
        &self,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Row>, StorageError> {
        self.scan(Table::Search, range, direction, limit)
    }
}

impl<S: Storage> Rows for Database<S> {
    fn row(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        self.get(Table::Search, key)
    }

    fn rows(
        &self,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Row>, StorageError> {
        self.scan(Table::Search, range, direction, limit)
    }
}
