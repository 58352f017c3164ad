//! The log on files in memory.

use std::cell::RefCell;
use std::rc::Rc;

use client::storage::{Changes, StorageFault, Table, conformance};
use client::{Storage, StorageError};

use super::{DataKey, File, Log};

/// A disk: what was flushed, and what was only written.
#[derive(Clone, Default)]
struct Disk(Rc<RefCell<Content>>);

#[derive(Clone, Default)]
struct Content {
    bytes: Vec<u8>,
    flushed: Vec<u8>,
    room: Option<usize>,
}

impl File for Disk {
    fn size(&self) -> Result<u64, StorageError> {
        Ok(self.0.borrow().bytes.len() as u64)
    }

    fn read(&self, at: u64, into: &mut [u8]) -> Result<(), StorageError> {
        let content = self.0.borrow();
        let at = at as usize;
        into.copy_from_slice(&content.bytes[at..at + into.len()]);
        Ok(())
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), StorageError> {
        let mut content = self.0.borrow_mut();
        let at = at as usize;
        let end = at + bytes.len();
        if content.room.is_some_and(|room| end > room) {
            let half = bytes.len() / 2;
            content.bytes.resize(at, 0);
            content.bytes.extend_from_slice(&bytes[..half]);
            return Err(StorageError::new(StorageFault::Full, "full"));
        }
        if content.bytes.len() < end {
            content.bytes.resize(end, 0);
        }
        content.bytes[at..end].copy_from_slice(bytes);
        Ok(())
    }

    fn truncate(&mut self, size: u64) -> Result<(), StorageError> {
        self.0.borrow_mut().bytes.resize(size as usize, 0);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StorageError> {
        let mut content = self.0.borrow_mut();
        content.flushed = content.bytes.clone();
        Ok(())
    }
}

fn key() -> DataKey {
    DataKey::new(&[7; 32]).unwrap()
}

/// Different each time, which is all that matters here.
fn dice() -> Box<dyn client::Randomness> {
    let mut count = 0u64;
    Box::new(move |bytes: &mut [u8]| {
        for chunk in bytes.chunks_mut(8) {
            count += 1;
            chunk.copy_from_slice(&count.to_le_bytes()[..chunk.len()]);
        }
    })
}

fn open(one: &Disk, two: &Disk) -> Log<Disk> {
    Log::open(one.clone(), two.clone(), key(), dice()).unwrap()
}

fn put(log: &mut Log<Disk>, key: &[u8], value: &[u8]) {
    let mut changes = Changes::new();
    changes.put(Table::State, key, value);
    log.commit(&changes).unwrap();
}

#[test]
fn the_log_is_a_storage() {
    conformance::run(
        || open(&Disk::default(), &Disk::default()),
        |log| {
            let (one, two) = log.close();
            open(&two, &one)
        },
    );
}

/// Whatever a crash leaves of the last record, the ones before are there and the last one is there or not.
#[test]
fn a_record_that_was_cut_off_is_no_commit() {
    let (one, two) = (Disk::default(), Disk::default());
    let mut log = open(&one, &two);
    put(&mut log, b"a", b"first");
    let before = one.0.borrow().bytes.len();
    let mut changes = Changes::new();
    changes.put(Table::State, *b"a", *b"second");
    changes.put(Table::State, *b"b", [9; 100]);
    log.commit(&changes).unwrap();
    let whole = one.0.borrow().bytes.clone();
    for cut in before..=whole.len() {
        for filled in [false, true] {
            let disk = Disk::default();
            let mut bytes = whole[..cut].to_vec();
            if filled {
                // The size is there before the bytes are.
                bytes.resize(whole.len(), 0);
            }
            disk.0.borrow_mut().bytes = bytes;
            let mut log = open(&disk, &Disk::default());
            let is_there = cut == whole.len();
            let expected: &[u8] = if is_there { b"second" } else { b"first" };
            assert_eq!(log.get(Table::State, b"a").unwrap().unwrap(), expected);
            assert_eq!(log.get(Table::State, b"b").unwrap().is_some(), is_there);
            // And it goes on from there.
            put(&mut log, b"c", b"third");
            let log = open(&disk, &Disk::default());
            assert_eq!(log.get(Table::State, b"c").unwrap().unwrap(), b"third");
            assert_eq!(log.get(Table::State, b"a").unwrap().unwrap(), expected);
        }
    }
}

/// What is of no use any more goes, and nothing else; a crash while it goes loses nothing.
#[test]
fn half_of_the_file_is_of_use() {
    let (one, two) = (Disk::default(), Disk::default());
    let mut log = open(&one, &two);
    put(&mut log, b"stays", b"here");
    for round in 0..40u8 {
        put(&mut log, b"changes", &vec![round; 512 * 1024]);
        let size = one.size().unwrap() + two.size().unwrap();
        assert!(size < 6 * 1024 * 1024, "{size}");
        // As after a crash: what was flushed is there.
        let (first, second) = (Disk::default(), Disk::default());
        first.0.borrow_mut().bytes = one.0.borrow().flushed.clone();
        second.0.borrow_mut().bytes = two.0.borrow().flushed.clone();
        let log = open(&first, &second);
        assert_eq!(log.get(Table::State, b"stays").unwrap().unwrap(), b"here");
        let changed = log.get(Table::State, b"changes").unwrap().unwrap();
        assert_eq!(changed.first(), Some(&round));
    }
}

#[test]
fn a_full_disk_changes_nothing() {
    let (one, two) = (Disk::default(), Disk::default());
    let mut log = open(&one, &two);
    put(&mut log, b"a", b"first");
    one.0.borrow_mut().room = Some(one.size().unwrap() as usize + 64);
    let mut changes = Changes::new();
    changes.put(Table::State, *b"a", [1; 1000]);
    assert_eq!(log.commit(&changes).unwrap_err().fault, StorageFault::Full);
    assert_eq!(log.get(Table::State, b"a").unwrap().unwrap(), b"first");
    one.0.borrow_mut().room = None;
    put(&mut log, b"b", b"second");
    let log = open(&one, &two);
    assert_eq!(log.get(Table::State, b"a").unwrap().unwrap(), b"first");
    assert_eq!(log.get(Table::State, b"b").unwrap().unwrap(), b"second");
}

/// Neither keys nor values can be read from the files, and another key opens nothing and breaks nothing.
#[test]
fn what_is_kept_is_sealed() {
    let (one, two) = (Disk::default(), Disk::default());
    let mut log = open(&one, &two);
    put(&mut log, b"name of a key", b"what was said");
    let bytes = one.0.borrow().bytes.clone();
    let says = |words: &[u8]| bytes.windows(words.len()).any(|window| window == words);
    assert!(!says(b"name of a key") && !says(b"what was said"));
    let other = DataKey::new(&[8; 32]).unwrap();
    let Err(error) = Log::open(one.clone(), two.clone(), other, dice()) else {
        panic!("it opened");
    };
    assert_eq!(error.fault, StorageFault::Damaged);
    assert_eq!(one.0.borrow().bytes, bytes);
    let log = open(&one, &two);
    assert!(log.get(Table::State, b"name of a key").unwrap().is_some());
}
