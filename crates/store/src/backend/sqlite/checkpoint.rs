//! Copying the write-ahead log into the database on a thread of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};

use super::schema;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Resting,
    Asked,
    Running,
    Done,
    Closed,
}

struct Shared {
    phase: Mutex<Phase>,
    changed: Condvar,
}

/// The handle that the writer holds; dropped, the thread ends.
pub(super) struct Checkpointer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    path: PathBuf,
}

impl Checkpointer {
    /// A thread that is started when it is first asked.
    pub(super) fn new(path: PathBuf) -> Self {
        let shared = Shared {
            phase: Mutex::new(Phase::Resting),
            changed: Condvar::new(),
        };
        let mut checkpointer = Self {
            shared: Arc::new(shared),
            thread: None,
            path,
        };
        checkpointer.start();
        checkpointer
    }

    fn start(&mut self) {
        let shared = Arc::clone(&self.shared);
        let path = self.path.clone();
        let work = move || {
            let mut connection = None;
            let mut phase = shared.phase.lock();
            loop {
                match *phase {
                    Phase::Closed => return,
                    Phase::Asked => {
                        *phase = Phase::Running;
                        drop(phase);
                        if connection.is_none() {
                            connection = schema::open_checkpointer(&path).ok();
                        }
                        if let Some(connection) = &connection {
                            // What it cannot copy now it copies the next time.
                            let _ =
                                connection
                                    .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
                        }
                        phase = shared.phase.lock();
                        if *phase == Phase::Running {
                            *phase = Phase::Done;
                        }
                    }
                    _ => shared.changed.wait(&mut phase),
                }
            }
        };
        self.thread = thread::Builder::new()
            .name("store-checkpoint".into())
            .spawn(work)
            .ok();
    }

    /// Asks for a run, if none is under way.
    pub(super) fn begin(&self) {
        let mut phase = self.shared.phase.lock();
        if *phase == Phase::Resting {
            *phase = Phase::Asked;
            self.shared.changed.notify_one();
        }
    }

    /// Whether a run has ended since the last call.
    pub(super) fn take_done(&self) -> bool {
        let mut phase = self.shared.phase.lock();
        let done = *phase == Phase::Done;
        if done {
            *phase = Phase::Resting;
        }
        done
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        *self.shared.phase.lock() = Phase::Closed;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
