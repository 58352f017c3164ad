//! The archive in SQLite.
//!
//! A commit appends one row to the journal, whatever the number of owners, so its cost is that of a
//! few pages. Its entries stand in memory by owner (the [`tail`]) until there are enough of them to be
//! [moved](flush) to chunks of one owner each; then the journal's rows go. A [page](page) reads a few
//! chunks and the tail. After a crash the tail is what the journal says.

pub(super) mod expire;
pub(super) mod flush;
pub(super) mod inbox;
pub(super) mod offline;
pub(super) mod page;
mod room_inbox;
pub(super) mod tail;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};

use super::{error::damaged, rooms};
use crate::archive::codec::{Chunk, checksum};
use crate::{ArchiveId, OwnerId, OwnerKind, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// Key of a bare address in `archive_chunk_peer`. Two addresses with the same key only cost time:
/// entries are compared by their text.
fn peer_key(bare: &str) -> i64 {
    checksum(bare.as_bytes()).cast_signed()
}

pub(super) fn parse(owner: OwnerId, chunk: i64, first: i64, bytes: &[u8]) -> Result<Chunk> {
    Chunk::parse(Bytes::copy_from_slice(bytes), ArchiveId::from_number(first)).map_err(damaged(
        || format!("archive chunk {chunk} of owner {}", owner.number()),
    ))
}

/// Whether an owner was removed, so that nothing more is kept for it.
pub(super) fn is_gone(connection: &Connection, owner: OwnerId) -> Result<bool> {
    Ok(match owner.kind() {
        OwnerKind::Account(account) => !connection
            .prepare_cached("SELECT 1 FROM account WHERE id = ?")?
            .exists([account.number()])?,
        OwnerKind::Room(room) => !rooms::exists(connection, room)?,
        OwnerKind::Queue(_) | OwnerKind::Unknown => false,
    })
}

/// What the chunks of an owner hold.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    /// Entries in chunks, hidden ones not counted.
    count: i64,
    /// Entries up to this id have left the journal.
    moved: i64,
}

fn totals(connection: &Connection, owner: OwnerId) -> Result<Totals> {
    let mut statement =
        connection.prepare_cached("SELECT count, moved FROM archive_account WHERE account = ?")?;
    let found = statement.query_row([owner.number()], |row| {
        Ok(Totals {
            count: row.get(0)?,
            moved: row.get(1)?,
        })
    });
    Ok(found.optional()?.unwrap_or_default())
}

fn set_totals(connection: &Connection, owner: OwnerId, totals: Totals) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO archive_account (account, count, moved) VALUES (?, ?, ?)
             ON CONFLICT (account) DO UPDATE SET count = excluded.count, moved = excluded.moved",
        )?
        .execute(params![owner.number(), totals.count, totals.moved])?;
    Ok(())
}

/// Deletes a chunk; with the peers it was sealed with, if it was.
fn delete_chunk(connection: &Connection, owner: OwnerId, chunk: i64, peers: &[&str]) -> Result<()> {
    for peer in peers {
        delete_peer(connection, owner, chunk, peer)?;
    }
    room_inbox::uncount(connection, owner, chunk)?;
    connection
        .prepare_cached("DELETE FROM archive_chunk WHERE id = ?")?
        .execute([chunk])?;
    Ok(())
}

fn delete_peer(connection: &Connection, owner: OwnerId, chunk: i64, peer: &str) -> Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM archive_chunk_peer WHERE account = ? AND peer = ? AND chunk = ?",
        )?
        .execute(params![owner.number(), peer_key(peer), chunk])?;
    Ok(())
}

/// Puts other entries into a chunk.
fn replace_chunk(
    connection: &Connection,
    owner: OwnerId,
    chunk: i64,
    written: &crate::archive::codec::WrittenChunk,
) -> Result<()> {
    room_inbox::uncount(connection, owner, chunk)?;
    room_inbox::count(connection, owner, chunk, written)?;
    connection
        .prepare_cached(
            "UPDATE archive_chunk SET first = ?2, last = ?3, count = ?4, hidden = ?5, entries = ?6
             WHERE id = ?1",
        )?
        .execute(params![
            chunk,
            written.first.number(),
            written.last.number(),
            written.count as i64,
            written.hidden as i64,
            &written.bytes[..]
        ])?;
    Ok(())
}
