//! Accounts, keys and tokens in SQLite.

use base::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::text::{join, split};
use super::uploads;
use super::{admission, audit, identities, people, pubsub};
use crate::{
    Account, AccountChange, AccountId, AccountPage, AppPasswordId, Imported, Login, NewAccount,
    Role, ScramRecord, StoreError, TokenRecord,
};

type Result<T> = std::result::Result<T, StoreError>;

pub(super) const COLUMNS: &str = "id, localpart, display_name, role, enabled, groups, created";

pub(super) fn account_of(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: AccountId::from_number(row.get(0)?),
        localpart: row.get(1)?,
        display_name: row.get(2)?,
        // One that a newer version knows has no rights here.
        role: Role::from_number(row.get(3)?).unwrap_or_default(),
        enabled: row.get(4)?,
        groups: split(row.get_ref(5)?.as_str()?),
        created: Timestamp::from_micros(row.get(6)?),
    })
}

pub(super) fn find(connection: &Connection, localpart: &str) -> Result<Option<Account>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM account WHERE localpart = ?"
    ))?;
    Ok(statement.query_row([localpart], account_of).optional()?)
}

pub(super) fn get(connection: &Connection, account: AccountId) -> Result<Option<Account>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM account WHERE id = ?"))?;
    Ok(statement
        .query_row([account.number()], account_of)
        .optional()?)
}

pub(super) fn list(
    connection: &Connection,
    after: Option<&str>,
    max: usize,
) -> Result<AccountPage> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM account WHERE localpart > ? ORDER BY localpart LIMIT ?"
    ))?;
    let limit = i64::try_from(max).unwrap_or(i64::MAX).saturating_add(1);
    let rows = statement.query_map(params![after.unwrap_or(""), limit], account_of)?;
    let mut accounts = rows.collect::<std::result::Result<Vec<_>, _>>()?;
    let more = accounts.len() > max;
    accounts.truncate(max);
    Ok(AccountPage { accounts, more })
}

pub(super) fn count(connection: &Connection) -> Result<u64> {
    let mut statement = connection.prepare_cached("SELECT count(*) FROM account")?;
    Ok(statement
        .query_row([], |row| row.get::<_, i64>(0))?
        .cast_unsigned())
}

pub(super) fn create(
    connection: &Connection,
    account: &NewAccount,
    now: Timestamp,
) -> Result<AccountId> {
    match insert(connection, account, now)? {
        Imported::Created(id) => Ok(id),
        Imported::Exists(_) => Err(StoreError::AlreadyExists),
    }
}

pub(super) fn insert(
    connection: &Connection,
    account: &NewAccount,
    now: Timestamp,
) -> Result<Imported> {
    let mut groups = account.groups.clone();
    groups.sort();
    groups.dedup();
    let inserted = connection
        .prepare_cached(
            "INSERT INTO account (localpart, display_name, role, enabled, groups, created)
             VALUES (?, ?, ?, 1, ?, ?) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            account.localpart,
            account.display_name,
            account.role.number(),
            join(&groups),
            now.micros()
        ])?;
    if inserted == 0 {
        let there = find(connection, &account.localpart)?;
        return there
            .map(|there| Imported::Exists(there.id))
            .ok_or(StoreError::AlreadyExists);
    }
    let id = AccountId::from_number(connection.last_insert_rowid());
    for key in &account.keys {
        add_key(connection, id, key)?;
    }
    people::note(connection, id)?;
    if let Some(identity) = &account.identity {
        identities::set(connection, id, identity)?;
    }
    if let Some(note) = &account.audit {
        audit::add(connection, note)?;
    }
    Ok(Imported::Created(id))
}

pub(super) fn change(
    connection: &Connection,
    account: AccountId,
    change: &AccountChange,
) -> Result<()> {
    let AccountChange {
        display_name,
        role,
        enabled,
        groups,
        keys,
    } = change;
    let groups = groups.as_ref().map(|groups| {
        let mut groups = groups.clone();
        groups.sort();
        groups.dedup();
        join(&groups)
    });
    let changed = connection
        .prepare_cached(
            "UPDATE account SET
               display_name = CASE WHEN ?2 THEN ?3 ELSE display_name END,
               role = coalesce(?4, role),
               enabled = coalesce(?5, enabled),
               groups = coalesce(?6, groups)
             WHERE id = ?1",
        )?
        .execute(params![
            account.number(),
            display_name.is_some(),
            display_name.as_ref().and_then(Option::as_ref),
            role.map(Role::number),
            enabled,
            groups
        ])?;
    if changed == 0 {
        return Err(StoreError::NoSuchAccount);
    }
    if display_name.is_some() || groups.is_some() {
        people::note(connection, account)?;
    }
    if let Some(keys) = keys {
        connection
            .prepare_cached("DELETE FROM account_key WHERE account = ?")?
            .execute([account.number()])?;
        for key in keys {
            add_key(connection, account, key)?;
        }
    }
    Ok(())
}

pub(super) fn add_key(
    connection: &Connection,
    account: AccountId,
    key: &ScramRecord,
) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO account_key
             (account, hash, iterations, salt, stored_key, server_key) VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            account.number(),
            key.hash,
            key.iterations,
            key.salt,
            key.stored_key,
            key.server_key
        ])?;
    Ok(())
}

/// Removes all but the archive, which goes in slices later.
pub(super) fn remove(connection: &Connection, account: AccountId) -> Result<bool> {
    uploads::abandon(connection, account)?;
    let removed = connection
        .prepare_cached("DELETE FROM account WHERE id = ?")?
        .execute([account.number()])?;
    connection
        .prepare_cached("DELETE FROM offline WHERE account = ?")?
        .execute([account.number()])?;
    pubsub::remove_owner(connection, account.into())?;
    Ok(removed > 0)
}

