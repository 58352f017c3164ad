//! Tokens of the REST interface and kept answers, in SQLite.

use base::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::accounts;
use super::text::{join, split};
use crate::{Account, AccountId, ApiToken, KeptAnswer, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

const COLUMNS: &str = "hash, id, label, scopes, created, expires, last_used";

fn token_of(row: &Row<'_>) -> rusqlite::Result<ApiToken> {
    Ok(ApiToken {
        hash: row.get(0)?,
        id: row.get(1)?,
        label: row.get(2)?,
        scopes: split(row.get_ref(3)?.as_str()?),
        created: Timestamp::from_micros(row.get(4)?),
        expires: row.get::<_, Option<i64>>(5)?.map(Timestamp::from_micros),
        last_used: row.get::<_, Option<i64>>(6)?.map(Timestamp::from_micros),
    })
}

pub(super) fn add(connection: &Connection, account: AccountId, token: &ApiToken) -> Result<()> {
    if accounts::get(connection, account)?.is_none() {
        return Err(StoreError::NoSuchAccount);
    }
    connection
        .prepare_cached(&format!(
            "INSERT INTO api_token ({COLUMNS}, account) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        ))?
        .execute(params![
            token.hash,
            token.id,
            token.label,
            join(&token.scopes),
            token.created.micros(),
            token.expires.map(Timestamp::micros),
            token.last_used.map(Timestamp::micros),
            account.number()
        ])?;
    Ok(())
}

pub(super) fn find(connection: &Connection, hash: &[u8]) -> Result<Option<(ApiToken, Account)>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, account FROM api_token WHERE hash = ?"
    ))?;
    let found = statement
        .query_row([hash], |row| {
            Ok((token_of(row)?, AccountId::from_number(row.get(7)?)))
        })
        .optional()?;
    let Some((token, account)) = found else {
        return Ok(None);
    };
    Ok(accounts::get(connection, account)?.map(|account| (token, account)))
}

pub(super) fn list(connection: &Connection, account: AccountId) -> Result<Vec<ApiToken>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM api_token WHERE account = ? ORDER BY created DESC, id"
    ))?;
    let rows = statement.query_map([account.number()], token_of)?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn revoke(connection: &Connection, account: AccountId, id: Option<&str>) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM api_token WHERE account = ?1 AND (?2 IS NULL OR id = ?2)")?
        .execute(params![account.number(), id])?;
    Ok(())
}

pub(super) fn used(
    connection: &Connection,
    account: AccountId,
    id: &str,
    at: Timestamp,
) -> Result<()> {
    connection
        .prepare_cached("UPDATE api_token SET last_used = ? WHERE account = ? AND id = ?")?
        .execute(params![at.micros(), account.number(), id])?;
    Ok(())
}

pub(super) fn expire(connection: &Connection, now: Timestamp) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM api_token WHERE expires <= ?")?
        .execute([now.micros()])?;
    Ok(())
}

pub(super) fn answer(connection: &Connection, key: &[u8]) -> Result<Option<KeptAnswer>> {
    let mut statement = connection
        .prepare_cached("SELECT key, request, status, answer, at FROM api_answer WHERE key = ?")?;
    let found = statement.query_row([key], |row| {
        Ok(KeptAnswer {
            key: row.get(0)?,
            request: row.get(1)?,
            status: row.get(2)?,
            answer: row.get(3)?,
            at: Timestamp::from_micros(row.get(4)?),
        })
    });
    Ok(found.optional()?)
}

pub(super) fn keep(
    connection: &Connection,
    answer: &KeptAnswer,
    before: Timestamp,
    most: usize,
) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO api_answer (key, request, status, answer, at)
             VALUES (?, ?, ?, ?, ?)",
        )?
        .execute(params![
            answer.key,
            answer.request,
            answer.status,
            answer.answer,
            answer.at.micros()
        ])?;
    connection
        .prepare_cached("DELETE FROM api_answer WHERE at < ?")?
        .execute([before.micros()])?;
    connection
        .prepare_cached(
            "DELETE FROM api_answer WHERE at <= (
               SELECT at FROM api_answer ORDER BY at DESC LIMIT 1 OFFSET ?)",
        )?
        .execute([i64::try_from(most).unwrap_or(i64::MAX)])?;
    Ok(())
}
