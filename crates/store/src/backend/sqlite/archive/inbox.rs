//! The inbox in SQLite: one row a conversation, brought up to date when entries leave the journal.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};

use super::super::View;
use super::page::{self, Filter};
use super::tail::TailEntry;
use super::{Result, room_inbox, totals};
use crate::archive::codec::{Entry, flags_byte, flags_of};
use crate::inbox::MOST_UNREAD;
use crate::{
    AccountId, ArchiveId, ArchiveItem, Conversation, InboxPage, InboxQuery, Mentions, OwnerId,
    RosterVersion,
};

/// A newest message that is longer stands in its chunk only.
const LONGEST: usize = 8 * 1024;
/// Entries of a room's journal that are looked at: those that count, and as many that do not.
const MOST_TAIL: usize = 2 * MOST_UNREAD;

/// Where a conversation stands.
#[derive(Clone, Copy, Debug)]
struct Standing {
    /// Its newest message; none while only a marker is known.
    last: Option<ArchiveId>,
    unread: usize,
    displayed: ArchiveId,
    /// When the marker came, as a number of the same order as ids.
    marked: i64,
}

impl Standing {
    const NEW: Self = Self {
        last: None,
        unread: 0,
        displayed: ArchiveId::FIRST,
        marked: 0,
    };

    /// Takes the next entry into account; whether it is the newest message now.
    fn add(&mut self, id: ArchiveId, entry: &Entry<'_>) -> bool {
        if entry.flags.hidden || entry.flags.quiet {
            return false;
        }
        if entry.flags.outgoing {
            // Whoever writes has seen what came before.
            self.unread = 0;
        } else if id > self.displayed {
            self.unread = (self.unread + 1).min(MOST_UNREAD);
        }
        self.last = Some(id);
        true
    }

    fn changed(&self) -> i64 {
        self.marked.max(self.last.map_or(0, |last| last.number()))
    }
}

