//! Tickets: what a writer holds until its write is on the disk.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use crate::StoreError;

/// Resolves when the write is durable, or says why it is not kept.
///
/// Tickets resolve in the order of their submits. All writes of one commit share one allocation.
#[derive(Debug)]
#[must_use = "a write is only kept once its ticket says so"]
pub struct Ticket {
    commit: Option<Arc<Commit>>,
    /// Place of the write in its commit.
    index: u32,
    /// Where this ticket's waker is in the commit's list.
    waiting: Option<u32>,
}

impl Ticket {
    /// Nothing to wait for.
    pub const DONE: Self = Self {
        commit: None,
        index: 0,
        waiting: None,
    };

    pub(crate) fn new(commit: &Arc<Commit>, index: u32) -> Self {
        Self {
            commit: Some(Arc::clone(commit)),
            index,
            waiting: None,
        }
    }

    /// A ticket that has failed already.
    pub(crate) fn failed(error: StoreError) -> Self {
        let commit = Arc::new(Commit::default());
        commit.resolve(Outcome::Failed(error));
        Self::new(&commit, 0)
    }

    /// Whether the write is decided: polling would be ready. It may have failed.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.commit
            .as_ref()
            .is_none_or(|commit| commit.is_resolved())
    }

    /// Whether there is nothing to wait for: not merely decided, which may be a failure.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.commit.is_none()
    }

    /// Blocks the thread until the write is decided. For the command line and tests.
    ///
    /// # Errors
    /// What the commit failed with.
    pub fn wait(self) -> Result<(), StoreError> {
        crate::wait(self)
    }
}

/// Another hold on the same write, which waits for itself.
impl Clone for Ticket {
    fn clone(&self) -> Self {
        Self {
            commit: self.commit.clone(),
            index: self.index,
            waiting: None,
        }
    }
}

impl Future for Ticket {
    type Output = Result<(), StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self {
            commit,
            index,
            waiting,
        } = &mut *self;
        let Some(shared) = commit else {
            return Poll::Ready(Ok(()));
        };
        match shared.poll(*index, waiting, cx.waker()) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(result) => {
                if result.is_ok() {
                    *commit = None;
                }
                Poll::Ready(result)
            }
        }
    }
}

const OPEN: u8 = 0;
const KEPT: u8 = 1;
const MIXED: u8 = 2;

/// How a commit ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Everything is durable.
    Kept,
    /// Nothing is kept.
    Failed(StoreError),
    /// These writes, by place, are not kept; the others are.
    Mixed(Vec<(u32, StoreError)>),
}

/// Shared by all tickets of one commit.
#[derive(Debug, Default)]
pub(crate) struct Commit {
    state: AtomicU8,
    inner: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    wakers: Vec<Waker>,
    outcome: Option<Outcome>,
}

impl Commit {
    /// Whether it was decided.
    pub(crate) fn is_resolved(&self) -> bool {
        self.state.load(Ordering::Acquire) != OPEN
    }

    /// Decides the commit and wakes all that wait, in the order in which they began to wait.
    pub(crate) fn resolve(&self, outcome: Outcome) {
        let mut inner = self.inner.lock();
        let state = if matches!(outcome, Outcome::Kept) {
            KEPT
        } else {
            MIXED
        };
        inner.outcome = Some(outcome);
        self.state.store(state, Ordering::Release);
        let wakers = std::mem::take(&mut inner.wakers);
        drop(inner);
        for waker in wakers {
            waker.wake();
        }
    }

    fn poll(
        &self,
        index: u32,
        waiting: &mut Option<u32>,
        waker: &Waker,
    ) -> Poll<Result<(), StoreError>> {
        if self.state.load(Ordering::Acquire) == KEPT {
            return Poll::Ready(Ok(()));
        }
        let mut inner = self.inner.lock();
        match &inner.outcome {
            Some(Outcome::Kept) => Poll::Ready(Ok(())),
            Some(Outcome::Failed(error)) => Poll::Ready(Err(error.clone())),
            Some(Outcome::Mixed(failed)) => {
                let error = failed.iter().find(|(place, _)| *place == index);
                Poll::Ready(error.map_or(Ok(()), |(_, error)| Err(error.clone())))
            }
            None => {
                match waiting.and_then(|slot| inner.wakers.get_mut(slot as usize)) {
                    Some(held) => held.clone_from(waker),
                    None => {
                        *waiting = u32::try_from(inner.wakers.len()).ok();
                        inner.wakers.push(waker.clone());
                    }
                }
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixed_commit_fails_exactly_the_named() {
        let commit = Arc::new(Commit::default());
        let tickets: Vec<Ticket> = (0..3).map(|index| Ticket::new(&commit, index)).collect();
        assert!(tickets.iter().all(|ticket| !ticket.is_ready()));
        commit.resolve(Outcome::Mixed(vec![(1, StoreError::DiskFull)]));
        let results: Vec<_> = tickets.into_iter().map(Ticket::wait).collect();
        assert_eq!(results, [Ok(()), Err(StoreError::DiskFull), Ok(())]);
        assert_eq!(Ticket::DONE.wait(), Ok(()));
    }
}
