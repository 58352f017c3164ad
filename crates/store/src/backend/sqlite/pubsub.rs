//! Nodes and their items in SQLite.

use std::collections::HashMap;
use std::sync::Arc;

use base::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{pubsub_page, roster};
use crate::{
    AccountId, Newcomer, NewestItem, Node, NodeAffiliation, NodeItem, NodeSettings,
    NodeSubscription, NodeUsage, NodeWrite, OwnerId, StoreError,
};

type Result<T> = std::result::Result<T, StoreError>;

const COLUMNS: &str =
    "id, name, configuration, on_presence, keep, item_seconds, creator, created, items, bytes";

fn node_of(row: &Row<'_>) -> rusqlite::Result<(i64, Node)> {
    let node = Node {
        settings: NodeSettings {
            name: row.get(1)?,
            configuration: row.get(2)?,
            on_presence: row.get(3)?,
            keep: row.get(4)?,
            item_seconds: row.get(5)?,
            creator: row.get(6)?,
            created: Timestamp::from_micros(row.get(7)?),
        },
        items: row.get::<_, i64>(8)?.cast_unsigned(),
        bytes: row.get::<_, i64>(9)?.cast_unsigned(),
        ..Node::default()
    };
    Ok((row.get(0)?, node))
}

/// Subscriptions and affiliations of a node.
fn fill(connection: &Connection, id: i64, node: &mut Node) -> Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT subscriber, pending FROM pubsub_subscription WHERE node = ? ORDER BY subscriber",
    )?;
    let rows = statement.query_map([id], |row| {
        Ok(NodeSubscription {
            subscriber: row.get(0)?,
            pending: row.get(1)?,
        })
    })?;
    node.subscriptions = rows.collect::<std::result::Result<_, _>>()?;
    let mut statement = connection.prepare_cached(
        "SELECT address, affiliation FROM pubsub_affiliation WHERE node = ? ORDER BY address",
    )?;
    let rows = statement.query_map([id], |row| {
        let affiliation = match row.get::<_, i64>(1)? {
            1 => NodeAffiliation::Publisher,
            2 => NodeAffiliation::PublishOnly,
            3 => NodeAffiliation::Member,
            _ => NodeAffiliation::Outcast,
        };
        Ok((row.get(0)?, affiliation))
    })?;
    node.affiliations = rows.collect::<std::result::Result<_, _>>()?;
    Ok(())
}

pub(super) fn id(connection: &Connection, owner: OwnerId, name: &str) -> Result<Option<i64>> {
    let mut statement =
        connection.prepare_cached("SELECT id FROM pubsub_node WHERE owner = ? AND name = ?")?;
    Ok(statement
        .query_row(params![owner.number(), name], |row| row.get(0))
        .optional()?)
}

pub(super) fn node(
    connection: &Connection,
    owner: OwnerId,
    name: &str,
) -> Result<(Option<Node>, NodeUsage)> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM pubsub_node WHERE owner = ? AND name = ?"
    ))?;
    let found = statement
        .query_row(params![owner.number(), name], node_of)
        .optional()?;
    let node = match found {
        Some((id, mut node)) => {
            fill(connection, id, &mut node)?;
            Some(node)
        }
        None => None,
    };
    let mut statement = connection.prepare_cached(
        "SELECT count(*), coalesce(sum(items), 0), coalesce(sum(bytes), 0)
         FROM pubsub_node WHERE owner = ?",
    )?;
    let usage = statement.query_row([owner.number()], |row| {
        Ok(NodeUsage {
            nodes: row.get::<_, i64>(0)?.cast_unsigned(),
            items: row.get::<_, i64>(1)?.cast_unsigned(),
            bytes: row.get::<_, i64>(2)?.cast_unsigned(),
        })
    })?;
    Ok((node, usage))
}

pub(super) fn nodes(connection: &Connection, owner: OwnerId) -> Result<Vec<Node>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM pubsub_node WHERE owner = ? ORDER BY name"
    ))?;
    let rows = statement.query_map([owner.number()], node_of)?;
    let mut nodes = Vec::new();
    for row in rows {
        let (id, mut node) = row?;
        fill(connection, id, &mut node)?;
        nodes.push(node);
    }
    Ok(nodes)
}

