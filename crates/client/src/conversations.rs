//! The conversations: all of them are in memory, small, and each is a record.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use base::{BareJid, Redacted, Timestamp};

use crate::client::Client;
use crate::event::Event;
use crate::storage::database::Database;
use crate::storage::record::{Decoder, Encoder, RecordError};
use crate::storage::{Direction, KeyRange, Storage, StorageError, Table};
use crate::views::{
    Availability, Conversation, ConversationId, ConversationKind, ConversationList, LastMessage,
    MessageKey, Notify, Seal, text,
};

/// How much of the newest message stands in the list, in characters.
const LINE: usize = 160;
const NEWEST: u8 = 2;

/// A conversation as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// Names it in the keys of other tables.
    pub(crate) number: u32,
    pub(crate) jid: BareJid,
    pub(crate) kind: ConversationKind,
    /// Of a room.
    pub(crate) name: Option<String>,
    pub(crate) subject: String,
    pub(crate) pinned: bool,
    pub(crate) notify: Option<Notify>,
    /// Muted until then, whatever `notify` says. Since version 2.
    pub(crate) muted_until: Option<Timestamp>,
    /// What other programs have set beside it (XEP-0492 §4), as XML. Since version 2.
    pub(crate) notify_rest: String,
    /// What the person has decided about encryption.
    pub(crate) encrypt: Option<bool>,
    /// Up to where we have read.
    pub(crate) read: MessageKey,
    /// We have read up to this message of the archive, which is not here yet.
    pub(crate) read_pending: Option<String>,
    pub(crate) unread: u64,
    pub(crate) mentions: u64,
    /// In front of this message stands the line.
    pub(crate) line: Option<MessageKey>,
    /// Up to where others have read.
    pub(crate) read_by: Vec<(String, MessageKey)>,
    pub(crate) newest: MessageKey,
    pub(crate) last: Option<Last>,
    pub(crate) draft: String,
    /// What our other devices know as the draft, and when it was typed. Since version 2.
    pub(crate) draft_told: String,
    pub(crate) draft_time: Timestamp,
    pub(crate) active: Timestamp,
    /// Not in the list: a room that was left.
    pub(crate) hidden: bool,
    /// Earlier messages are in the archive, before this one of it (or of all, when empty).
    pub(crate) earlier: Option<String>,
    /// Messages that are pinned, as they were pinned. Since version 2.
    pub(crate) pins: Vec<MessageKey>,
}

/// The newest message, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Last {
    pub(crate) key: MessageKey,
    pub(crate) time: Timestamp,
    pub(crate) sender: String,
    pub(crate) own: bool,
    pub(crate) text: String,
    pub(crate) unreadable: bool,
    pub(crate) removed: bool,
}

fn kind_number(kind: ConversationKind) -> u8 {
    match kind {
        ConversationKind::Person => 0,
        ConversationKind::Group => 1,
        ConversationKind::Room => 2,
    }
}

fn notify_number(notify: Notify) -> u8 {
    match notify {
        Notify::Always => 0,
        Notify::OnMention => 1,
        Notify::Never => 2,
    }
}

fn put_key(record: &mut Encoder, key: MessageKey) {
    record.number(key.order).number(u64::from(key.tie));
}

fn take_key(fields: &mut Decoder<'_>) -> Result<MessageKey, RecordError> {
    Ok(MessageKey {
        order: fields.number()?,
        tie: fields.small()?,
    })
}

