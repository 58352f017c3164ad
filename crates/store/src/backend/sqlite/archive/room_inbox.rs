//! Where a room stands for somebody: counted from the sums of its chunks, of which one or two are read.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::page::item;
use super::tail::TailEntry;
use super::{Result, parse, totals};
use crate::archive::codec::{Chunk, Entry, WrittenChunk};
use crate::inbox::MOST_UNREAD;
use crate::{ArchiveId, ArchiveItem, EntryFlags, InboxRoom, Mentions, OwnerId, OwnerKind, RoomId};

/// Chunks that are looked at for one room: with so many, nothing in them but what does not count.
const MOST_CHUNKS: usize = 256;

/// What somebody has not seen of a room.
#[derive(Debug)]
pub(super) struct Unseen {
    pub(super) last: ArchiveItem,
    pub(super) unread: usize,
    pub(super) mentions: usize,
}

/// Notes what a chunk of a room holds.
pub(super) fn count(
    connection: &Connection,
    owner: OwnerId,
    chunk: i64,
    written: &WrittenChunk,
) -> Result<()> {
    if !is_room(owner) {
        return Ok(());
    }
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO archive_tally (account, first, last, chunk, messages, mentions)
             VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            owner.number(),
            written.first.number(),
            written.last.number(),
            chunk,
            written.messages as i64,
            written.mentions as i64
        ])?;
    Ok(())
}

/// Forgets what a chunk held, while it is still there.
pub(super) fn uncount(connection: &Connection, owner: OwnerId, chunk: i64) -> Result<()> {
    if !is_room(owner) {
        return Ok(());
    }
    connection
        .prepare_cached(
            "DELETE FROM archive_tally WHERE account = ?1
               AND first = (SELECT first FROM archive_chunk WHERE id = ?2)",
        )?
        .execute(params![owner.number(), chunk])?;
    Ok(())
}

fn is_room(owner: OwnerId) -> bool {
    matches!(owner.kind(), OwnerKind::Room(_))
}

