//! What goes into the index and out of it.

use std::collections::BTreeMap;

use crate::storage::{Changes, Direction, KeyRange, StorageError, Table};
use crate::views::{ConversationId, MessageKey};

use super::chunk::{
    self, CHUNK, Chunk, HEAD, Head, Record, TAIL, TailRow, hit_of, key_of, newest_of,
};
use super::words::index_text;
use super::{CHUNK_MESSAGES, Entry, Hit, MOST_TEXT_BYTES, Rows, TAIL_ROWS, filter};

/// Most rows that one call of [`tidy`] moves.
const MOST_AT_ONCE: usize = 4 * TAIL_ROWS;
/// What is so far apart does not belong into one chunk, if that would not become a very small one: 30 days, in microseconds.
const FAR_APART: u64 = 30 * 86_400 * 1_000_000;
const SMALL_CHUNK: usize = 32;

fn put(changes: &mut Changes, entry: &Entry<'_>, hides: bool) {
    let hit = Hit {
        message: entry.message,
        conversation: entry.conversation.clone(),
    };
    let row = TailRow {
        hides,
        record: Some(Record {
            sender: entry.sender.to_owned(),
            has: entry.has.bits(),
            text: index_text(entry.texts, MOST_TEXT_BYTES),
        }),
    };
    changes.put(Table::Search, key_of(TAIL, &hit), row.write());
}

/// A message has come that was not there before. The row goes to `changes`, to be committed with the message.
pub fn insert(changes: &mut Changes, entry: &Entry<'_>) {
    put(changes, entry, false);
}

/// A message says something else now, or it is not known whether it was there.
pub fn replace(changes: &mut Changes, entry: &Entry<'_>) {
    put(changes, entry, true);
}

/// A message was taken back or deleted.
pub fn remove(changes: &mut Changes, conversation: &ConversationId, message: MessageKey) {
    let hit = Hit {
        message,
        conversation: conversation.clone(),
    };
    let row = TailRow {
        hides: true,
        record: None,
    };
    changes.put(Table::Search, key_of(TAIL, &hit), row.write());
}

/// Moves the tail into chunks when it is long enough; whether it did. Call it now and then, such as after each page of an
/// archive, best in a commit of its own: it reads and writes about 100 bytes for each message, and search is fast while the
/// tail is short. Nothing is lost when it is never called.
///
/// # Errors
/// [`StorageError`]; nothing is in `changes` then that was not there before.
pub fn tidy(rows: &impl Rows, changes: &mut Changes) -> Result<bool, StorageError> {
    let tail = rows.rows(&KeyRange::prefix(&[TAIL]), Direction::Forward, MOST_AT_ONCE)?;
    if tail.len() < TAIL_ROWS {
        return Ok(false);
    }
    let mut made = Changes::new();
    let mut fresh: BTreeMap<Hit, Record> = BTreeMap::new();
    let mut hidden: BTreeMap<Hit, Option<Record>> = BTreeMap::new();
    for (key, value) in tail {
        let hit = hit_of(&key)?;
        let row = TailRow::read(&value)?;
        made.delete(Table::Search, key);
        match (row.hides, row.record) {
            (true, record) => {
                hidden.insert(hit, record);
            }
            (false, Some(record)) => {
                fresh.insert(hit, record);
            }
            (false, None) => {}
        }
    }
    mend(rows, &mut hidden, &mut made)?;
    fresh.extend(
        hidden
            .into_iter()
            .filter_map(|(hit, record)| Some((hit, record?))),
    );
    let mut piece: Vec<(Hit, Record)> = Vec::new();
    for (hit, record) in fresh.into_iter().rev() {
        let far = piece.last().is_some_and(|(newer, _)| {
            newer.message.order.saturating_sub(hit.message.order) > FAR_APART
        });
        if piece.len() == CHUNK_MESSAGES || far && piece.len() >= SMALL_CHUNK {
            write(rows, &piece, &mut made)?;
            piece.clear();
        }
        piece.push((hit, record));
    }
    write(rows, &piece, &mut made)?;
    for change in made.iter() {
        match &change.value {
            Some(value) => changes.put(change.table, change.key.clone(), value.clone()),
            None => changes.delete(change.table, change.key.clone()),
        }
    }
    Ok(true)
}

/// Mends the chunks that have messages of which the tail knows better. What is found in one is taken out of `hidden`.
fn mend(
    rows: &impl Rows,
    hidden: &mut BTreeMap<Hit, Option<Record>>,
    made: &mut Changes,
) -> Result<(), StorageError> {
    let Some((first, _)) = hidden.first_key_value() else {
        return Ok(());
    };
    // No chunk whose newest message is older than the oldest of them has any.
    let mut from = vec![HEAD];
    from.extend_from_slice(&first.message.order.to_be_bytes());
    let heads = rows.rows(
        &KeyRange::between(&from, &[HEAD + 1]),
        Direction::Forward,
        usize::MAX,
    )?;
    for (key, value) in heads {
        let (oldest, newest) = (Head::read(&value)?.oldest, newest_of(&key)?);
        let concerned = hidden
            .keys()
            .any(|hit| (oldest..=newest).contains(&hit.message.order));
        if !concerned {
            continue;
        }
        let chunk_key = [&[CHUNK], &key[1..]].concat();
        let bytes = rows.row(&chunk_key)?.unwrap_or_default();
        let mut messages = Chunk::read(&bytes)?.messages()?;
        let mut changed = false;
        messages.retain_mut(|(hit, record)| match hidden.remove(hit) {
            None => true,
            Some(now) => {
                changed = true;
                let stays = now.is_some();
                if let Some(now) = now {
                    *record = now;
                }
                stays
            }
        });
        if messages.is_empty() {
            made.delete(Table::Search, chunk_key);
            made.delete(Table::Search, key);
        } else if changed {
            // The key may name a message that is gone: it bounds the times nevertheless.
            put_chunk(key, &messages, made);
        }
    }
    Ok(())
}

/// Writes a new chunk under a key that is free.
fn write(
    rows: &impl Rows,
    messages: &[(Hit, Record)],
    made: &mut Changes,
) -> Result<(), StorageError> {
    let Some((newest, _)) = messages.first() else {
        return Ok(());
    };
    let mut key = key_of(HEAD, newest);
    // A chunk may still be named after the same message, which was taken out of it.
    while rows.row(&key)?.is_some() {
        key.push(0);
    }
    put_chunk(key, messages, made);
    Ok(())
}

fn put_chunk(head_key: Vec<u8>, messages: &[(Hit, Record)], made: &mut Changes) {
    let head = Head {
        oldest: messages.last().map_or(0, |(hit, _)| hit.message.order),
        filter: filter::make(messages),
    };
    let mut key = head_key.clone();
    key[0] = CHUNK;
    made.put(Table::Search, head_key, head.write());
    made.put(Table::Search, key, chunk::write(messages));
}
