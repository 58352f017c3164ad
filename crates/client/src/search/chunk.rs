//! How the index is written down: rows of the tail, chunks, and what stands beside a chunk.

use base::Timestamp;

use crate::storage::StorageError;
use crate::storage::record::{Decoder, Encoder, RecordError};
use crate::views::{ConversationId, MessageKey};

use super::Hit;

const VERSION: u8 = 1;
const WHAT: &str = "the search";

/// First bytes of keys.
pub(super) const TAIL: u8 = b't';
pub(super) const HEAD: u8 = b'h';
pub(super) const CHUNK: u8 = b'c';

/// The key of a message in the tail; with another first byte, that of a chunk whose newest message it is.
pub(super) fn key_of(kind: u8, hit: &Hit) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + MessageKey::BYTES + hit.conversation.as_str().len());
    key.push(kind);
    key.extend_from_slice(&hit.message.to_bytes());
    key.extend_from_slice(hit.conversation.as_str().as_bytes());
    key
}

/// The message of a key of the tail.
pub(super) fn hit_of(key: &[u8]) -> Result<Hit, StorageError> {
    let read = || {
        let (message, conversation) = key.get(1..)?.split_at_checked(MessageKey::BYTES)?;
        Some(Hit {
            message: MessageKey::from_bytes(message)?,
            conversation: ConversationId::parse(std::str::from_utf8(conversation).ok()?).ok()?,
        })
    };
    read().ok_or_else(|| StorageError::damaged(WHAT))
}

/// The first key of a kind whose message is not older than `time`.
pub(super) fn key_at(kind: u8, time: Timestamp) -> Vec<u8> {
    let mut key = vec![kind];
    key.extend_from_slice(&order_at(time).to_be_bytes());
    key
}

/// The order of a message of this time.
pub(super) fn order_at(time: Timestamp) -> u64 {
    u64::try_from(time.micros()).unwrap_or_default()
}

/// A message as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) sender: String,
    pub(super) has: u8,
    /// Folded words, each behind a space.
    pub(super) text: String,
}

/// A row of the tail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TailRow {
    /// A chunk may have the message, too.
    pub(super) hides: bool,
    /// `None`: it was removed.
    pub(super) record: Option<Record>,
}

impl TailRow {
    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = Encoder::new(VERSION);
        out.flag(self.hides)
            .option(self.record.as_ref(), |out, record| {
                out.text(&record.sender).byte(record.has).text(&record.text);
            });
        out.finish()
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, StorageError> {
        let read = || -> Result<Self, RecordError> {
            let (_, mut fields) = Decoder::new(bytes, VERSION)?;
            Ok(Self {
                hides: fields.flag()?,
                record: fields.option(|fields| {
                    Ok(Record {
                        sender: fields.string()?,
                        has: fields.byte()?,
                        text: fields.string()?,
                    })
                })?,
            })
        };
        read().map_err(|error| error.of(WHAT))
    }
}

/// What stands beside a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// The order of its oldest message.
    pub(super) oldest: u64,
    /// See [`super::filter`].
    pub(super) filter: Vec<u8>,
}

impl Head {
    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = Encoder::new(VERSION);
        out.number(self.oldest).bytes(&self.filter);
        out.finish()
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, StorageError> {
        let read = || -> Result<Self, RecordError> {
            let (_, mut fields) = Decoder::new(bytes, VERSION)?;
            Ok(Self {
                oldest: fields.number()?,
                filter: fields.bytes()?.to_vec(),
            })
        };
        read().map_err(|error| error.of(WHAT))
    }
}

/// The newest order of a chunk, from the key of its head.
pub(super) fn newest_of(key: &[u8]) -> Result<u64, StorageError> {
    let bytes = key.get(1..9).and_then(|bytes| bytes.try_into().ok());
    bytes
        .map(u64::from_be_bytes)
        .ok_or_else(|| StorageError::damaged(WHAT))
}

