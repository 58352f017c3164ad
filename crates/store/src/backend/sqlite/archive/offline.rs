//! What waits for its owner (XEP-0160).

use rusqlite::{Connection, params};

use super::super::View;
use super::{Result, page, parse, replace_chunk};
use crate::archive::codec::ChunkWriter;
use crate::{ArchiveId, ArchiveItem, OwnerId};

pub(in super::super) fn count(connection: &Connection, owner: OwnerId) -> Result<u64> {
    let mut statement =
        connection.prepare_cached("SELECT count(*) FROM offline WHERE account = ?")?;
    Ok(statement
        .query_row([owner.number()], |row| row.get::<_, i64>(0))?
        .cast_unsigned())
}

pub(in super::super) fn list(
    view: &View<'_>,
    owner: OwnerId,
    after: Option<ArchiveId>,
    max: usize,
) -> Result<Vec<ArchiveItem>> {
    let ids: Vec<ArchiveId> = view.snapshot(|connection| {
        let mut statement = connection.prepare_cached(
            "SELECT id FROM offline WHERE account = ? AND id > ? ORDER BY id LIMIT ?",
        )?;
        let after = after.map_or(-1, ArchiveId::number);
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![owner.number(), after, max], |row| row.get(0))?;
        let ids = rows.collect::<rusqlite::Result<Vec<i64>>>()?;
        Ok(ids.into_iter().map(ArchiveId::from_number).collect())
    })?;
    let found = page::find(view, owner, &ids, |_| true)?;
    Ok(found.into_iter().flatten().map(|(item, _)| item).collect())
}

pub(in super::super) fn wait(
    connection: &Connection,
    owner: OwnerId,
    id: i64,
    hidden: bool,
) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO offline (account, id, hidden) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        )?
        .execute(params![owner.number(), id, hidden])?;
    Ok(())
}

/// Whether a hidden entry still waits; if not, there is no reason to keep it.
pub(super) fn waits(connection: &Connection, owner: OwnerId, id: ArchiveId) -> Result<bool> {
    let mut statement =
        connection.prepare_cached("SELECT 1 FROM offline WHERE account = ? AND id = ?")?;
    Ok(statement.exists(params![owner.number(), id.number()])?)
}

pub(in super::super) fn clear(
    connection: &Connection,
    owner: OwnerId,
    through: ArchiveId,
) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM offline WHERE account = ? AND id <= ? AND hidden = 0")?
        .execute(params![owner.number(), through.number()])?;
    Ok(())
}

pub(in super::super) fn remove(
    connection: &Connection,
    owner: OwnerId,
    entries: &[ArchiveId],
) -> Result<()> {
    let mut deleted = connection
        .prepare_cached("DELETE FROM offline WHERE account = ? AND id = ? AND hidden <> 0")?;
    let mut gone = Vec::new();
    for entry in entries {
        if deleted.execute(params![owner.number(), entry.number()])? > 0 {
            gone.push(*entry);
        }
    }
    gone.sort_unstable();
    match (gone.first(), gone.last()) {
        (Some(first), Some(last)) => delete_hidden(connection, owner, *first, *last, &gone),
        _ => Ok(()),
    }
}

/// Deletes these hidden entries, in order, from chunks. Those in the tail go when it is moved.
fn delete_hidden(
    connection: &Connection,
    owner: OwnerId,
    first: ArchiveId,
    last: ArchiveId,
    gone: &[ArchiveId],
) -> Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT id, first, entries, sealed FROM archive_chunk
         WHERE account = ?1 AND first <= ?3 AND last >= ?2 AND hidden > 0",
    )?;
    let mut rows = statement.query(params![owner.number(), first.number(), last.number()])?;
    let mut changed = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, first): (i64, i64) = (row.get(0)?, row.get(1)?);
        let bytes = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
        changed.push((id, parse(owner, id, first, bytes)?));
    }
    drop(rows);
    for (id, chunk) in changed {
        let mut writer = ChunkWriter::default();
        for entry in &chunk.entries {
            if !(entry.flags.hidden && gone.binary_search(&entry.id).is_ok()) {
                writer.push(entry.id, &chunk.entry(entry));
            }
        }
        if writer.count() == 0 {
            let peers: Vec<&str> = chunk.peers().collect();
            super::delete_chunk(connection, owner, id, &peers)?;
        } else {
            // Peers that only hidden entries had keep their row: it costs a look, no more.
            replace_chunk(connection, owner, id, &writer.finish())?;
        }
    }
    Ok(())
}
