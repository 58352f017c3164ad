//! The new device: chunks are fetched in their order, and what is in them stands in the timelines, marked.

use std::collections::{BTreeMap, BTreeSet};

use base::Timestamp;
use omemo::Failure;
use sha2::{Digest, Sha256};

use super::State;
use crate::border::{DownloadId, DownloadOrder, Output};
use crate::client::Client;
use crate::event::{Event, HistoryProgress};
use crate::history::{ChunkPlace, HistoryKeys, HistoryMessage, HistoryOpener, LARGEST_CHUNK_BYTES};
use crate::storage::{Direction, KeyRange, Storage, StorageError, Table};
use crate::timeline::record::{Author, Content, Entry, Feeling, Guard, Progress};
use crate::views::{ConversationKind, MessageKey};

/// More chunks than that are not fetched.
const MOST_CHUNKS: u32 = 16_384;

/// How far the taking is.
#[derive(Debug)]
pub(super) struct Taking {
    opener: HistoryOpener,
    places: BTreeMap<u32, ChunkPlace>,
    next: u32,
    fetching: Option<DownloadId>,
    messages: u64,
    since: Timestamp,
    conversations: BTreeSet<u32>,
}

impl Taking {
    pub(super) fn new(keys: &HistoryKeys, since: Timestamp) -> Self {
        Self {
            since,
            conversations: BTreeSet::new(),
            opener: HistoryOpener::new(keys),
            places: BTreeMap::new(),
            next: 0,
            fetching: None,
            messages: 0,
        }
    }

    /// Chunks from this one on are there.
    pub(super) fn note(&mut self, first: u32, places: Vec<ChunkPlace>) {
        for (at, place) in (0..).zip(places) {
            let number = first.checked_add(at).filter(|number| *number < MOST_CHUNKS);
            if let Some(number) = number {
                self.places.entry(number).or_insert(place);
            }
        }
    }
}

impl<S: Storage> Client<S> {
    /// Fetches the next chunk, if it is known where that is.
    pub(super) fn take_on(&mut self) {
        let State::Taking(taking) = &mut self.handover.state else {
            return;
        };
        if taking.fetching.is_some() {
            return;
        }
        let Some(place) = taking.places.get(&taking.next) else {
            return;
        };
        if place.size > LARGEST_CHUNK_BYTES as u64 {
            self.history_failed("A part of the history is too large: begin again with a new code.");
            return;
        }
        let download = self.transfers.new_download();
        taking.fetching = Some(download);
        let order = DownloadOrder {
            download,
            url: place.url.clone(),
            size: Some(place.size),
        };
        self.staged.push_back(Output::FetchChunk(order));
    }

    /// A chunk is here, or cannot be had.
    pub(crate) fn chunk_fetched(
        &mut self,
        download: DownloadId,
        bytes: Option<&[u8]>,
    ) -> Result<(), StorageError> {
        let State::Taking(taking) = &mut self.handover.state else {
            return Ok(());
        };
        if taking
            .fetching
            .take_if(|wanted| *wanted == download)
            .is_none()
        {
            return Ok(());
        }
        let place = taking.places.remove(&taking.next);
        let (Some(bytes), Some(place)) = (bytes, place) else {
            self.history_failed("A part of the history could not be fetched: begin again.");
            return Ok(());
        };
        let digest: [u8; 32] = Sha256::digest(bytes).into();
        if digest != place.hash {
            self.history_failed("A part of the history was changed on its way: begin again.");
            return Ok(());
        }
        let messages = match taking.opener.open(bytes) {
            Ok(messages) => messages,
            Err(error) => {
                self.history_failed(error.to_string());
                return Ok(());
            }
        };
        taking.next += 1;
        let complete = taking.opener.is_complete();
        let mut new = 0;
        let mut conversations = BTreeSet::new();
        for message in &messages {
            let (number, is_new) = self.take_history(message)?;
            new += u64::from(is_new);
            conversations.insert(number);
        }
        let State::Taking(taking) = &mut self.handover.state else {
            return Ok(());
        };
        taking.messages += new;
        taking.conversations.append(&mut conversations);
        let messages = taking.messages;
        let progress = if complete {
            let (since, all) = (taking.since, std::mem::take(&mut taking.conversations));
            for number in all {
                self.clear_foreign(number, since)?;
            }
            self.stop_history();
            HistoryProgress::Taken { messages }
        } else {
            self.take_on();
            HistoryProgress::Taking { messages }
        };
        self.tell(Event::History(progress));
        Ok(())
    }

