//! The log.
//!
//! A file begins with 8 bytes that say what it is, its generation (u64), and a sealed nothing by which a wrong key is told
//! from a damaged file. Of two files the one with the higher generation counts. A commit appends one record and flushes;
//! a record that a crash has cut off is found by its seals and cut away. When half of a large file is of no use any more, what
//! is of use goes to the other file as it is, and the generation of that one is written last.

use client::storage::{Changes, Direction, KeyRange, Row, StorageFault, Table};
use client::{Randomness, Storage, StorageError};

use super::File;
use super::cipher::{DataKey, OVERHEAD};
use super::index::{Index, Place};
use super::record::{self, HEAD, Keys};

const MAGIC: [u8; 8] = *b"hpstore1";
/// Magic, generation, and the sealed nothing.
const START: u64 = (16 + OVERHEAD) as u64;
/// Files below this size are not tidied: it is not worth it.
const SMALL: u64 = 4 * 1024 * 1024;
/// How much goes into a record when tidying, in bytes.
const PIECE: usize = 1024 * 1024;
/// Largest value, in bytes.
const LARGEST: usize = 64 * 1024 * 1024;

/// A storage in two files.
pub struct Log<F> {
    file: F,
    other: F,
    key: DataKey,
    random: Box<dyn Randomness>,
    generation: u64,
    /// Where the next record goes.
    end: u64,
    index: Index,
}

fn damaged(what: &str) -> StorageError {
    let text = format!("what this device keeps is damaged ({what}): sign out and in anew");
    StorageError::new(StorageFault::Damaged, text)
}

impl<F: File> Log<F> {
    /// Opens what is in the files; empty ones become an empty storage.
    ///
    /// # Errors
    /// [`StorageError`], when they cannot be read, or were sealed under another key.
    pub fn open(
        one: F,
        two: F,
        key: DataKey,
        random: Box<dyn Randomness>,
    ) -> Result<Self, StorageError> {
        let generations = (generation(&one)?, generation(&two)?);
        let (file, other) = if generations.1 > generations.0 {
            (two, one)
        } else {
            (one, two)
        };
        let generation = generations.0.max(generations.1);
        let mut log = Self {
            file,
            other,
            key,
            random,
            generation: generation.unwrap_or(1),
            end: START,
            index: Index::default(),
        };
        if generation.is_none() {
            let head = log.start(1)?;
            log.file.truncate(0)?;
            log.file.write(0, &head)?;
            log.file.flush()?;
        } else {
            log.read()?;
        }
        log.other.truncate(0)?;
        Ok(log)
    }

    /// Ends it and gives the files back.
    pub fn close(self) -> (F, F) {
        (self.file, self.other)
    }

    fn start(&mut self, generation: u64) -> Result<Vec<u8>, StorageError> {
        let mut head = MAGIC.to_vec();
        head.extend_from_slice(&generation.to_le_bytes());
        let about = head.clone();
        self.key.seal(b"", &about, &mut *self.random, &mut head)?;
        Ok(head)
    }

    fn read(&mut self) -> Result<(), StorageError> {
        let mut start = [0; START as usize];
        self.file.read(0, &mut start)?;
        let (about, sealed) = start.split_at(16);
        if self.key.open(sealed, about).is_none() {
            return Err(damaged("its key is another one"));
        }
        let size = self.file.size()?;
        let mut last = None;
        while let Some((rows, values, next)) = self.record(self.end, size)? {
            last = Some((self.end, values));
            let mut at = values;
            for row in rows {
                let place = row.size.map(|size| Place { at, size });
                at += u64::from(row.size.unwrap_or(0));
                self.index.set(row.table, &row.key, place);
            }
            self.end = next;
        }
        // All others were flushed before the next one was written.
        if let Some((at, _)) = last
            && !self.is_whole(at)?
        {
            self.end = at;
            self.file.truncate(at)?;
            self.index = Index::default();
            let end = std::mem::replace(&mut self.end, START);
            while self.end < end
                && let Some((rows, values, next)) = self.record(self.end, end)?
            {
                let mut at = values;
                for row in rows {
                    let place = row.size.map(|size| Place { at, size });
                    at += u64::from(row.size.unwrap_or(0));
                    self.index.set(row.table, &row.key, place);
                }
                self.end = next;
            }
        }
        if self.end < size {
            self.file.truncate(self.end)?;
        }
        Ok(())
    }