/// Takes entries into account that have left the journal, oldest first.
pub(super) fn moved(
    connection: &Connection,
    room: RoomId,
    entries: &[(ArchiveId, Entry<'_>)],
) -> Result<()> {
    let mut authors: HashMap<&str, ArchiveId> = HashMap::new();
    for (id, entry) in entries.iter().filter(|(_, entry)| counts(entry.flags)) {
        authors.insert(entry.with, *id);
    }
    let mut statement = connection.prepare_cached(
        "INSERT INTO room_author (address, room, last) VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET last = excluded.last",
    )?;
    for (address, last) in authors {
        statement.execute(params![address, room.number(), last.number()])?;
    }
    Ok(())
}

/// The last message of somebody in each room, among those that have left the journal.
pub(super) fn spoken(connection: &Connection, address: &str) -> Result<HashMap<i64, ArchiveId>> {
    let mut statement =
        connection.prepare_cached("SELECT room, last FROM room_author WHERE address = ?")?;
    let rows = statement.query_map([address], |row| {
        let room = OwnerId::from(RoomId::from_number(row.get(0)?));
        Ok((room.number(), ArchiveId::from_number(row.get(1)?)))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A message of its own that belongs to the archive.
fn counts(flags: EntryFlags) -> bool {
    !flags.quiet && !flags.hidden
}

/// What `reader` has not seen: messages of others behind `seen` and behind the reader's own last one,
/// which is `spoken` as far as chunks are concerned. `None` when nothing was said.
pub(super) fn unseen(
    connection: &Connection,
    room: &InboxRoom,
    (reader, seen, spoken): (&str, ArchiveId, Option<ArchiveId>),
    tail: &[TailEntry],
    mentions: &Mentions,
) -> Result<Option<Unseen>> {
    let moved = totals(connection, room.owner)?.moved;
    let mut look = Look {
        connection,
        owner: room.owner,
        mentions,
        seen: seen.max(spoken.unwrap_or(ArchiveId::FIRST)),
        last: None,
        unread: 0,
        mentioned: 0,
    };
    for entry in tail.iter().rev().filter(|entry| entry.id.number() > moved) {
        let read = entry.read()?;
        if !counts(read.flags) {
            continue;
        }
        if look.last.is_none() {
            look.last = Some(entry.item()?);
        }
        if read.with == reader {
            look.seen = look.seen.max(entry.id);
        }
        if entry.id <= look.seen || look.unread >= MOST_UNREAD {
            break;
        }
        look.add(read.flags, read.stanza);
    }
    look.chunks()?;
    Ok(look.last.map(|last| Unseen {
        last,
        unread: look.unread,
        mentions: look.mentioned,
    }))
}

struct Look<'a> {
    connection: &'a Connection,
    owner: OwnerId,
    mentions: &'a Mentions,
    /// Up to here everything was seen.
    seen: ArchiveId,
    last: Option<ArchiveItem>,
    unread: usize,
    mentioned: usize,
}

/// What is known of a chunk without reading it.
struct Tally {
    first: i64,
    last: i64,
    chunk: i64,
    sums: Option<(usize, usize)>,
}

impl Look<'_> {
    fn add(&mut self, flags: EntryFlags, stanza: &[u8]) {
        self.unread += 1;
        self.mentioned += usize::from(flags.mentions && (self.mentions)(stanza));
    }

    /// Goes through the chunks, newest first, until all is known.
    fn chunks(&mut self) -> Result<()> {
        let mut statement = self.connection.prepare_cached(
            "SELECT first, last, chunk, messages, mentions FROM archive_tally WHERE account = ?
             ORDER BY first DESC LIMIT ?",
        )?;
        let mut rows = statement.query(params![self.owner.number(), MOST_CHUNKS as i64])?;
        while let Some(row) = rows.next()? {
            let sum = |at| -> rusqlite::Result<Option<usize>> {
                let sum: Option<i64> = row.get(at)?;
                Ok(sum.map(|sum| usize::try_from(sum).unwrap_or(0)))
            };
            let tally = Tally {
                first: row.get(0)?,
                last: row.get(1)?,
                chunk: row.get(2)?,
                sums: sum(3)?.zip(sum(4)?),
            };
            let new = tally.last > self.seen.number() && self.unread < MOST_UNREAD;
            if !new && self.last.is_some() {
                break;
            }
            self.chunk(&tally, new)?;
        }
        Ok(())
    }

    fn chunk(&mut self, tally: &Tally, new: bool) -> Result<()> {
        match tally.sums {
            Some((0, _)) => return Ok(()),
            // All of it is new, nobody is named, and something newer is there to be shown.
            Some((messages, 0)) if self.last.is_some() && tally.first > self.seen.number() => {
                self.unread = (self.unread + messages).min(MOST_UNREAD);
                return Ok(());
            }
            _ => {}
        }
        let Some(chunk) = self.read(tally)? else {
            return Ok(());
        };
        for entry in chunk.entries.iter().rev() {
            if !counts(entry.flags) {
                continue;
            }
            if self.last.is_none() {
                self.last = Some(item(&chunk, entry));
            }
            if !new || entry.id <= self.seen || self.unread >= MOST_UNREAD {
                break;
            }
            self.add(entry.flags, chunk.entry(entry).stanza);
        }
        Ok(())
    }

    fn read(&self, tally: &Tally) -> Result<Option<Chunk>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT entries FROM archive_chunk WHERE id = ?")?;
        let mut rows = statement.query([tally.chunk])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let bytes = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
        parse(self.owner, tally.chunk, tally.first, bytes).map(Some)
    }
}

/// What stands in place of a message that was taken back.
pub(super) fn tombstone(
    connection: &Connection,
    owner: OwnerId,
    id: ArchiveId,
) -> Result<Option<Vec<u8>>> {
    let OwnerKind::Room(room) = owner.kind() else {
        return Ok(None);
    };
    let mut statement =
        connection.prepare_cached("SELECT stanza FROM room_tombstone WHERE room = ? AND id = ?")?;
    Ok(statement
        .query_row(params![room.number(), id.number()], |row| row.get(0))
        .optional()?)
}
