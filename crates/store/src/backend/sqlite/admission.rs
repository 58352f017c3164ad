//! What lets people in besides the password: app passwords, devices and invitations, in SQLite.

use std::sync::Arc;

use base::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::accounts;
use crate::{
    AccountId, AppPassword, AppPasswordId, Device, Imported, Invitation, InvitationPurpose,
    MOST_DEVICES, NewAccount, Registered, ScramRecord, StoreError,
};

type Result<T> = std::result::Result<T, StoreError>;

pub(super) fn app_password_create(
    connection: &Connection,
    account: AccountId,
    label: &str,
    keys: &[ScramRecord],
    now: Timestamp,
) -> Result<AppPasswordId> {
    if accounts::get(connection, account)?.is_none() {
        return Err(StoreError::NoSuchAccount);
    }
    connection
        .prepare_cached("INSERT INTO app_password (account, label, created) VALUES (?, ?, ?)")?
        .execute(params![account.number(), label, now.micros()])?;
    let id = connection.last_insert_rowid();
    let mut insert = connection.prepare_cached(
        "INSERT INTO app_password_key
         (app_password, hash, iterations, salt, stored_key, server_key) VALUES (?, ?, ?, ?, ?, ?)",
    )?;
    for key in keys {
        insert.execute(params![
            id,
            key.hash,
            key.iterations,
            key.salt,
            key.stored_key,
            key.server_key
        ])?;
    }
    Ok(AppPasswordId::from_number(id))
}

pub(super) fn app_passwords(
    connection: &Connection,
    account: AccountId,
) -> Result<Vec<AppPassword>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, label, created, last_used FROM app_password WHERE account = ? ORDER BY id",
    )?;
    let rows = statement.query_map([account.number()], |row| {
        Ok(AppPassword {
            id: AppPasswordId::from_number(row.get(0)?),
            label: row.get(1)?,
            created: Timestamp::from_micros(row.get(2)?),
            last_used: row.get::<_, Option<i64>>(3)?.map(Timestamp::from_micros),
        })
    })?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn app_keys(
    connection: &Connection,
    account: AccountId,
) -> Result<Vec<(AppPasswordId, ScramRecord)>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, hash, iterations, salt, stored_key, server_key
         FROM app_password JOIN app_password_key ON app_password = id
         WHERE account = ? ORDER BY id",
    )?;
    let rows = statement.query_map([account.number()], |row| {
        let key = ScramRecord {
            hash: row.get(1)?,
            iterations: row.get(2)?,
            salt: row.get(3)?,
            stored_key: row.get(4)?,
            server_key: row.get(5)?,
        };
        Ok((AppPasswordId::from_number(row.get(0)?), key))
    })?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn app_password_used(
    connection: &Connection,
    account: AccountId,
    id: AppPasswordId,
    at: Timestamp,
) -> Result<()> {
    connection
        .prepare_cached("UPDATE app_password SET last_used = ? WHERE id = ? AND account = ?")?
        .execute(params![at.micros(), id.number(), account.number()])?;
    Ok(())
}

pub(super) fn app_password_remove(
    connection: &Connection,
    account: AccountId,
    id: Option<AppPasswordId>,
) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM app_password WHERE account = ?1 AND (?2 IS NULL OR id = ?2)")?
        .execute(params![account.number(), id.map(AppPasswordId::number)])?;
    Ok(())
}

pub(super) fn devices(connection: &Connection, account: AccountId) -> Result<Vec<Device>> {
    let mut statement = connection.prepare_cached(
        "SELECT client, software, device, first_seen, last_seen, password, app_password
         FROM device WHERE account = ? ORDER BY last_seen DESC, client",
    )?;
    let rows = statement.query_map([account.number()], |row| {
        Ok(Device {
            client: row.get(0)?,
            software: row.get(1)?,
            device: row.get(2)?,
            first_seen: Timestamp::from_micros(row.get(3)?),
            last_seen: Timestamp::from_micros(row.get(4)?),
            password: row.get(5)?,
            app_password: row
                .get::<_, Option<i64>>(6)?
                .map(AppPasswordId::from_number),
        })
    })?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn device_seen(
    connection: &Connection,
    account: AccountId,
    device: &Device,
) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO device
             (account, client, software, device, first_seen, last_seen, password, app_password)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT DO UPDATE SET
               software = coalesce(?3, software), device = coalesce(?4, device),
               last_seen = max(last_seen, ?6), password = max(password, ?7), app_password = ?8",
        )?
        .execute(params![
            account.number(),
            device.client,
            device.software,
            device.device,
            device.first_seen.micros(),
            device.last_seen.micros(),
            device.password,
            device.app_password.map(AppPasswordId::number)
        ])?;
    connection
        .prepare_cached(
            "DELETE FROM device WHERE account = ?1 AND client IN (
               SELECT client FROM device WHERE account = ?1
               ORDER BY last_seen DESC, client LIMIT -1 OFFSET ?2)",
        )?
        .execute(params![account.number(), MOST_DEVICES as i64])?;
    Ok(())
}