impl Record {
    fn new(number: u32, jid: BareJid, kind: ConversationKind, now: Timestamp) -> Self {
        Self {
            number,
            jid,
            kind,
            name: None,
            subject: String::new(),
            pinned: false,
            notify: None,
            muted_until: None,
            notify_rest: String::new(),
            encrypt: None,
            read: MessageKey::FIRST,
            read_pending: None,
            unread: 0,
            mentions: 0,
            line: None,
            read_by: Vec::new(),
            newest: MessageKey::FIRST,
            last: None,
            draft: String::new(),
            draft_told: String::new(),
            draft_time: Timestamp::EPOCH,
            active: now,
            hidden: false,
            earlier: Some(String::new()),
            pins: Vec::new(),
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut record = Encoder::new(NEWEST);
        record
            .text(self.jid.as_str())
            .byte(kind_number(self.kind))
            .option_text(self.name.as_deref())
            .text(&self.subject)
            .flag(self.pinned)
            .option(self.notify, |record, notify| {
                record.byte(notify_number(notify));
            })
            .option(self.encrypt, |record, encrypt| {
                record.flag(encrypt);
            });
        put_key(&mut record, self.read);
        record
            .option_text(self.read_pending.as_deref())
            .number(self.unread)
            .number(self.mentions)
            .option(self.line, put_key)
            .list(self.read_by.iter(), |record, (who, key)| {
                record.text(who);
                put_key(record, *key);
            });
        put_key(&mut record, self.newest);
        record
            .option(self.last.as_ref(), |record, last| {
                put_key(record, last.key);
                record
                    .time(last.time)
                    .text(&last.sender)
                    .flag(last.own)
                    .text(&last.text)
                    .flag(last.unreadable)
                    .flag(last.removed);
            })
            .text(&self.draft)
            .time(self.active)
            .flag(self.hidden)
            .option_text(self.earlier.as_deref())
            .option_time(self.muted_until)
            .text(&self.notify_rest)
            .text(&self.draft_told)
            .time(self.draft_time)
            .list(self.pins.iter(), |record, key| put_key(record, *key));
        record.finish()
    }

    fn decode(number: u32, bytes: &[u8]) -> Result<Self, RecordError> {
        let (version, mut fields) = Decoder::new(bytes, NEWEST)?;
        let fields = &mut fields;
        let mut record = Self {
            number,
            jid: fields.jid()?,
            kind: match fields.byte()? {
                0 => ConversationKind::Person,
                1 => ConversationKind::Group,
                2 => ConversationKind::Room,
                _ => return Err(RecordError::Damaged),
            },
            name: fields.option_string()?,
            subject: fields.string()?,
            pinned: fields.flag()?,
            notify: fields.option(|fields| match fields.byte()? {
                0 => Ok(Notify::Always),
                1 => Ok(Notify::OnMention),
                2 => Ok(Notify::Never),
                _ => Err(RecordError::Damaged),
            })?,
            muted_until: None,
            notify_rest: String::new(),
            encrypt: fields.option(Decoder::flag)?,
            read: take_key(fields)?,
            read_pending: fields.option_string()?,
            unread: fields.number()?,
            mentions: fields.number()?,
            line: fields.option(take_key)?,
            read_by: fields.list(|fields| Ok((fields.string()?, take_key(fields)?)))?,
            newest: take_key(fields)?,
            last: fields.option(|fields| {
                Ok(Last {
                    key: take_key(fields)?,
                    time: fields.time()?,
                    sender: fields.string()?,
                    own: fields.flag()?,
                    text: fields.string()?,
                    unreadable: fields.flag()?,
                    removed: fields.flag()?,
                })
            })?,
            draft: fields.string()?,
            draft_told: String::new(),
            draft_time: Timestamp::EPOCH,
            active: fields.time()?,
            hidden: fields.flag()?,
            earlier: fields.option_string()?,
            pins: Vec::new(),
        };
        if version > 1 {
            record.muted_until = fields.option_time()?;
            record.notify_rest = fields.string()?;
            record.draft_told = fields.string()?;
            record.draft_time = fields.time()?;
            record.pins = fields.list(take_key)?;
        }
        Ok(record)
    }

    pub(crate) fn id(&self) -> ConversationId {
        self.jid.clone().into()
    }

    pub(crate) const fn is_room(&self) -> bool {
        !matches!(self.kind, ConversationKind::Person)
    }

    pub(crate) fn notify(&self) -> Notify {
        if self.muted_until.is_some() {
            return Notify::Never;
        }
        self.notify.unwrap_or(match self.kind {
            ConversationKind::Room => Notify::OnMention,
            _ => Notify::Always,
        })
    }

    pub(crate) fn seal(&self) -> Seal {
        match (self.kind, self.encrypt) {
            (ConversationKind::Room, _) => Seal::Open,
            (_, Some(false)) => Seal::Off,
            _ => Seal::Encrypted,
        }
    }
}

/// One line of a text.
pub(crate) fn one_line(text: &str) -> String {
    let words = text.split_whitespace();
    let mut line = String::new();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > LINE * 4 {
            break;
        }
    }
    line.chars().take(LINE).collect()
}

