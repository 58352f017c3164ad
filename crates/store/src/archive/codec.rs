//! How archive entries are written down: the journal's rows and the chunks.
//!
//! Everything begins with a version byte and ends with a checksum; all that is read back is checked
//! against its bounds. Numbers are LEB128 unless said otherwise.
//!
//! ```text
//! entry   = owners:n { account:n flags:u8 with:text resource:text+1 } stanza:text
//! journal = 1:u8 { first-id:i64le copies:n length:n entry… } checksum:u64le
//! chunk   = 1:u8 peers:n { with:text } { id-step:n flags:u8 peer:n resource:text+1 stanza:text } checksum:u64le
//! ```
//! `text` is a length and that many bytes; `text+1` has 0 for none, else length + 1. Copies of one
//! section of the journal have consecutive ids, beginning with its first.

use std::ops::Range;

use bytes::Bytes;
use smallvec::SmallVec;

use super::{ArchiveOwner, EntryFlags};
use crate::batch::Copy;
use crate::{AccountId, ArchiveId};

const VERSION: u8 = 1;
const CHECKSUM: usize = 8;
/// Longest address part that is accepted back; RFC 7622 §3.1 allows 3071 for a whole address.
const ADDRESS: usize = 4096;

/// What is wrong with bytes that were read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Damage(pub(crate) &'static str);

type Read<T> = Result<T, Damage>;

/// One owner's record in an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OwnerRecord<'a> {
    pub(crate) account: AccountId,
    pub(crate) flags: EntryFlags,
    pub(crate) with: &'a str,
    pub(crate) resource: Option<&'a str>,
}

/// A copy as the journal says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JournalCopy {
    pub(crate) id: ArchiveId,
    pub(crate) account: AccountId,
    pub(crate) owner_at: u32,
    pub(crate) stanza_at: u32,
    pub(crate) hidden: bool,
}

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn put_text(bytes: &mut Vec<u8>, text: &[u8]) {
    put(bytes, text.len() as u64);
    bytes.extend_from_slice(text);
}

fn put_optional(bytes: &mut Vec<u8>, text: Option<&str>) {
    match text {
        None => bytes.push(0),
        Some(text) => {
            put(bytes, text.len() as u64 + 1);
            bytes.extend_from_slice(text.as_bytes());
        }
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn byte(&mut self) -> Read<u8> {
        let byte = *self.bytes.get(self.at).ok_or(Damage("it ends early"))?;
        self.at += 1;
        Ok(byte)
    }

    fn number(&mut self) -> Read<u64> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                break;
            }
            number |= part << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Damage("a number is too large"))
    }

    fn span(&mut self, length: u64) -> Read<Range<usize>> {
        let length = usize::try_from(length).map_err(|_| Damage("a length is too large"))?;
        let end = self
            .at
            .checked_add(length)
            .filter(|end| *end <= self.bytes.len());
        let end = end.ok_or(Damage("a length points behind the end"))?;
        let span = self.at..end;
        self.at = end;
        Ok(span)
    }

    fn text_span(&mut self) -> Read<Range<usize>> {
        let length = self.number()?;
        self.span(length)
    }

    fn address(&mut self, length: u64) -> Read<&'a str> {
        if length > ADDRESS as u64 {
            return Err(Damage("an address is too long"));
        }
        let span = self.span(length)?;
        std::str::from_utf8(&self.bytes[span]).map_err(|_| Damage("an address is not UTF-8"))
    }

    fn optional(&mut self) -> Read<Option<&'a str>> {
        match self.number()? {
            0 => Ok(None),
            length => self.address(length - 1).map(Some),
        }
    }
}

const OUTGOING: u8 = 1;
const OFFLINE: u8 = 2;
const HIDDEN: u8 = 4;
const GROUPCHAT: u8 = 8;

fn flags_byte(flags: EntryFlags) -> u8 {
    let EntryFlags {
        outgoing,
        offline,
        hidden,
        groupchat,
    } = flags;
    u8::from(outgoing) * OUTGOING
        | u8::from(offline) * OFFLINE
        | u8::from(hidden) * HIDDEN
        | u8::from(groupchat) * GROUPCHAT
}