pub(super) fn newest(
    connection: &Connection,
    newcomer: &Newcomer,
    accounts: &[Arc<str>],
) -> Result<Vec<NewestItem>> {
    let mut newest = Vec::new();
    let mut account =
        connection.prepare_cached("SELECT id FROM account WHERE localpart = ? AND enabled = 1")?;
    let mut barred = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM block WHERE account = ? AND address = ?)")?;
    let mut announced = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM pubsub_node WHERE owner = ? AND on_presence = 1 ORDER BY name"
    ))?;
    for localpart in accounts {
        let found: Option<i64> = account
            .query_row([localpart], |row| row.get(0))
            .optional()?;
        let Some(owner) = found else { continue };
        let rows = announced.query_map([owner], node_of)?;
        let mut nodes = rows.collect::<std::result::Result<Vec<_>, _>>()?;
        nodes.retain(|(_, node)| newcomer.nodes.binary_search(&node.settings.name).is_ok());
        if nodes.is_empty() {
            continue;
        }
        let mut kept_away = false;
        for address in &newcomer.barred_by {
            kept_away |= barred.query_row(params![owner, address], |row| row.get::<_, bool>(0))?;
        }
        if kept_away {
            continue;
        }
        let contact = roster::contact(connection, AccountId::from_number(owner), &newcomer.bare)?;
        for (id, mut node) in nodes {
            let Some(item) = pubsub_page::newest(connection, id)? else {
                continue;
            };
            fill(connection, id, &mut node)?;
            newest.push(NewestItem {
                owner: Arc::clone(localpart),
                node: Arc::new(node),
                contact: contact.clone(),
                item,
            });
        }
    }
    Ok(newest)
}

pub(super) fn avatar(connection: &Connection, owner: OwnerId) -> Result<Option<Arc<str>>> {
    let mut statement = connection.prepare_cached("SELECT hash FROM avatar WHERE owner = ?")?;
    Ok(statement
        .query_row([owner.number()], |row| row.get(0))
        .optional()?)
}

/// All that an owner has; the owner itself is gone.
pub(super) fn remove_owner(connection: &Connection, owner: OwnerId) -> Result<()> {
    for statement in [
        "DELETE FROM pubsub_node WHERE owner = ?",
        "DELETE FROM avatar WHERE owner = ?",
    ] {
        connection
            .prepare_cached(statement)?
            .execute([owner.number()])?;
    }
    Ok(())
}

pub(super) fn apply(connection: &Connection, owner: OwnerId, write: &NodeWrite) -> Result<()> {
    match write {
        NodeWrite::Set(settings) => set(connection, owner, settings),
        NodeWrite::Remove(node) => {
            connection
                .prepare_cached("DELETE FROM pubsub_node WHERE owner = ? AND name = ?")?
                .execute(params![owner.number(), node])?;
            Ok(())
        }
        NodeWrite::Publish(node, item) => {
            publish(connection, known(connection, owner, node)?, item)
        }
        NodeWrite::Retract(node, item) => match id(connection, owner, node)? {
            Some(node) => retract(connection, node, item),
            None => Ok(()),
        },
        NodeWrite::Purge(node) => {
            let Some(node) = id(connection, owner, node)? else {
                return Ok(());
            };
            connection
                .prepare_cached("DELETE FROM pubsub_item WHERE node = ?")?
                .execute([node])?;
            connection
                .prepare_cached("UPDATE pubsub_node SET items = 0, bytes = 0 WHERE id = ?")?
                .execute([node])?;
            Ok(())
        }
        NodeWrite::Subscribe(node, subscription) => {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO pubsub_subscription (node, subscriber, pending)
                     VALUES (?, ?, ?)",
                )?
                .execute(params![
                    known(connection, owner, node)?,
                    subscription.subscriber,
                    subscription.pending
                ])?;
            Ok(())
        }
        NodeWrite::Unsubscribe(node, subscriber) => {
            connection
                .prepare_cached(
                    "DELETE FROM pubsub_subscription WHERE subscriber = ?3
                     AND node = (SELECT id FROM pubsub_node WHERE owner = ?1 AND name = ?2)",
                )?
                .execute(params![owner.number(), node, subscriber])?;
            Ok(())
        }
        NodeWrite::Affiliate(node, address, affiliation) => affiliate(
            connection,
            known(connection, owner, node)?,
            address,
            *affiliation,
        ),
        NodeWrite::Avatar(hash) => {
            match hash {
                Some(hash) => connection
                    .prepare_cached("INSERT OR REPLACE INTO avatar (owner, hash) VALUES (?, ?)")?
                    .execute(params![owner.number(), hash])?,
                None => connection
                    .prepare_cached("DELETE FROM avatar WHERE owner = ?")?
                    .execute([owner.number()])?,
            };
            Ok(())
        }
    }
}

/// The key of a node that must be there.
fn known(connection: &Connection, owner: OwnerId, name: &str) -> Result<i64> {
    id(connection, owner, name)?
        .ok_or_else(|| StoreError::Refused("there is no node of that name".into()))
}

