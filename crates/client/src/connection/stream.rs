//! XEP-0198: Stream Management, as it is kept: what was handled and what is not acknowledged yet is written down in the same
//! commit as what it led to. So a stream can be resumed even by a program that was started anew, and nothing that
//! was sent is sent twice or forgotten.

use std::collections::VecDeque;

use base::FullJid;
use bytes::Bytes;
use xmpp::sm::{HandledCountTooHigh, SmElement};

use super::link::Link;
use crate::client::Client;
use crate::storage::database::Database;
use crate::storage::record::{Decoder, Encoder, RecordError};
use crate::storage::{Direction, KeyRange, Storage, StorageError, Table};
use crate::turn::Turn;

const STREAM: &[u8] = b"stream";
/// So many unacknowledged stanzas are enough: the rest waits.
const MOST_UNACKNOWLEDGED: usize = 1_000;

/// The managed stream.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    jid: Option<FullJid>,
    /// By which it is resumed; `None` when it cannot be.
    id: Option<String>,
    managed: bool,
    /// How many stanzas of the server were handled, modulo 2³².
    handled: u32,
    /// How many of ours it has acknowledged, modulo 2³².
    acknowledged: u32,
    /// Those after them, by their numbers, which never come again.
    waiting: VecDeque<u64>,
    next: u64,
    /// An `<r/>` is out.
    awaiting: bool,
    /// Something was sent since.
    unasked: bool,
    changed: bool,
    /// It was the stream of a program that has ended: what was not kept must be built again.
    pub(crate) cold: bool,
}

impl Stream {
    pub(crate) fn open<S: Storage>(database: &Database<S>) -> Result<Self, StorageError> {
        let Some(bytes) = database.get(Table::State, STREAM)? else {
            return Ok(Self::default());
        };
        let mut stream = Self::decode(&bytes).map_err(|error| error.of("the stream"))?;
        let rows = database.scan(
            Table::Stream,
            &KeyRange::all(),
            Direction::Forward,
            usize::MAX,
        )?;
        for (key, _) in rows {
            let number = key
                .try_into()
                .map_err(|_| StorageError::damaged("the stream"))?;
            stream.waiting.push_back(u64::from_be_bytes(number));
        }
        stream.cold = true;
        Ok(stream)
    }

    fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let (_, mut fields) = Decoder::new(bytes, 1)?;
        Ok(Self {
            jid: fields
                .option(Decoder::string)?
                .map(|text| FullJid::parse(&text))
                .transpose()
                .map_err(|_| RecordError::Damaged)?,
            id: fields.option_string()?,
            managed: fields.flag()?,
            handled: fields.small()?,
            acknowledged: fields.small()?,
            next: fields.number()?,
            ..Self::default()
        })
    }

    fn encode(&self) -> Vec<u8> {
        let mut record = Encoder::new(1);
        record
            .option_text(self.jid.as_ref().map(|jid| jid.as_str()))
            .option_text(self.id.as_deref())
            .flag(self.managed)
            .number(u64::from(self.handled))
            .number(u64::from(self.acknowledged))
            .number(self.next);
        record.finish()
    }

    pub(crate) const fn jid(&self) -> Option<&FullJid> {
        self.jid.as_ref()
    }

    pub(crate) const fn is_managed(&self) -> bool {
        self.managed
    }

    /// Whether it can take more.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < MOST_UNACKNOWLEDGED
    }

    /// The transport is gone: nobody answers what was asked on it.
    pub(crate) fn cut(&mut self) {
        self.awaiting = false;
        self.unasked = !self.waiting.is_empty();
    }

    pub(super) fn handled(&mut self) {
        if self.managed {
            self.handled = self.handled.wrapping_add(1);
            self.changed = true;
        }
    }

    pub(super) fn resumption(&self) -> Option<(String, u32)> {
        Some((self.id.clone()?, self.handled))
    }
}

