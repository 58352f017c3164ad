//! What is encrypted and waits for its turn; and what was said before all that is here.

use base::{BareJid, Jid, Moment, Timestamp};
use xmpp::xep::message_archive::{ArchiveRequest, Fin};
use xmpp::xep::result_set::PageRequest;
use xmpp::xml::Stanza;

use super::{AT_ONCE, FIRST_PAGE, Page};
use crate::client::{Client, keys_failed};
use crate::event::Event;
use crate::storage::record::{Decoder, Encoder, RecordError};
use crate::storage::{Direction, KeyRange, Storage, StorageError, Table};
use crate::timeline::apply::Arrival;
use crate::timeline::record::{Content, Entry, Guard};
use crate::turn::Turn;
use crate::views::{ConversationKind, MessageKey};

impl<S: Storage> Client<S> {
    /// Keeps an encrypted message until its turn comes.
    pub(crate) fn keep_ciphertext(
        &mut self,
        arrival: &Arrival,
        message: &Stanza,
        from: &BareJid,
        to: &BareJid,
        group: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let number = arrival.number;
        let key = arrival.key.unwrap_or(MessageKey::FIRST);
        let mut entry = Entry::new(
            arrival.id.clone(),
            arrival.author.clone(),
            arrival.time,
            Content::Waiting,
        );
        entry.archive_id.clone_from(&arrival.archive_id);
        entry.private.clone_from(&arrival.private);
        entry.guard = Guard::Sealed;
        self.put_waiting(number, key, &entry)?;
        if let Some(record) = self.conversations.change(number) {
            record.newest = record.newest.max(key);
            record.active = record.active.max(arrival.time);
        }
        // In the order of their times, whatever conversation they are of: a device has one series of keys for all.
        let mut row = u64::try_from(arrival.time.micros())
            .unwrap_or(0)
            .to_be_bytes()
            .to_vec();
        row.extend_from_slice(&key.to_bytes());
        row.extend_from_slice(&number.to_be_bytes());
        let mut record = Encoder::new(1);
        record
            .number(u64::from(number))
            .number(key.order)
            .number(u64::from(key.tie))
            .text(from.as_str())
            .text(to.as_str())
            .flag(group)
            .flag(arrival.live)
            .text(message.text());
        self.database.put(Table::Ciphertexts, row, record.finish());
        self.catch_up.waiting += 1;
        if !self.catch_up.busy {
            self.catch_up.busy = true;
            self.machine.catch_up_started().map_err(keys_failed)?;
        }
        let _ = turn;
        Ok(())
    }

    pub(super) fn may_decrypt(&self) -> bool {
        self.catch_up.waiting > 0 && !self.catch_up.asking && !self.catch_up.has_open_gaps()
    }

    pub(crate) fn catch_up_deadline(&self) -> Moment {
        if self.may_decrypt() {
            Moment::START
        } else {
            Moment::NEVER
        }
    }

    pub(crate) fn catch_up_tick(&mut self, turn: &mut Turn<'_>) -> Result<(), StorageError> {
        if !self.may_decrypt() {
            return Ok(());
        }
        let rows = self.database.scan(
            Table::Ciphertexts,
            &KeyRange::all(),
            Direction::Forward,
            AT_ONCE,
        )?;
        if rows.is_empty() {
            self.catch_up.waiting = 0;
        }
        for (row, value) in rows {
            self.database.delete(Table::Ciphertexts, row);
            self.catch_up.waiting = self.catch_up.waiting.saturating_sub(1);
            self.take_ciphertext(&value, turn)?;
        }
        self.tell(Event::CatchUp {
            remaining: self.catch_up.waiting,
            done: false,
        });
        self.catch_up_ends_if_done(turn)
    }

    pub(super) fn take_ciphertext(
        &mut self,
        bytes: &[u8],
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let read = || {
            let (_, mut fields) = Decoder::new(bytes, 1)?;
            let fields = &mut fields;
            let number = fields.small()?;
            let key = MessageKey {
                order: fields.number()?,
                tie: fields.small()?,
            };
            let (from, to) = (fields.jid()?, fields.jid()?);
            let (group, live) = (fields.flag()?, fields.flag()?);
            Ok((number, key, from, to, group, live, fields.string()?))
        };
        let (number, key, from, to, group, live, text) =
            read().map_err(|error: RecordError| error.of("a waiting message"))?;
        let Some(entry) = self.entry(number, key)? else {
            return Ok(());
        };
        let Ok(message) = Stanza::parse(&text) else {
            return self.clear_place(number, key);
        };
        let arrival = Arrival {
            number,
            author: entry.author,
            id: entry.id,
            archive_id: entry.archive_id,
            time: entry.time,
            key: Some(key),
            live,
            private: entry.private,
        };
        self.decrypt(arrival, &message, &from, &to, group, turn)
    }

