//! The handle that everybody holds.

use std::sync::Arc;

use crate::backend::{Backend, sqlite::Sqlite};
use crate::{Batch, OpenError, StoreConfig, Submitted};

/// The store: cheap to clone, shared by all. Dropping the last clone, or [`Store::close`], writes what
/// waits and closes it.
#[derive(Clone)]
pub struct Store(Arc<dyn Backend>);

impl Store {
    /// Opens or makes the store that `config` names.
    ///
    /// # Errors
    /// Says what stands in the way and what to do; see [`OpenError`].
    pub fn open(config: StoreConfig) -> Result<Self, OpenError> {
        Ok(Self(Arc::new(Sqlite::open(config)?)))
    }

    /// A store over another backend.
    #[must_use]
    pub fn over(backend: Arc<dyn Backend>) -> Self {
        Self(backend)
    }

    /// Hands a batch over to be written. Never blocks on the disk: ids are given at once, and the
    /// ticket resolves when the batch is durable. The order of submits is the order of ids, of commits
    /// and of tickets.
    pub fn submit(&self, batch: Batch) -> Submitted {
        self.0.submit(batch)
    }

    /// More writes wait than the disk keeps up with: take no more input from clients for now.
    #[must_use]
    pub fn congested(&self) -> bool {
        self.0.congested()
    }

    /// Figures for metrics.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.0.figures()
    }

    /// Writes what waits, then closes. Later writes and reads fail with
    /// [`StoreError::Closed`](crate::StoreError::Closed).
    pub fn close(&self) {
        self.0.close();
    }

    pub(crate) fn backend(&self) -> &dyn Backend {
        &*self.0
    }
}

/// Counters since the store was opened, and gauges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Batches that are durable.
    pub batches: u64,
    /// Archive copies that are durable.
    pub entries: u64,
    /// Commits, each with one sync of the disk.
    pub commits: u64,
    /// Commits that failed.
    pub failed_commits: u64,
    /// The last commit failed by the disk's fault, not by its content: nothing can be kept.
    pub failing: bool,
    /// Bytes that wait to be written.
    pub queued_bytes: u64,
    /// Bytes of archive entries in the journal and in memory.
    pub tail_bytes: u64,
    /// Bytes of the write-ahead log.
    pub wal_bytes: u64,
}
