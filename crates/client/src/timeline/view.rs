//! A part of a timeline as it is shown.

use std::sync::Arc;

use base::{BareJid, Timestamp};

use super::record::{Author, Content, Entry, Guard, Happened, Progress};
use super::store::row_key;
use crate::client::{Client, ClientError};
use crate::conversations::{Record, one_line};
use crate::storage::{Direction, KeyRange, Storage, StorageError, Table};
use crate::views::{
    Body, ConversationId, Delivery, Message, MessageKey, Notice, Protection, Reaction, Removal,
    Reply, Sender, Timeline, TimelineItem, Window, text,
};

const DAY: i64 = 24 * 60 * 60;
const LAST: MessageKey = MessageKey {
    order: u64::MAX,
    tie: u32::MAX,
};

type Lines = Vec<(MessageKey, Entry)>;

impl<S: Storage> Client<S> {
    /// What to call somebody in a conversation.
    pub(crate) fn author_name(&self, number: u32, author: &Author) -> Arc<str> {
        if author.own {
            return self.name_of(&self.settings.account);
        }
        let room = self
            .conversations
            .get(number)
            .filter(|record| record.is_room());
        match (&author.account, &author.nick) {
            // In a room the name there is what the others know.
            (_, Some(nick)) if room.is_some() => Arc::from(nick.as_str()),
            (Some(account), _) => self.name_of(account),
            (None, Some(nick)) => Arc::from(nick.as_str()),
            (None, None) => Arc::from("?"),
        }
    }

    /// A part of a conversation's timeline.
    ///
    /// # Errors
    /// [`ClientError`], when the storage fails.
    pub fn timeline(
        &self,
        conversation: &ConversationId,
        window: Window,
    ) -> Result<Timeline, ClientError> {
        let nothing = Timeline {
            conversation: conversation.clone(),
            items: Vec::new(),
            has_earlier: false,
            has_later: false,
            read_by: Vec::new(),
        };
        let record = self
            .conversations
            .find(conversation.jid())
            .and_then(|number| self.conversations.get(number));
        let Some(record) = record else {
            return Ok(nothing);
        };
        let (lines, before, after) = self.lines(record.number, window)?;
        let items = self.items(record, &lines)?;
        let read_by = record
            .read_by
            .iter()
            .map(|(who, key)| {
                let account = BareJid::parse(who).ok();
                let name =
                    account.map_or_else(|| Arc::from(who.as_str()), |jid| self.name_of(&jid));
                (name, *key)
            })
            .collect();
        Ok(Timeline {
            items,
            has_earlier: before || record.earlier.is_some(),
            has_later: after,
            read_by,
            ..nothing
        })
    }

    fn rows(
        &self,
        number: u32,
        from: MessageKey,
        to: MessageKey,
        direction: Direction,
        limit: usize,
    ) -> Result<Lines, StorageError> {
        let range = KeyRange::between(&row_key(number, from), &row_key(number, to));
        let rows = self
            .database
            .scan(Table::Messages, &range, direction, limit)?;
        let mut lines = Vec::with_capacity(rows.len());
        for (key, value) in rows {
            let key = key.get(4..).and_then(MessageKey::from_bytes);
            let key = key.ok_or_else(|| StorageError::damaged("a message"))?;
            let entry = Entry::decode(&value).map_err(|error| error.of("a message"))?;
            lines.push((key, entry));
        }
        if direction == Direction::Backward {
            lines.reverse();
        }
        Ok(lines)
    }

