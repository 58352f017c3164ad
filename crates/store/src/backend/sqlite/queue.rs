//! What waits to be written, in the order of submits, already parted into commits.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;
use smallvec::SmallVec;

use super::archive::expire::Expiry;
use crate::ids::IdSource;
use crate::ticket::{Commit, Outcome};
use crate::{Answer, ArchiveId, Batch, RosterVersion, StoreConfig, StoreError, Submitted, Ticket};

/// One thing to be written.
pub(super) enum Job {
    Batch {
        batch: Batch,
        /// Id of its first archive copy.
        first: ArchiveId,
        version: RosterVersion,
    },
    Task(Box<dyn Task>),
    Expire(Expiry, Answer<u64>),
}

/// A write that has a result.
pub(super) trait Task: Send {
    /// Writes; called again when the first commit failed because of another write.
    fn run(&mut self, connection: &Connection) -> Result<(), StoreError>;
    /// Answers, once it is known how the commit ended.
    fn finish(self: Box<Self>, outcome: Result<(), StoreError>);
}

/// A [`Task`] from a function.
pub(super) struct Function<T, F> {
    function: F,
    result: Option<T>,
    answer: Answer<T>,
}

impl<T, F> Function<T, F> {
    pub(super) fn new(function: F, answer: Answer<T>) -> Self {
        Self {
            function,
            result: None,
            answer,
        }
    }
}

impl<T: Send, F> Task for Function<T, F>
where
    F: FnMut(&Connection) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.result = Some((self.function)(connection)?);
        Ok(())
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Self { result, answer, .. } = *self;
        answer.give(outcome.and_then(|()| result.ok_or(StoreError::Closed)));
    }
}

/// What one commit writes.
pub(super) struct Group {
    pub(super) commit: Arc<Commit>,
    pub(super) jobs: Vec<Job>,
    pub(super) bytes: usize,
}

impl Drop for Group {
    /// Should the writer fall over, nobody waits for ever.
    fn drop(&mut self) {
        if !self.commit.is_resolved() {
            self.commit.resolve(Outcome::Failed(StoreError::Closed));
        }
    }
}

/// What the writer is to do next.
pub(super) enum Next {
    Write(Group),
    /// Nothing waits.
    Idle,
    /// Nothing waits, and nothing will come.
    Closed,
}

struct State {
    groups: VecDeque<Group>,
    ids: IdSource,
    closed: bool,
    /// The writer waits to be woken.
    asleep: bool,
}

pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    /// Bytes that wait or are being written.
    bytes: AtomicU64,
}

impl Queue {
    /// A queue whose ids come after `last`.
    pub(super) fn new(last: i64) -> Self {
        let ids = IdSource::after(last);
        let state = State {
            groups: VecDeque::new(),
            ids,
            closed: false,
            asleep: false,
        };
        Self {
            state: Mutex::new(state),
            wake: Condvar::new(),
            bytes: AtomicU64::new(0),
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Takes a batch in. Ids are given and the place in the order is fixed under one short lock.
    pub(super) fn submit(&self, config: &StoreConfig, batch: Batch) -> Submitted {
        let copies = batch.copies.len();
        let versioned = batch.versioned;
        let now = (config.clock)();
        let weight = batch.weight();
        let full = self.bytes() > config.queue_bytes as u64 * 4;
        let huge = batch.entries.len() > u32::MAX as usize / 4;

        let mut state = self.state.lock();
        let first = state.ids.take(now, copies + usize::from(versioned));
        let version = if versioned {
            first.saturating_add(copies as i64)
        } else {
            0
        };
        let version = RosterVersion::from_number(version);
        let error = if state.closed {
            Some(StoreError::Closed)
        } else if huge {
            Some(StoreError::Refused(
                "more than a gigabyte cannot be archived at once".into(),
            ))
        } else {
            full.then_some(StoreError::Overloaded)
        };
        let ticket = match error {
            Some(error) => Ticket::failed(error),
            None if batch.is_empty() => Ticket::DONE,
            None => {
                let first = ArchiveId::from_number(first);
                let job = Job::Batch {
                    batch,
                    first,
                    version,
                };
                let (commit, place) = self.push(&mut state, config, job, weight);
                Ticket::new(&commit, place)
            }
        };
        drop(state);
        let ids: SmallVec<_> = (0..copies as i64)
            .map(|step| ArchiveId::from_number(first + step))
            .collect();
        Submitted {
            ids,
            version,
            ticket,
        }
    }

    /// A version for a write that has a result.
    pub(super) fn version(&self, config: &StoreConfig) -> RosterVersion {
        let now = (config.clock)();
        RosterVersion::from_number(self.state.lock().ids.take(now, 1))
    }

    /// Takes anything else in, behind all batches so far; gives it back when the queue is closed.
    pub(super) fn add(&self, config: &StoreConfig, job: Job, weight: usize) {
        let mut state = self.state.lock();
        if !state.closed {
            self.push(&mut state, config, job, weight);
        }
    }

    fn push(
        &self,
        state: &mut State,
        config: &StoreConfig,
        job: Job,
        weight: usize,
    ) -> (Arc<Commit>, u32) {
        let open = state.groups.back().is_some_and(|group| {
            group.jobs.len() < config.commit_batches && group.bytes < config.commit_bytes
        });
        if !open {
            let commit = Arc::new(Commit::default());
            state.groups.push_back(Group {
                commit,
                jobs: Vec::new(),
                bytes: 0,
            });
        }
        self.bytes.fetch_add(weight as u64, Ordering::Relaxed);
        if state.asleep {
            state.asleep = false;
            self.wake.notify_one();
        }
        match state.groups.back_mut() {
            Some(group) => {
                let place = group.jobs.len() as u32;
                group.jobs.push(job);
                group.bytes += weight;
                (Arc::clone(&group.commit), place)
            }
            None => (Arc::default(), 0),
        }
    }

    /// What is to be written next; waits for it up to `patience` (`None`: as long as it takes).
    pub(super) fn next(&self, patience: Option<Duration>) -> Next {
        let mut state = self.state.lock();
        loop {
            if let Some(group) = state.groups.pop_front() {
                return Next::Write(group);
            }
            if state.closed {
                return Next::Closed;
            }
            state.asleep = true;
            match patience {
                Some(Duration::ZERO) => {
                    state.asleep = false;
                    return Next::Idle;
                }
                Some(patience) => {
                    if self.wake.wait_for(&mut state, patience).timed_out() {
                        state.asleep = false;
                        if state.groups.is_empty() && !state.closed {
                            return Next::Idle;
                        }
                    }
                }
                None => self.wake.wait(&mut state),
            }
        }
    }

    /// The group was decided.
    pub(super) fn written(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.wake.notify_one();
    }

    /// Closes, and fails what waits: there is no writer any more.
    pub(super) fn abandon(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        let groups = std::mem::take(&mut state.groups);
        drop(state);
        drop(groups);
    }
}
