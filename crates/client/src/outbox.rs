//! What is to be sent: shown at once, kept until the server has it, in the order in which it was said.
//!
//! An entry leaves the outbox when the server has acknowledged it (XEP-0198), when it came back from the archive or the
//! room, or when it failed for good. What was sent on a stream that is gone for good may have arrived or
//! not: it is sent again only after the archive was read up to its end, by the same id.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use omemo::{Audience, Outgoing, Preparation, Unreachable, Unreached};
use xmpp::condition::StanzaError;
use xmpp::ns;
use xmpp::xml::{Stanza, Writer};

use crate::client::{Client, keys_failed};
use crate::connection::requests::words;
use crate::conversations::Record;
use crate::event::Event;
use crate::storage::database::Database;
use crate::storage::record::{Decoder, Encoder, RecordError};
use crate::storage::{Direction, KeyRange, Storage, StorageError, Table};
use crate::timeline::record::{Content, Guard, Progress};
use crate::turn::Turn;
use crate::views::{Delivery, MessageKey, Seal};

const NEWEST: u8 = 3;

const OPENED: &str = "This was said to a private group, and the group is open now: its server can read what is said. Nothing was sent. Send it again if everybody may read it.";

/// Something to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Letter {
    pub(crate) conversation: u32,
    /// The line that shows it, if it has one of its own.
    pub(crate) key: Option<MessageKey>,
    /// The id of the stanza.
    pub(crate) id: String,
    /// What it says, as elements for the envelope.
    pub(crate) elements: String,
    /// What it says for devices that speak the legacy form only.
    pub(crate) legacy_text: Option<String>,
    /// What stands outside for them, beside that text.
    pub(crate) legacy_elements: String,
    /// What stands outside in any case.
    pub(crate) outside: String,
    pub(crate) state: State,
    /// To whom alone in the room. Since version 2.
    pub(crate) private: Option<String>,
    /// It was said where only those in the conversation can read it; [`Client::post`] sets it. Since version 3.
    pub(crate) sealed: bool,
}

/// How far a letter came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Waiting,
    /// It went out with this number in the stream.
    Sent(u64),
    /// It went out on a stream that is gone.
    Unsure,
}

impl Letter {
    /// It is for our own devices, and goes sealed or not at all.
    fn is_personal(&self) -> bool {
        let names = ["<draft ", "<reminder "];
        self.key.is_none() && names.iter().any(|name| self.elements.starts_with(name))
    }

    fn encode(&self) -> Vec<u8> {
        let mut record = Encoder::new(NEWEST);
        record
            .number(u64::from(self.conversation))
            .option(self.key, |record, key| {
                record.number(key.order).number(u64::from(key.tie));
            })
            .text(&self.id)
            .text(&self.elements)
            .option_text(self.legacy_text.as_deref())
            .text(&self.legacy_elements)
            .text(&self.outside);
        match self.state {
            State::Waiting => record.byte(0),
            State::Sent(number) => record.byte(1).number(number),
            State::Unsure => record.byte(2),
        };
        record
            .option_text(self.private.as_deref())
            .flag(self.sealed);
        record.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let (version, mut fields) = Decoder::new(bytes, NEWEST)?;
        Ok(Self {
            conversation: fields.small()?,
            key: fields.option(|fields| {
                Ok(MessageKey {
                    order: fields.number()?,
                    tie: fields.small()?,
                })
            })?,
            id: fields.string()?,
            elements: fields.string()?,
            legacy_text: fields.option_string()?,
            legacy_elements: fields.string()?,
            outside: fields.string()?,
            state: match fields.byte()? {
                0 => State::Waiting,
                1 => State::Sent(fields.number()?),
                2 => State::Unsure,
                _ => return Err(RecordError::Damaged),
            },
            private: match version {
                0 | 1 => None,
                _ => fields.option_string()?,
            },
            sealed: version >= 3 && fields.flag()?,
        })
    }
}

/// All letters, by their order.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    letters: BTreeMap<u64, Letter>,
    next: u64,
    /// Something has changed that may let letters go.
    pub(crate) due: bool,
    /// What others have changed is still coming: nothing goes before it is known.
    pub(crate) holds: bool,
}

impl Outbox {
    pub(crate) fn open<S: Storage>(database: &Database<S>) -> Result<Self, StorageError> {
        let rows = database.scan(
            Table::Outbox,
            &KeyRange::all(),
            Direction::Forward,
            usize::MAX,
        )?;
        let mut outbox = Self::default();
        for (key, value) in rows {
            let key = key
                .try_into()
                .map_err(|_| StorageError::damaged("the outbox"))?;
            let letter = Letter::decode(&value).map_err(|error| error.of("the outbox"))?;
            let number = u64::from_be_bytes(key);
            outbox.next = number + 1;
            outbox.letters.insert(number, letter);
        }
        outbox.due = true;
        Ok(outbox)
    }