/// Nobody logs in any more, and the mark stays until the account is gone.
pub(super) fn removal_begin(connection: &Connection, account: AccountId) -> Result<()> {
    let changed = connection
        .prepare_cached("UPDATE account SET enabled = 0 WHERE id = ?")?
        .execute([account.number()])?;
    if changed == 0 {
        return Err(StoreError::NoSuchAccount);
    }
    connection
        .prepare_cached("INSERT INTO account_removal (account) VALUES (?) ON CONFLICT DO NOTHING")?
        .execute([account.number()])?;
    Ok(())
}

pub(super) fn removal_cancel(
    connection: &Connection,
    account: AccountId,
    enabled: bool,
) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM account_removal WHERE account = ?")?
        .execute([account.number()])?;
    let changed = connection
        .prepare_cached("UPDATE account SET enabled = ? WHERE id = ?")?
        .execute(params![enabled, account.number()])?;
    if changed == 0 {
        return Err(StoreError::NoSuchAccount);
    }
    Ok(())
}

pub(super) fn being_removed(connection: &Connection) -> Result<Vec<Account>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM account JOIN account_removal ON account_removal.account = id"
    ))?;
    let rows = statement.query_map([], account_of)?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

fn keys(connection: &Connection, account: AccountId) -> Result<Vec<ScramRecord>> {
    let mut statement = connection.prepare_cached(
        "SELECT hash, iterations, salt, stored_key, server_key FROM account_key WHERE account = ?",
    )?;
    let rows = statement.query_map([account.number()], |row| {
        Ok(ScramRecord {
            hash: row.get(0)?,
            iterations: row.get(1)?,
            salt: row.get(2)?,
            stored_key: row.get(3)?,
            server_key: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn login(
    connection: &Connection,
    localpart: &str,
    client: Option<&str>,
) -> Result<Option<Login>> {
    let Some(account) = find(connection, localpart)? else {
        return Ok(None);
    };
    let identity = identities::get(connection, account.id)?;
    let keys = keys(connection, account.id)?;
    let app_keys = admission::app_keys(connection, account.id)?;
    let tokens = match client {
        Some(client) => tokens(connection, account.id, Some(client))?,
        None => Vec::new(),
    };
    Ok(Some(Login {
        account,
        identity,
        keys,
        app_keys,
        tokens,
    }))
}

pub(super) fn tokens(
    connection: &Connection,
    account: AccountId,
    client: Option<&str>,
) -> Result<Vec<TokenRecord>> {
    let mut statement = connection.prepare_cached(
        "SELECT client, mechanism, secret, issued, expires, last_used, counter, software, device,
         app_password FROM token WHERE account = ?1 AND (?2 IS NULL OR client = ?2) ORDER BY client, place",
    )?;
    let rows = statement.query_map(params![account.number(), client], |row| {
        Ok(TokenRecord {
            client: row.get(0)?,
            mechanism: row.get(1)?,
            secret: row.get(2)?,
            issued: Timestamp::from_micros(row.get(3)?),
            expires: Timestamp::from_micros(row.get(4)?),
            last_used: row.get::<_, Option<i64>>(5)?.map(Timestamp::from_micros),
            counter: row.get::<_, i64>(6)?.cast_unsigned(),
            software: row.get(7)?,
            device: row.get(8)?,
            app_password: row
                .get::<_, Option<i64>>(9)?
                .map(AppPasswordId::from_number),
        })
    })?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn token_issue(
    connection: &Connection,
    account: AccountId,
    token: &TokenRecord,
) -> Result<()> {
    let client = params![account.number(), token.client];
    connection
        .prepare_cached("DELETE FROM token WHERE account = ? AND client = ? AND place = 1")?
        .execute(client)?;
    connection
        .prepare_cached("UPDATE token SET place = 1 WHERE account = ? AND client = ?")?
        .execute(client)?;
    connection
        .prepare_cached(
            "INSERT INTO token (account, client, place, mechanism, secret, issued, expires,
             last_used, counter, software, device, app_password)
             VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            account.number(),
            token.client,
            token.mechanism,
            token.secret,
            token.issued.micros(),
            token.expires.micros(),
            token.last_used.map(Timestamp::micros),
            token.counter.cast_signed(),
            token.software,
            token.device,
            token.app_password.map(AppPasswordId::number)
        ])?;
    Ok(())
}

pub(super) fn token_used(
    connection: &Connection,
    account: AccountId,
    client: &str,
    secret: &[u8],
    count: Option<u64>,
    at: Timestamp,
) -> Result<()> {
    let count = count.map(u64::cast_signed);
    let place: Option<i64> = connection
        .prepare_cached(
            "UPDATE token SET last_used = ?4, counter = coalesce(?5, counter)
             WHERE account = ?1 AND client = ?2 AND secret = ?3 AND (?5 IS NULL OR ?5 > counter)
             RETURNING place",
        )?
        .query_row(
            params![account.number(), client, secret, at.micros(), count],
            |row| row.get(0),
        )
        .optional()?;
    let place = place.ok_or(StoreError::TokenSpent)?;
    if place == 0 {
        connection
            .prepare_cached("DELETE FROM token WHERE account = ? AND client = ? AND place = 1")?
            .execute(params![account.number(), client])?;
    }
    Ok(())
}

pub(super) fn token_revoke(
    connection: &Connection,
    account: AccountId,
    client: Option<&str>,
) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM token WHERE account = ?1 AND (?2 IS NULL OR client = ?2)")?
        .execute(params![account.number(), client])?;
    Ok(())
}

pub(super) fn token_expire(connection: &Connection, now: Timestamp) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM token WHERE expires <= ?")?
        .execute([now.micros()])?;
    Ok(())
}
