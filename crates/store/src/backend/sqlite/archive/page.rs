//! Pages of the archive (XEP-0313): from chunks, then from the tail.

use std::ops::ControlFlow;

use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Params, params};

use super::super::View;
use super::tail::TailEntry;
use super::{Result, parse, peer_key, totals};
use crate::archive::codec::{Chunk, ChunkEntry, Entry};
use crate::{
    ArchiveBounds, ArchiveId, ArchiveItem, ArchivePage, ArchiveQuery, OwnerId, PagePosition,
    StoreError,
};

/// Which entries match, in terms of what is stored.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    pub(super) low: ArchiveId,
    pub(super) high: ArchiveId,
    with: Option<(String, Option<String>)>,
}

impl Filter {
    /// Everything but hidden entries.
    pub(super) fn all() -> Self {
        Self {
            low: ArchiveId::FIRST,
            high: ArchiveId::LAST,
            with: None,
        }
    }

    fn of(query: &ArchiveQuery) -> Self {
        let mut filter = Self::all();
        if let Some(start) = query.start {
            filter.low = ArchiveId::lowest_at(start);
        }
        if let Some(end) = query.end {
            filter.high = ArchiveId::highest_at(end);
        }
        if let Some(after) = query.after_id {
            filter.after(after);
        }
        if let Some(before) = query.before_id {
            filter.before(before);
        }
        filter.with = query.with.as_ref().map(|with| match with.split_once('/') {
            Some((bare, resource)) => (bare.to_owned(), Some(resource.to_owned())),
            None => (with.to_string(), None),
        });
        filter
    }

    fn after(&mut self, id: ArchiveId) {
        self.low = self
            .low
            .max(ArchiveId::from_number(id.number().saturating_add(1)));
    }

    fn before(&mut self, id: ArchiveId) {
        self.high = self
            .high
            .min(ArchiveId::from_number(id.number().saturating_sub(1)));
    }

    fn spans(&self, id: ArchiveId) -> bool {
        self.low <= id && id <= self.high
    }

    /// Whether an entry whose id is between `low` and `high` matches.
    pub(super) fn matches(&self, entry: &Entry<'_>) -> bool {
        !entry.flags.hidden
            && self.with.as_ref().is_none_or(|(bare, resource)| {
                entry.with == bare
                    && resource
                        .as_deref()
                        .is_none_or(|resource| entry.resource == Some(resource))
            })
    }
}

pub(in super::super) fn page(
    view: &View<'_>,
    owner: OwnerId,
    query: &ArchiveQuery,
) -> Result<ArchivePage> {
    if !query.ids.is_empty() {
        return selected(view, owner, query);
    }
    // Entries may move from the tail to chunks between the two looks; only the count suffers.
    let page = attempt(view, owner, query)?;
    if page.count.is_none() && is_plain(query) {
        return attempt(view, owner, query);
    }
    Ok(page)
}

/// Whether the query wants everything, so that its count is known.
fn is_plain(query: &ArchiveQuery) -> bool {
    query.with.is_none()
        && query.start.is_none()
        && query.end.is_none()
        && query.after_id.is_none()
        && query.before_id.is_none()
}

