//! What came and was read becomes a line of its timeline, or changes one.

use std::sync::Arc;

use base::Timestamp;

use super::record::{Author, Content, Entry, Feeling, Guard, Progress};
use crate::client::Client;
use crate::event::Event;
use crate::payload::Said;
use crate::storage::record::{Decoder, Encoder, RecordError};
use crate::storage::{Direction, KeyRange, Storage, StorageError, Table};
use crate::turn::Turn;
use crate::views::{Delivery, Mention, MessageKey};

/// So many remarks about one message that is not there are kept.
const MOST_ORPHANS: usize = 64;

/// Something that was said, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    /// Where.
    pub(crate) number: u32,
    pub(crate) author: Author,
    /// The id its writer gave it; empty for none.
    pub(crate) id: String,
    pub(crate) archive_id: Option<String>,
    pub(crate) time: Timestamp,
    /// Where it stands, when that is decided.
    pub(crate) key: Option<MessageKey>,
    /// It came just now, and not from an archive.
    pub(crate) live: bool,
    /// It was said in a room to one alone; the other's name there.
    pub(crate) private: Option<String>,
}

/// What is said about another message.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Remark {
    target: String,
    author: Author,
    id: String,
    time: Timestamp,
    /// It was encrypted.
    guarded: bool,
    what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Replace {
        text: String,
        elements: String,
        mentions: Vec<Mention>,
        mentions_us: bool,
    },
    Retract,
    Moderate {
        by: Option<String>,
        reason: Option<String>,
    },
    React(Vec<String>),
    Pin(bool),
}

impl Remark {
    fn encode(&self) -> Vec<u8> {
        let mut record = Encoder::new(1);
        record
            .text(&self.target)
            .flag(self.author.own)
            .option_text(self.author.account.as_ref().map(|jid| jid.as_str()))
            .option_text(self.author.nick.as_deref())
            .option_text(self.author.occupant.as_deref())
            .text(&self.id)
            .time(self.time)
            .flag(self.guarded);
        match &self.what {
            What::Replace {
                text,
                elements,
                mentions,
                mentions_us,
            } => record
                .byte(0)
                .text(text)
                .text(elements)
                .list(mentions.iter(), |record, mention| {
                    record
                        .number(u64::from(mention.begin))
                        .number(u64::from(mention.end))
                        .text(mention.account.as_str());
                })
                .flag(*mentions_us),
            What::Retract => record.byte(1),
            What::Moderate { by, reason } => record
                .byte(2)
                .option_text(by.as_deref())
                .option_text(reason.as_deref()),
            What::React(emoji) => record.byte(3).list(emoji.iter(), |record, emoji| {
                record.text(emoji);
            }),
            What::Pin(pinned) => record.byte(4).flag(*pinned),
        };
        record.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let (_, mut fields) = Decoder::new(bytes, 1)?;
        let fields = &mut fields;
        Ok(Self {
            target: fields.string()?,
            author: Author {
                own: fields.flag()?,
                account: fields.option(Decoder::jid)?,
                nick: fields.option_string()?,
                occupant: fields.option_string()?,
            },
            id: fields.string()?,
            time: fields.time()?,
            guarded: fields.flag()?,
            what: match fields.byte()? {
                0 => What::Replace {
                    text: fields.string()?,
                    elements: fields.string()?,
                    mentions: fields.list(|fields| {
                        Ok(Mention {
                            begin: fields.small()?,
                            end: fields.small()?,
                            account: fields.jid()?,
                        })
                    })?,
                    mentions_us: fields.flag()?,
                },
                1 => What::Retract,
                2 => What::Moderate {
                    by: fields.option_string()?,
                    reason: fields.option_string()?,
                },
                3 => What::React(fields.list(Decoder::string)?),
                4 => What::Pin(fields.flag()?),
                _ => return Err(RecordError::Damaged),
            },
        })
    }

