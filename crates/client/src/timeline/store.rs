//! Lines of timelines in the storage, and by which ids they are found.

use base::Timestamp;

use super::record::{Content, Entry};
use crate::client::Client;
use crate::conversations::{Last, one_line};
use crate::storage::{Changes, Direction, KeyRange, Storage, StorageError, Table};
use crate::views::{MessageKey, Notify};

/// Longer ids are none, in bytes.
pub(crate) const LONGEST_ID: usize = 512;
/// From here the places for messages of the same microsecond count down.
pub(crate) const MIDDLE: u32 = 1 << 31;

pub(crate) fn row_key(number: u32, key: MessageKey) -> Vec<u8> {
    let mut bytes = number.to_be_bytes().to_vec();
    bytes.extend_from_slice(&key.to_bytes());
    bytes
}

fn by_archive(number: u32, id: &str) -> Vec<u8> {
    let mut key = number.to_be_bytes().to_vec();
    key.push(b'a');
    key.extend_from_slice(id.as_bytes());
    key
}

fn by_message(number: u32, who: &str, id: &str) -> Vec<u8> {
    let mut key = number.to_be_bytes().to_vec();
    key.push(b'm');
    key.extend_from_slice(who.as_bytes());
    key.push(0);
    key.extend_from_slice(id.as_bytes());
    key
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= LONGEST_ID
}

impl<S: Storage> Client<S> {
    pub(crate) fn entry(
        &self,
        number: u32,
        key: MessageKey,
    ) -> Result<Option<Entry>, StorageError> {
        let bytes = self.database.get(Table::Messages, &row_key(number, key))?;
        bytes
            .map(|bytes| Entry::decode(&bytes).map_err(|error| error.of("a message")))
            .transpose()
    }

    /// Writes a line down, and by which ids it is found.
    pub(crate) fn put_entry(&mut self, number: u32, key: MessageKey, entry: &Entry) {
        self.database
            .put(Table::Messages, row_key(number, key), entry.encode());
        if let Some(id) = &entry.archive_id {
            self.name_archived(number, key, id);
        }
        if !entry.is_notice() {
            self.name_message(number, key, entry.author.name(), &entry.id);
        }
        self.note_pin(number, key, entry);
        self.changed_timelines.insert(number);
    }

    /// The line has this id in the archive, too.
    pub(crate) fn name_archived(&self, number: u32, key: MessageKey, id: &str) {
        if is_id(id) {
            let name = by_archive(number, id);
            self.database
                .put(Table::MessageIds, name, key.to_bytes().to_vec());
        }
    }

    /// The line has this id, said by this one, too.
    pub(crate) fn name_message(&self, number: u32, key: MessageKey, who: &str, id: &str) {
        if is_id(id) {
            let name = by_message(number, who, id);
            self.database
                .put(Table::MessageIds, name, key.to_bytes().to_vec());
        }
    }

    /// Writes down that something is there and waits to be decrypted. Whatever has the same id keeps it: this may be a
    /// copy.
    pub(crate) fn put_waiting(
        &mut self,
        number: u32,
        key: MessageKey,
        entry: &Entry,
    ) -> Result<(), StorageError> {
        self.database
            .put(Table::Messages, row_key(number, key), entry.encode());
        if let Some(id) = &entry.archive_id {
            self.name_archived(number, key, id);
        }
        let who = entry.author.name();
        if self.find_message(number, who, &entry.id)?.is_none() {
            self.name_message(number, key, who, &entry.id);
        }
        self.changed_timelines.insert(number);
        Ok(())
    }

    pub(crate) fn delete_line(&mut self, number: u32, key: MessageKey) {
        self.database.delete(Table::Messages, row_key(number, key));
        self.changed_timelines.insert(number);
    }

    pub(crate) fn delete_entry(&mut self, number: u32, key: MessageKey, entry: &Entry) {
        self.delete_line(number, key);
        if let Some(id) = &entry.archive_id
            && is_id(id)
        {
            self.database
                .delete(Table::MessageIds, by_archive(number, id));
        }
        if is_id(&entry.id) {
            let name = by_message(number, entry.author.name(), &entry.id);
            self.database.delete(Table::MessageIds, name);
        }
        if let (Content::Text { .. }, Some(record)) =
            (&entry.content, self.conversations.get(number))
        {
            let mut changes = Changes::new();
            crate::search::remove(&mut changes, &record.id(), key);
            self.database.apply(&changes);
        }
    }

    fn named(&self, name: &[u8]) -> Result<Option<MessageKey>, StorageError> {
        let bytes = self.database.get(Table::MessageIds, name)?;
        Ok(bytes.and_then(|bytes| MessageKey::from_bytes(&bytes)))
    }

    pub(crate) fn find_archived(
        &self,
        number: u32,
        id: &str,
    ) -> Result<Option<MessageKey>, StorageError> {
        if !is_id(id) {
            return Ok(None);
        }
        self.named(&by_archive(number, id))
    }

    pub(crate) fn find_message(
        &self,
        number: u32,
        who: &str,
        id: &str,
    ) -> Result<Option<MessageKey>, StorageError> {
        if !is_id(id) {
            return Ok(None);
        }
        self.named(&by_message(number, who, id))
    }

    /// A place behind all others, now.
    pub(crate) fn next_place(&self, number: u32, now: Timestamp) -> MessageKey {
        let record = self.conversations.get(number);
        let after = record.map_or(0, |record| record.newest.order + 1);
        // Clocks are set back, and what is missing may be in conversations that are ahead of this one.
        let archive = record.filter(|record| record.is_room());
        let archive = archive.map_or(&self.settings.account, |record| &record.jid);
        let floor = self.catch_up.floor_of_live(archive);
        let now = u64::try_from(now.micros()).unwrap_or(0);
        MessageKey {
            order: now.max(after).max(floor),
            tie: MIDDLE,
        }
    }