impl<S: Storage> Client<S> {
    /// Sends a stanza; gives its number in the stream, or `None` when there is no stream.
    pub(crate) fn send(&mut self, stanza: impl Into<Bytes>) -> Option<u64> {
        if !self.connection.is_online() {
            return None;
        }
        let stanza = stanza.into();
        let number = self.stream.next;
        self.stream.next += 1;
        self.stream.changed = true;
        if self.stream.managed {
            self.database.put(
                Table::Stream,
                number.to_be_bytes().to_vec(),
                stanza.to_vec(),
            );
            self.stream.waiting.push_back(number);
            self.stream.unasked = true;
        }
        self.write_stanza(stanza);
        Some(number)
    }

    /// Writes the counters down, and asks for what was not acknowledged.
    pub(crate) fn stream_settle(&mut self) {
        if self.connection.is_online()
            && self.stream.managed
            && self.stream.unasked
            && !self.stream.awaiting
        {
            self.stream.unasked = false;
            self.stream.awaiting = true;
            self.write(SmElement::Request.to_xml());
        }
        if std::mem::take(&mut self.stream.changed) {
            self.database
                .put(Table::State, STREAM.to_vec(), self.stream.encode());
        }
    }

    pub(super) fn managed(
        &mut self,
        element: &SmElement,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        match element {
            SmElement::Request => {
                let h = self.stream.handled;
                self.write(SmElement::Answer { h }.to_xml());
                Ok(())
            }
            SmElement::Answer { h } => {
                self.stream.awaiting = false;
                if self.acknowledged(*h, turn)? {
                    return Ok(());
                }
                let error = HandledCountTooHigh {
                    h: *h,
                    sent: self.sent(),
                };
                let declare = match &self.connection.link {
                    Link::Online(session) => session.kind != xmpp::stream::TransportKind::Tcp,
                    _ => false,
                };
                self.write(error.to_xml(declare));
                self.stream_is_over(turn)?;
                self.drop_connection("the server acknowledges what was never sent", turn);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn sent(&self) -> u32 {
        self.stream
            .acknowledged
            .wrapping_add(self.stream.waiting.len() as u32)
    }

    /// The server has handled so many of ours. False when that cannot be.
    fn acknowledged(&mut self, h: u32, turn: &mut Turn<'_>) -> Result<bool, StorageError> {
        let newly = h.wrapping_sub(self.stream.acknowledged) as usize;
        if newly > self.stream.waiting.len() {
            return Ok(false);
        }
        self.stream.acknowledged = h;
        self.stream.changed = true;
        let numbers: Vec<u64> = self.stream.waiting.drain(..newly).collect();
        for number in numbers {
            self.database
                .delete(Table::Stream, number.to_be_bytes().to_vec());
            self.server_has(number, turn)?;
        }
        Ok(true)
    }

    /// The former stream goes on.
    pub(super) fn stream_resumed(
        &mut self,
        h: u32,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        self.stream.awaiting = false;
        if !self.acknowledged(h, turn)? {
            self.stream_is_over(turn)?;
            self.drop_connection("the server acknowledges what was never sent", turn);
            return Ok(());
        }
        for number in self.stream.waiting.clone() {
            if let Some(stanza) = self.database.get(Table::Stream, &number.to_be_bytes())? {
                self.write_stanza(stanza);
            }
        }
        self.stream.unasked = !self.stream.waiting.is_empty();
        if std::mem::take(&mut self.stream.cold) {
            // Who is online, and which rooms we are in, went with the program that has ended.
            self.send("<presence type='unavailable'/>");
            self.session_started(true, turn)?;
        } else {
            self.session_resumed(turn)?;
        }
        Ok(())
    }

    /// A new stream has begun: what the former one left open is open for good.
    pub(super) fn stream_started(
        &mut self,
        jid: FullJid,
        management: Option<Option<String>>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        self.stream_is_over(turn)?;
        self.stream.jid = Some(jid);
        self.stream.managed = management.is_some();
        self.stream.id = management.flatten();
        Ok(())
    }

    /// The stream cannot be resumed any more.
    pub(crate) fn stream_is_over(&mut self, turn: &mut Turn<'_>) -> Result<(), StorageError> {
        for number in std::mem::take(&mut self.stream.waiting) {
            self.database
                .delete(Table::Stream, number.to_be_bytes().to_vec());
        }
        self.stream = Stream {
            next: self.stream.next,
            changed: true,
            ..Stream::default()
        };
        self.session_ended(turn)
    }
}