    /// Does what it says to its target. False when it may not.
    fn apply(&self, entry: &mut Entry) -> bool {
        let by_sender = self.author.name() == entry.author.name();
        let was_guarded = !matches!(entry.guard, Guard::Readable);
        match &self.what {
            What::Replace {
                text,
                elements,
                mentions,
                mentions_us,
            } => {
                // Who can write without keys must not put words into the place of sealed ones.
                let fits = by_sender && (self.guarded || !was_guarded);
                let newer = entry.edited.is_none_or(|edited| edited <= self.time);
                if !fits || matches!(entry.content, Content::Removed { .. }) {
                    return false;
                }
                if newer {
                    entry.content = Content::Text {
                        text: text.clone(),
                        elements: elements.clone(),
                    };
                    entry.mentions.clone_from(mentions);
                    entry.mentions_us = *mentions_us;
                    entry.edited = Some(self.time);
                }
                true
            }
            What::Pin(pinned) => {
                // Who can write without keys must not point at what was sealed.
                let fits = self.guarded || !was_guarded;
                let newer = entry.pin.is_none_or(|(_, time)| time <= self.time);
                if !fits || !matches!(entry.content, Content::Text { .. }) {
                    return false;
                }
                if newer {
                    entry.pin = Some((*pinned, self.time));
                }
                true
            }
            What::Retract => {
                if by_sender {
                    take_back(entry, None, None);
                }
                by_sender
            }
            What::Moderate { by, reason } => {
                take_back(entry, Some(by.clone().unwrap_or_default()), reason.clone());
                true
            }
            What::React(emoji) => {
                let who = self.author.name();
                let room_left = entry.feelings.len() < 10_000;
                let mine = entry.feelings.iter_mut().find(|feeling| feeling.who == who);
                match mine {
                    Some(feeling) if feeling.time > self.time => {}
                    Some(feeling) => {
                        feeling.emoji.clone_from(emoji);
                        feeling.time = self.time;
                    }
                    None if room_left => entry.feelings.push(Feeling {
                        who: who.to_owned(),
                        nick: self.author.nick.clone(),
                        emoji: emoji.clone(),
                        time: self.time,
                    }),
                    None => {}
                }
                true
            }
        }
    }
}

fn take_back(entry: &mut Entry, by: Option<String>, reason: Option<String>) {
    entry.content = Content::Removed { by, reason };
    entry.mentions.clear();
    entry.mentions_us = false;
    entry.feelings.clear();
    entry.reply = None;
    entry.edited = None;
    entry.pin = None;
}

fn orphan_key(number: u32, target: &str) -> Vec<u8> {
    let mut key = number.to_be_bytes().to_vec();
    key.extend_from_slice(target.as_bytes());
    key.push(0);
    key
}

/// What it says about another message, if it does.
fn remark(arrival: &Arrival, said: &Said, guard: &Guard, mentions_us: bool) -> Option<Remark> {
    let (target, what) = if let Some(id) = &said.retract {
        let what = match &said.moderated {
            Some((by, reason)) => What::Moderate {
                by: by.clone(),
                reason: reason.clone(),
            },
            None => What::Retract,
        };
        (id, what)
    } else if let Some((id, emoji)) = &said.reactions {
        (id, What::React(emoji.clone()))
    } else if let Some((id, pinned)) = &said.pin {
        (id, What::Pin(*pinned))
    } else {
        let what = What::Replace {
            text: said.text.clone().unwrap_or_default(),
            elements: said.elements.clone(),
            mentions: said.mentions.clone(),
            mentions_us,
        };
        (said.replace.as_ref()?, what)
    };
    Some(Remark {
        target: target.clone(),
        author: arrival.author.clone(),
        id: arrival.id.clone(),
        time: arrival.time,
        guarded: !matches!(guard, Guard::Readable),
        what,
    })
}

impl<S: Storage> Client<S> {
    /// Takes what a message says into its timeline.
    pub(crate) fn take_said(
        &mut self,
        arrival: Arrival,
        said: &Said,
        guard: Guard,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let number = arrival.number;
        if arrival.private.is_none() {
            self.take_signals(&arrival, said, turn)?;
        }
        let mentions_us = arrival.private.is_some() || self.mentions_us(number, said);
        if let Some(remark) = remark(&arrival, said, &guard, mentions_us) {
            if let Some(key) = arrival.key {
                self.clear_place(number, key)?;
            }
            if self.take_remark(number, remark)? || said.replace.is_none() {
                return Ok(());
            }
        } else if !said.is_message() && said.tombstone.is_none() {
            if let Some(key) = arrival.key {
                self.clear_place(number, key)?;
            }
            return Ok(());
        }
        let mut entry = Entry::new(
            arrival.id.clone(),
            arrival.author.clone(),
            arrival.time,
            Content::Text {
                text: said.text.clone().unwrap_or_default(),
                elements: said.elements.clone(),
            },
        );
        if let Some((by, reason)) = said.tombstone.clone() {
            entry.content = Content::Removed { by, reason };
        }
        entry.archive_id.clone_from(&arrival.archive_id);
        entry.private.clone_from(&arrival.private);
        let quote = said.quote.clone();
        entry.reply = said.reply.clone().map(|(id, to)| (id, to, quote));
        entry.mentions.clone_from(&said.mentions);
        entry.mentions_us = mentions_us && !entry.author.own;
        entry.markable = said.markable;
        if entry.author.own {
            entry.progress = Progress::Kept;
        }
        entry.guard = guard;
        self.take_entry(&arrival, entry, turn)?;
        if said.wants_receipt && arrival.live && !arrival.author.own {
            let room = self
                .conversations
                .get(number)
                .is_some_and(|record| record.is_room());
            if let Some(account) = arrival.author.account.clone().filter(|_| !room) {
                self.send_receipt(&account, &arrival.id);
            }
        }
        Ok(())
    }

