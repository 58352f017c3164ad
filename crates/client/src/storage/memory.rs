//! A storage in memory, for tests and for what need not outlive the process.

use std::collections::BTreeMap;
use std::fmt;

use super::{Changes, Direction, KeyRange, Row, Storage, StorageError, StorageFault, Table};

/// Everything in memory. A clone is a copy of what is in it now, as a disk would be found after a crash.
#[derive(Clone, Default)]
pub struct MemoryStorage {
    rows: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
    commits: u64,
    commits_left: Option<u64>,
}

impl MemoryStorage {
    /// An empty storage.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many commits there were.
    #[must_use]
    pub const fn commits(&self) -> u64 {
        self.commits
    }

    /// After `commits` more, every commit fails, as on a full disk; `None` ends that.
    pub const fn fail_after(&mut self, commits: Option<u64>) {
        self.commits_left = commits;
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl fmt::Debug for MemoryStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryStorage({} rows)", self.rows.len())
    }
}

impl Storage for MemoryStorage {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        Ok(self.rows.get(&(table, key.to_vec())).cloned())
    }

    fn scan(
        &self,
        table: Table,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Row>, StorageError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.rows.range((table, range.from.clone())..);
        let row = |(key, value): (&(Table, Vec<u8>), &Vec<u8>)| (key.1.clone(), value.clone());
        Ok(match direction {
            Direction::Forward => rows
                .take_while(|((of, key), _)| *of == table && range.contains(key))
                .take(limit)
                .map(row)
                .collect(),
            Direction::Backward => {
                let end = match &range.to {
                    Some(to) => std::ops::Bound::Excluded((table, to.clone())),
                    None => match Table::ALL.into_iter().find(|next| *next > table) {
                        Some(next) => std::ops::Bound::Excluded((next, Vec::new())),
                        None => std::ops::Bound::Unbounded,
                    },
                };
                let from = std::ops::Bound::Included((table, range.from.clone()));
                self.rows
                    .range((from, end))
                    .rev()
                    .take(limit)
                    .map(row)
                    .collect()
            }
        })
    }

    fn commit(&mut self, changes: &Changes) -> Result<(), StorageError> {
        match &mut self.commits_left {
            Some(0) => {
                return Err(StorageError::new(
                    StorageFault::Full,
                    "the storage fails because a test told it to",
                ));
            }
            Some(left) => *left -= 1,
            None => {}
        }
        self.commits += 1;
        for change in changes.iter() {
            let key = (change.table, change.key.clone());
            match &change.value {
                Some(value) => self.rows.insert(key, value.clone()),
                None => self.rows.remove(&key),
            };
        }
        Ok(())
    }
}