    /// The record at a place: its keys, where its values begin, and where the next record would.
    fn record(
        &self,
        at: u64,
        size: u64,
    ) -> Result<Option<(Vec<record::Row>, u64, u64)>, StorageError> {
        let room = size.saturating_sub(at);
        if room < HEAD as u64 {
            return Ok(None);
        }
        let mut head = [0; HEAD];
        self.file.read(at, &mut head)?;
        let (keys, values) = record::sizes(head);
        let start = at + HEAD as u64;
        let (behind_keys, end) = (
            start + u64::from(keys),
            start + u64::from(keys) + u64::from(values),
        );
        if end > size || (keys as usize) < OVERHEAD {
            return Ok(None);
        }
        let mut sealed = vec![0; keys as usize];
        self.file.read(start, &mut sealed)?;
        let Some(plain) = self.key.open(&sealed, &self.about(at, head)) else {
            return Ok(None);
        };
        let rows = record::read(&plain).ok_or_else(|| damaged("its keys"))?;
        let sum: u64 = rows
            .iter()
            .map(|row| u64::from(row.size.unwrap_or(0)))
            .sum();
        if sum != u64::from(values) {
            return Err(damaged("its sizes"));
        }
        Ok(Some((rows, behind_keys, end)))
    }

    /// Whether all values of the record at a place can be opened.
    fn is_whole(&self, at: u64) -> Result<bool, StorageError> {
        let Some((rows, mut at, _)) = self.record(at, self.end)? else {
            return Ok(false);
        };
        for row in rows {
            let Some(size) = row.size else { continue };
            let mut sealed = vec![0; size as usize];
            self.file.read(at, &mut sealed)?;
            let about = record::about(row.table, &row.key);
            if self.key.open(&sealed, &about).is_none() {
                return Ok(false);
            }
            at += u64::from(size);
        }
        Ok(true)
    }

    fn about(&self, at: u64, head: [u8; HEAD]) -> Vec<u8> {
        about(self.generation, at, head)
    }

    fn value(&self, table: u8, key: &[u8], place: Place) -> Result<Vec<u8>, StorageError> {
        let mut sealed = vec![0; place.size as usize];
        self.file.read(place.at, &mut sealed)?;
        let plain = self.key.open(&sealed, &record::about(table, key));
        plain.ok_or_else(|| damaged("a value"))
    }

    /// Whether half of the file is of no use any more.
    fn is_untidy(&self) -> bool {
        self.end > SMALL && self.end / 2 > self.index.live()
    }

    /// Takes what is of use to the other file, and goes on there.
    fn tidy(&mut self) -> Result<(), StorageError> {
        let generation = self.generation + 1;
        let mut head = self.start(generation)?;
        let mut index = Index::default();
        self.other.truncate(0)?;
        // The generation is missing until all is there: nothing counts before.
        self.other.write(0, &vec![0; START as usize])?;
        let mut end = START;
        let mut keys = Keys::default();
        let mut values: Vec<u8> = Vec::new();
        let mut rows: Vec<(u8, Vec<u8>, u32)> = Vec::new();
        let mut all = self.index.rows().peekable();
        while let Some((table, key, place)) = all.next() {
            let from = values.len();
            values.resize(from + place.size as usize, 0);
            self.file
                .read(place.at, values.get_mut(from..).unwrap_or_default())?;
            keys.add(table, key, Some(place.size))
                .ok_or_else(|| damaged("a key"))?;
            rows.push((table, key.to_vec(), place.size));
            if values.len() >= PIECE || all.peek().is_none() {
                let bytes = sealed_record(
                    &self.key,
                    &mut *self.random,
                    generation,
                    end,
                    keys.bytes(),
                    &values,
                )?;
                self.other.write(end, &bytes)?;
                let mut at = end + (bytes.len() - values.len()) as u64;
                for (table, key, size) in rows.drain(..) {
                    index.set(table, &key, Some(Place { at, size }));
                    at += u64::from(size);
                }
                end += bytes.len() as u64;
                keys = Keys::default();
                values.clear();
            }
        }
        drop(all);
        self.other.flush()?;
        self.other.write(0, &head)?;
        self.other.flush()?;
        head.clear();
        std::mem::swap(&mut self.file, &mut self.other);
        self.generation = generation;
        self.index = index;
        self.end = end;
        // What stays there after a crash has the lower generation.
        self.other.truncate(0)
    }
}