    /// Puts a line into its timeline.
    pub(crate) fn take_entry(
        &mut self,
        arrival: &Arrival,
        mut entry: Entry,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let number = arrival.number;
        let key = match arrival.key {
            Some(key) => key,
            None => self.next_place(number, turn.now.wall),
        };
        for target in [Some(entry.id.clone()), entry.archive_id.clone()]
            .into_iter()
            .flatten()
            .filter(|target| !target.is_empty())
        {
            for (row, remark) in self.orphans(number, &target)? {
                let meant = self.is_meant(number, &remark, &entry);
                if meant && remark.apply(&mut entry) {
                    if matches!(remark.what, What::Replace { .. }) {
                        self.name_message(number, key, remark.author.name(), &remark.id);
                    }
                    self.database.delete(Table::Orphans, row);
                }
            }
        }
        self.put_entry(number, key, &entry);
        self.index(number, key, &entry, true);
        let pending = self
            .conversations
            .get(number)
            .and_then(|record| record.read_pending.clone());
        self.entry_is_read(number, key, &entry, true)?;
        if pending.is_some() && pending == entry.archive_id {
            if let Some(record) = self.conversations.change(number) {
                record.read_pending = None;
            }
            self.set_read(number, key)?;
        }
        if !entry.author.own && !entry.is_notice() {
            let mention = entry.mentions_us;
            let notify = self.is_notified(number, key, mention);
            if let Some(record) = self.conversations.get(number) {
                let conversation = record.id();
                self.tell(Event::Message {
                    conversation,
                    message: key,
                    notify,
                    mention,
                });
            }
        }
        Ok(())
    }

    /// Nothing is to be shown where something was waited for. By its ids it is known again.
    pub(crate) fn clear_place(&mut self, number: u32, key: MessageKey) -> Result<(), StorageError> {
        if let Some(entry) = self.entry(number, key)?
            && entry.content == Content::Waiting
        {
            self.delete_line(number, key);
        }
        Ok(())
    }

    fn mentions_us(&self, number: u32, said: &Said) -> bool {
        let own = &self.settings.account;
        if said.mentions.iter().any(|mention| mention.account == *own) {
            return true;
        }
        let Some(record) = self
            .conversations
            .get(number)
            .filter(|record| record.is_room())
        else {
            return false;
        };
        let nick = self.rooms.own_nick(&record.jid);
        let text = said.text.as_deref().unwrap_or_default();
        nick.is_some_and(|nick| has_word(text, nick))
    }

    /// Typing, receipts, markers.
    fn take_signals(
        &mut self,
        arrival: &Arrival,
        said: &Said,
        turn: &Turn<'_>,
    ) -> Result<(), StorageError> {
        let number = arrival.number;
        let Some(record) = self.conversations.get(number) else {
            return Ok(());
        };
        let (jid, is_room) = (record.jid.clone(), record.is_room());
        if arrival.live && !arrival.author.own {
            let types = said.typing == Some(true) && !said.is_message();
            if said.typing.is_some() || said.is_message() {
                let who: Arc<str> = self.author_name(number, &arrival.author);
                let since = types.then_some(turn.now.moment);
                if self.presences.set_typing(&jid, &who, since) {
                    self.conversations.redraw(&jid);
                }
            }
        }
        if let Some(id) = &said.received
            && !arrival.author.own
            && let Some(key) = self.find_message(number, "", id)?
            && let Some(mut entry) = self.entry(number, key)?
            && matches!(entry.progress, Progress::Kept | Progress::Waiting)
        {
            entry.progress = Progress::Delivered;
            self.put_entry(number, key, &entry);
            self.tell(Event::Delivery {
                conversation: jid.clone().into(),
                message: key,
                delivery: Delivery::Delivered,
            });
        }
        let Some(id) = &said.displayed else {
            return Ok(());
        };
        let key = match self.find_archived(number, id)? {
            Some(key) => Some(key),
            None if is_room => None,
            None if arrival.author.own => self.find_message(number, jid.as_str(), id)?,
            None => self.find_message(number, "", id)?,
        };
        let Some(key) = key else {
            return Ok(());
        };
        if arrival.author.own {
            return self.set_read(number, key);
        }
        let who = arrival.author.name().to_owned();
        let known = self.conversations.get(number).and_then(|record| {
            let read = record.read_by.iter().find(|(name, _)| *name == who);
            read.map(|(_, key)| *key)
        });
        if known.is_none_or(|known| known < key)
            && let Some(record) = self.conversations.change(number)
        {
            record.read_by.retain(|(name, _)| *name != who);
            if record.read_by.len() < 1_000 {
                record.read_by.push((who, key));
            }
            self.changed_timelines.insert(number);
            if !is_room {
                self.tell(Event::Delivery {
                    conversation: jid.into(),
                    message: key,
                    delivery: Delivery::Displayed,
                });
            }
        }
        Ok(())
    }

