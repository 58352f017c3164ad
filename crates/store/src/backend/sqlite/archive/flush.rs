//! Moving entries from the journal to chunks.
//!
//! A round moves everything that was in the tail when it began, owner by owner, in slices between
//! commits; at its end the journal's rows go. Nothing depends on a round ending: after a crash, what
//! was moved is known by `archive_account.moved`.

use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use super::tail::TailEntry;
use super::{
    Result, Totals, delete_chunk, inbox, is_gone, offline, parse, peer_key, room_inbox, set_totals,
    totals,
};
use crate::archive::codec::{Chunk, ChunkWriter, Entry, WrittenChunk};
use crate::{ArchiveId, EntryFlags, ImportedEntry, OwnerId, OwnerKind, StoreConfig, StoreError};

/// Small chunks at the end of an owner, from which on they are merged.
const LOOSE: usize = 7;
/// Most entries of one owner in one step, so that a slice can end.
pub(in super::super) const STEP: usize = 1024;
/// Most journal rows deleted in one slice.
pub(in super::super) const ROWS: i64 = 32;

/// A round of moving.
#[derive(Debug)]
pub(in super::super) struct Round {
    /// Journal rows up to this one go at the end.
    pub(in super::super) seq: i64,
    /// Entries up to this id move.
    pub(in super::super) through: ArchiveId,
    /// Owners still to be done, last first.
    pub(in super::super) owners: Vec<OwnerId>,
}

/// When a slice is over.
#[derive(Debug)]
pub(in super::super) struct Slice {
    until: Instant,
}

impl Slice {
    pub(in super::super) fn of(length: Duration) -> Self {
        Self {
            until: Instant::now() + length,
        }
    }

    pub(in super::super) fn over(&self) -> bool {
        Instant::now() >= self.until
    }
}

struct Loose {
    id: i64,
    first: i64,
    bytes: usize,
    count: usize,
}

/// Puts entries of one owner into chunks, oldest first. Nothing happens for an owner that is gone.
pub(in super::super) fn owner(
    connection: &Connection,
    config: &StoreConfig,
    owner: OwnerId,
    entries: &[TailEntry],
) -> Result<()> {
    let Some(last) = entries.last() else {
        return Ok(());
    };
    let fresh = entries.iter().map(TailEntry::size).sum();
    let Some((mut totals, mut writer)) = open(connection, config, owner, fresh, entries.len())?
    else {
        return Ok(());
    };
    let mut moved = Vec::with_capacity(entries.len());
    for tail in entries {
        if tail.id.number() <= totals.moved {
            continue;
        }
        let entry = tail.read()?;
        moved.push((tail.id, entry));
        if entry.flags.hidden {
            if !offline::waits(connection, owner, tail.id)? {
                continue;
            }
        } else {
            totals.count += 1;
        }
        writer.push(tail.id, &entry)?;
    }
    writer.finish()?;
    match owner.kind() {
        OwnerKind::Account(account) => inbox::moved(connection, account, &moved)?,
        OwnerKind::Room(room) => room_inbox::moved(connection, room, &moved)?,
        OwnerKind::Queue(_) | OwnerKind::Unknown => {}
    }
    totals.moved = totals.moved.max(last.id.number());
    set_totals(connection, owner, totals)
}

/// Puts entries of earlier times, oldest first, into an owner's chunks. Their ids are of those times, as
/// far as they come behind what is in chunks already.
pub(in super::super) fn import(
    connection: &Connection,
    config: &StoreConfig,
    owner: OwnerId,
    entries: &[ImportedEntry],
) -> Result<Vec<ArchiveId>> {
    let fresh = entries.iter().map(|entry| entry.stanza.len()).sum();
    let opened = open(connection, config, owner, fresh, entries.len())?;
    let Some((mut totals, mut writer)) = opened else {
        return Err(StoreError::NoSuchAccount);
    };
    let mut ids = Vec::with_capacity(entries.len());
    let mut moved = Vec::with_capacity(entries.len());
    for entry in entries {
        let next = ArchiveId::from_number(totals.moved.saturating_add(1).max(1));
        let id = ArchiveId::lowest_at(entry.at).max(next);
        if entry.flags.offline {
            offline::wait(connection, owner, id.number(), false)?;
        }
        let entry = Entry {
            with: &entry.with,
            resource: entry.with_resource.as_deref(),
            flags: EntryFlags {
                hidden: false,
                ..entry.flags
            },
            stanza: &entry.stanza,
        };
        writer.push(id, &entry)?;
        totals.count += 1;
        totals.moved = id.number();
        ids.push(id);
        moved.push((id, entry));
    }
    writer.finish()?;
    match owner.kind() {
        OwnerKind::Account(account) => inbox::moved(connection, account, &moved)?,
        OwnerKind::Room(room) => room_inbox::moved(connection, room, &moved)?,
        OwnerKind::Queue(_) | OwnerKind::Unknown => {}
    }
    set_totals(connection, owner, totals)?;
    Ok(ids)
}

