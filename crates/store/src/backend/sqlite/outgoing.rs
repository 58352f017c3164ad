//! Stanzas on their way to other servers, in SQLite.

use base::Timestamp;
use bytes::Bytes;
use rusqlite::{Connection, params};

use crate::{Outgoing, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

pub(super) fn set(connection: &Connection, entry: &Outgoing) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO outgoing (id, local, remote, at, stanza) VALUES (?, ?, ?, ?, ?)",
        )?
        .execute(params![
            entry.id.cast_signed(),
            entry.local,
            entry.remote,
            entry.at.micros(),
            &entry.stanza[..]
        ])?;
    Ok(())
}

pub(super) fn remove(connection: &Connection, id: u64) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM outgoing WHERE id = ?")?
        .execute([id.cast_signed()])?;
    Ok(())
}

pub(super) fn list(connection: &Connection, after: u64, max: usize) -> Result<Vec<Outgoing>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, local, remote, at, stanza FROM outgoing WHERE id > ? ORDER BY id LIMIT ?",
    )?;
    let max = i64::try_from(max).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![after.cast_signed(), max], |row| {
        Ok(Outgoing {
            id: row.get::<_, i64>(0)?.cast_unsigned(),
            local: row.get::<_, String>(1)?.into(),
            remote: row.get::<_, String>(2)?.into(),
            at: Timestamp::from_micros(row.get(3)?),
            stanza: Bytes::from(row.get::<_, Vec<u8>>(4)?),
        })
    })?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}