    /// Whether an entry is what a remark means: ids of others may be the same.
    fn is_meant(&self, number: u32, remark: &Remark, entry: &Entry) -> bool {
        let is_room = self
            .conversations
            .get(number)
            .is_some_and(|record| record.is_room());
        match remark.what {
            What::Replace { .. } => {
                entry.id == remark.target && entry.author.name() == remark.author.name()
            }
            What::Retract if !is_room => {
                entry.id == remark.target && entry.author.name() == remark.author.name()
            }
            What::React(_) | What::Pin(_) if !is_room => entry.id == remark.target,
            _ => entry.archive_id.as_ref() == Some(&remark.target),
        }
    }

    fn target(&self, number: u32, remark: &Remark) -> Result<Option<MessageKey>, StorageError> {
        let Some(record) = self.conversations.get(number) else {
            return Ok(None);
        };
        match remark.what {
            What::Replace { .. } => self.find_message(number, remark.author.name(), &remark.target),
            What::Retract if !record.is_room() => {
                self.find_message(number, remark.author.name(), &remark.target)
            }
            What::React(_) | What::Pin(_) if !record.is_room() => {
                let own = self.find_message(number, "", &remark.target)?;
                match own {
                    Some(key) => Ok(Some(key)),
                    None => self.find_message(number, record.jid.as_str(), &remark.target),
                }
            }
            _ => self.find_archived(number, &remark.target),
        }
    }

    /// Does what a remark says, now or when its target comes. False when it may not.
    fn take_remark(&mut self, number: u32, remark: Remark) -> Result<bool, StorageError> {
        let Some(key) = self.target(number, &remark)? else {
            let whole = !remark.target.is_empty() && remark.target.len() <= 512;
            if whole && self.orphans(number, &remark.target)?.len() < MOST_ORPHANS {
                let mut row = orphan_key(number, &remark.target);
                row.extend_from_slice(&remark.time.micros().to_be_bytes());
                row.extend_from_slice(remark.author.name().as_bytes());
                self.database.put(Table::Orphans, row, remark.encode());
            }
            // It waits for what it is about.
            return Ok(true);
        };
        let Some(mut entry) = self.entry(number, key)? else {
            return Ok(true);
        };
        if !remark.apply(&mut entry) {
            return Ok(false);
        }
        if matches!(remark.what, What::Replace { .. }) {
            self.name_message(number, key, remark.author.name(), &remark.id);
        }
        self.put_entry(number, key, &entry);
        if !matches!(remark.what, What::React(_) | What::Pin(_)) {
            self.index(number, key, &entry, false);
        }
        self.entry_is_read(number, key, &entry, false)?;
        Ok(true)
    }

    fn orphans(&self, number: u32, target: &str) -> Result<Vec<(Vec<u8>, Remark)>, StorageError> {
        let range = KeyRange::prefix(&orphan_key(number, target));
        let rows = self
            .database
            .scan(Table::Orphans, &range, Direction::Forward, MOST_ORPHANS)?;
        rows.into_iter()
            .map(|(key, value)| {
                let remark = Remark::decode(&value).map_err(|error| error.of("a remark"))?;
                Ok((key, remark))
            })
            .collect()
    }
}

/// Whether a name stands in a text as a word.
fn has_word(text: &str, word: &str) -> bool {
    if word.is_empty() {
        return false;
    }
    let text = text.to_lowercase();
    let word = word.to_lowercase();
    text.match_indices(&word).any(|(at, found)| {
        let before = text[..at].chars().next_back();
        let after = text[at + found.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_text() {
        for (text, word, found) in [
            ("Romeo, wherefore", "romeo", true),
            ("@Romeo: hi", "Romeo", true),
            ("Romeos", "Romeo", false),
            ("", "Romeo", false),
            ("anything", "", false),
        ] {
            assert_eq!(has_word(text, word), found, "{text}");
        }
    }

    #[test]
    fn a_remark_there_and_back() {
        let remark = Remark {
            target: "m1".into(),
            author: Author {
                own: true,
                ..Author::default()
            },
            id: "m2".into(),
            time: Timestamp::from_seconds(7),
            guarded: true,
            what: What::React(vec!["👍".into()]),
        };
        assert_eq!(Remark::decode(&remark.encode()), Ok(remark));
    }
}