fn about(generation: u64, at: u64, head: [u8; HEAD]) -> Vec<u8> {
    let mut about = head.to_vec();
    about.extend_from_slice(&generation.to_le_bytes());
    about.extend_from_slice(&at.to_le_bytes());
    about
}

/// A record as it is written: `values` are sealed already.
fn sealed_record(
    key: &DataKey,
    random: &mut dyn Randomness,
    generation: u64,
    at: u64,
    keys: &[u8],
    values: &[u8],
) -> Result<Vec<u8>, StorageError> {
    let head = record::head(keys.len() + OVERHEAD, values.len());
    let head = head.ok_or_else(|| {
        StorageError::new(StorageFault::Other, "this is too much to be kept at once")
    })?;
    let mut bytes = Vec::with_capacity(HEAD + keys.len() + OVERHEAD + values.len());
    bytes.extend_from_slice(&head);
    key.seal(keys, &about(generation, at, head), random, &mut bytes)?;
    bytes.extend_from_slice(values);
    Ok(bytes)
}

/// The generation of a file; `None` when it has none.
fn generation<F: File>(file: &F) -> Result<Option<u64>, StorageError> {
    if file.size()? < START {
        return Ok(None);
    }
    let mut start = [0; 16];
    file.read(0, &mut start)?;
    let (magic, number) = start.split_at(8);
    let mut generation = [0; 8];
    generation.copy_from_slice(number);
    let newer = magic.starts_with(b"hpstore") && magic != MAGIC;
    if newer {
        let text = "a newer version has written what this device keeps: reload the page";
        return Err(StorageError::new(StorageFault::Newer, text));
    }
    Ok((magic == MAGIC).then(|| u64::from_le_bytes(generation)))
}

impl<F: File> Storage for Log<F> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        let place = self.index.get(table.number(), key);
        place
            .map(|place| self.value(table.number(), key, place))
            .transpose()
    }

    fn scan(
        &self,
        table: Table,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Row>, StorageError> {
        let found = self.index.scan(table, range, direction, limit);
        let value = |(key, place): (Vec<u8>, Place)| {
            let value = self.value(table.number(), &key, place)?;
            Ok((key, value))
        };
        found.into_iter().map(value).collect()
    }

    fn commit(&mut self, changes: &Changes) -> Result<(), StorageError> {
        let mut keys = Keys::default();
        let mut values = Vec::new();
        let mut sizes = Vec::with_capacity(changes.len());
        for change in changes.iter() {
            let table = change.table.number();
            let size = match &change.value {
                Some(value) if value.len() > LARGEST => {
                    let text = "this is too large to be kept on this device";
                    return Err(StorageError::new(StorageFault::Other, text));
                }
                Some(value) => {
                    let about = record::about(table, &change.key);
                    self.key
                        .seal(value, &about, &mut *self.random, &mut values)?;
                    u32::try_from(value.len() + OVERHEAD).ok()
                }
                None => None,
            };
            keys.add(table, &change.key, size).ok_or_else(|| {
                StorageError::new(StorageFault::Other, "a key is too long to be kept")
            })?;
            sizes.push(size);
        }
        if keys.is_empty() {
            return Ok(());
        }
        let bytes = sealed_record(
            &self.key,
            &mut *self.random,
            self.generation,
            self.end,
            keys.bytes(),
            &values,
        )?;
        let written = self.file.write(self.end, &bytes);
        if let Err(error) = written.and_then(|()| self.file.flush()) {
            // What is there of it must not be taken for a commit; if even that fails, its seals will tell.
            let _ = self.file.truncate(self.end);
            return Err(error);
        }
        let mut at = self.end + (bytes.len() - values.len()) as u64;
        for (change, size) in changes.iter().zip(sizes) {
            let place = size.map(|size| Place { at, size });
            at += u64::from(size.unwrap_or(0));
            self.index.set(change.table.number(), &change.key, place);
        }
        self.end += bytes.len() as u64;
        if self.is_untidy()
            && let Err(error) = self.tidy()
            && error.fault != StorageFault::Full
        {
            return Err(error);
        }
        Ok(())
    }
}