    pub(crate) fn len(&self) -> usize {
        self.letters.len()
    }

    fn by_id(&self, conversation: u32, id: &str) -> Option<u64> {
        let mut letters = self.letters.iter();
        letters
            .find(|(_, letter)| letter.conversation == conversation && letter.id == id)
            .map(|(number, _)| *number)
    }
}

/// What becomes of the letters of a conversation just now.
enum Attempt {
    Sent,
    /// Something must come first.
    Later,
}

impl<S: Storage> Client<S> {
    /// Takes a letter; it goes out as soon as it can.
    pub(crate) fn post(&mut self, mut letter: Letter) {
        let record = self.conversations.get(letter.conversation);
        letter.sealed = record.is_some_and(|record| record.seal() == Seal::Encrypted);
        let number = self.outbox.next;
        self.outbox.next += 1;
        self.outbox.due = true;
        self.keep_letter(number, letter);
    }

    fn keep_letter(&mut self, number: u64, letter: Letter) {
        self.database.put(
            Table::Outbox,
            number.to_be_bytes().to_vec(),
            letter.encode(),
        );
        self.outbox.letters.insert(number, letter);
    }

    fn drop_letter(&mut self, number: u64) -> Option<Letter> {
        self.database
            .delete(Table::Outbox, number.to_be_bytes().to_vec());
        self.outbox.due = true;
        self.outbox.letters.remove(&number)
    }