    /// The lines of a window, and whether there are some before and behind.
    fn lines(&self, number: u32, window: Window) -> Result<(Lines, bool, bool), StorageError> {
        let behind = |key: MessageKey| MessageKey {
            order: key.order + u64::from(key.tie == u32::MAX),
            tie: key.tie.wrapping_add(1),
        };
        let back = |to: MessageKey, count: usize| -> Result<(Lines, bool), StorageError> {
            let first = MessageKey::FIRST;
            let mut lines = self.rows(
                number,
                first,
                to,
                Direction::Backward,
                count.saturating_add(1),
            )?;
            let more = lines.len() > count;
            if more {
                lines.remove(0);
            }
            Ok((lines, more))
        };
        let on = |from: MessageKey, count: usize| -> Result<(Lines, bool), StorageError> {
            let mut lines = self.rows(
                number,
                from,
                LAST,
                Direction::Forward,
                count.saturating_add(1),
            )?;
            let more = lines.len() > count;
            lines.truncate(count);
            Ok((lines, more))
        };
        Ok(match window {
            Window::Latest(count) => {
                let (lines, before) = back(LAST, count)?;
                (lines, before, false)
            }
            Window::Before(key, count) => {
                let (lines, before) = back(key, count)?;
                (lines, before, true)
            }
            Window::After(key, count) => {
                let (lines, after) = on(behind(key), count)?;
                (lines, true, after)
            }
            Window::Around(key, count) => {
                let (mut lines, before) = back(key, count)?;
                let (rest, after) = on(key, count.saturating_add(1))?;
                lines.extend(rest);
                (lines, before, after)
            }
            Window::From(key) => {
                let (lines, _) = on(key, usize::MAX - 1)?;
                let (_, before) = back(key, 0)?;
                (lines, before, false)
            }
        })
    }

    fn items(&self, record: &Record, lines: &Lines) -> Result<Vec<TimelineItem>, StorageError> {
        let offset = i64::from(self.settings.utc_offset_minutes) * 60;
        let day = |time: Timestamp| (time.seconds() + offset).div_euclid(DAY);
        let mut items = Vec::with_capacity(lines.len() + 4);
        let mut last_day = None;
        for (key, entry) in lines {
            let today = day(entry.time);
            if last_day != Some(today) {
                last_day = Some(today);
                items.push(TimelineItem::Day(today));
            }
            if record.line == Some(*key) {
                items.push(TimelineItem::Unread);
            }
            items.push(match notice(entry) {
                Some(notice) => TimelineItem::Notice {
                    key: *key,
                    time: entry.time,
                    notice,
                },
                None => TimelineItem::Message(Arc::new(self.message(record, *key, entry)?)),
            });
        }
        if self.catch_up.is_missing(record) {
            items.push(TimelineItem::Missing);
        }
        Ok(items)
    }

    pub(crate) fn message(
        &self,
        record: &Record,
        key: MessageKey,
        entry: &Entry,
    ) -> Result<Message, StorageError> {
        let number = record.number;
        let reply = match &entry.reply {
            Some((id, to, quote)) => Some(self.reply(record, id, to.as_deref(), quote)?),
            None => None,
        };
        Ok(Message {
            key,
            id: Arc::from(entry.id.as_str()),
            archive_id: entry.archive_id.as_deref().map(Arc::from),
            sender: Sender {
                name: self.author_name(number, &entry.author),
                account: entry.author.account.clone(),
                nick: entry.author.nick.as_deref().map(Arc::from),
                own: entry.author.own,
            },
            time: entry.time,
            body: body(&entry.content),
            reply,
            mentions: entry.mentions.clone(),
            mentions_us: entry.mentions_us,
            edited: entry.edited,
            reactions: self.reactions(entry),
            delivery: self.delivery(record, key, entry),
            protection: match entry.guard {
                Guard::Own => Protection::Own,
                Guard::Encrypted {
                    device,
                    trust,
                    time_is_off,
                } => Protection::Encrypted {
                    device,
                    trust,
                    time_is_off,
                },
                Guard::Readable => Protection::Readable,
                Guard::Sealed => Protection::Sealed,
            },
            unreached: entry.unreached.clone(),
            private: entry.private.as_deref().map(Arc::from),
            handed_over: entry.handed_over,
            pinned: entry.pin.is_some_and(|(pinned, _)| pinned),
            remind_at: self.personal.reminder_of(&record.jid, entry),
        })
    }