/// Writes a chunk of messages, newest first.
pub(super) fn write(messages: &[(Hit, Record)]) -> Vec<u8> {
    let mut text = String::with_capacity(messages.len() * 80);
    let mut conversations: Vec<&str> = Vec::new();
    let mut senders: Vec<&str> = Vec::new();
    for (hit, record) in messages {
        // Not in front of the first: a line for each message.
        if !text.is_empty() {
            text.push('\n');
        }
        // A message without words is a line nevertheless.
        text.push_str(if record.text.is_empty() {
            " "
        } else {
            &record.text
        });
        number_of(&mut conversations, hit.conversation.as_str());
        number_of(&mut senders, &record.sender);
    }
    let mut out = Encoder::new(VERSION);
    out.text(&text);
    out.list(conversations.iter(), |out, jid| {
        out.text(jid);
    });
    out.list(senders.iter(), |out, sender| {
        out.text(sender);
    });
    let mut order = None;
    out.list(messages.iter(), |out, (hit, record)| {
        let before = order.replace(hit.message.order);
        out.number(before.map_or(hit.message.order, |before| {
            before.saturating_sub(hit.message.order)
        }))
        .number(u64::from(hit.message.tie))
        .number(number_of(&mut conversations, hit.conversation.as_str()))
        .number(number_of(&mut senders, &record.sender))
        .byte(record.has);
    });
    out.finish()
}

/// The number of a text in a list, to which it is added when it is new. There are few: most chunks are of some people.
fn number_of<'t>(all: &mut Vec<&'t str>, text: &'t str) -> u64 {
    let at = all.iter().position(|one| *one == text).unwrap_or_else(|| {
        all.push(text);
        all.len() - 1
    });
    at as u64
}

/// A chunk that is being read: its words first, and the rest only for those that have them.
pub(super) struct Chunk<'c> {
    /// A line for each message, newest first.
    pub(super) text: &'c str,
    fields: Decoder<'c>,
}

/// What a chunk knows of a message beside its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fields<'c> {
    pub(super) message: MessageKey,
    pub(super) conversation: &'c str,
    pub(super) sender: &'c str,
    pub(super) has: u8,
}

impl<'c> Chunk<'c> {
    pub(super) fn read(bytes: &'c [u8]) -> Result<Self, StorageError> {
        let read = || -> Result<Self, RecordError> {
            let (_, mut fields) = Decoder::new(bytes, VERSION)?;
            Ok(Self {
                text: fields.text()?,
                fields,
            })
        };
        read().map_err(|error| error.of(WHAT))
    }

    /// What it knows of its messages, in their order.
    pub(super) fn fields(mut self) -> Result<Vec<Fields<'c>>, StorageError> {
        let mut read = || -> Result<Vec<Fields<'c>>, RecordError> {
            let conversations = self.fields.list(Decoder::text)?;
            let senders = self.fields.list(Decoder::text)?;
            let mut order = None;
            self.fields.list(|fields| {
                let number = fields.number()?;
                let this = order.map_or(Some(number), |order: u64| order.checked_sub(number));
                let this = this.ok_or(RecordError::Damaged)?;
                order = Some(this);
                let message = MessageKey {
                    order: this,
                    tie: fields.small()?,
                };
                let name = |names: &[&'c str], at: u32| {
                    let name = names.get(at as usize).copied();
                    name.ok_or(RecordError::Damaged)
                };
                Ok(Fields {
                    message,
                    conversation: name(&conversations, fields.small()?)?,
                    sender: name(&senders, fields.small()?)?,
                    has: fields.byte()?,
                })
            })
        };
        read().map_err(|error| error.of(WHAT))
    }

    /// All of it.
    pub(super) fn messages(self) -> Result<Vec<(Hit, Record)>, StorageError> {
        let lines: Vec<&str> = self.text.split('\n').collect();
        let fields = self.fields()?;
        if fields.len() != lines.len() {
            return Err(StorageError::damaged(WHAT));
        }
        let messages = fields.into_iter().zip(lines).map(|(fields, line)| {
            let record = Record {
                sender: fields.sender.to_owned(),
                has: fields.has,
                text: if line == " " {
                    String::new()
                } else {
                    line.to_owned()
                },
            };
            Ok((fields.hit()?, record))
        });
        messages.collect()
    }
}

impl Fields<'_> {
    pub(super) fn hit(&self) -> Result<Hit, StorageError> {
        Ok(Hit {
            message: self.message,
            conversation: ConversationId::parse(self.conversation)
                .map_err(|_| StorageError::damaged(WHAT))?,
        })
    }
}