pub(super) fn device_forget(
    connection: &Connection,
    account: AccountId,
    client: Option<&str>,
) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM device WHERE account = ?1 AND (?2 IS NULL OR client = ?2)")?
        .execute(params![account.number(), client])?;
    Ok(())
}

pub(super) fn device_expire(connection: &Connection, before: Timestamp) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM device WHERE last_seen < ?")?
        .execute([before.micros()])?;
    Ok(())
}

const INVITATION: &str =
    "hash, purpose, localpart, created, expires, used, inviter, uses, times, subscribe";

fn invitation_of(row: &Row<'_>) -> rusqlite::Result<Invitation> {
    Ok(Invitation {
        hash: row.get(0)?,
        purpose: match row.get::<_, i64>(1)? {
            0 => InvitationPurpose::Administrator,
            1 => InvitationPurpose::Account,
            _ => InvitationPurpose::Contact,
        },
        localpart: row.get::<_, Option<Arc<str>>>(2)?,
        created: Timestamp::from_micros(row.get(3)?),
        expires: Timestamp::from_micros(row.get(4)?),
        used: row.get::<_, Option<i64>>(5)?.map(Timestamp::from_micros),
        inviter: row.get::<_, Option<i64>>(6)?.map(AccountId::from_number),
        uses: row.get(7)?,
        times: row.get(8)?,
        subscribe: row.get(9)?,
    })
}

pub(super) fn invitation(connection: &Connection, hash: &[u8]) -> Result<Option<Invitation>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {INVITATION} FROM invitation WHERE hash = ?"
    ))?;
    Ok(statement.query_row([hash], invitation_of).optional()?)
}

pub(super) fn invitations(
    connection: &Connection,
    inviter: Option<AccountId>,
    max: usize,
) -> Result<Vec<Invitation>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {INVITATION} FROM invitation
         WHERE purpose <> 0 AND (?1 IS NULL OR inviter = ?1) ORDER BY created DESC, hash LIMIT ?2"
    ))?;
    let limit = i64::try_from(max).unwrap_or(i64::MAX);
    let rows = statement.query_map(
        params![inviter.map(AccountId::number), limit],
        invitation_of,
    )?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn invitation_set(connection: &Connection, invitation: &Invitation) -> Result<()> {
    let purpose = match invitation.purpose {
        InvitationPurpose::Administrator => 0,
        InvitationPurpose::Account => 1,
        InvitationPurpose::Contact => 2,
    };
    connection
        .prepare_cached(&format!(
            "INSERT OR REPLACE INTO invitation ({INVITATION}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        ))?
        .execute(params![
            invitation.hash,
            purpose,
            invitation.localpart,
            invitation.created.micros(),
            invitation.expires.micros(),
            invitation.used.map(Timestamp::micros),
            invitation.inviter.map(AccountId::number),
            invitation.uses,
            invitation.times,
            invitation.subscribe
        ])?;
    Ok(())
}

pub(super) fn invitation_remove(connection: &Connection, hash: &[u8]) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM invitation WHERE hash = ?")?
        .execute([hash])?;
    Ok(())
}

pub(super) fn invitation_expire(connection: &Connection, before: Timestamp) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM invitation WHERE expires < ?")?
        .execute([before.micros()])?;
    Ok(())
}

/// Takes one use; whether there was one. `limit` is the time at which it must not have ended.
fn take_use(
    connection: &Connection,
    hash: &[u8],
    now: Timestamp,
    limit: Timestamp,
) -> Result<bool> {
    let used = connection
        .prepare_cached(
            "UPDATE invitation SET used = ?2, times = times + 1
             WHERE hash = ?1 AND times < uses AND expires > ?3",
        )?
        .execute(params![hash, now.micros(), limit.micros()])?;
    Ok(used > 0)
}

pub(super) fn invitation_redeem(
    connection: &Connection,
    hash: &[u8],
    now: Timestamp,
) -> Result<Option<Invitation>> {
    if take_use(connection, hash, now, now)? {
        invitation(connection, hash)
    } else {
        Ok(None)
    }
}

/// Whether an open invitation other than `own` keeps the name for somebody.
fn is_reserved(
    connection: &Connection,
    localpart: &str,
    own: Option<&[u8]>,
    now: Timestamp,
) -> Result<bool> {
    let mut statement = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM invitation
         WHERE localpart = ?1 AND times < uses AND expires > ?3 AND hash IS NOT ?2)",
    )?;
    Ok(statement.query_row(params![localpart, own, now.micros()], |row| row.get(0))?)
}

pub(super) fn register(
    connection: &Connection,
    account: &NewAccount,
    invitation: Option<&[u8]>,
    now: Timestamp,
) -> Result<Registered> {
    if accounts::find(connection, &account.localpart)?.is_some()
        || is_reserved(connection, &account.localpart, invitation, now)?
    {
        return Ok(Registered::Taken);
    }
    let always = Timestamp::from_micros(i64::MIN);
    if let Some(hash) = invitation
        && !take_use(connection, hash, now, always)?
    {
        return Ok(Registered::Spent);
    }
    Ok(match accounts::insert(connection, account, now)? {
        Imported::Created(id) => Registered::Created(id),
        Imported::Exists(_) => Registered::Taken,
    })
}
