//! Threads that read, each with a connection of its own.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;

use super::schema;
use crate::StoreError;

/// What a thread is asked to do; it gets the reason when there is no connection.
pub(super) type Request = Box<dyn FnOnce(Result<&Connection, StoreError>) + Send>;

struct State {
    requests: VecDeque<Request>,
    idle: usize,
    threads: Vec<JoinHandle<()>>,
    closed: bool,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    path: PathBuf,
    most: usize,
}

/// The reading threads; started when they are needed.
pub(super) struct Readers(Arc<Shared>);

impl Readers {
    pub(super) fn new(path: PathBuf, most: usize) -> Self {
        let state = State {
            requests: VecDeque::new(),
            idle: 0,
            threads: Vec::new(),
            closed: false,
        };
        let most = most.max(1);
        Self(Arc::new(Shared {
            state: Mutex::new(state),
            wake: Condvar::new(),
            path,
            most,
        }))
    }

    /// Hands a request over. When the readers are closed it is dropped, which answers it.
    pub(super) fn ask(&self, request: Request) {
        let mut state = self.0.state.lock();
        if state.closed {
            return;
        }
        state.requests.push_back(request);
        if state.idle > 0 {
            self.0.wake.notify_one();
        } else if state.threads.len() < self.0.most {
            let shared = Arc::clone(&self.0);
            let name = format!("store-reader-{}", state.threads.len());
            if let Ok(thread) = thread::Builder::new()
                .name(name)
                .spawn(move || work(&shared))
            {
                state.threads.push(thread);
            } else if state.threads.is_empty() {
                state.requests.clear();
            }
        }
    }

    /// Answers what waits, then ends the threads.
    pub(super) fn close(&self) {
        let threads = {
            let mut state = self.0.state.lock();
            state.closed = true;
            std::mem::take(&mut state.threads)
        };
        self.0.wake.notify_all();
        let this = thread::current().id();
        for thread in threads
            .into_iter()
            .filter(|thread| thread.thread().id() != this)
        {
            let _ = thread.join();
        }
    }
}

fn work(shared: &Shared) {
    let connection = schema::open_reader(&shared.path);
    loop {
        let request = {
            let mut state = shared.state.lock();
            loop {
                if let Some(request) = state.requests.pop_front() {
                    break request;
                }
                if state.closed {
                    return;
                }
                state.idle += 1;
                shared.wake.wait(&mut state);
                state.idle -= 1;
            }
        };
        // A panic costs one answer (it says that the store is closed), not the thread.
        let usable = connection.as_ref().map_err(StoreError::clone);
        let ended = catch_unwind(AssertUnwindSafe(|| request(usable)));
        if let (Err(_), Ok(connection)) = (ended, &connection) {
            let _ = connection.execute_batch("ROLLBACK");
        }
    }
}