fn flags_of(byte: u8) -> Read<EntryFlags> {
    if byte & !(OUTGOING | OFFLINE | HIDDEN | GROUPCHAT) != 0 {
        return Err(Damage("a flag is unknown"));
    }
    Ok(EntryFlags {
        outgoing: byte & OUTGOING != 0,
        offline: byte & OFFLINE != 0,
        hidden: byte & HIDDEN != 0,
        groupchat: byte & GROUPCHAT != 0,
    })
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
            account: owner.account,
            owner_at: entries.len() as u32,
            stanza_at: 0,
            offline: owner.flags.offline,
            hidden: owner.flags.hidden,
        });
        put(entries, owner.account.number().unsigned_abs());
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
    let account = i64::try_from(cursor.number()?).map_err(|_| Damage("an account is too large"))?;
    let flags = flags_of(cursor.byte()?)?;
    let length = cursor.number()?;
    let with = cursor.address(length)?;
    let resource = cursor.optional()?;
    Ok(OwnerRecord {
        account: AccountId::from_number(account),
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

fn sealed(mut bytes: Vec<u8>) -> Bytes {
    let sum = checksum(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes.into()
}

/// Content of a row or chunk, when version and checksum are right.
fn opened(bytes: &[u8]) -> Read<&[u8]> {
    let content = bytes
        .len()
        .checked_sub(CHECKSUM)
        .filter(|length| *length > 0);
    let (content, sum) = bytes.split_at(content.ok_or(Damage("it ends early"))?);
    if content[0] != VERSION {
        return Err(Damage("its version is unknown"));
    }
    if checksum(content).to_le_bytes() != sum {
        return Err(Damage("its checksum is wrong"));
    }
    Ok(content)
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
                    account: owner.account,
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

/// Builds one chunk.
#[derive(Debug, Default)]
pub(crate) struct ChunkWriter {
    peers: Vec<Box<str>>,
    body: Vec<u8>,
    first: i64,
    last: i64,
    count: usize,
    hidden: usize,
}

/// A finished chunk.
#[derive(Debug)]
pub(crate) struct WrittenChunk {
    pub(crate) bytes: Bytes,
    pub(crate) first: ArchiveId,
    pub(crate) last: ArchiveId,
    pub(crate) count: usize,
    /// How many of them are hidden.
    pub(crate) hidden: usize,
    /// Bare addresses, each once.
    pub(crate) peers: Vec<Box<str>>,
}

impl ChunkWriter {
    /// Adds an entry; ids must grow.
    pub(crate) fn push(&mut self, id: ArchiveId, entry: &Entry<'_>) {
        if self.count == 0 {
            self.first = id.number();
            self.last = id.number();
        }
        put(
            &mut self.body,
            id.number().wrapping_sub(self.last).unsigned_abs(),
        );
        self.last = id.number();
        self.count += 1;
        self.hidden += usize::from(entry.flags.hidden);
        self.body.push(flags_byte(entry.flags));
        // The last peers first: people answer each other.
        let peer = self.peers.iter().rposition(|peer| **peer == *entry.with);
        let peer = peer.unwrap_or_else(|| {
            self.peers.push(entry.with.into());
            self.peers.len() - 1
        });
        put(&mut self.body, peer as u64);
        put_optional(&mut self.body, entry.resource);
        put_text(&mut self.body, entry.stanza);
    }

    /// How many entries it holds.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Size so far in bytes, but for the peers.
    pub(crate) fn size(&self) -> usize {
        self.body.len()
    }

    /// The finished chunk; the writer is empty again.
    pub(crate) fn finish(&mut self) -> WrittenChunk {
        let peers = std::mem::take(&mut self.peers);
        let addresses: usize = peers.iter().map(|peer| peer.len() + 2).sum();
        let mut bytes = Vec::with_capacity(self.body.len() + addresses + 16);
        bytes.push(VERSION);
        put(&mut bytes, peers.len() as u64);
        for peer in &peers {
            put_text(&mut bytes, peer.as_bytes());
        }
        bytes.append(&mut self.body);
        let written = WrittenChunk {
            bytes: sealed(bytes),
            first: ArchiveId::from_number(self.first),
            last: ArchiveId::from_number(self.last),
            count: self.count,
            hidden: self.hidden,
            peers,
        };
        (self.first, self.last, self.count, self.hidden) = (0, 0, 0, 0);
        written
    }
}

/// One entry of one owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) flags: EntryFlags,
    pub(crate) with: &'a str,
    pub(crate) resource: Option<&'a str>,
    pub(crate) stanza: &'a [u8],
}

/// A chunk that was read back.
#[derive(Debug)]
pub(crate) struct Chunk {
    bytes: Bytes,
    /// Where each entry is, oldest first.
    pub(crate) entries: Vec<ChunkEntry>,
    peers: SmallVec<[Range<usize>; 4]>,
}

/// Where an entry of a chunk is.
#[derive(Clone, Debug)]
pub(crate) struct ChunkEntry {
    pub(crate) id: ArchiveId,
    pub(crate) flags: EntryFlags,
    peer: u32,
    resource: Option<(u32, u32)>,
    stanza: (u32, u32),
}

impl Chunk {
    /// Reads a chunk whose first entry has the id `first`.
    pub(crate) fn parse(bytes: Bytes, first: ArchiveId) -> Read<Self> {
        let content = opened(&bytes)?;
        let mut cursor = Cursor {
            bytes: content,
            at: 1,
        };
        let mut peers = SmallVec::new();
        for _ in 0..cursor.number()? {
            let length = cursor.number()?;
            let at = cursor.at;
            cursor.address(length)?;
            peers.push(at..cursor.at);
        }
        let mut id = first.number();
        let mut entries = Vec::with_capacity(64);
        while cursor.at < content.len() {
            let step = i64::try_from(cursor.number()?).ok();
            let next = step.and_then(|step| id.checked_add(step));
            id = next.ok_or(Damage("an id is too large"))?;
            let flags = flags_of(cursor.byte()?)?;
            let peer = cursor.number()?;
            if peer >= peers.len() as u64 {
                return Err(Damage("a peer is not in its list"));
            }
            let length = cursor.number()?;
            let resource = match length {
                0 => None,
                length => {
                    let at = cursor.at as u32;
                    cursor.address(length - 1)?;
                    Some((at, cursor.at as u32))
                }
            };
            let stanza = cursor.text_span()?;
            let stanza = (stanza.start as u32, stanza.end as u32);
            let id = ArchiveId::from_number(id);
            entries.push(ChunkEntry {
                id,
                flags,
                peer: peer as u32,
                resource,
                stanza,
            });
        }
        Ok(Self {
            bytes,
            entries,
            peers,
        })
    }

    fn text(&self, span: Range<usize>) -> &str {
        // Checked when the chunk was parsed; checking again is cheap beside reading it.
        std::str::from_utf8(&self.bytes[span]).unwrap_or_default()
    }

    /// The bare addresses in it, each once.
    pub(crate) fn peers(&self) -> impl Iterator<Item = &str> {
        self.peers.iter().map(|peer| self.text(peer.clone()))
    }

    /// The entry without copying it.
    pub(crate) fn entry(&self, entry: &ChunkEntry) -> Entry<'_> {
        Entry {
            flags: entry.flags,
            with: self.text(self.peers[entry.peer as usize].clone()),
            resource: entry
                .resource
                .map(|(from, to)| self.text(from as usize..to as usize)),
            stanza: &self.bytes[entry.stanza.0 as usize..entry.stanza.1 as usize],
        }
    }

    /// The entry's stanza, sharing the chunk's memory.
    pub(crate) fn stanza(&self, entry: &ChunkEntry) -> Bytes {
        self.bytes
            .slice(entry.stanza.0 as usize..entry.stanza.1 as usize)
    }
}

/// Finds bytes that changed on the disk; no protection against somebody who wants to deceive.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut sum = bytes.len() as u64 ^ FACTOR;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        sum = (sum.rotate_left(23) ^ u64::from_le_bytes(*word)).wrapping_mul(FACTOR);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    sum = (sum.rotate_left(23) ^ u64::from_le_bytes(last)).wrapping_mul(FACTOR);
    sum ^ (sum >> 29)
}

/// Whether the bytes are a row of the journal; never panics. For fuzzing.
#[must_use]
pub fn check_journal(bytes: &[u8]) -> bool {
    let Ok(copies) = journal(bytes) else {
        return false;
    };
    copies.iter().all(|copy| {
        owner(bytes, copy.owner_at).is_ok_and(|owner| owner.account == copy.account)
            && stanza(bytes, copy.stanza_at).is_ok()
    })
}

/// Whether the bytes are a chunk; never panics. For fuzzing.
#[must_use]
pub fn check_chunk(bytes: &[u8]) -> bool {
    let Ok(chunk) = Chunk::parse(bytes.to_vec().into(), ArchiveId::FIRST) else {
        return false;
    };
    chunk
        .entries
        .iter()
        .all(|entry| *chunk.stanza(entry) == *chunk.entry(entry).stanza)
}

/// The bytes with the checksum that they ought to have, so that fuzzing gets behind it.
#[must_use]
pub fn with_checksum(bytes: &[u8]) -> Vec<u8> {
    sealed(bytes.to_vec()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner_of(account: i64, with: &str) -> ArchiveOwner<'_> {
        let flags = EntryFlags {
            outgoing: account == 1,
            ..EntryFlags::default()
        };
        let account = AccountId::from_number(account);
        ArchiveOwner {
            account,
            with,
            with_resource: Some("🫠"),
            flags,
        }
    }

    #[test]
    fn journal_and_back() {
        let mut entries = Vec::new();
        let mut copies = SmallVec::new();
        let owners = [owner_of(1, "b@x"), owner_of(300, "a@x")];
        push_entry(&mut entries, &mut copies, b"<message/>", &owners);
        push_entry(
            &mut entries,
            &mut copies,
            b"<message>2</message>",
            &owners[..1],
        );
        let mut row = JournalWriter::with_capacity(entries.len());
        assert!(row.is_empty());
        let at = row.section(ArchiveId::from_number(70), copies.len(), &entries);
        let row = row.finish();
        let read = journal(&row).expect("what was written can be read");
        assert_eq!(read.len(), 3);
        for (index, (copy, read)) in copies.iter().zip(&read).enumerate() {
            assert_eq!(read.id.number(), 70 + index as i64);
            assert_eq!(
                (copy.owner_at + at, copy.stanza_at + at),
                (read.owner_at, read.stanza_at)
            );
        }
        let second = owner(&row, read[1].owner_at).expect("the owner record");
        assert_eq!(
            (second.account.number(), second.with, second.resource),
            (300, "a@x", Some("🫠"))
        );
        assert!(!second.flags.outgoing);
        assert_eq!(
            &row[stanza(&row, read[2].stanza_at).expect("the stanza")],
            b"<message>2</message>"
        );
        for length in 0..row.len() {
            assert!(journal(&row[..length]).is_err(), "cut at {length}");
            let mut wrong = row.to_vec();
            wrong[length] ^= 0x40;
            assert!(journal(&wrong).is_err(), "flipped at {length}");
        }
    }

    #[test]
    fn chunk_and_back() {
        let mut writer = ChunkWriter::default();
        let flags = EntryFlags {
            hidden: true,
            ..EntryFlags::default()
        };
        let one = Entry {
            flags,
            with: "b@x",
            resource: None,
            stanza: b"<message/>",
        };
        let two = Entry {
            with: "c@x",
            resource: Some("phone"),
            flags: EntryFlags::default(),
            ..one
        };
        for (id, entry) in [(5, &one), (9, &two), (10_000, &one)] {
            writer.push(ArchiveId::from_number(id), entry);
        }
        let written = writer.finish();
        assert_eq!((written.first.number(), written.last.number()), (5, 10_000));
        assert_eq!(
            (written.count, written.hidden, written.peers.len()),
            (3, 2, 2)
        );
        assert_eq!((writer.count(), writer.size()), (0, 0));
        let chunk = Chunk::parse(written.bytes.clone(), written.first).expect("a chunk");
        assert_eq!(chunk.entries[1].id.number(), 9);
        assert_eq!(chunk.entry(&chunk.entries[1]), two);
        assert_eq!(chunk.entry(&chunk.entries[2]), one);
        assert_eq!(chunk.entries[2].id, written.last);
        for length in 0..written.bytes.len() {
            assert!(!check_chunk(&written.bytes[..length]), "cut at {length}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let mut bytes = bytes;
            let _ = check_journal(&bytes);
            let _ = check_chunk(&bytes);
            if let Some(version) = bytes.first_mut() {
                *version = VERSION;
            }
            let sealed = with_checksum(&bytes);
            let _ = check_journal(&sealed);
            let _ = check_chunk(&sealed);
        }
    }
}
