//! Small things that belong to one account, and the server's own values, in SQLite.

use std::sync::Arc;

use base::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::text::{join, split};
use super::{accounts, archive, pubsub, push, roster};
use crate::{
    AccountId, AccountState, Activity, ArchiveDefault, ArchivePreferences, MOST_OMEMO_DEVICES,
    StoreError,
};

type Result<T> = std::result::Result<T, StoreError>;

pub(super) fn state(connection: &Connection, account: AccountId) -> Result<Option<AccountState>> {
    let id = account;
    let Some(account) = accounts::get(connection, id)? else {
        return Ok(None);
    };
    Ok(Some(AccountState {
        account,
        roster: roster::roster(connection, id)?,
        requests: roster::requests(connection, id)?,
        blocklist: blocklist(connection, id)?,
        preferences: preferences(connection, id)?,
        activity: activity(connection, id)?,
        avatar: pubsub::avatar(connection, id.into())?,
        offline_count: archive::offline::count(connection, id.into())?,
        devices: devices(connection, id)?,
        push: push::registrations(connection, id)?,
    }))
}

pub(super) fn blocklist(connection: &Connection, account: AccountId) -> Result<Vec<Arc<str>>> {
    let mut statement = connection
        .prepare_cached("SELECT address FROM block WHERE account = ? ORDER BY address")?;
    let rows = statement.query_map([account.number()], |row| row.get(0))?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn block(connection: &Connection, account: AccountId, address: &str) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO block (account, address) VALUES (?, ?) ON CONFLICT DO NOTHING",
        )?
        .execute(params![account.number(), address])?;
    Ok(())
}

pub(super) fn unblock(
    connection: &Connection,
    account: AccountId,
    address: Option<&str>,
) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM block WHERE account = ?1 AND (?2 IS NULL OR address = ?2)")?
        .execute(params![account.number(), address])?;
    Ok(())
}

pub(super) fn private_all(connection: &Connection, account: AccountId) -> Result<Vec<String>> {
    let mut statement =
        connection.prepare_cached("SELECT xml FROM private WHERE account = ? ORDER BY key")?;
    let rows = statement.query_map([account.number()], |row| row.get(0))?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn private(
    connection: &Connection,
    account: AccountId,
    key: &str,
) -> Result<Option<String>> {
    let mut statement =
        connection.prepare_cached("SELECT xml FROM private WHERE account = ? AND key = ?")?;
    Ok(statement
        .query_row(params![account.number(), key], |row| row.get(0))
        .optional()?)
}

pub(super) fn private_count(connection: &Connection, account: AccountId) -> Result<u64> {
    let mut statement =
        connection.prepare_cached("SELECT count(*) FROM private WHERE account = ?")?;
    Ok(statement
        .query_row([account.number()], |row| row.get::<_, i64>(0))?
        .cast_unsigned())
}

pub(super) fn private_set(
    connection: &Connection,
    account: AccountId,
    key: &str,
    xml: Option<&str>,
) -> Result<()> {
    match xml {
        Some(xml) => connection
            .prepare_cached("INSERT OR REPLACE INTO private (account, key, xml) VALUES (?, ?, ?)")?
            .execute(params![account.number(), key, xml])?,
        None => connection
            .prepare_cached("DELETE FROM private WHERE account = ? AND key = ?")?
            .execute(params![account.number(), key])?,
    };
    Ok(())
}

pub(super) fn vcard(connection: &Connection, account: AccountId) -> Result<Option<String>> {
    let mut statement = connection.prepare_cached("SELECT xml FROM vcard WHERE account = ?")?;
    Ok(statement
        .query_row([account.number()], |row| row.get(0))
        .optional()?)
}

pub(super) fn vcard_set(
    connection: &Connection,
    account: AccountId,
    xml: Option<&str>,
) -> Result<()> {
    match xml {
        Some(xml) => connection
            .prepare_cached("INSERT OR REPLACE INTO vcard (account, xml) VALUES (?, ?)")?
            .execute(params![account.number(), xml])?,
        None => connection
            .prepare_cached("DELETE FROM vcard WHERE account = ?")?
            .execute([account.number()])?,
    };
    Ok(())
}

pub(super) fn activity(connection: &Connection, account: AccountId) -> Result<Option<Activity>> {
    let mut statement =
        connection.prepare_cached("SELECT at, status FROM activity WHERE account = ?")?;
    let found = statement.query_row([account.number()], |row| {
        Ok(Activity {
            at: Timestamp::from_micros(row.get(0)?),
            status: row.get(1)?,
        })
    });
    Ok(found.optional()?)
}

pub(super) fn activity_set(
    connection: &Connection,
    account: AccountId,
    activity: &Activity,
) -> Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO activity (account, at, status) VALUES (?, ?, ?)")?
        .execute(params![
            account.number(),
            activity.at.micros(),
            activity.status
        ])?;
    Ok(())
}

