//! Entries of batches, and rows of the journal that hold those of one commit.

use std::ops::Range;

use bytes::Bytes;
use smallvec::SmallVec;

use super::{
    ADDRESS, Cursor, Damage, Read, VERSION, flags_byte, flags_of, opened, put, put_optional,
    put_text, sealed,
};
use crate::archive::{ArchiveOwner, EntryFlags};
use crate::batch::Copy;
use crate::{ArchiveId, OwnerId};

/// One owner's record in an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OwnerRecord<'a> {
    pub(crate) id: OwnerId,
    pub(crate) flags: EntryFlags,
    pub(crate) with: &'a str,
    pub(crate) resource: Option<&'a str>,
}

/// A copy as the journal says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JournalCopy {
    pub(crate) id: ArchiveId,
    pub(crate) owner: OwnerId,
    pub(crate) owner_at: u32,
    pub(crate) stanza_at: u32,
    pub(crate) hidden: bool,
}

/// Appends one entry with all its owners to a batch.
pub(crate) fn push_entry(
    entries: &mut Vec<u8>,
    copies: &mut SmallVec<[Copy; 2]>,
    stanza: &[u8],
    owners: &[ArchiveOwner<'_>],
) {
    let first = copies.len();
    let addresses: usize = owners.iter().map(|owner| owner.with.len() + 40).sum();
    entries.reserve(stanza.len() + addresses + 16);
    put(entries, owners.len() as u64);
    for owner in owners {
        copies.push(Copy {
            owner: owner.id,
            owner_at: entries.len() as u32,
            stanza_at: 0,
            offline: owner.flags.offline,
            hidden: owner.flags.hidden,
        });
        put(entries, owner.id.number().unsigned_abs());
        entries.push(flags_byte(owner.flags));
        put_text(entries, cut(owner.with).as_bytes());
        put_optional(entries, owner.with_resource.map(cut));
    }
    let stanza_at = entries.len() as u32;
    for copy in &mut copies[first..] {
        copy.stanza_at = stanza_at;
    }
    put_text(entries, stanza);
}

/// Addresses are short by RFC 7622; one that is not must not make the archive unreadable.
fn cut(address: &str) -> &str {
    &address[..address.floor_char_boundary(ADDRESS)]
}

/// The owner record at `at`.
pub(crate) fn owner(bytes: &[u8], at: u32) -> Read<OwnerRecord<'_>> {
    read_owner(&mut Cursor {
        bytes,
        at: at as usize,
    })
}

fn read_owner<'a>(cursor: &mut Cursor<'a>) -> Read<OwnerRecord<'a>> {
    let id = i64::try_from(cursor.number()?).map_err(|_| Damage("an owner is too large"))?;
    let flags = flags_of(cursor.byte()?)?;
    let length = cursor.number()?;
    let with = cursor.address(length)?;
    let resource = cursor.optional()?;
    Ok(OwnerRecord {
        id: OwnerId::from_number(id),
        flags,
        with,
        resource,
    })
}

/// Where the stanza is whose length is at `at`.
pub(crate) fn stanza(bytes: &[u8], at: u32) -> Read<Range<usize>> {
    Cursor {
        bytes,
        at: at as usize,
    }
    .text_span()
}

/// Builds one row of the journal.
#[derive(Debug)]
pub(crate) struct JournalWriter {
    bytes: Vec<u8>,
}

impl JournalWriter {
    /// A row with room for `capacity` bytes of entries.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity + 64);
        bytes.push(VERSION);
        Self { bytes }
    }

    /// Whether nothing was added.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.len() == 1
    }

    /// Adds the entries of one batch; gives where they begin in the row.
    pub(crate) fn section(&mut self, first: ArchiveId, copies: usize, entries: &[u8]) -> u32 {
        self.bytes.extend_from_slice(&first.number().to_le_bytes());
        put(&mut self.bytes, copies as u64);
        put(&mut self.bytes, entries.len() as u64);
        let at = self.bytes.len() as u32;
        self.bytes.extend_from_slice(entries);
        at
    }

    /// The finished row.
    pub(crate) fn finish(self) -> Bytes {
        sealed(self.bytes)
    }
}

/// All copies that a row of the journal holds, in the order of their ids.
pub(crate) fn journal(bytes: &[u8]) -> Read<Vec<JournalCopy>> {
    let bytes = opened(bytes)?;
    let mut cursor = Cursor { bytes, at: 1 };
    let mut copies = Vec::new();
    while cursor.at < bytes.len() {
        let first = cursor.span(8)?;
        let first = i64::from_le_bytes(bytes[first].try_into().unwrap_or_default());
        let count = cursor.number()?;
        let length = cursor.number()?;
        let end = cursor.span(length)?.end;
        cursor.at = end - length as usize;
        let mut inner = Cursor {
            bytes: &bytes[..end],
            at: cursor.at,
        };
        let mut seen = 0u64;
        while inner.at < end {
            let owners = inner.number()?;
            let from = copies.len();
            for _ in 0..owners {
                let owner_at = inner.at as u32;
                let owner = read_owner(&mut inner)?;
                let id = i64::try_from(seen)
                    .ok()
                    .and_then(|seen| first.checked_add(seen));
                let id = id
                    .filter(|id| *id >= 0)
                    .ok_or(Damage("an id is too large"))?;
                seen += 1;
                copies.push(JournalCopy {
                    id: ArchiveId::from_number(id),
                    owner: owner.id,
                    owner_at,
                    stanza_at: 0,
                    hidden: owner.flags.hidden,
                });
            }
            let stanza_at = inner.at as u32;
            inner.text_span()?;
            for copy in &mut copies[from..] {
                copy.stanza_at = stanza_at;
            }
        }
        if seen != count {
            return Err(Damage("it does not hold as many entries as it says"));
        }
        cursor.at = end;
    }
    Ok(copies)
}

/// Whether the bytes are a row of the journal; never panics. For fuzzing.
#[must_use]
pub fn check_journal(bytes: &[u8]) -> bool {
    let Ok(copies) = journal(bytes) else {
        return false;
    };
    copies.iter().all(|copy| {
        owner(bytes, copy.owner_at).is_ok_and(|owner| owner.id == copy.owner)
            && stanza(bytes, copy.stanza_at).is_ok()
    })
}
