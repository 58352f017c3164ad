//! The suite that all backends share, over every form of the SQLite backend.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod folder;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use base::Timestamp;
use folder::Folder;
use store::conformance::{PARTS, Subject, run};
use store::{Store, StoreConfig};

/// In memory and inline, on a clock that steps by a millisecond.
struct Memory(Store);

fn ticking() -> impl Fn() -> Timestamp + Send + Sync + 'static {
    let now = Arc::new(AtomicI64::new(1_790_000_000_000_000));
    move || Timestamp::from_micros(now.fetch_add(1000, Ordering::Relaxed))
}

impl Subject for Memory {
    fn store(&self) -> &Store {
        &self.0
    }

    fn reopen(&mut self) {}
}

#[test]
fn memory_inline() {
    run(|| Memory(Store::open(StoreConfig::inline(ticking())).unwrap()));
}

#[test]
fn memory_inline_with_a_tiny_tail() {
    run(|| {
        let config = StoreConfig {
            tail_bytes: 3000,
            ..StoreConfig::inline(ticking())
        };
        Memory(Store::open(config).unwrap())
    });
}

/// In a folder.
struct File {
    store: Option<Store>,
    config: StoreConfig,
    reopens: bool,
    _folder: Folder,
}

impl File {
    fn new(reopens: bool, adapt: impl FnOnce(&mut StoreConfig)) -> Self {
        let folder = Folder::new();
        let mut config = StoreConfig::folder(folder.path());
        adapt(&mut config);
        let store = Some(Store::open(config.clone()).unwrap());
        Self {
            store,
            config,
            reopens,
            _folder: folder,
        }
    }
}

impl Subject for File {
    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn reopen(&mut self) {
        if self.reopens {
            drop(self.store.take());
            self.store = Some(Store::open(self.config.clone()).unwrap());
        }
    }
}

#[test]
fn file() {
    run(|| File::new(false, |_| ()));
}

#[test]
fn file_with_a_tiny_tail_and_log() {
    run(|| {
        File::new(false, |config| {
            config.tail_bytes = 3000;
            config.wal_bytes = 200_000;
            config.chunk_entries = 8;
        })
    });
}

#[test]
fn file_reopened_after_each_step() {
    run(|| File::new(true, |_| ()));
}

#[test]
fn file_inline_reopened_with_a_tiny_tail() {
    run(|| {
        File::new(true, |config| {
            config.inline = true;
            config.tail_bytes = 3000;
        })
    });
}

#[test]
fn parts_have_names_of_their_own() {
    let mut names: Vec<_> = PARTS.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), PARTS.len());
}
