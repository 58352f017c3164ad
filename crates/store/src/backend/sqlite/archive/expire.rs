//! Deleting what is too old, in slices.

use rusqlite::{Connection, OptionalExtension, params};

use super::flush::Slice;
use super::{
    Result, delete_chunk, delete_peer, inbox, is_gone, parse, replace_chunk, set_totals, totals,
};
use crate::archive::codec::ChunkWriter;
use crate::{ArchiveId, OwnerId};

/// What is to be deleted, and how far it is.
#[derive(Clone, Debug)]
pub(in super::super) struct Expiry {
    /// Entries before this id go.
    pub(in super::super) limit: ArchiveId,
    /// Owners from here on are still to be done.
    pub(in super::super) next: i64,
    /// The last owner.
    pub(in super::super) end: i64,
    /// What was in the tail when it began has moved to chunks.
    pub(in super::super) settled: bool,
    /// Entries that are deleted.
    pub(in super::super) deleted: u64,
}

/// Deletes until the slice is over; false when there is nothing more.
pub(in super::super) fn slice(
    connection: &Connection,
    expiry: &mut Expiry,
    slice: &Slice,
) -> Result<bool> {
    loop {
        let owner: Option<i64> = connection
            .prepare_cached(
                "SELECT account FROM archive_account WHERE account BETWEEN ? AND ?
                 ORDER BY account LIMIT 1",
            )?
            .query_row([expiry.next, expiry.end], |row| row.get(0))
            .optional()?;
        let Some(number) = owner else {
            return Ok(false);
        };
        let owner = OwnerId::from_number(number);
        let (deleted, more) = chunks(connection, owner, expiry.limit)?;
        expiry.deleted += deleted;
        if more {
            expiry.next = number;
        } else {
            finish(connection, owner, expiry.limit)?;
            expiry.next = number.saturating_add(1);
        }
        if slice.over() {
            return Ok(true);
        }
    }
}

/// Deletes from a few chunks; whether there may be more.
fn chunks(connection: &Connection, owner: OwnerId, limit: ArchiveId) -> Result<(u64, bool)> {
    const AT_ONCE: usize = 8;
    let mut statement = connection.prepare_cached(
        "SELECT id, first, entries FROM archive_chunk WHERE account = ? AND first < ?
         ORDER BY first LIMIT ?",
    )?;
    let mut rows = statement.query(params![owner.number(), limit.number(), AT_ONCE as i64])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, first): (i64, i64) = (row.get(0)?, row.get(1)?);
        let bytes = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
        found.push((id, parse(owner, id, first, bytes)?));
    }
    drop(rows);
    let more = found.len() == AT_ONCE;
    let mut deleted = 0u64;
    for (id, chunk) in found {
        let old = chunk.entries.partition_point(|entry| entry.id < limit);
        let visible = chunk.entries[..old]
            .iter()
            .filter(|entry| !entry.flags.hidden)
            .count();
        deleted += visible as u64;
        let peers: Vec<&str> = chunk.peers().collect();
        if old == chunk.entries.len() {
            delete_chunk(connection, owner, id, &peers)?;
            continue;
        }
        let mut writer = ChunkWriter::default();
        for entry in &chunk.entries[old..] {
            writer.push(entry.id, &chunk.entry(entry));
        }
        let written = writer.finish();
        for peer in peers {
            if !written.peers.iter().any(|left| **left == *peer) {
                delete_peer(connection, owner, id, peer)?;
            }
        }
        replace_chunk(connection, owner, id, &written)?;
    }
    let mut totals = totals(connection, owner)?;
    totals.count -= i64::try_from(deleted).unwrap_or(0);
    set_totals(connection, owner, totals)?;
    Ok((deleted, more))
}

fn finish(connection: &Connection, owner: OwnerId, limit: ArchiveId) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM offline WHERE account = ? AND id < ?")?
        .execute(params![owner.number(), limit.number()])?;
    inbox::expire(connection, owner, limit)?;
    if is_gone(connection, owner)? {
        connection
            .prepare_cached("DELETE FROM archive_account WHERE account = ?")?
            .execute([owner.number()])?;
    }
    Ok(())
}