fn set(connection: &Connection, owner: OwnerId, settings: &NodeSettings) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO pubsub_node
             (owner, name, configuration, on_presence, keep, item_seconds, creator, created)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (owner, name) DO UPDATE SET configuration = excluded.configuration,
             on_presence = excluded.on_presence, keep = excluded.keep,
             item_seconds = excluded.item_seconds",
        )?
        .execute(params![
            owner.number(),
            settings.name,
            settings.configuration,
            settings.on_presence,
            settings.keep,
            settings.item_seconds,
            settings.creator,
            settings.created.micros()
        ])?;
    trim(connection, known(connection, owner, &settings.name)?)
}

/// Adds to the sums of a node.
fn count(connection: &Connection, node: i64, items: i64, bytes: i64) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE pubsub_node SET items = items + ?2, bytes = bytes + ?3 WHERE id = ?1",
        )?
        .execute([node, items, bytes])?;
    Ok(())
}

fn retract(connection: &Connection, node: i64, item: &str) -> Result<()> {
    let bytes: Option<i64> = connection
        .prepare_cached("DELETE FROM pubsub_item WHERE node = ? AND id = ? RETURNING bytes")?
        .query_row(params![node, item], |row| row.get(0))
        .optional()?;
    match bytes {
        Some(bytes) => count(connection, node, -1, -bytes),
        None => Ok(()),
    }
}

fn publish(connection: &Connection, node: i64, item: &NodeItem) -> Result<()> {
    retract(connection, node, &item.id)?;
    let bytes = item.id.len() + item.publisher.len() + item.payload.len();
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "INSERT INTO pubsub_item (node, id, place, publisher, published, bytes, payload)
             SELECT ?1, ?2, next, ?3, ?4, ?5, ?6 FROM pubsub_node WHERE id = ?1",
        )?
        .execute(params![
            node,
            item.id,
            item.publisher,
            item.published.micros(),
            bytes,
            item.payload
        ])?;
    connection
        .prepare_cached(
            "UPDATE pubsub_node SET next = next + 1, items = items + 1, bytes = bytes + ?2
             WHERE id = ?1",
        )?
        .execute([node, bytes])?;
    trim(connection, node)
}

/// Lets the oldest items go that are more than stay.
fn trim(connection: &Connection, node: i64) -> Result<()> {
    let surplus: i64 = connection
        .prepare_cached("SELECT items - keep FROM pubsub_node WHERE id = ?")?
        .query_row([node], |row| row.get(0))?;
    if surplus <= 0 {
        return Ok(());
    }
    let mut statement = connection.prepare_cached(
        "DELETE FROM pubsub_item WHERE node = ?1 AND place IN
         (SELECT place FROM pubsub_item WHERE node = ?1 ORDER BY place LIMIT ?2) RETURNING bytes",
    )?;
    let rows = statement.query_map([node, surplus], |row| row.get::<_, i64>(0))?;
    let (mut items, mut bytes) = (0, 0);
    for gone in rows {
        items += 1;
        bytes += gone?;
    }
    count(connection, node, -items, -bytes)
}

fn affiliate(
    connection: &Connection,
    node: i64,
    address: &str,
    affiliation: Option<NodeAffiliation>,
) -> Result<()> {
    let Some(affiliation) = affiliation else {
        connection
            .prepare_cached("DELETE FROM pubsub_affiliation WHERE node = ? AND address = ?")?
            .execute(params![node, address])?;
        return Ok(());
    };
    let number = match affiliation {
        NodeAffiliation::Publisher => 1,
        NodeAffiliation::PublishOnly => 2,
        NodeAffiliation::Member => 3,
        NodeAffiliation::Outcast => 4,
    };
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO pubsub_affiliation (node, address, affiliation)
             VALUES (?, ?, ?)",
        )?
        .execute(params![node, address, number])?;
    Ok(())
}

/// Items that have lasted too long, in all nodes.
pub(super) fn expire(connection: &Connection, now: Timestamp) -> Result<()> {
    let mut statement = connection.prepare_cached(
        "DELETE FROM pubsub_item WHERE rowid IN
         (SELECT item.rowid FROM pubsub_node JOIN pubsub_item AS item ON item.node = pubsub_node.id
          WHERE item_seconds IS NOT NULL AND published < ?1 - item_seconds * 1000000)
         RETURNING node, bytes",
    )?;
    let rows = statement.query_map([now.micros()], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
    })?;
    let mut gone: HashMap<i64, (i64, i64)> = HashMap::new();
    for row in rows {
        let (node, bytes) = row?;
        let sums = gone.entry(node).or_default();
        sums.0 += 1;
        sums.1 += bytes;
    }
    for (node, (items, bytes)) in gone {
        count(connection, node, -items, -bytes)?;
    }
    Ok(())
}