fn attempt(view: &View<'_>, owner: OwnerId, query: &ArchiveQuery) -> Result<ArchivePage> {
    let mut filter = Filter::of(query);
    let backward = matches!(query.position, PagePosition::Last | PagePosition::Before(_));
    let named = match query.position {
        PagePosition::After(id) | PagePosition::Before(id) => Some(id),
        PagePosition::First | PagePosition::Last => None,
    };
    match query.position {
        PagePosition::After(id) => filter.after(id),
        PagePosition::Before(id) => filter.before(id),
        PagePosition::First | PagePosition::Last => (),
    }
    let wanted = query.max.saturating_add(1);

    // The tail first: what leaves it in the meantime is then found in the chunks.
    let mut unknown: Vec<ArchiveId> = Vec::new();
    let (tail, extent) = {
        let tail = view.tail();
        for id in [named, query.after_id, query.before_id]
            .into_iter()
            .flatten()
        {
            match tail.find(owner, id) {
                Some(entry) if !entry.read()?.flags.hidden => (),
                _ => unknown.push(id),
            }
        }
        (
            tail.matching(owner, &filter, wanted, backward)?,
            tail.extent(owner),
        )
    };
    view.snapshot(|connection| {
        for id in unknown {
            let chunk = chunk_with(connection, owner, id)?;
            chunk
                .filter(|(_, entry)| !entry.flags.hidden)
                .ok_or(StoreError::ItemNotFound)?;
        }
        let totals = totals(connection, owner)?;
        let stale = extent.is_some_and(|(first, _)| first.number() <= totals.moved);
        let count = totals.count + extent.map_or(0, |(_, visible)| visible);
        let tail = tail
            .into_iter()
            .filter(|entry| entry.id.number() > totals.moved);
        let mut gather = Gather {
            filter: &filter,
            wanted,
            items: Vec::new(),
            owner,
        };
        if backward {
            for entry in tail.rev() {
                gather.items.push(entry.item()?);
            }
            gather.backward(connection)?;
        } else {
            gather.forward(connection)?;
            for entry in tail {
                if gather.items.len() >= wanted {
                    break;
                }
                gather.items.push(entry.item()?);
            }
        }
        let mut items = gather.items;
        let complete = items.len() <= query.max;
        items.truncate(query.max);
        if backward {
            items.reverse();
        }
        let count = u64::try_from(count)
            .ok()
            .filter(|_| is_plain(query) && !stale);
        Ok(finished(items, complete, count, query))
    })
}

fn finished(
    mut items: Vec<ArchiveItem>,
    complete: bool,
    count: Option<u64>,
    query: &ArchiveQuery,
) -> ArchivePage {
    let first = items.first().map(|item| item.id);
    let last = items.last().map(|item| item.id);
    if query.flipped {
        items.reverse();
    }
    ArchivePage {
        items,
        complete,
        first,
        last,
        count,
    }
}

/// Gathers matching entries from chunks until there are as many as wanted.
struct Gather<'a> {
    filter: &'a Filter,
    wanted: usize,
    items: Vec<ArchiveItem>,
    owner: OwnerId,
}