fn standing_of(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<Standing> {
    let last: i64 = row.get(first)?;
    Ok(Standing {
        last: (last != 0).then(|| ArchiveId::from_number(last)),
        unread: usize::try_from(row.get::<_, i64>(first + 1)?).unwrap_or(0),
        displayed: ArchiveId::from_number(row.get(first + 2)?),
        marked: row.get(first + 3)?,
    })
}

fn standing(connection: &Connection, account: AccountId, peer: &str) -> Result<Option<Standing>> {
    let mut statement = connection.prepare_cached(
        "SELECT last, unread, displayed, marked FROM inbox WHERE account = ? AND peer = ?",
    )?;
    Ok(statement
        .query_row(params![account.number(), peer], |row| standing_of(row, 0))
        .optional()?)
}

/// Takes entries into account that have left the journal, oldest first.
pub(super) fn moved(
    connection: &Connection,
    account: AccountId,
    entries: &[(ArchiveId, Entry<'_>)],
) -> Result<()> {
    let mut peers: HashMap<&str, (Standing, Option<usize>)> = HashMap::new();
    for (place, (id, entry)) in entries.iter().enumerate() {
        if entry.flags.hidden || entry.flags.quiet {
            continue;
        }
        if !peers.contains_key(entry.with) {
            let standing = standing(connection, account, entry.with)?.unwrap_or(Standing::NEW);
            peers.insert(entry.with, (standing, None));
        }
        if let Some((standing, newest)) = peers.get_mut(entry.with)
            && standing.add(*id, entry)
        {
            *newest = Some(place);
        }
    }
    let mut statement = connection.prepare_cached(
        "INSERT INTO inbox (account, peer, last, unread, displayed, marked, flags, stanza)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET last = excluded.last, unread = excluded.unread,
           flags = excluded.flags, stanza = excluded.stanza",
    )?;
    for (peer, (standing, newest)) in peers {
        let Some((id, entry)) = newest.and_then(|place| entries.get(place)) else {
            continue;
        };
        let stanza = (entry.stanza.len() <= LONGEST).then_some(entry.stanza);
        statement.execute(params![
            account.number(),
            peer,
            id.number(),
            standing.unread as i64,
            standing.displayed.number(),
            standing.marked,
            flags_byte(entry.flags),
            stanza,
        ])?;
    }
    Ok(())
}

/// Moves the marker on. What is in the journal is counted when somebody asks.
pub(in super::super) fn displayed(
    connection: &Connection,
    account: AccountId,
    peer: &str,
    through: ArchiveId,
    version: RosterVersion,
) -> Result<()> {
    let known = standing(connection, account, peer)?.unwrap_or(Standing::NEW);
    if through <= known.displayed {
        return Ok(());
    }
    let unread = match known.last {
        Some(last) if through < last && known.unread > 0 => {
            let entries =
                page::newest(connection, account.into(), Some(peer), through, MOST_UNREAD)?;
            unread_of(entries.iter().map(|item| item.flags)).min(known.unread)
        }
        _ => 0,
    };
    connection
        .prepare_cached(
            "INSERT INTO inbox (account, peer, last, unread, displayed, marked, flags, stanza)
             VALUES (?, ?, 0, 0, ?, ?, 0, NULL)
             ON CONFLICT DO UPDATE SET displayed = excluded.displayed, marked = excluded.marked,
               unread = ?5",
        )?
        .execute(params![
            account.number(),
            peer,
            through.number(),
            version.number(),
            unread as i64
        ])?;
    Ok(())
}

/// How many of these entries, newest first, are unread: those of others up to the last own one.
fn unread_of(flags: impl Iterator<Item = crate::EntryFlags>) -> usize {
    flags
        .filter(|flags| !flags.quiet)
        .take_while(|flags| !flags.outgoing)
        .count()
        .min(MOST_UNREAD)
}

/// Forgets conversations whose newest message is deleted.
pub(super) fn expire(connection: &Connection, owner: OwnerId, limit: ArchiveId) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM inbox WHERE account = ? AND last > 0 AND last < ?")?
        .execute(params![owner.number(), limit.number()])?;
    Ok(())
}

/// All rows of an account.
fn rows(connection: &Connection, account: AccountId) -> Result<HashMap<Arc<str>, Standing>> {
    let mut statement = connection.prepare_cached(
        "SELECT peer, last, unread, displayed, marked FROM inbox WHERE account = ?",
    )?;
    let rows = statement.query_map([account.number()], |row| {
        Ok((row.get(0)?, standing_of(row, 1)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A conversation on its way to the page.
struct Candidate {
    peer: Arc<str>,
    standing: Standing,
    last: ArchiveId,
    /// When something of it has changed, as a number of the same order as ids.
    changed: i64,
    /// The message, where it is at hand.
    item: Option<ArchiveItem>,
    mentions: usize,
    /// The room, if it is one.
    room: Option<OwnerId>,
}

pub(in super::super) fn page(
    view: &View<'_>,
    account: AccountId,
    query: &InboxQuery,
    mentions: &Mentions,
) -> Result<InboxPage> {
    let owner = OwnerId::from(account);
    // The tails first: what leaves them in the meantime is then found in the table and the chunks.
    let (tail, room_tails) = {
        let tail = view.tail();
        let all = Filter::all();
        let own = tail.matching(owner, &all, usize::MAX, false)?;
        let rooms = query.rooms.iter();
        let rooms = rooms.map(|room| tail.matching(room.owner, &all, MOST_TAIL, true));
        (own, rooms.collect::<Result<Vec<_>>>()?)
    };
    view.snapshot(|connection| {
        let mut known = rows(connection, account)?;
        let mut version = known.values().map(Standing::changed).max().unwrap_or(0);
        let mut found = rooms(connection, query, &room_tails, &known, mentions)?;
        // The others have nothing to show but what may be in the account's own archive.
        let listed: HashMap<&str, OwnerId> = query
            .rooms
            .iter()
            .map(|room| (&*room.address, room.owner))
            .collect();
        let done: HashSet<Arc<str>> = found.iter().map(|room| Arc::clone(&room.peer)).collect();
        let wanted = |peer: &str| {
            !done.contains(peer)
                && (listed.contains_key(peer)
                    || query.rooms_domain.is_none()
                    || query.rooms_domain.as_deref() != peer.rsplit('@').next())
        };
        let mut newest: HashMap<Arc<str>, &TailEntry> = HashMap::new();
        let moved = totals(connection, owner)?.moved;
        for entry in tail.iter().filter(|entry| entry.id.number() > moved) {
            let read = entry.read()?;
            if !wanted(read.with) {
                continue;
            }
            if !known.contains_key(read.with) {
                known.insert(read.with.into(), Standing::NEW);
            }
            if let Some(standing) = known.get_mut(read.with)
                && standing.add(entry.id, &read)
            {
                newest.insert(read.with.into(), entry);
            }
        }
        for (peer, standing) in known {
            if let Some(last) = standing.last
                && wanted(&peer)
            {
                let item = newest.get(&peer).map(|entry| entry.item()).transpose()?;
                found.push(Candidate {
                    room: listed.get(&*peer).copied(),
                    peer,
                    standing,
                    last,
                    changed: standing.changed(),
                    item,
                    mentions: 0,
                });
            }
        }
        for candidate in &found {
            version = version.max(candidate.changed);
        }
        if let Some(since) = query.since {
            found.retain(|candidate| candidate.changed > since.number());
        }
        found.sort_unstable_by_key(|candidate| std::cmp::Reverse(candidate.last));
        let mut page = InboxPage {
            count: found.len(),
            complete: true,
            version: (version > 0).then(|| ArchiveId::from_number(version)),
            ..InboxPage::default()
        };
        if let Some(before) = query.before {
            found.retain(|candidate| candidate.last < before);
        }
        let mut space = query.max_bytes;
        for candidate in found {
            let Some(item) = message(connection, account, &candidate)? else {
                continue;
            };
            let size = item.stanza.len();
            let full = page.conversations.len() >= query.max
                || (size > space && !page.conversations.is_empty());
            if full {
                page.complete = false;
                break;
            }
            space = space.saturating_sub(size);
            let displayed = candidate.standing.displayed;
            page.conversations.push(Conversation {
                peer: candidate.peer,
                last: item,
                unread: candidate.standing.unread,
                mentions: candidate.mentions,
                displayed: (displayed > ArchiveId::FIRST).then_some(displayed),
                room: candidate.room,
            });
        }
        Ok(page)
    })
}

/// The rooms in which something was said, as they stand for the reader.
fn rooms(
    connection: &Connection,
    query: &InboxQuery,
    tails: &[Vec<TailEntry>],
    known: &HashMap<Arc<str>, Standing>,
    mentions: &Mentions,
) -> Result<Vec<Candidate>> {
    if query.rooms.is_empty() {
        return Ok(Vec::new());
    }
    let spoken = room_inbox::spoken(connection, &query.reader)?;
    let mut found = Vec::with_capacity(query.rooms.len());
    for (room, tail) in query.rooms.iter().zip(tails) {
        let own = known.get(&room.address).copied().unwrap_or(Standing::NEW);
        let spoken = spoken.get(&room.owner.number()).copied();
        let reader = (&*query.reader, own.displayed, spoken);
        let Some(unseen) = room_inbox::unseen(connection, room, reader, tail, mentions)? else {
            continue;
        };
        let last = unseen.last.id;
        found.push(Candidate {
            peer: Arc::clone(&room.address),
            standing: Standing {
                last: Some(last),
                unread: unseen.unread,
                ..own
            },
            last,
            changed: own.marked.max(last.number()).max(room.since.number()),
            item: Some(unseen.last),
            mentions: unseen.mentions,
            room: Some(room.owner),
        });
    }
    Ok(found)
}

/// The newest message of a conversation; `None` when it was deleted meanwhile.
fn message(
    connection: &Connection,
    account: AccountId,
    candidate: &Candidate,
) -> Result<Option<ArchiveItem>> {
    if let Some(item) = &candidate.item {
        let mut item = item.clone();
        if let Some(room) = candidate.room
            && let Some(stone) = room_inbox::tombstone(connection, room, item.id)?
        {
            item.stanza = Bytes::from(stone);
        }
        return Ok(Some(item));
    }
    let id = candidate.last;
    let mut statement = connection
        .prepare_cached("SELECT flags, stanza FROM inbox WHERE account = ? AND peer = ?")?;
    let kept = statement
        .query_row(params![account.number(), &*candidate.peer], |row| {
            Ok((row.get::<_, u8>(0)?, row.get::<_, Option<Vec<u8>>>(1)?))
        })
        .optional()?;
    if let Some((flags, Some(stanza))) = kept
        && let Ok(flags) = flags_of(flags)
    {
        return Ok(Some(ArchiveItem {
            id,
            timestamp: id.timestamp(),
            flags,
            stanza: Bytes::from(stanza),
        }));
    }
    let found = page::chunk_with(connection, account.into(), id)?;
    Ok(found.map(|(chunk, entry)| page::item(&chunk, &entry)))
}
