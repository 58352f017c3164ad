//! Where the value of each key stands.

use std::collections::BTreeMap;
use std::ops::Bound;

use client::storage::{Direction, KeyRange, Table};

/// Where a sealed value stands in the file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) at: u64,
    /// Its size, sealed, in bytes.
    pub(super) size: u32,
}

/// Places by table and key, and how many bytes of the file they are.
#[derive(Default)]
pub(super) struct Index {
    tables: BTreeMap<u8, BTreeMap<Box<[u8]>, Place>>,
    live: u64,
}

/// What an entry costs in the file beside its value, about.
const KEY_COST: u64 = 12;

fn cost(key: &[u8], place: Place) -> u64 {
    KEY_COST + key.len() as u64 + u64::from(place.size)
}

fn owned<K: AsRef<[u8]>>((key, place): (K, &Place)) -> (Vec<u8>, Place) {
    (key.as_ref().to_vec(), *place)
}

impl Index {
    pub(super) fn get(&self, table: u8, key: &[u8]) -> Option<Place> {
        self.tables.get(&table)?.get(key).copied()
    }

    pub(super) fn set(&mut self, table: u8, key: &[u8], place: Option<Place>) {
        let rows = self.tables.entry(table).or_default();
        let before = match place {
            Some(place) => {
                self.live += cost(key, place);
                rows.insert(key.into(), place)
            }
            None => rows.remove(key),
        };
        if let Some(before) = before {
            self.live = self.live.saturating_sub(cost(key, before));
        }
    }

    /// How many bytes of the file are of use, about.
    pub(super) const fn live(&self) -> u64 {
        self.live
    }

    pub(super) fn scan(
        &self,
        table: Table,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Vec<(Vec<u8>, Place)> {
        let Some(rows) = self.tables.get(&table.number()) else {
            return Vec::new();
        };
        if range.is_empty() {
            return Vec::new();
        }
        let from = Bound::Included(range.from.as_slice());
        let to = match &range.to {
            Some(to) => Bound::Excluded(to.as_slice()),
            None => Bound::Unbounded,
        };
        let found = rows.range::<[u8], _>((from, to));
        match direction {
            Direction::Forward => found.take(limit).map(owned).collect(),
            Direction::Backward => found.rev().take(limit).map(owned).collect(),
        }
    }

    /// All rows, in order.
    pub(super) fn rows(&self) -> impl Iterator<Item = (u8, &[u8], Place)> {
        self.tables.iter().flat_map(|(table, rows)| {
            rows.iter()
                .map(move |(key, place)| (*table, &**key, *place))
        })
    }
}
