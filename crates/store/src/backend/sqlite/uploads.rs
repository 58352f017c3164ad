//! Records of uploaded files in SQLite.

use std::sync::Arc;

use base::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::{
    AccountId, Kept, NewUpload, Reserved, StoreError, Upload, UploadBounds, UploadPurpose,
    UploadUsage,
};

type Result<T> = std::result::Result<T, StoreError>;

const COLUMNS: &str =
    "id, account, name, content_type, size, purpose, token, due, kept, digest, transfer";
/// Files that are looked at, oldest first, to tell when there is space again.
const LOOKED_AT: i64 = 10_000;

fn number(purpose: UploadPurpose) -> i64 {
    match purpose {
        UploadPurpose::Message => 0,
        UploadPurpose::Profile => 1,
        UploadPurpose::Ephemeral => 2,
        UploadPurpose::Permanent => 3,
    }
}

fn purpose(number: i64) -> UploadPurpose {
    match number {
        1 => UploadPurpose::Profile,
        2 => UploadPurpose::Ephemeral,
        3 => UploadPurpose::Permanent,
        _ => UploadPurpose::Message,
    }
}

fn hash(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<[u8; 32]>> {
    let bytes: Option<Vec<u8>> = row.get(index)?;
    Ok(bytes.and_then(|bytes| bytes.try_into().ok()))
}

fn time(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row
        .get::<_, Option<i64>>(index)?
        .map(Timestamp::from_micros))
}

fn upload_of(row: &Row<'_>) -> rusqlite::Result<Upload> {
    let at = time(row, 8)?;
    let digest = hash(row, 9)?.unwrap_or_default();
    Ok(Upload {
        id: row.get(0)?,
        account: row.get::<_, Option<i64>>(1)?.map(AccountId::from_number),
        name: row.get(2)?,
        content_type: row.get(3)?,
        size: row.get::<_, i64>(4)?.cast_unsigned(),
        purpose: purpose(row.get(5)?),
        token: hash(row, 6)?.unwrap_or_default(),
        due: time(row, 7)?,
        kept: at.map(|at| Kept { at, digest }),
        transfer: row.get(10)?,
    })
}

pub(super) fn reserve(
    connection: &Connection,
    upload: &NewUpload,
    bounds: &UploadBounds,
) -> Result<Reserved> {
    let account = upload.account.number();
    let (slots, next): (i64, Option<i64>) = connection
        .prepare_cached("SELECT count(*), min(due) FROM upload WHERE account = ? AND kept IS NULL")?
        .query_row([account], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if slots >= i64::from(bounds.slots) {
        let next = next.map_or(upload.slot_ends, Timestamp::from_micros);
        return Ok(Reserved::TooManySlots { next });
    }
    let used = usage(connection, upload.account)?.bytes;
    let over = used
        .saturating_add(upload.size)
        .saturating_sub(bounds.account_bytes);
    if over > 0 {
        let fits_at = fits_at(connection, upload.account, over, bounds)?;
        return Ok(Reserved::Full { used, fits_at });
    }
    connection
        .prepare_cached(
            "INSERT INTO upload (id, account, name, content_type, size, purpose, token, due, expires)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            upload.id,
            account,
            upload.name,
            upload.content_type,
            upload.size.cast_signed(),
            number(upload.purpose),
            &upload.token[..],
            upload.slot_ends.micros(),
            upload.expires.map(Timestamp::micros),
        ])?;
    connection
        .prepare_cached(
            "INSERT INTO upload_usage (account, bytes, files) VALUES (?1, ?2, 1)
             ON CONFLICT DO UPDATE SET bytes = bytes + ?2, files = files + 1",
        )?
        .execute(params![account, upload.size.cast_signed()])?;
    Ok(Reserved::Made)
}

/// When `over` bytes of an account will have gone by themselves.
fn fits_at(
    connection: &Connection,
    account: AccountId,
    over: u64,
    bounds: &UploadBounds,
) -> Result<Option<Timestamp>> {
    let mut statement = connection.prepare_cached(
        "SELECT size, due, kept, purpose FROM upload WHERE account = ? ORDER BY kept LIMIT ?",
    )?;
    let mut rows = statement.query(params![account.number(), LOOKED_AT])?;
    let mut ends = Vec::new();
    while let Some(row) = rows.next()? {
        let size = row.get::<_, i64>(0)?.cast_unsigned();
        let due = row.get::<_, Option<i64>>(1)?.map(Timestamp::from_micros);
        let kept = row.get::<_, Option<i64>>(2)?.map(Timestamp::from_micros);
        let retained = match purpose(row.get(3)?) {
            UploadPurpose::Message | UploadPurpose::Ephemeral => {
                kept.zip(bounds.retention).map(|(at, life)| at + life)
            }
            UploadPurpose::Profile | UploadPurpose::Permanent => None,
        };
        ends.extend(due.into_iter().chain(retained).min().map(|end| (end, size)));
    }
    ends.sort_unstable();
    let mut freed = 0_u64;
    Ok(ends
        .into_iter()
        .find(|(_, size)| {
            freed = freed.saturating_add(*size);
            freed >= over
        })
        .map(|(end, _)| end))
}