    /// Takes a message into its timeline. Gives which, and false when it is there already.
    fn take_history(&mut self, message: &HistoryMessage) -> Result<(u32, bool), StorageError> {
        let account = &self.settings.account;
        let own_name = account.to_string();
        let author = Author {
            own: message.own,
            account: match message.own {
                true => Some(account.clone()),
                false => message.account.clone(),
            },
            nick: message.group.then(|| message.name.clone()),
            occupant: None,
        };
        let kind = match message.group {
            true => ConversationKind::Room,
            false => ConversationKind::Person,
        };
        let jid = &message.conversation;
        if message.group {
            self.know_room(jid);
        }
        let number = self.conversations.find_or_add(jid, kind, Timestamp::EPOCH);
        let archived = match &message.archive_id {
            Some(id) => self.find_archived(number, id)?,
            None => None,
        };
        let known = match archived {
            Some(key) => Some(key),
            None => self.find_message(number, author.name(), &message.id)?,
        };
        let key: MessageKey = match known {
            Some(key) => match self.entry(number, key)? {
                // What this device could not read it can now.
                Some(entry) if matches!(entry.content, Content::Unreadable { .. }) => key,
                _ => return Ok((number, false)),
            },
            None => self.place_at(number, message.time)?,
        };
        let content = match message.removed {
            true => Content::Removed {
                by: None,
                reason: None,
            },
            false => Content::Text {
                text: message.text.clone(),
                elements: message.elements.clone(),
            },
        };
        let mut entry = Entry::new(message.id.clone(), author, message.time, content);
        entry.archive_id.clone_from(&message.archive_id);
        entry.reply = message.reply.clone().map(|id| (id, None, String::new()));
        entry.edited = message.edited;
        let feelings = message.reactions.iter().map(|(who, emoji)| Feeling {
            who: match *who == own_name {
                true => String::new(),
                false => who.clone(),
            },
            nick: None,
            emoji: emoji.clone(),
            time: message.time,
        });
        entry.feelings = feelings.collect();
        entry.progress = match message.own {
            true => Progress::Kept,
            false => Progress::Received,
        };
        // A device of ours has encrypted it for this one.
        entry.guard = Guard::Own;
        entry.handed_over = true;
        self.put_entry(number, key, &entry);
        self.index(number, key, &entry, true);
        self.entry_is_read(number, key, &entry, false)?;
        Ok((number, true))
    }

    /// What was encrypted for others before the hand-over, and was not in it, has only changed what was.
    fn clear_foreign(&mut self, number: u32, since: Timestamp) -> Result<(), StorageError> {
        let range = KeyRange::prefix(&number.to_be_bytes());
        let rows = self
            .database
            .scan(Table::Messages, &range, Direction::Forward, usize::MAX)?;
        let foreign = Failure::NotForThisDevice.to_string();
        let mut newest = None;
        for (row, value) in rows {
            let entry = Entry::decode(&value).map_err(|error| error.of("a message"))?;
            let Some(key) = row.get(4..).and_then(MessageKey::from_bytes) else {
                continue;
            };
            match &entry.content {
                Content::Unreadable { reason, .. } if *reason == foreign && entry.time <= since => {
                    self.delete_line(number, key);
                }
                Content::Notice(_) => {}
                _ => newest = Some((key, entry)),
            }
        }
        if let Some(record) = self.conversations.change(number) {
            record.last = None;
            record.line = None;
        }
        if let Some((key, entry)) = newest {
            self.entry_is_read(number, key, &entry, false)?;
        }
        let read = self.conversations.get(number).map(|record| record.read);
        let (unread, mentions) = self.count_unread(number, read.unwrap_or(MessageKey::FIRST))?;
        if let Some(record) = self.conversations.change(number) {
            record.unread = unread;
            record.mentions = mentions;
        }
        Ok(())
    }
}
