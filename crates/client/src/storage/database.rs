//! The storage behind everything: what one operation changes gathers here, is seen by those who read after it, and goes
//! to the disk in one commit.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use super::{Changes, Direction, KeyRange, Row, Storage, StorageError, Table};

/// A handle on the storage; clones are the same storage.
pub(crate) struct Database<S>(Arc<Mutex<Inner<S>>>);

struct Inner<S> {
    storage: S,
    /// What was changed since the last commit.
    changed: BTreeMap<(Table, Vec<u8>), Option<Vec<u8>>>,
}

impl<S> Clone for Database<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Storage> Database<S> {
    pub(crate) fn new(storage: S) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            storage,
            changed: BTreeMap::new(),
        })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&S) -> T) -> T {
        look(&self.inner().storage)
    }

    /// Gives the storage back, if this is the only handle.
    pub(crate) fn into_storage(self) -> Option<S> {
        let inner = Arc::into_inner(self.0)?;
        Some(
            inner
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner)
                .storage,
        )
    }

    pub(crate) fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        let inner = self.inner();
        if !inner.changed.is_empty()
            && let Some(changed) = inner.changed.get(&(table, key.to_vec()))
        {
            return Ok(changed.clone());
        }
        inner.storage.get(table, key)
    }

    pub(crate) fn scan(
        &self,
        table: Table,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Row>, StorageError> {
        let inner = self.inner();
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let changed: Vec<_> = inner
            .changed
            .range((table, range.from.clone())..)
            .take_while(|((of, key), _)| *of == table && range.contains(key))
            .collect();
        if changed.is_empty() {
            return inner.storage.scan(table, range, direction, limit);
        }
        // Each changed key may hide one of those that are stored.
        let stored =
            inner
                .storage
                .scan(table, range, direction, limit.saturating_add(changed.len()))?;
        let mut rows: BTreeMap<Vec<u8>, Vec<u8>> = stored.into_iter().collect();
        for ((_, key), value) in changed {
            match value {
                Some(value) => rows.insert(key.clone(), value.clone()),
                None => rows.remove(key),
            };
        }
        Ok(match direction {
            Direction::Forward => rows.into_iter().take(limit).collect(),
            Direction::Backward => rows.into_iter().rev().take(limit).collect(),
        })
    }

    pub(crate) fn put(&self, table: Table, key: Vec<u8>, value: Vec<u8>) {
        self.inner().changed.insert((table, key), Some(value));
    }

    pub(crate) fn delete(&self, table: Table, key: Vec<u8>) {
        self.inner().changed.insert((table, key), None);
    }

    /// Takes changes that somebody else has gathered.
    pub(crate) fn apply(&self, changes: &Changes) {
        let mut inner = self.inner();
        for change in changes.iter() {
            let key = (change.table, change.key.clone());
            inner.changed.insert(key, change.value.clone());
        }
    }

    /// Writes down what has gathered.
    pub(crate) fn commit(&self) -> Result<(), StorageError> {
        let mut inner = self.inner();
        if inner.changed.is_empty() {
            return Ok(());
        }
        let mut changes = Changes::new();
        for ((table, key), value) in std::mem::take(&mut inner.changed) {
            match value {
                Some(value) => changes.put(table, key, value),
                None => changes.delete(table, key),
            }
        }
        inner.storage.commit(&changes)
    }
}

/// The records of the end-to-end encryption, in a table of the same storage. Their commits gather with what else the
/// operation changes: a ratchet that has moved and the message for which it did are written down together.
pub(crate) struct Keys<S>(pub(crate) Database<S>);

impl<S: Storage> omemo::KeyStore for Keys<S> {
    type Error = StorageError;

    fn load(&self, name: &str) -> Result<Option<omemo::RecordBytes>, StorageError> {
        let value = self.0.get(Table::Keys, name.as_bytes())?;
        Ok(value.map(Zeroizing::new))
    }

    fn scan(&self, prefix: &str) -> Result<Vec<(String, omemo::RecordBytes)>, StorageError> {
        let range = KeyRange::prefix(prefix.as_bytes());
        let rows = self
            .0
            .scan(Table::Keys, &range, Direction::Forward, usize::MAX)?;
        rows.into_iter()
            .map(|(key, value)| {
                let name = String::from_utf8(key).map_err(|_| StorageError::damaged("keys"))?;
                Ok((name, Zeroizing::new(value)))
            })
            .collect()
    }

    fn commit(&mut self, changes: &omemo::Changes) -> Result<(), StorageError> {
        for (name, bytes) in changes.iter() {
            let key = name.as_bytes().to_vec();
            match bytes {
                Some(bytes) => self.0.put(Table::Keys, key, bytes.to_vec()),
                None => self.0.delete(Table::Keys, key),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::MemoryStorage;

    /// What was not committed is as good as what was, for those who read through the same handle.
    #[test]
    fn uncommitted_changes_are_seen() {
        let database = Database::new(MemoryStorage::new());
        for key in [b"a", b"b", b"c", b"d"] {
            database.put(Table::State, key.to_vec(), b"old".to_vec());
        }
        database.commit().unwrap();
        database.delete(Table::State, b"a".to_vec());
        database.put(Table::State, b"b".to_vec(), b"new".to_vec());
        database.put(Table::State, b"bb".to_vec(), b"new".to_vec());
        assert_eq!(database.get(Table::State, b"a").unwrap(), None);
        let rows = |direction, limit| -> Vec<String> {
            let rows = database.scan(Table::State, &KeyRange::all(), direction, limit);
            let text = |bytes| String::from_utf8(bytes).unwrap();
            let rows = rows.unwrap().into_iter();
            rows.map(|(key, value)| format!("{} {}", text(key), text(value)))
                .collect()
        };
        assert_eq!(rows(Direction::Forward, 2), ["b new", "bb new"]);
        assert_eq!(rows(Direction::Backward, 3), ["d old", "c old", "bb new"]);
        let on_disk = database.with(|storage| storage.get(Table::State, b"a").unwrap());
        assert_eq!(on_disk, Some(b"old".to_vec()));
    }
}