impl Gather<'_> {
    fn forward(&mut self, connection: &Connection) -> Result<()> {
        let (owner, low, high) = self.range();
        // The chunk in which `low` would be, or the first of all.
        let start: Option<i64> = connection
            .prepare_cached(
                "SELECT first FROM archive_chunk WHERE account = ? AND first <= ?
                 ORDER BY first DESC LIMIT 1",
            )?
            .query_row(params![owner, low], |row| row.get(0))
            .optional()?;
        let start = start.unwrap_or(low);
        let statement = |sql| connection.prepare_cached(sql);
        if let Some((bare, _)) = &self.filter.with {
            let sealed = statement(
                "SELECT chunk.id, chunk.first, chunk.entries
                 FROM archive_chunk_peer AS peer JOIN archive_chunk AS chunk ON chunk.id = peer.chunk
                 WHERE peer.account = ?1 AND peer.peer = ?2 AND chunk.first <= ?4
                   AND peer.chunk >= coalesce((SELECT id FROM archive_chunk
                     WHERE account = ?1 AND first >= ?3 ORDER BY first LIMIT 1), 9223372036854775807)
                 ORDER BY peer.chunk",
            )?;
            let key = peer_key(bare);
            if self
                .visit(sealed, params![owner, key, start, high], false)?
                .is_break()
            {
                return Ok(());
            }
            // At most a handful, all behind the sealed ones.
            let loose = statement(
                "SELECT id, first, entries FROM archive_chunk
                 WHERE account = ?1 AND first BETWEEN ?2 AND ?3 AND first > coalesce((
                   SELECT first FROM archive_chunk WHERE account = ?1 AND sealed = 1
                   ORDER BY first DESC LIMIT 1), -1) ORDER BY first",
            )?;
            let _ = self.visit(loose, params![owner, start, high], false)?;
        } else {
            let all = statement(
                "SELECT id, first, entries FROM archive_chunk
                 WHERE account = ? AND first BETWEEN ? AND ? ORDER BY first",
            )?;
            let _ = self.visit(all, params![owner, start, high], false)?;
        }
        Ok(())
    }

    fn backward(&mut self, connection: &Connection) -> Result<()> {
        let (owner, _, high) = self.range();
        let statement = |sql| connection.prepare_cached(sql);
        if let Some((bare, _)) = &self.filter.with {
            let loose = statement(
                "SELECT id, first, entries FROM archive_chunk
                 WHERE account = ?1 AND first <= ?2 AND first > coalesce((
                   SELECT first FROM archive_chunk WHERE account = ?1 AND sealed = 1
                   ORDER BY first DESC LIMIT 1), -1) ORDER BY first DESC",
            )?;
            if self.visit(loose, params![owner, high], true)?.is_break() {
                return Ok(());
            }
            let sealed = statement(
                "SELECT chunk.id, chunk.first, chunk.entries
                 FROM archive_chunk_peer AS peer JOIN archive_chunk AS chunk ON chunk.id = peer.chunk
                 WHERE peer.account = ?1 AND peer.peer = ?2
                   AND peer.chunk <= coalesce((SELECT id FROM archive_chunk
                     WHERE account = ?1 AND first <= ?3 ORDER BY first DESC LIMIT 1), -1)
                 ORDER BY peer.chunk DESC",
            )?;
            let _ = self.visit(sealed, params![owner, peer_key(bare), high], true)?;
        } else {
            let all = statement(
                "SELECT id, first, entries FROM archive_chunk
                 WHERE account = ? AND first <= ? ORDER BY first DESC",
            )?;
            let _ = self.visit(all, params![owner, high], true)?;
        }
        Ok(())
    }

    fn range(&self) -> (i64, i64, i64) {
        (
            self.owner.number(),
            self.filter.low.number(),
            self.filter.high.number(),
        )
    }

    /// Takes what matches from each chunk that the statement gives; breaks when there is enough.
    fn visit(
        &mut self,
        mut statement: CachedStatement<'_>,
        parameters: impl Params,
        backward: bool,
    ) -> Result<ControlFlow<()>> {
        if self.items.len() >= self.wanted {
            return Ok(ControlFlow::Break(()));
        }
        let mut rows = statement.query(parameters)?;
        while let Some(row) = rows.next()? {
            let (id, first): (i64, i64) = (row.get(0)?, row.get(1)?);
            let chunk = parse(self.owner, id, first, blob(row.get_ref(2)?)?)?;
            let begins_low = first < self.filter.low.number();
            let flow = if backward {
                self.take(&chunk, chunk.entries.iter().rev())
            } else {
                self.take(&chunk, chunk.entries.iter())
            };
            if flow.is_break() || (backward && begins_low) {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn take<'c>(
        &mut self,
        chunk: &Chunk,
        entries: impl Iterator<Item = &'c ChunkEntry>,
    ) -> ControlFlow<()> {
        for entry in entries {
            if self.filter.spans(entry.id) && self.filter.matches(&chunk.entry(entry)) {
                self.items.push(item(chunk, entry));
                if self.items.len() >= self.wanted {
                    return ControlFlow::Break(());
                }
            }
        }
        ControlFlow::Continue(())
    }
}

fn blob(value: ValueRef<'_>) -> Result<&[u8]> {
    value
        .as_blob()
        .map_err(|_| StoreError::Corrupt("archive chunk: not a blob".into()))
}

pub(super) fn item(chunk: &Chunk, entry: &ChunkEntry) -> ArchiveItem {
    ArchiveItem {
        id: entry.id,
        timestamp: entry.id.timestamp(),
        flags: entry.flags,
        stanza: chunk.stanza(entry),
    }
}

/// The newest entries behind `after` that stand in chunks, with one peer or all; newest first.
pub(super) fn newest(
    connection: &Connection,
    owner: OwnerId,
    peer: Option<&str>,
    after: ArchiveId,
    max: usize,
) -> Result<Vec<ArchiveItem>> {
    let mut filter = Filter::all();
    filter.after(after);
    filter.with = peer.map(|peer| (peer.to_owned(), None));
    let mut gather = Gather {
        filter: &filter,
        wanted: max,
        items: Vec::new(),
        owner,
    };
    gather.backward(connection)?;
    Ok(gather.items)
}

/// The chunk that holds the entry with this id, and where it is there.
pub(super) fn chunk_with(
    connection: &Connection,
    owner: OwnerId,
    id: ArchiveId,
) -> Result<Option<(Chunk, ChunkEntry)>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, first, entries FROM archive_chunk WHERE account = ? AND first <= ?
         ORDER BY first DESC LIMIT 1",
    )?;
    let mut rows = statement.query(params![owner.number(), id.number()])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let chunk = parse(owner, row.get(0)?, row.get(1)?, blob(row.get_ref(2)?)?)?;
    let place = chunk.entries.binary_search_by_key(&id, |entry| entry.id);
    Ok(place.ok().map(|place| {
        let entry = chunk.entries[place].clone();
        (chunk, entry)
    }))
}