/// The totals of an owner and a writer behind its chunks; `None` for an owner that is gone. As much
/// comes as `fresh` bytes in `entries` entries.
fn open<'a>(
    connection: &'a Connection,
    config: &'a StoreConfig,
    owner: OwnerId,
    fresh: usize,
    entries: usize,
) -> Result<Option<(Totals, Writer<'a>)>> {
    if is_gone(connection, owner)? {
        return Ok(None);
    }
    let totals = totals(connection, owner)?;
    let loose = loose(connection, owner)?;
    let bytes = fresh + loose.iter().map(|chunk| chunk.bytes).sum::<usize>();
    let count = entries + loose.iter().map(|chunk| chunk.count).sum::<usize>();
    let enough = bytes >= config.chunk_bytes / 2 || count >= config.chunk_entries / 2;
    let mut writer = Writer {
        connection,
        config,
        owner,
        chunk: ChunkWriter::default(),
        // No sealed chunk may come behind one that is not.
        seals: loose.is_empty(),
    };
    if !loose.is_empty() && (loose.len() >= LOOSE || enough) {
        // A damaged one stays as it is: it must not keep the others from being kept.
        let chunks: Result<Vec<Chunk>> = loose
            .iter()
            .map(|loose| read(connection, owner, loose))
            .collect();
        if let Ok(chunks) = chunks {
            writer.seals = true;
            for (loose, chunk) in loose.iter().zip(&chunks) {
                delete_chunk(connection, owner, loose.id, &[])?;
                for entry in &chunk.entries {
                    writer.push(entry.id, &chunk.entry(entry))?;
                }
            }
        }
    }
    Ok(Some((totals, writer)))
}

fn loose(connection: &Connection, owner: OwnerId) -> Result<Vec<Loose>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, first, length(entries), sealed, count FROM archive_chunk WHERE account = ?
         ORDER BY first DESC LIMIT ?",
    )?;
    let mut rows = statement.query(params![owner.number(), (LOOSE + 1) as i64])?;
    let mut loose = Vec::new();
    while let Some(row) = rows.next()? {
        if row.get(3)? {
            break;
        }
        let bytes = usize::try_from(row.get::<_, i64>(2)?).unwrap_or(0);
        let count = usize::try_from(row.get::<_, i64>(4)?).unwrap_or(0);
        loose.push(Loose {
            id: row.get(0)?,
            first: row.get(1)?,
            bytes,
            count,
        });
    }
    loose.reverse();
    Ok(loose)
}

fn read(connection: &Connection, owner: OwnerId, loose: &Loose) -> Result<Chunk> {
    let mut statement =
        connection.prepare_cached("SELECT entries FROM archive_chunk WHERE id = ?")?;
    let mut rows = statement.query([loose.id])?;
    let row = rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    let bytes = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
    parse(owner, loose.id, loose.first, bytes)
}

struct Writer<'a> {
    connection: &'a Connection,
    config: &'a StoreConfig,
    owner: OwnerId,
    chunk: ChunkWriter,
    seals: bool,
}

impl Writer<'_> {
    fn push(&mut self, id: ArchiveId, entry: &Entry<'_>) -> Result<()> {
        let full = self.chunk.count() >= self.config.chunk_entries
            || self.chunk.size() + entry.stanza.len() > self.config.chunk_bytes;
        if full && self.chunk.count() > 0 {
            let chunk = self.chunk.finish();
            self.insert(&chunk, true)?;
        }
        self.chunk.push(id, entry);
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        if self.chunk.count() == 0 {
            return Ok(());
        }
        let sealed = self.chunk.size() >= self.config.chunk_bytes / 2
            || self.chunk.count() >= self.config.chunk_entries / 2;
        let chunk = self.chunk.finish();
        self.insert(&chunk, sealed)
    }

    fn insert(&self, chunk: &WrittenChunk, sealed: bool) -> Result<()> {
        let sealed = sealed && self.seals;
        self.connection
            .prepare_cached(
                "INSERT INTO archive_chunk (account, first, last, count, hidden, sealed, entries)
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                self.owner.number(),
                chunk.first.number(),
                chunk.last.number(),
                chunk.count as i64,
                chunk.hidden as i64,
                sealed,
                &chunk.bytes[..]
            ])?;
        let id = self.connection.last_insert_rowid();
        room_inbox::count(self.connection, self.owner, id, chunk)?;
        if sealed {
            let mut statement = self.connection.prepare_cached(
                "INSERT INTO archive_chunk_peer (account, peer, chunk) VALUES (?, ?, ?)
                 ON CONFLICT DO NOTHING",
            )?;
            for peer in &chunk.peers {
                statement.execute(params![self.owner.number(), peer_key(peer), id])?;
            }
        }
        Ok(())
    }
}
