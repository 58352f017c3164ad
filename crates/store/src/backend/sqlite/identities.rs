//! Who accounts are in directories, in SQLite.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::accounts;
use super::text::{join, split};
use crate::{Account, AccountId, Identity, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// Reads `source, external, groups, password_changed, gone` from the column `first` on.
fn identity_of(row: &Row<'_>, first: usize) -> rusqlite::Result<Identity> {
    Ok(Identity {
        source: row.get(first)?,
        external: row.get(first + 1)?,
        groups: split(row.get_ref(first + 2)?.as_str()?),
        password_changed: row.get(first + 3)?,
        gone: row.get(first + 4)?,
    })
}

pub(super) fn set(connection: &Connection, account: AccountId, identity: &Identity) -> Result<()> {
    let taken: Option<i64> = connection
        .prepare_cached("SELECT account FROM identity WHERE source = ? AND external = ?")?
        .query_row(params![identity.source, identity.external], |row| {
            row.get(0)
        })
        .optional()?;
    if taken.is_some_and(|taken| taken != account.number()) {
        return Err(StoreError::AlreadyExists);
    }
    if accounts::get(connection, account)?.is_none() {
        return Err(StoreError::NoSuchAccount);
    }
    let mut groups = identity.groups.clone();
    groups.sort();
    groups.dedup();
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO identity (account, source, external, groups, password_changed, gone)
             VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            account.number(),
            identity.source,
            identity.external,
            join(&groups),
            identity.password_changed,
            identity.gone
        ])?;
    Ok(())
}

pub(super) fn get(connection: &Connection, account: AccountId) -> Result<Option<Identity>> {
    let mut statement = connection.prepare_cached(
        "SELECT source, external, groups, password_changed, gone FROM identity WHERE account = ?",
    )?;
    let found = statement.query_row([account.number()], |row| identity_of(row, 0));
    Ok(found.optional()?)
}

pub(super) fn of_source(connection: &Connection, source: &str) -> Result<Vec<(Account, Identity)>> {
    let columns = accounts::COLUMNS
        .split(", ")
        .map(|column| format!("account.{column}"))
        .collect::<Vec<_>>();
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {}, source, external, identity.groups, password_changed, gone
         FROM identity JOIN account ON account.id = identity.account WHERE source = ? ORDER BY localpart",
        columns.join(", ")
    ))?;
    let rows = statement.query_map([source], |row| {
        Ok((accounts::account_of(row)?, identity_of(row, columns.len())?))
    })?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}