pub(super) fn get(connection: &Connection, id: &str) -> Result<Option<Upload>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM upload WHERE id = ?"))?;
    Ok(statement.query_row([id], upload_of).optional()?)
}

pub(super) fn keep(connection: &Connection, id: &str, kept: Kept) -> Result<bool> {
    let changed = connection
        .prepare_cached(
            "UPDATE upload SET kept = ?2, digest = ?3, due = expires, token = NULL, transfer = NULL
             WHERE id = ?1 AND kept IS NULL AND account IS NOT NULL",
        )?
        .execute(params![id, kept.at.micros(), &kept.digest[..]])?;
    Ok(changed > 0)
}

pub(super) fn due(
    connection: &Connection,
    now: Timestamp,
    before: Option<Timestamp>,
    max: usize,
) -> Result<Vec<Upload>> {
    let limit = i64::try_from(max).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM upload WHERE due <= ? LIMIT ?"
    ))?;
    let rows = statement.query_map(params![now.micros(), limit], upload_of)?;
    let mut found = rows.collect::<std::result::Result<Vec<_>, _>>()?;
    let Some(before) = before else {
        return Ok(found);
    };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM upload WHERE purpose = ? AND kept < ? LIMIT ?"
    ))?;
    for purpose in [UploadPurpose::Message, UploadPurpose::Ephemeral] {
        let rows =
            statement.query_map(params![number(purpose), before.micros(), limit], upload_of)?;
        for row in rows {
            let upload = row?;
            if found.len() < max && found.iter().all(|known| known.id != upload.id) {
                found.push(upload);
            }
        }
    }
    Ok(found)
}

pub(super) fn slots(connection: &Connection, after: &str, max: usize) -> Result<Vec<Upload>> {
    let limit = i64::try_from(max).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM upload WHERE id > ? AND kept IS NULL ORDER BY id LIMIT ?"
    ))?;
    let rows = statement.query_map(params![after, limit], upload_of)?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn ids(connection: &Connection, prefix: &str) -> Result<Vec<(Arc<str>, bool)>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, kept IS NOT NULL FROM upload WHERE id >= ?1 AND id < ?1 || '\u{7f}' ORDER BY id",
    )?;
    let rows = statement.query_map([prefix], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn usage(connection: &Connection, account: AccountId) -> Result<UploadUsage> {
    let mut statement =
        connection.prepare_cached("SELECT bytes, files FROM upload_usage WHERE account = ?")?;
    let found = statement.query_row([account.number()], |row| {
        Ok(UploadUsage {
            bytes: row.get::<_, i64>(0)?.cast_unsigned(),
            files: row.get::<_, i64>(1)?.cast_unsigned(),
        })
    });
    Ok(found.optional()?.unwrap_or_default())
}

pub(super) fn transfer(connection: &Connection, id: &str, transfer: Option<&str>) -> Result<()> {
    connection
        .prepare_cached("UPDATE upload SET transfer = ?2 WHERE id = ?1 AND kept IS NULL")?
        .execute(params![id, transfer])?;
    Ok(())
}

pub(super) fn remove(connection: &Connection, id: &str) -> Result<()> {
    let removed: Option<(Option<i64>, i64)> = connection
        .prepare_cached("DELETE FROM upload WHERE id = ? RETURNING account, size")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some((Some(account), size)) = removed {
        connection
            .prepare_cached(
                "UPDATE upload_usage SET bytes = max(bytes - ?2, 0), files = max(files - 1, 0)
                 WHERE account = ?1",
            )?
            .execute(params![account, size])?;
    }
    Ok(())
}

/// The files of an account that is being removed: they go at the next collection.
pub(super) fn abandon(connection: &Connection, account: AccountId) -> Result<()> {
    connection
        .prepare_cached("UPDATE upload SET account = NULL, due = 0 WHERE account = ?")?
        .execute([account.number()])?;
    Ok(())
}
