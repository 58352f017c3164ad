//! Entries that are in the journal and not in chunks yet, by owner.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::Bytes;

use super::super::error::damaged;
use super::page::Filter;
use crate::archive::codec::{self, Entry, JournalCopy};
use crate::{ArchiveId, ArchiveItem, OwnerId, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// One row of the journal.
#[derive(Debug)]
struct Row {
    seq: i64,
    bytes: Bytes,
}

/// One entry of one owner.
#[derive(Clone, Debug)]
pub(in super::super) struct TailEntry {
    pub(in super::super) id: ArchiveId,
    row: Arc<Row>,
    owner_at: u32,
    stanza_at: u32,
    hidden: bool,
}

/// The entries of one owner.
#[derive(Debug, Default)]
struct OwnerTail {
    /// In the order of their ids.
    entries: Vec<TailEntry>,
    /// How many of them are hidden.
    hidden: usize,
}

impl TailEntry {
    /// Roughly how many bytes it takes in a chunk.
    pub(super) fn size(&self) -> usize {
        let stanza = codec::stanza(&self.row.bytes, self.stanza_at);
        stanza.map_or(0, |stanza| stanza.len()) + 16
    }

    /// What it says.
    pub(super) fn read(&self) -> Result<Entry<'_>> {
        let bytes = &self.row.bytes;
        let broken = || format!("archive journal row {}", self.row.seq);
        let owner = codec::owner(bytes, self.owner_at).map_err(damaged(broken))?;
        let stanza = codec::stanza(bytes, self.stanza_at).map_err(damaged(broken))?;
        Ok(Entry {
            flags: owner.flags,
            with: owner.with,
            resource: owner.resource,
            stanza: &bytes[stanza],
        })
    }

    /// As a reader gets it; the stanza shares the journal row's memory.
    pub(super) fn item(&self) -> Result<ArchiveItem> {
        let entry = self.read()?;
        Ok(ArchiveItem {
            id: self.id,
            timestamp: self.id.timestamp(),
            flags: entry.flags,
            stanza: self.row.bytes.slice_ref(entry.stanza),
        })
    }
}

/// Owner numbers are spread well enough by one multiplication.
#[derive(Default)]
pub(in super::super) struct OwnerHasher(u64);

impl Hasher for OwnerHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_i64(&mut self, number: i64) {
        self.write_u64(number.cast_unsigned());
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0.rotate_left(26)
    }
}

/// The whole tail.
#[derive(Debug, Default)]
pub(in super::super) struct Tail {
    owners: HashMap<OwnerId, OwnerTail, BuildHasherDefault<OwnerHasher>>,
    /// Rows of the journal that are not deleted yet: number, bytes, largest id.
    rows: VecDeque<(i64, usize, ArchiveId)>,
    bytes: usize,
}

impl Tail {
    /// Adds a row of the journal that is durable; `copies` in the order of their ids.
    pub(in super::super) fn add(
        &mut self,
        seq: i64,
        bytes: Bytes,
        copies: impl IntoIterator<Item = JournalCopy>,
    ) {
        let length = bytes.len();
        let row = Arc::new(Row { seq, bytes });
        let mut last = ArchiveId::FIRST;
        for JournalCopy {
            id,
            owner,
            owner_at,
            stanza_at,
            hidden,
        } in copies
        {
            last = id;
            let tail = self.owners.entry(owner).or_default();
            tail.hidden += usize::from(hidden);
            let row = Arc::clone(&row);
            tail.entries.push(TailEntry {
                id,
                row,
                owner_at,
                stanza_at,
                hidden,
            });
        }
        self.rows.push_back((seq, length, last));
        self.bytes += length;
    }

    /// Bytes of the journal's rows, deleted ones not counted.
    pub(in super::super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The newest row and the largest id in any row.
    pub(in super::super) fn newest(&self) -> Option<(i64, ArchiveId)> {
        self.rows.back().map(|(seq, _, last)| (*seq, *last))
    }

    /// All owners that have entries, sorted.
    pub(in super::super) fn owners(&self) -> Vec<OwnerId> {
        let mut owners: Vec<_> = self.owners.keys().copied().collect();
        owners.sort_unstable();
        owners
    }

    /// The oldest `max` entries of an owner up to `through`.
    pub(in super::super) fn oldest(
        &self,
        owner: OwnerId,
        through: ArchiveId,
        max: usize,
    ) -> Vec<TailEntry> {
        let entries = self.entries(owner, ArchiveId::FIRST..=through);
        entries[..entries.len().min(max)].to_vec()
    }

    /// Forgets entries of an owner up to `through`: they are in chunks now.
    pub(in super::super) fn moved(&mut self, owner: OwnerId, through: ArchiveId) {
        let Some(tail) = self.owners.get_mut(&owner) else {
            return;
        };
        let gone = tail.entries.partition_point(|entry| entry.id <= through);
        if gone == tail.entries.len() {
            self.owners.remove(&owner);
        } else {
            tail.hidden -= tail
                .entries
                .drain(..gone)
                .filter(|entry| entry.hidden)
                .count();
            tail.entries.shrink_to(tail.entries.len() * 2);
        }
    }

    /// Forgets rows up to `seq`: they are deleted.
    pub(in super::super) fn deleted(&mut self, seq: i64) {
        while let Some((_, length, _)) = self.rows.pop_front_if(|(row, _, _)| *row <= seq) {
            self.bytes -= length;
        }
    }

    fn entries(&self, owner: OwnerId, ids: RangeInclusive<ArchiveId>) -> &[TailEntry] {
        let Some(OwnerTail { entries, .. }) = self.owners.get(&owner) else {
            return &[];
        };
        let from = entries.partition_point(|entry| entry.id < *ids.start());
        let to = entries.partition_point(|entry| entry.id <= *ids.end());
        entries.get(from..to).unwrap_or_default()
    }

    /// The entry of an owner with this id.
    pub(super) fn find(&self, owner: OwnerId, id: ArchiveId) -> Option<TailEntry> {
        self.entries(owner, id..=id).first().cloned()
    }

    /// The first (or, `backward`, last) `max` entries of an owner that match, oldest first.
    pub(super) fn matching(
        &self,
        owner: OwnerId,
        filter: &Filter,
        max: usize,
        backward: bool,
    ) -> Result<Vec<TailEntry>> {
        let entries = self.entries(owner, filter.low..=filter.high);
        let mut found = Vec::with_capacity(max.min(entries.len()));
        let mut take = |entry: &TailEntry| -> Result<bool> {
            if filter.matches(&entry.read()?) {
                found.push(entry.clone());
            }
            Ok(found.len() < max)
        };
        if backward {
            for entry in entries.iter().rev() {
                if !take(entry)? {
                    break;
                }
            }
            found.reverse();
        } else {
            for entry in entries {
                if !take(entry)? {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// The first entry of an owner, and how many it has that are not hidden.
    pub(super) fn extent(&self, owner: OwnerId) -> Option<(ArchiveId, i64)> {
        let tail = self.owners.get(&owner)?;
        let visible = tail.entries.len() - tail.hidden;
        Some((
            tail.entries.first()?.id,
            i64::try_from(visible).unwrap_or(i64::MAX),
        ))
    }

    /// Whether an owner has entries before `limit`.
    pub(in super::super) fn begins_before(&self, limit: ArchiveId) -> bool {
        let mut tails = self.owners.values();
        tails.any(|tail| tail.entries.first().is_some_and(|entry| entry.id < limit))
    }
}