    /// How many things wait to be sent or to be acknowledged.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.outbox.len()
    }

    /// The server has what went out with this number.
    pub(crate) fn server_has(
        &mut self,
        stanza: u64,
        _turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let mut letters = self.outbox.letters.iter();
        let found = letters.find(|(_, letter)| letter.state == State::Sent(stanza));
        if let Some(number) = found.map(|(number, _)| *number) {
            self.letter_arrived(number)?;
        }
        Ok(())
    }

    pub(crate) fn server_has_up_to(
        &mut self,
        stanza: u64,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let sent: Vec<u64> = self
            .outbox
            .letters
            .values()
            .filter_map(|letter| match letter.state {
                State::Sent(number) if number <= stanza => Some(number),
                _ => None,
            })
            .collect();
        for number in sent {
            self.server_has(number, turn)?;
        }
        Ok(())
    }

    fn letter_arrived(&mut self, number: u64) -> Result<(), StorageError> {
        let Some(letter) = self.drop_letter(number) else {
            return Ok(());
        };
        self.set_progress(&letter, Progress::Kept, Delivery::Kept)
    }

    fn set_progress(
        &mut self,
        letter: &Letter,
        progress: Progress,
        delivery: Delivery,
    ) -> Result<(), StorageError> {
        let Some(key) = letter.key else {
            return Ok(());
        };
        let Some(mut entry) = self.entry(letter.conversation, key)? else {
            return Ok(());
        };
        let was = matches!(
            entry.progress,
            Progress::Waiting | Progress::Kept | Progress::Failed(_)
        );
        if !was || entry.progress == progress {
            return Ok(());
        }
        entry.progress = progress;
        self.put_entry(letter.conversation, key, &entry);
        if let Some(record) = self.conversations.get(letter.conversation) {
            let conversation = record.id();
            self.tell(Event::Delivery {
                conversation,
                message: key,
                delivery,
            });
        }
        Ok(())
    }

    /// It came back from the archive or the room: the server has it.
    pub(crate) fn letter_came_back(
        &mut self,
        conversation: u32,
        id: &str,
    ) -> Result<(), StorageError> {
        match self.outbox.by_id(conversation, id) {
            Some(number) => self.letter_arrived(number),
            None => Ok(()),
        }
    }

    /// It was sent back.
    pub(crate) fn letter_refused(
        &mut self,
        conversation: u32,
        message: &Stanza,
    ) -> Result<(), StorageError> {
        let (Some(id), Some(error)) = (message.id(), StanzaError::of(message)) else {
            return Ok(());
        };
        let text = words(&error);
        if let Some(number) = self.outbox.by_id(conversation, &id) {
            return self.letter_failed(number, &text);
        }
        // It was acknowledged before it was refused, as what goes to other servers may be.
        let Some(key) = self.find_message(conversation, "", &id)? else {
            return Ok(());
        };
        let Some(entry) = self.entry(conversation, key)? else {
            return Ok(());
        };
        if entry.id == *id && entry.author.own && entry.progress == Progress::Kept {
            let letter = Letter {
                conversation,
                key: Some(key),
                id: entry.id,
                elements: String::new(),
                legacy_text: None,
                legacy_elements: String::new(),
                outside: String::new(),
                state: State::Unsure,
                private: None,
                sealed: false,
            };
            let failed = Delivery::Failed(Arc::from(text.as_str()));
            self.set_progress(&letter, Progress::Failed(text), failed)?;
        }
        Ok(())
    }

    fn letter_failed(&mut self, number: u64, text: &str) -> Result<(), StorageError> {
        let Some(letter) = self.drop_letter(number) else {
            return Ok(());
        };
        if letter.key.is_none() && !letter.is_personal() {
            self.tell(Event::Refused {
                what: "change a message".to_owned(),
                text: text.to_owned(),
            });
        }
        let failed = Delivery::Failed(Arc::from(text));
        self.set_progress(&letter, Progress::Failed(text.to_owned()), failed)
    }

    /// Nobody waits any more for what shows in this line.
    pub(crate) fn withdraw(&mut self, conversation: u32, key: MessageKey) -> bool {
        let found = self.outbox.letters.iter().find(|(_, letter)| {
            letter.conversation == conversation
                && letter.key == Some(key)
                && letter.state == State::Waiting
        });
        match found.map(|(number, _)| *number) {
            Some(number) => self.drop_letter(number).is_some(),
            None => false,
        }
    }

    /// The stream is gone for good: nobody knows what of that has arrived.
    pub(crate) fn outbox_unsure(&mut self) {
        let sent: Vec<u64> = self
            .outbox
            .letters
            .iter()
            .filter(|(_, letter)| matches!(letter.state, State::Sent(_)))
            .map(|(number, _)| *number)
            .collect();
        for number in sent {
            if let Some(mut letter) = self.outbox.letters.get(&number).cloned() {
                letter.state = State::Unsure;
                self.keep_letter(number, letter);
            }
        }
        self.outbox.due = true;
    }

    /// The archive was read up to its end: what did not come back has not arrived.
    pub(crate) fn outbox_sure(&mut self, is_meant: impl Fn(&Record) -> bool) {
        let unsure: Vec<u64> = self
            .outbox
            .letters
            .iter()
            .filter(|(_, letter)| letter.state == State::Unsure)
            .filter(|(_, letter)| {
                self.conversations
                    .get(letter.conversation)
                    .is_some_and(&is_meant)
            })
            .map(|(number, _)| *number)
            .collect();
        for number in unsure {
            if let Some(mut letter) = self.outbox.letters.get(&number).cloned() {
                letter.state = State::Waiting;
                self.keep_letter(number, letter);
            }
        }
        self.outbox.due = true;
    }

    /// Sends what can be sent.
    pub(crate) fn outbox_pump(&mut self, turn: &mut Turn<'_>) -> Result<(), StorageError> {
        let waits = !self.connection.is_online() || self.outbox.holds;
        if waits || !std::mem::take(&mut self.outbox.due) {
            return Ok(());
        }
        let mut waits: BTreeSet<u32> = BTreeSet::new();
        let numbers: Vec<u64> = self.outbox.letters.keys().copied().collect();
        let mut last = None;
        for number in numbers {
            let Some(letter) = self.outbox.letters.get(&number).cloned() else {
                continue;
            };
            match letter.state {
                State::Sent(_) => continue,
                State::Unsure => {
                    waits.insert(letter.conversation);
                }
                State::Waiting => {}
            }
            if waits.contains(&letter.conversation) {
                continue;
            }
            let conversation = letter.conversation;
            match self.send_letter(number, letter, turn)? {
                Attempt::Sent => last = Some(self.last_number()),
                Attempt::Later => {
                    waits.insert(conversation);
                }
            }
        }
        if let Some(number) = last
            && !self.stream.is_managed()
        {
            self.barrier(number, turn);
        }
        Ok(())
    }

    fn last_number(&self) -> u64 {
        let sent = self
            .outbox
            .letters
            .values()
            .filter_map(|letter| match letter.state {
                State::Sent(number) => Some(number),
                _ => None,
            });
        sent.max().unwrap_or(0)
    }

    fn send_letter(
        &mut self,
        number: u64,
        mut letter: Letter,
        turn: &mut Turn<'_>,
    ) -> Result<Attempt, StorageError> {
        let Some(record) = self.conversations.get(letter.conversation).cloned() else {
            self.drop_letter(number);
            return Ok(Attempt::Sent);
        };
        if !self.stream.has_room() || (record.is_room() && !self.rooms.is_joined(&record.jid)) {
            return Ok(Attempt::Later);
        }
        if letter.is_personal() && record.seal() != Seal::Encrypted {
            self.drop_letter(number);
            return Ok(Attempt::Sent);
        }
        let children = if record.seal() == Seal::Encrypted {
            let Some(audience) = self.audience(&record) else {
                return Ok(Attempt::Later);
            };
            match self.seal(&mut letter, &audience, turn)? {
                Sealed::Ready(children) => children,
                Sealed::Waiting => return Ok(Attempt::Later),
                Sealed::Nobody(text) => {
                    self.letter_failed(number, &text)?;
                    return Ok(Attempt::Sent);
                }
            }
        } else if letter.sealed && record.seal() == Seal::Open {
            // The room says that it is none for members only any more. What was said in one is not for whoever comes now.
            self.letter_failed(number, OPENED)?;
            return Ok(Attempt::Sent);
        } else {
            format!("{}{}", letter.elements, letter.outside)
        };
        let mut writer = Writer::with_capacity(children.len() + 256);
        let to = match &letter.private {
            Some(nick) => format!("{}/{nick}", record.jid),
            None => record.jid.to_string(),
        };
        writer.start("message").attr("to", to);
        writer.attr("id", &letter.id);
        writer.attr(
            "type",
            if record.is_room() && letter.private.is_none() {
                "groupchat"
            } else {
                "chat"
            },
        );
        writer.raw(&children);
        writer.start("origin-id").xmlns(ns::STANZA_ID);
        writer.attr("id", &letter.id).end().end();
        let Some(stanza) = self.send(writer.into_bytes()) else {
            return Ok(Attempt::Later);
        };
        letter.state = State::Sent(stanza);
        self.keep_letter(number, letter);
        Ok(Attempt::Sent)
    }

    /// For whom a conversation is encrypted; `None` while that is not known.
    pub(crate) fn audience(&self, record: &Record) -> Option<Audience> {
        if record.is_room() {
            let members = self.rooms.members_to_encrypt_for(&record.jid)?;
            return Some(Audience::group(record.jid.clone(), members));
        }
        Some(Audience::direct(record.jid.clone()))
    }

    fn seal(
        &mut self,
        letter: &mut Letter,
        audience: &Audience,
        turn: &mut Turn<'_>,
    ) -> Result<Sealed, StorageError> {
        let wall = turn.now.wall;
        let prepared = self.machine.prepare(audience, wall).map_err(keys_failed)?;
        // A session may have been started with us by what waits in the archive. One that we start meanwhile would cross it, and
        // who keeps a single session with a device (XEP-0384 §5.6) could not read what we write in theirs then.
        if prepared == Preparation::Waiting || self.catch_up.is_busy() {
            return Ok(Sealed::Waiting);
        }
        let outgoing = Outgoing {
            elements: &letter.elements,
            text: letter.legacy_text.as_deref(),
        };
        let encrypted = self
            .machine
            .encrypt(audience, outgoing, wall, turn.random)
            .map_err(keys_failed)?;
        if !encrypted.reaches_somebody() {
            return Ok(Sealed::Nobody(nobody(&encrypted.unreached)));
        }
        let mut children = encrypted.elements;
        let has_legacy = encrypted
            .readers
            .iter()
            .any(|reader| reader.form == omemo::Form::Legacy);
        if has_legacy {
            children.push_str(&letter.legacy_elements);
        }
        children.push_str(&letter.outside);
        if let Some(key) = letter.key
            && let Some(mut entry) = self.entry(letter.conversation, key)?
        {
            entry.unreached = encrypted.unreached;
            entry.guard = Guard::Own;
            if matches!(entry.content, Content::Text { .. }) {
                self.put_entry(letter.conversation, key, &entry);
            }
        }
        Ok(Sealed::Ready(children))
    }
}

enum Sealed {
    Ready(String),
    Waiting,
    /// Nobody could read it.
    Nobody(String),
}

/// Why nobody could read a message, and what to do.
fn nobody(unreached: &[Unreached]) -> String {
    let reason = |reason: &Unreachable| unreached.iter().any(|other| other.reason == *reason);
    if unreached.is_empty() || reason(&Unreachable::NoDevices) {
        "Nobody here has a device that can read encrypted messages. Ask them to sign in with one, or switch encryption off for this conversation."
    } else if reason(&Unreachable::NotVerified) {
        "No device here is verified, and you write to verified ones only. Compare keys first."
    } else if reason(&Unreachable::Undecided) || reason(&Unreachable::Distrusted) {
        "No device here is trusted. Look at the devices of this conversation."
    } else if reason(&Unreachable::OldForm) {
        "The devices here are too old for this."
    } else {
        "The keys of the others cannot be fetched just now. Send again later."
    }
    .to_owned()
}