/// Looks entries up by sorted ids; those that are not there are `None`.
pub(super) fn find(
    view: &View<'_>,
    owner: OwnerId,
    ids: &[ArchiveId],
    keep: impl Fn(&Entry<'_>) -> bool,
) -> Result<Vec<Option<(ArchiveItem, bool)>>> {
    let in_tail: Vec<Option<TailEntry>> = {
        let tail = view.tail();
        ids.iter().map(|id| tail.find(owner, *id)).collect()
    };
    view.snapshot(|connection| {
        let mut current: Option<Chunk> = None;
        let mut found = Vec::with_capacity(ids.len());
        for (id, in_tail) in ids.iter().zip(&in_tail) {
            if let Some(entry) = in_tail {
                found.push(Some((entry.item()?, keep(&entry.read()?))));
                continue;
            }
            let place = |chunk: &Chunk| {
                chunk
                    .entries
                    .binary_search_by_key(id, |entry| entry.id)
                    .ok()
            };
            if current.as_ref().and_then(place).is_none() {
                current = chunk_with(connection, owner, *id)?.map(|(chunk, _)| chunk);
            }
            found.push(current.as_ref().and_then(|chunk| {
                let entry = &chunk.entries[place(chunk)?];
                Some((item(chunk, entry), keep(&chunk.entry(entry))))
            }));
        }
        Ok(found)
    })
}

/// A page of what the query names by ids.
fn selected(view: &View<'_>, owner: OwnerId, query: &ArchiveQuery) -> Result<ArchivePage> {
    let mut ids = query.ids.clone();
    ids.sort_unstable();
    ids.dedup();
    let filter = Filter::of(query);
    let mut items = Vec::with_capacity(ids.len());
    for found in find(view, owner, &ids, |entry| filter.matches(entry))? {
        let (item, matches) = found.ok_or(StoreError::ItemNotFound)?;
        if item.flags.hidden {
            return Err(StoreError::ItemNotFound);
        }
        if matches && filter.spans(item.id) {
            items.push(item);
        }
    }
    let count = items.len();
    let place = |id: ArchiveId| {
        items
            .binary_search_by_key(&id, |item| item.id)
            .map_err(|_| StoreError::ItemNotFound)
    };
    let (from, to) = match query.position {
        PagePosition::First => (0, count.min(query.max)),
        PagePosition::Last => (count - count.min(query.max), count),
        PagePosition::After(id) => {
            let from = place(id)? + 1;
            (from, count.min(from.saturating_add(query.max)))
        }
        PagePosition::Before(id) => {
            let to = place(id)?;
            (to - to.min(query.max), to)
        }
    };
    let backward = matches!(query.position, PagePosition::Last | PagePosition::Before(_));
    let complete = if backward { from == 0 } else { to == count };
    let items = items.drain(from..to).collect();
    Ok(finished(items, complete, u64::try_from(count).ok(), query))
}

pub(in super::super) fn bounds(view: &View<'_>, owner: OwnerId) -> Result<Option<ArchiveBounds>> {
    let query = |position| ArchiveQuery {
        position,
        max: 1,
        ..ArchiveQuery::default()
    };
    let first = page(view, owner, &query(PagePosition::First))?.first;
    let last = page(view, owner, &query(PagePosition::Last))?.last;
    Ok(first
        .zip(last)
        .map(|(first, last)| ArchiveBounds { first, last }))
}