    /// A place for a message of that time, before all that have the same.
    pub(crate) fn place_at(
        &self,
        number: u32,
        time: Timestamp,
    ) -> Result<MessageKey, StorageError> {
        self.place_before_others(number, time, u64::try_from(time.micros()).unwrap_or(0))
    }

    /// A place before the first line that has at least the order `floor`, and for a message of that time as far as this
    /// lets it.
    pub(crate) fn place_before_others(
        &self,
        number: u32,
        time: Timestamp,
        floor: u64,
    ) -> Result<MessageKey, StorageError> {
        let order = u64::try_from(time.micros()).unwrap_or(0).max(floor);
        let first = row_key(
            number,
            MessageKey {
                order: floor,
                tie: 0,
            },
        );
        let last = row_key(
            number,
            MessageKey {
                order: u64::MAX,
                tie: u32::MAX,
            },
        );
        let range = KeyRange::between(&first, &last);
        let rows = self
            .database
            .scan(Table::Messages, &range, Direction::Forward, 1)?;
        let next = rows
            .first()
            .and_then(|(key, _)| MessageKey::from_bytes(key.get(4..)?));
        Ok(match next {
            Some(next) if next.order <= order => MessageKey {
                order: next.order,
                tie: next.tie.saturating_sub(1),
            },
            _ => MessageKey { order, tie: MIDDLE },
        })
    }

    /// A line has become readable, or has another text: the list shows the newest one, and counts.
    pub(crate) fn entry_is_read(
        &mut self,
        number: u32,
        key: MessageKey,
        entry: &Entry,
        is_new: bool,
    ) -> Result<(), StorageError> {
        let sender = self.author_name(number, &entry.author);
        let last_key = |last: &Last| last.key;
        let Some(record) = self.conversations.get(number) else {
            return Ok(());
        };
        let newest = record.last.as_ref().map(last_key);
        let shown = newest.is_none_or(|last| last <= key);
        let unread = record.read < key;
        let counts = is_new && !entry.is_notice() && !entry.author.own && unread;
        if is_new && entry.author.own && unread {
            self.set_read(number, key)?;
        }
        let Some(record) = self.conversations.change(number) else {
            return Ok(());
        };
        record.newest = record.newest.max(key);
        record.hidden &= !is_new;
        if counts {
            record.unread += 1;
            record.mentions += u64::from(entry.mentions_us);
            if record.line.is_none() {
                record.line = Some(key);
            }
        }
        if !shown || entry.is_notice() {
            return Ok(());
        }
        let (text, unreadable, removed) = match &entry.content {
            Content::Text { text, .. } => (one_line(text), false, false),
            Content::Removed { .. } => (String::new(), false, true),
            _ => (String::new(), true, false),
        };
        record.active = record.active.max(entry.time);
        record.last = Some(Last {
            key,
            time: entry.time,
            sender: sender.to_string(),
            own: entry.author.own,
            text,
            unreadable,
            removed,
        });
        Ok(())
    }

    /// We have read up to here.
    pub(crate) fn set_read(&mut self, number: u32, key: MessageKey) -> Result<(), StorageError> {
        let Some(record) = self.conversations.get(number) else {
            return Ok(());
        };
        if key <= record.read {
            return Ok(());
        }
        let newest = record.last.as_ref().map(|last| last.key);
        let (unread, mentions) = if newest.is_none_or(|newest| newest <= key) {
            (0, 0)
        } else {
            self.count_unread(number, key)?
        };
        if let Some(record) = self.conversations.change(number) {
            record.read = key;
            record.unread = unread;
            record.mentions = mentions;
        }
        Ok(())
    }

    pub(crate) fn count_unread(
        &self,
        number: u32,
        after: MessageKey,
    ) -> Result<(u64, u64), StorageError> {
        let mut from = row_key(number, after);
        from.push(0);
        let end = row_key(
            number,
            MessageKey {
                order: u64::MAX,
                tie: u32::MAX,
            },
        );
        let range = KeyRange::between(&from, &end);
        let rows = self
            .database
            .scan(Table::Messages, &range, Direction::Forward, 1_000)?;
        let (mut unread, mut mentions) = (0, 0);
        for (_, value) in rows {
            let entry = Entry::decode(&value).map_err(|error| error.of("a message"))?;
            let counts = !entry.author.own
                && matches!(
                    entry.content,
                    Content::Text { .. } | Content::Unreadable { .. }
                );
            unread += u64::from(counts);
            mentions += u64::from(counts && entry.mentions_us);
        }
        Ok((unread, mentions))
    }

    /// One of our devices has read up to a message of the archive.
    pub(crate) fn read_elsewhere(
        &mut self,
        number: u32,
        archive_id: &str,
    ) -> Result<(), StorageError> {
        if let Some(key) = self.find_archived(number, archive_id)? {
            self.set_read(number, key)?;
            if let Some(record) = self.conversations.get(number)
                && record.line.is_some_and(|line| line <= key)
                && let Some(record) = self.conversations.change(number)
            {
                record.line = None;
                self.changed_timelines.insert(number);
            }
        } else if is_id(archive_id)
            && let Some(record) = self.conversations.change(number)
        {
            record.read_pending = Some(archive_id.to_owned());
        }
        Ok(())
    }

    /// Whether the person is to be told of something new.
    pub(crate) fn is_notified(&self, number: u32, key: MessageKey, mention: bool) -> bool {
        let Some(record) = self.conversations.get(number) else {
            return false;
        };
        let wanted = match record.notify() {
            Notify::Always => true,
            Notify::OnMention => mention,
            Notify::Never => false,
        };
        wanted && record.read < key
    }
}
