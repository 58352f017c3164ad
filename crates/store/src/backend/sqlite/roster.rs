//! Rosters in SQLite.

use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::text::{join, split};
use crate::{
    AccountId, Roster, RosterChange, RosterChanges, RosterItem, RosterRequest, RosterVersion,
    StoreError, Subscription,
};

type Result<T> = std::result::Result<T, StoreError>;

/// Marks of removed contacts that an account keeps; a client with an older version gets the whole
/// roster.
const MARKS: i64 = 500;

const COLUMNS: &str = "contact, name, groups, subscription, ask, approved, version, removed";

fn item_of(row: &Row<'_>) -> rusqlite::Result<RosterItem> {
    Ok(RosterItem {
        contact: row.get(0)?,
        name: row.get(1)?,
        groups: split(row.get_ref(2)?.as_str()?),
        subscription: match row.get::<_, i64>(3)? {
            1 => Subscription::To,
            2 => Subscription::From,
            3 => Subscription::Both,
            _ => Subscription::None,
        },
        ask: row.get(4)?,
        approved: row.get(5)?,
        version: RosterVersion::from_number(row.get(6)?),
    })
}

fn versions(connection: &Connection, account: AccountId) -> Result<Option<(i64, i64)>> {
    let mut statement = connection
        .prepare_cached("SELECT roster_version, roster_horizon FROM account WHERE id = ?")?;
    Ok(statement
        .query_row([account.number()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?)
}

pub(super) fn roster(connection: &Connection, account: AccountId) -> Result<Roster> {
    let version = versions(connection, account)?.map_or(0, |(version, _)| version);
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM roster WHERE account = ? AND removed = 0 ORDER BY contact"
    ))?;
    let items = statement
        .query_map([account.number()], item_of)?
        .collect::<std::result::Result<_, _>>()?;
    Ok(Roster {
        items,
        version: RosterVersion::from_number(version),
    })
}

/// Whose presence is seen between the account and a contact, and the contact's groups.
pub(super) fn contact(
    connection: &Connection,
    account: AccountId,
    contact: &str,
) -> Result<Option<(Subscription, Vec<Arc<str>>)>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM roster WHERE account = ? AND contact = ? AND removed = 0"
    ))?;
    let item = statement
        .query_row(params![account.number(), contact], item_of)
        .optional()?;
    Ok(item.map(|item| (item.subscription, item.groups)))
}

pub(super) fn changes_since(
    connection: &Connection,
    account: AccountId,
    since: RosterVersion,
) -> Result<Option<RosterChanges>> {
    let Some((version, horizon)) = versions(connection, account)? else {
        return Ok(None);
    };
    let known = since.number();
    if known != version && (known <= 0 || known < horizon || known > version) {
        return Ok(None);
    }
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM roster WHERE account = ? AND version > ? ORDER BY version, contact"
    ))?;
    let rows = statement.query_map(params![account.number(), known], |row| {
        let item = item_of(row)?;
        Ok(if row.get(7)? {
            RosterChange::Removed(item.contact, item.version)
        } else {
            RosterChange::Set(item)
        })
    })?;
    let changes = rows.collect::<std::result::Result<_, _>>()?;
    Ok(Some(RosterChanges {
        changes,
        version: RosterVersion::from_number(version),
    }))
}

fn advance(connection: &Connection, account: AccountId, version: RosterVersion) -> Result<()> {
    let changed = connection
        .prepare_cached("UPDATE account SET roster_version = ? WHERE id = ?")?
        .execute(params![version.number(), account.number()])?;
    if changed == 0 {
        Err(StoreError::NoSuchAccount)
    } else {
        Ok(())
    }
}

pub(super) fn set(
    connection: &Connection,
    account: AccountId,
    item: &RosterItem,
    version: RosterVersion,
) -> Result<()> {
    advance(connection, account, version)?;
    let subscription = match item.subscription {
        Subscription::None => 0,
        Subscription::To => 1,
        Subscription::From => 2,
        Subscription::Both => 3,
    };
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO roster (account, contact, name, groups, subscription, ask,
             approved, removed, version) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?)",
        )?
        .execute(params![
            account.number(),
            item.contact,
            item.name,
            join(&item.groups),
            subscription,
            item.ask,
            item.approved,
            version.number()
        ])?;
    Ok(())
}

pub(super) fn remove(
    connection: &Connection,
    account: AccountId,
    contact: &str,
    version: RosterVersion,
) -> Result<()> {
    let removed = connection
        .prepare_cached(
            "UPDATE roster SET removed = 1, name = NULL, groups = '', subscription = 0, ask = 0,
             approved = 0, version = ?3 WHERE account = ?1 AND contact = ?2 AND removed = 0",
        )?
        .execute(params![account.number(), contact, version.number()])?;
    if removed == 0 {
        return Ok(());
    }
    advance(connection, account, version)?;
    let oldest: Option<i64> = connection
        .prepare_cached(
            "SELECT version FROM roster WHERE account = ? AND removed = 1
             ORDER BY version DESC LIMIT 1 OFFSET ?",
        )?
        .query_row(params![account.number(), MARKS], |row| row.get(0))
        .optional()?;
    if let Some(oldest) = oldest {
        connection
            .prepare_cached(
                "DELETE FROM roster WHERE account = ? AND removed = 1 AND version <= ?",
            )?
            .execute(params![account.number(), oldest])?;
        connection
            .prepare_cached("UPDATE account SET roster_horizon = ?2 WHERE id = ?1")?
            .execute(params![account.number(), oldest])?;
    }
    Ok(())
}

pub(super) fn requests(connection: &Connection, account: AccountId) -> Result<Vec<RosterRequest>> {
    let mut statement = connection.prepare_cached(
        "SELECT contact, presence, received FROM roster_request WHERE account = ?
         ORDER BY received, contact",
    )?;
    let rows = statement.query_map([account.number()], |row| {
        Ok(RosterRequest {
            contact: row.get(0)?,
            presence: Bytes::from(row.get::<_, Vec<u8>>(1)?),
            received: Timestamp::from_micros(row.get(2)?),
        })
    })?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn request_set(
    connection: &Connection,
    account: AccountId,
    request: &RosterRequest,
) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO roster_request (account, contact, presence, received)
             VALUES (?, ?, ?, ?)",
        )?
        .execute(params![
            account.number(),
            request.contact,
            &request.presence[..],
            request.received.micros()
        ])?;
    Ok(())
}

pub(super) fn request_remove(
    connection: &Connection,
    account: AccountId,
    contact: &str,
) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM roster_request WHERE account = ? AND contact = ?")?
        .execute(params![account.number(), contact])?;
    Ok(())
}