/// All conversations.
#[derive(Debug, Default)]
pub(crate) struct Conversations {
    records: Vec<Record>,
    by_jid: HashMap<BareJid, u32>,
    changed: BTreeSet<u32>,
    /// Their rows as they were drawn last; `None` where something has changed.
    rows: Mutex<Vec<Option<Arc<Conversation>>>>,
    list: Mutex<Option<Arc<ConversationList>>>,
    list_changed: bool,
}

impl Conversations {
    pub(crate) fn open<S: Storage>(database: &Database<S>) -> Result<Self, StorageError> {
        let rows = database.scan(
            Table::Conversations,
            &KeyRange::all(),
            Direction::Forward,
            usize::MAX,
        )?;
        let mut all = Self::default();
        for (at, (key, value)) in rows.into_iter().enumerate() {
            let number = u32::try_from(at).unwrap_or(u32::MAX);
            if key != number.to_be_bytes() {
                return Err(StorageError::damaged("conversations"));
            }
            let record =
                Record::decode(number, &value).map_err(|error| error.of("a conversation"))?;
            all.by_jid.insert(record.jid.clone(), number);
            all.records.push(record);
        }
        all.rows = Mutex::new(vec![None; all.records.len()]);
        Ok(all)
    }

    pub(crate) fn find(&self, jid: &BareJid) -> Option<u32> {
        self.by_jid.get(jid).copied()
    }

    pub(crate) fn get(&self, number: u32) -> Option<&Record> {
        self.records.get(number as usize)
    }

    pub(crate) fn all(&self) -> &[Record] {
        &self.records
    }

    /// For changing it: it will be written down and drawn anew.
    pub(crate) fn change(&mut self, number: u32) -> Option<&mut Record> {
        let record = self.records.get_mut(number as usize)?;
        self.changed.insert(number);
        Some(record)
    }

    /// The one with this address, or a new one.
    pub(crate) fn find_or_add(
        &mut self,
        jid: &BareJid,
        kind: ConversationKind,
        now: Timestamp,
    ) -> u32 {
        if let Some(number) = self.find(jid) {
            return number;
        }
        let number = u32::try_from(self.records.len()).unwrap_or(u32::MAX);
        self.records
            .push(Record::new(number, jid.clone(), kind, now));
        self.by_jid.insert(jid.clone(), number);
        self.changed.insert(number);
        let rows = self.rows.get_mut().unwrap_or_else(PoisonError::into_inner);
        rows.push(None);
        number
    }

    /// Something of the people has changed: it is told with the list.
    pub(crate) const fn tell(&mut self) {
        self.list_changed = true;
    }

    /// What is shown of it depends on something that has changed elsewhere.
    pub(crate) fn redraw(&mut self, jid: &BareJid) {
        if let Some(number) = self.find(jid) {
            let rows = self.rows.get_mut().unwrap_or_else(PoisonError::into_inner);
            rows[number as usize] = None;
            self.list_changed = true;
        }
    }
}

impl<S: Storage> Client<S> {
    /// Writes down what has changed, and says so.
    pub(crate) fn conversations_settle(&mut self) {
        let all = &mut self.conversations;
        let mut changed = std::mem::take(&mut all.list_changed);
        for number in std::mem::take(&mut all.changed) {
            let Some(record) = all.records.get(number as usize) else {
                continue;
            };
            let key = number.to_be_bytes().to_vec();
            self.database
                .put(Table::Conversations, key, record.encode());
            let rows = all.rows.get_mut().unwrap_or_else(PoisonError::into_inner);
            rows[number as usize] = None;
            changed = true;
        }
        if changed {
            *all.list.get_mut().unwrap_or_else(PoisonError::into_inner) = None;
            self.tell(Event::Conversations);
        }
        for number in std::mem::take(&mut self.changed_timelines) {
            if let Some(id) = self.conversations.get(number).map(Record::id) {
                self.tell(Event::Timeline(id));
            }
        }
    }

