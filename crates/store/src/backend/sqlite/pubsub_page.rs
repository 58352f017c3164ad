//! Pages of a node's items in SQLite.

use std::sync::Arc;

use base::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::pubsub;
use crate::{ItemPage, ItemPosition, ItemQuery, NodeItem, OwnerId, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

const COLUMNS: &str = "id, publisher, published, payload";

fn item_of(row: &Row<'_>) -> rusqlite::Result<NodeItem> {
    Ok(NodeItem {
        id: row.get(0)?,
        publisher: row.get(1)?,
        published: Timestamp::from_micros(row.get(2)?),
        payload: row.get(3)?,
    })
}

/// The newest item of a node.
pub(super) fn newest(connection: &Connection, node: i64) -> Result<Option<NodeItem>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM pubsub_item WHERE node = ? ORDER BY place DESC LIMIT 1"
    ))?;
    Ok(statement.query_row([node], item_of).optional()?)
}

pub(super) fn page(
    connection: &Connection,
    owner: OwnerId,
    name: &str,
    query: &ItemQuery,
) -> Result<ItemPage> {
    let Some(node) = pubsub::id(connection, owner, name)? else {
        return Ok(ItemPage::default());
    };
    let since = query.since.map_or(i64::MIN, Timestamp::micros);
    if let ItemPosition::Ids(ids) = &query.position {
        return named(connection, node, since, ids, query);
    }
    let count = count(connection, node, since, i64::MAX)?;
    let max = i64::try_from(query.max).unwrap_or(i64::MAX);
    let place = |id: &Arc<str>| place(connection, node, since, id);
    // Places above the first and below the second, and in which direction the page grows.
    let (above, below, offset, backwards) = match &query.position {
        ItemPosition::After(id) => (place(id)?, i64::MAX, 0, false),
        ItemPosition::Before(id) => (i64::MIN, place(id)?, 0, true),
        ItemPosition::Last => (i64::MIN, i64::MAX, 0, true),
        ItemPosition::Index(index) => (i64::MIN, i64::MAX, i64::from(*index), false),
        ItemPosition::First | ItemPosition::Ids(_) => (i64::MIN, i64::MAX, 0, false),
    };
    let order = if backwards { "DESC" } else { "ASC" };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, place FROM pubsub_item
         WHERE node = ?1 AND place > ?2 AND place < ?3 AND published >= ?4
         ORDER BY place {order} LIMIT ?5 OFFSET ?6"
    ))?;
    let mut rows = statement.query(params![node, above, below, since, max, offset])?;
    let (mut items, mut bytes, mut first) = (Vec::new(), 0, None);
    while let Some(row) = rows.next()? {
        let item = item_of(row)?;
        bytes += item.payload.len() + item.id.len();
        if bytes > query.max_bytes && !items.is_empty() {
            break;
        }
        if backwards || first.is_none() {
            first = Some(row.get::<_, i64>(4)?);
        }
        items.push(item);
    }
    drop(rows);
    if backwards {
        items.reverse();
    }
    let index = match first {
        Some(first) => self::count(connection, node, since, first)?,
        None => 0,
    };
    Ok(ItemPage {
        items,
        count,
        index,
    })
}

/// How many items lie below a place.
fn count(connection: &Connection, node: i64, since: i64, below: i64) -> Result<u64> {
    let count: i64 = if since == i64::MIN && below == i64::MAX {
        connection
            .prepare_cached("SELECT items FROM pubsub_node WHERE id = ?")?
            .query_row([node], |row| row.get(0))?
    } else {
        connection
            .prepare_cached(
                "SELECT count(*) FROM pubsub_item
                 WHERE node = ? AND published >= ? AND place < ?",
            )?
            .query_row([node, since, below], |row| row.get(0))?
    };
    Ok(count.cast_unsigned())
}

/// Where an item lies that a page begins or ends at.
fn place(connection: &Connection, node: i64, since: i64, id: &str) -> Result<i64> {
    connection
        .prepare_cached(
            "SELECT place FROM pubsub_item WHERE node = ? AND id = ? AND published >= ?",
        )?
        .query_row(params![node, id, since], |row| row.get(0))
        .optional()?
        .ok_or(StoreError::ItemNotFound)
}

fn named(
    connection: &Connection,
    node: i64,
    since: i64,
    ids: &[Arc<str>],
    query: &ItemQuery,
) -> Result<ItemPage> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, place FROM pubsub_item WHERE node = ? AND id = ? AND published >= ?"
    ))?;
    let mut found = Vec::new();
    let mut bytes = 0;
    for id in ids.iter().take(query.max) {
        let item = statement
            .query_row(params![node, id, since], |row| {
                Ok((row.get::<_, i64>(4)?, item_of(row)?))
            })
            .optional()?;
        let Some((place, item)) = item else { continue };
        bytes += item.payload.len() + item.id.len();
        if bytes > query.max_bytes && !found.is_empty() {
            break;
        }
        found.push((place, item));
    }
    found.sort_by_key(|(place, _)| *place);
    found.dedup_by_key(|(place, _)| *place);
    Ok(ItemPage {
        count: found.len() as u64,
        index: 0,
        items: found.into_iter().map(|(_, item)| item).collect(),
    })
}