    fn reply(
        &self,
        record: &Record,
        id: &str,
        to: Option<&str>,
        quote: &str,
    ) -> Result<Reply, StorageError> {
        let number = record.number;
        let mut found = self.find_archived(number, id)?;
        if found.is_none() && !record.is_room() {
            found = self.find_message(number, "", id)?;
        }
        if found.is_none() && !record.is_room() {
            found = self.find_message(number, record.jid.as_str(), id)?;
        }
        if let Some(key) = found
            && let Some(entry) = self.entry(number, key)?
        {
            let line = match &entry.content {
                Content::Text { text, .. } => one_line(text),
                _ => String::new(),
            };
            return Ok(Reply {
                to: Some(key),
                sender: self.author_name(number, &entry.author),
                text: text(&line),
            });
        }
        let to = to.and_then(|to| base::Jid::parse(to).ok());
        let sender = match to {
            Some(to) if record.is_room() => Arc::from(to.resource().unwrap_or_default()),
            Some(to) => self.name_of(&to.bare()),
            None => Arc::from(""),
        };
        Ok(Reply {
            to: None,
            sender,
            text: text(&one_line(quote)),
        })
    }

    fn reactions(&self, entry: &Entry) -> Vec<Reaction> {
        let mut reactions: Vec<Reaction> = Vec::new();
        for feeling in &entry.feelings {
            let own = feeling.who.is_empty();
            let name = if own {
                self.name_of(&self.settings.account)
            } else if let Some(nick) = &feeling.nick {
                Arc::from(nick.as_str())
            } else {
                match BareJid::parse(&feeling.who) {
                    Ok(jid) => self.name_of(&jid),
                    Err(_) => Arc::from(feeling.who.as_str()),
                }
            };
            for emoji in &feeling.emoji {
                let known = reactions
                    .iter_mut()
                    .find(|reaction| *reaction.emoji == **emoji);
                match known {
                    Some(reaction) => {
                        reaction.senders.push(Arc::clone(&name));
                        reaction.own |= own;
                    }
                    None => reactions.push(Reaction {
                        emoji: Arc::from(emoji.as_str()),
                        senders: vec![Arc::clone(&name)],
                        own,
                    }),
                }
            }
        }
        reactions
    }

    fn delivery(&self, record: &Record, key: MessageKey, entry: &Entry) -> Delivery {
        match &entry.progress {
            Progress::Received => Delivery::Received,
            Progress::Waiting => Delivery::Waiting,
            Progress::Failed(text) => Delivery::Failed(Arc::from(text.as_str())),
            Progress::Kept | Progress::Delivered => {
                let seen = !record.is_room() && record.read_by.iter().any(|(_, read)| *read >= key);
                match (&entry.progress, seen) {
                    (_, true) => Delivery::Displayed,
                    (Progress::Delivered, _) => Delivery::Delivered,
                    _ => Delivery::Kept,
                }
            }
        }
    }
}

fn body(content: &Content) -> Body {
    match content {
        Content::Text {
            text: words,
            elements,
        } => Body::Text {
            text: text(words),
            elements: text(elements),
        },
        Content::Waiting | Content::Notice(_) => Body::Waiting,
        Content::Unreadable { reason, suspicious } => Body::Unreadable {
            reason: Arc::from(reason.as_str()),
            suspicious: *suspicious,
        },
        Content::Removed { by, reason } => Body::Removed(Removal {
            by: by.as_deref().map(Arc::from),
            reason: reason.as_deref().map(text),
        }),
    }
}

fn notice(entry: &Entry) -> Option<Notice> {
    let Content::Notice(happened) = &entry.content else {
        return None;
    };
    Some(match happened {
        Happened::NewDevice(account, device) => Notice::NewDevice {
            account: account.clone(),
            device: *device,
        },
        Happened::KeyChanged(account, device) => Notice::KeyChanged {
            account: account.clone(),
            device: *device,
        },
        Happened::Invited(by) => Notice::Invited { by: by.clone() },
        Happened::Expelled(reason) => Notice::Expelled {
            reason: text(reason),
        },
        Happened::Closed(reason) => Notice::Closed {
            reason: text(reason),
        },
        Happened::Reminder(key, line) => Notice::Reminder {
            message: key.parse().ok(),
            text: text(line),
        },
        Happened::Subject(by, subject) => Notice::Subject {
            by: Arc::from(by.as_str()),
            subject: text(subject),
        },
    })
}
