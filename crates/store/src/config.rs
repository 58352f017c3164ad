//! What a store is opened with.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base::Timestamp;

/// Where the data are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A folder that holds the database and its lock; made when it is not there.
    Folder(PathBuf),
    /// In memory, gone when the store is dropped.
    Memory,
}

/// A source of wall time.
pub type Clock = std::sync::Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How a store works. All numbers have defaults; see [`StoreConfig::folder`] and
/// [`StoreConfig::inline`].
#[derive(Clone)]
pub struct StoreConfig {
    /// Where the data are.
    pub location: Location,
    /// Wall time for archive ids; asked once per submit.
    pub clock: Clock,
    /// Writes and reads run on the caller's thread and are done when the call returns. For
    /// simulations on a virtual clock.
    pub inline: bool,
    /// Threads that read; each is started when it is first needed.
    pub readers: usize,
    /// Most batches in one commit.
    pub commit_batches: usize,
    /// Most bytes of archive entries in one commit, after which the next commit begins.
    pub commit_bytes: usize,
    /// From this many bytes of waiting writes on, [`Store::congested`](crate::Store::congested)
    /// says so; at four times as many, writes are refused with
    /// [`StoreError::Overloaded`](crate::StoreError::Overloaded).
    pub queue_bytes: usize,
    /// Bytes of new archive entries that are held in memory (and in the journal) before they move
    /// to their places by account.
    pub tail_bytes: usize,
    /// Bytes of an archive chunk, at which it is full.
    pub chunk_bytes: usize,
    /// Most entries of an archive chunk.
    pub chunk_entries: usize,
    /// Bytes of the write-ahead log after which it is copied into the database.
    pub wal_bytes: usize,
    /// Longest time that moving entries may hold up waiting commits.
    pub slice: Duration,
    /// Largest size of the database in bytes, 0 for no bound. Beyond it writes fail like on a full
    /// disk.
    pub max_bytes: u64,
}

impl StoreConfig {
    /// A durable store in `folder`, on the system's clock.
    #[must_use]
    pub fn folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            location: Location::Folder(folder.into()),
            clock: std::sync::Arc::new(system_clock),
            inline: false,
            readers: 2,
            commit_batches: 256,
            commit_bytes: 1 << 20,
            queue_bytes: 16 << 20,
            tail_bytes: 8 << 20,
            chunk_bytes: 24 << 10,
            chunk_entries: 64,
            wal_bytes: 48 << 20,
            slice: Duration::from_millis(4),
            max_bytes: 0,
        }
    }

    /// A store in memory that works at once on the caller's thread and asks `clock` for the time.
    #[must_use]
    pub fn inline(clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self {
            location: Location::Memory,
            clock: std::sync::Arc::new(clock),
            inline: true,
            tail_bytes: 1 << 20,
            ..Self::folder(PathBuf::new())
        }
    }
}

fn system_clock() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