    pub(super) fn catch_up_ends_if_done(
        &mut self,
        _turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        if self.catch_up.busy
            && self.catch_up.waiting == 0
            && !self.catch_up.asking
            && !self.catch_up.has_open_gaps()
        {
            self.catch_up.busy = false;
            self.outbox.due = true;
            for (number, (unread, mentions)) in std::mem::take(&mut self.catch_up.counts) {
                if let Some(record) = self.conversations.change(number) {
                    record.unread = record.unread.max(unread);
                    record.mentions = record.mentions.max(mentions);
                }
            }
            self.machine.catch_up_ended().map_err(keys_failed)?;
            self.tell(Event::CatchUp {
                remaining: 0,
                done: true,
            });
        }
        Ok(())
    }

    /// So much is unread, says the inbox. It counts once all that is fetched was counted.
    pub(crate) fn note_counts(&mut self, number: u32, unread: u64, mentions: u64) {
        self.catch_up.counts.insert(number, (unread, mentions));
    }

    /// Asks for messages from before those that are here.
    pub(crate) fn load_earlier(
        &mut self,
        number: u32,
        turn: &Turn<'_>,
    ) -> Result<bool, StorageError> {
        let Some(record) = self.conversations.get(number).cloned() else {
            return Ok(false);
        };
        let Some(before) = &record.earlier else {
            self.earlier_told(number, None);
            return Ok(true);
        };
        if self.catch_up.earlier.contains(&number) {
            return Ok(true);
        }
        let before = if before.is_empty() {
            self.oldest_archived(number)?
        } else {
            before.clone()
        };
        let room = record.is_room();
        let archive = if room {
            record.jid.clone()
        } else {
            self.settings.account.clone()
        };
        let request = ArchiveRequest {
            with: (!room).then(|| Jid::from(record.jid.clone())),
            page: PageRequest {
                max: Some(FIRST_PAGE),
                before: Some(before),
                ..PageRequest::default()
            },
            ..ArchiveRequest::default()
        };
        let page = Page {
            archive,
            query: String::new(),
            earlier: Some(number),
            after: None,
            first: false,
        };
        let sent = self.ask_archive(page, request, turn);
        if sent {
            self.catch_up.earlier.insert(number);
        }
        Ok(sent)
    }

    /// The first line that is known to the archive, by its id there; empty for none.
    pub(super) fn oldest_archived(&self, number: u32) -> Result<String, StorageError> {
        let range = KeyRange::prefix(&number.to_be_bytes());
        let rows = self
            .database
            .scan(Table::Messages, &range, Direction::Forward, 200)?;
        for (_, value) in rows {
            let entry = Entry::decode(&value).map_err(|error| error.of("a message"))?;
            if let Some(id) = entry.archive_id {
                return Ok(id);
            }
        }
        Ok(String::new())
    }

    pub(super) fn earlier_came(
        &mut self,
        number: u32,
        page: &Page,
        results: &[(String, Timestamp, Stanza)],
        fin: &Fin,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        self.catch_up.earlier.remove(&number);
        self.take_page(&page.archive, results, 0, turn)?;
        if let Some(record) = self.conversations.change(number) {
            record.earlier = match results.first() {
                Some((id, ..)) if !fin.complete => Some(id.clone()),
                _ => None,
            };
        }
        self.changed_timelines.insert(number);
        self.earlier_told(number, None);
        Ok(())
    }

    pub(super) fn earlier_failed(&mut self, number: u32, text: String) {
        self.catch_up.earlier.remove(&number);
        self.earlier_told(number, Some(text));
    }

    fn earlier_told(&mut self, number: u32, failed: Option<String>) {
        if let Some(record) = self.conversations.get(number) {
            let (conversation, more) = (record.id(), record.earlier.is_some());
            self.tell(Event::Earlier {
                conversation,
                more,
                failed,
            });
        }
    }

    /// Makes sure that a room that was just learned of is a conversation.
    pub(crate) fn room_conversation(
        &mut self,
        room: &BareJid,
        kind: ConversationKind,
        turn: &Turn<'_>,
    ) -> u32 {
        self.conversations.find_or_add(room, kind, turn.now.wall)
    }
}
