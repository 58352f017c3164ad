//! Registrations for notifications in SQLite.

use std::sync::Arc;

use base::Timestamp;
use rusqlite::{Connection, params};

use crate::{AccountId, PushAudience, PushRegistration, PushTarget, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// Kind, address and node.
fn columns(target: &PushTarget) -> (i64, &str, &str) {
    match target {
        PushTarget::Service { jid, node } => (0, jid, node),
        PushTarget::Web { endpoint } => (1, endpoint, ""),
    }
}

pub(super) fn registrations(
    connection: &Connection,
    account: AccountId,
) -> Result<Vec<PushRegistration>> {
    let mut statement = connection.prepare_cached(
        "SELECT kind, address, node, options, registered, device FROM push WHERE account = ?
         ORDER BY registered, address, node",
    )?;
    let rows = statement.query_map([account.number()], |row| {
        let target = match row.get::<_, i64>(0)? {
            0 => PushTarget::Service {
                jid: row.get(1)?,
                node: row.get(2)?,
            },
            _ => PushTarget::Web {
                endpoint: row.get(1)?,
            },
        };
        Ok(PushRegistration {
            target,
            options: row.get::<_, Option<Vec<u8>>>(3)?.map(Into::into),
            registered: Timestamp::from_micros(row.get(4)?),
            device: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn accounts(connection: &Connection) -> Result<Vec<Arc<str>>> {
    let mut statement = connection
        .prepare_cached("SELECT localpart FROM account WHERE id IN (SELECT account FROM push)")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn audience(connection: &Connection, wanted: &PushAudience) -> Result<Vec<Arc<str>>> {
    let mut found = Vec::new();
    if let Some(group) = &wanted.group {
        let mut statement = connection.prepare_cached(
            "SELECT localpart FROM account WHERE id IN (SELECT account FROM push)
               AND instr(char(31) || groups || char(31), char(31) || ? || char(31)) > 0",
        )?;
        let rows = statement.query_map([group], |row| row.get(0))?;
        found.extend(rows.collect::<std::result::Result<Vec<_>, _>>()?);
    }
    if let Some((node, item)) = &wanted.item {
        let mut statement = connection.prepare_cached(
            "SELECT account.localpart FROM pubsub_item AS item
             JOIN pubsub_node AS node ON node.id = item.node
             JOIN account ON account.id = node.owner
             WHERE item.id = ?1 AND instr(item.id, '@') > 0 AND node.name = ?2
               AND EXISTS (SELECT 1 FROM push WHERE push.account = account.id)",
        )?;
        let rows = statement.query_map([item, node], |row| row.get(0))?;
        found.extend(rows.collect::<std::result::Result<Vec<_>, _>>()?);
    }
    Ok(found)
}

pub(super) fn set(
    connection: &Connection,
    account: AccountId,
    registration: &PushRegistration,
) -> Result<()> {
    let (kind, address, node) = columns(&registration.target);
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO push (account, kind, address, node, options, registered, device)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            account.number(),
            kind,
            address,
            node,
            registration.options.as_deref(),
            registration.registered.micros(),
            registration.device.as_deref()
        ])?;
    Ok(())
}

pub(super) fn remove(
    connection: &Connection,
    account: AccountId,
    target: &PushTarget,
) -> Result<()> {
    let (kind, address, node) = columns(target);
    connection
        .prepare_cached(
            "DELETE FROM push WHERE account = ? AND kind = ? AND address = ? AND node = ?",
        )?
        .execute(params![account.number(), kind, address, node])?;
    Ok(())
}