pub(super) fn preferences(
    connection: &Connection,
    account: AccountId,
) -> Result<Option<ArchivePreferences>> {
    let mut statement = connection
        .prepare_cached("SELECT fallback, always, never FROM preferences WHERE account = ?")?;
    let found = statement.query_row([account.number()], |row| {
        Ok(ArchivePreferences {
            default: match row.get::<_, i64>(0)? {
                1 => ArchiveDefault::Never,
                2 => ArchiveDefault::Roster,
                _ => ArchiveDefault::Always,
            },
            always: split(row.get_ref(1)?.as_str()?),
            never: split(row.get_ref(2)?.as_str()?),
        })
    });
    Ok(found.optional()?)
}

pub(super) fn preferences_set(
    connection: &Connection,
    account: AccountId,
    preferences: &ArchivePreferences,
) -> Result<()> {
    let fallback = match preferences.default {
        ArchiveDefault::Always => 0,
        ArchiveDefault::Never => 1,
        ArchiveDefault::Roster => 2,
    };
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO preferences (account, fallback, always, never)
             VALUES (?, ?, ?, ?)",
        )?
        .execute(params![
            account.number(),
            fallback,
            join(&preferences.always),
            join(&preferences.never)
        ])?;
    Ok(())
}

fn devices(connection: &Connection, account: AccountId) -> Result<Arc<[u32]>> {
    let mut statement = connection
        .prepare_cached("SELECT device FROM omemo_device WHERE account = ? ORDER BY device")?;
    let rows = statement.query_map([account.number()], |row| row.get(0))?;
    let devices = rows.collect::<std::result::Result<Vec<u32>, _>>()?;
    if devices.len() > MOST_OMEMO_DEVICES {
        return Ok(Arc::default());
    }
    Ok(devices.into())
}

pub(super) fn devices_listed(
    connection: &Connection,
    account: AccountId,
    devices: &[u32],
) -> Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO omemo_device (account, device)
         SELECT ?1, ?2 WHERE (SELECT count(*) FROM omemo_device WHERE account = ?1) <= ?3
         ON CONFLICT DO NOTHING",
    )?;
    for device in devices {
        statement.execute(params![account.number(), device, MOST_OMEMO_DEVICES as i64])?;
    }
    Ok(())
}

pub(super) fn setting(connection: &Connection, key: &str) -> Result<Option<Vec<u8>>> {
    let mut statement = connection.prepare_cached("SELECT value FROM setting WHERE key = ?")?;
    Ok(statement.query_row([key], |row| row.get(0)).optional()?)
}

pub(super) fn setting_set(connection: &Connection, key: &str, value: Option<&[u8]>) -> Result<()> {
    match value {
        Some(value) => connection
            .prepare_cached("INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)")?
            .execute(params![key, value])?,
        None => connection
            .prepare_cached("DELETE FROM setting WHERE key = ?")?
            .execute([key])?,
    };
    Ok(())
}

pub(super) fn setting_or(connection: &Connection, key: &str, value: &[u8]) -> Result<Vec<u8>> {
    if let Some(there) = setting(connection, key)? {
        return Ok(there);
    }
    setting_set(connection, key, Some(value))?;
    Ok(value.to_vec())
}
