//! Chunks: entries of one owner.

use std::ops::Range;

use bytes::Bytes;
use smallvec::SmallVec;

use super::{
    Cursor, Damage, Read, VERSION, flags_byte, flags_of, opened, put, put_optional, put_text,
    sealed,
};
use crate::ArchiveId;
use crate::archive::EntryFlags;

/// Builds one chunk.
#[derive(Debug, Default)]
pub(crate) struct ChunkWriter {
    peers: Vec<Box<str>>,
    body: Vec<u8>,
    first: i64,
    last: i64,
    count: usize,
    hidden: usize,
    messages: usize,
    mentions: usize,
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
    /// How many are messages of their own, and how many of those name somebody.
    pub(crate) messages: usize,
    pub(crate) mentions: usize,
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
        let counts = !entry.flags.hidden && !entry.flags.quiet;
        self.messages += usize::from(counts);
        self.mentions += usize::from(counts && entry.flags.mentions);
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
            messages: self.messages,
            mentions: self.mentions,
            peers,
        };
        *self = Self::default();
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