    /// All conversations. As long as nothing has changed it is the same `Arc`.
    #[must_use]
    pub fn conversations(&self) -> Arc<ConversationList> {
        let all = &self.conversations;
        let mut list = all.list.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(list) = &*list {
            return Arc::clone(list);
        }
        let mut rows = all.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let mut shown: Vec<Arc<Conversation>> = all
            .records
            .iter()
            .zip(rows.iter_mut())
            .filter(|(record, _)| !record.hidden)
            .map(|(record, row)| Arc::clone(row.get_or_insert_with(|| Arc::new(self.row(record)))))
            .collect();
        shown.sort_by(|one, other| {
            (other.pinned, other.active, &one.id).cmp(&(one.pinned, one.active, &other.id))
        });
        let unread = shown
            .iter()
            .filter(|row| {
                if row.notify == Notify::Never {
                    false
                } else if row.notify == Notify::OnMention {
                    row.mentions > 0
                } else {
                    row.unread > 0
                }
            })
            .count();
        let made = Arc::new(ConversationList {
            rows: shown,
            unread,
        });
        *list = Some(Arc::clone(&made));
        made
    }

    /// One conversation.
    #[must_use]
    pub fn conversation(&self, id: &ConversationId) -> Option<Arc<Conversation>> {
        let record = self.conversations.get(self.conversations.find(id.jid())?)?;
        Some(Arc::new(self.row(record)))
    }

    fn row(&self, record: &Record) -> Conversation {
        let person = matches!(record.kind, ConversationKind::Person);
        let (availability, status) = if person {
            self.presences.best(&record.jid)
        } else if self.rooms.is_joined(&record.jid) {
            (Availability::Online, Arc::from(""))
        } else {
            (Availability::Offline, Arc::from(""))
        };
        let name = match &record.name {
            Some(name) if !person && !name.is_empty() => Arc::from(name.as_str()),
            _ => self.name_of(&record.jid),
        };
        let last = record.last.as_ref().map(|last| LastMessage {
            key: last.key,
            time: last.time,
            sender: Arc::from(if person { "" } else { last.sender.as_str() }),
            own: last.own,
            text: text(&last.text),
            unreadable: last.unreadable,
            removed: last.removed,
        });
        Conversation {
            id: record.id(),
            kind: record.kind,
            name,
            department: self.rooms.department(&record.jid),
            subject: Arc::from(record.subject.as_str()),
            picture: self.people.picture(&record.jid),
            pinned: record.pinned,
            notify: record.notify(),
            muted_until: record.muted_until,
            blocked: self.people.is_blocked(&record.jid),
            unread: record.unread,
            mentions: record.mentions,
            last,
            draft: Redacted::new(Arc::from(record.draft.as_str())),
            availability,
            status,
            typing: self.presences.typing(&record.jid),
            seal: record.seal(),
            must_seal: self.must_seal(record),
            whispers: self.takes_whispers(record),
            cannot_write: self.cannot_write(record),
            active: record.active,
        }
    }

    fn cannot_write(&self, record: &Record) -> Option<Arc<str>> {
        if self.people.is_blocked(&record.jid) {
            return Some(Arc::from("You have blocked this person."));
        }
        if record.is_room() {
            return self.rooms.cannot_write(&record.jid);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_there_and_back() {
        let jid = BareJid::parse("juliet@capulet.example").unwrap();
        let key = MessageKey {
            order: 1 << 50,
            tie: 7,
        };
        let record = Record {
            name: Some("Juliet".into()),
            notify: Some(Notify::OnMention),
            encrypt: Some(true),
            read: key,
            read_pending: Some("a1".into()),
            unread: 3,
            line: Some(key),
            read_by: vec![("juliet".into(), key)],
            last: Some(Last {
                key,
                time: Timestamp::from_seconds(5),
                sender: "J".into(),
                own: true,
                text: "O".into(),
                unreadable: false,
                removed: false,
            }),
            draft: "wherefore".into(),
            draft_told: "where".into(),
            draft_time: Timestamp::from_seconds(6),
            muted_until: Some(Timestamp::from_seconds(9)),
            notify_rest: "<x/>".into(),
            pins: vec![key],
            earlier: None,
            ..Record::new(9, jid, ConversationKind::Group, Timestamp::from_seconds(4))
        };
        assert_eq!(Record::decode(9, &record.encode()), Ok(record));
    }

    #[test]
    fn a_text_in_one_line() {
        assert_eq!(one_line("  a\n b\tc "), "a b c");
        assert_eq!(one_line(&"x ".repeat(9_000)).chars().count(), LINE);
    }
}
