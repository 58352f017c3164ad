//! `urn:hauspost:personal:0` (docs/protocols/personal.md): what a person's devices tell each other, always sealed: what was
//! typed and not sent, and of what to be reminded. And what the person sets for conversations.

use std::time::Duration;

use base::{BareJid, Moment, Timestamp};
use omemo::{Decrypted, Trust};
use xmpp::ns;
use xmpp::xml::{Element, Tree, Writer};

use super::pins::meant;
use crate::client::{Client, keys_failed};
use crate::command::{Command, Done};
use crate::commands::{Outcome, not_possible};
use crate::conversations::one_line;
use crate::event::Event;
use crate::outbox::{Letter, State};
use crate::storage::database::Database;
use crate::storage::record::{Decoder, Encoder, RecordError};
use crate::storage::{Storage, StorageError, Table};
use crate::timeline::record::{Content, Entry, Happened};
use crate::turn::Turn;
use crate::views::{ConversationKind, MessageKey, Seal};

const REMINDERS: &[u8] = b"reminders";
/// More is not kept.
const MOST_REMINDERS: usize = 500;
/// Longer drafts stay on their device, in bytes.
const LONGEST_DRAFT: usize = 16 * 1024;
/// A draft is told when nothing more was typed for so long.
const REST: Duration = Duration::from_secs(5);
/// Clocks of the day are set right, and machines sleep: after so long it is counted anew.
const LOOK_AGAIN: Duration = Duration::from_secs(10 * 60);

/// Of what the person wants to be reminded.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reminder {
    conversation: BareJid,
    /// By which others know the message.
    id: String,
    at: Timestamp,
}

/// What is due at its time.
#[derive(Debug)]
pub(crate) struct Personal {
    reminders: Vec<Reminder>,
    /// When to look at all this.
    due: Moment,
    /// When drafts that have changed are told.
    drafts_due: Moment,
}

impl Personal {
    pub(crate) fn open<S: Storage>(database: &Database<S>) -> Result<Self, StorageError> {
        let read = |bytes: &[u8]| -> Result<Vec<Reminder>, RecordError> {
            let (_, mut fields) = Decoder::new(bytes, 1)?;
            fields.list(|fields| {
                Ok(Reminder {
                    conversation: fields.jid()?,
                    id: fields.string()?,
                    at: fields.time()?,
                })
            })
        };
        let reminders = match database.get(Table::State, REMINDERS)? {
            Some(bytes) => read(&bytes).map_err(|error| error.of("the reminders"))?,
            None => Vec::new(),
        };
        Ok(Self {
            reminders,
            due: Moment::START,
            drafts_due: Moment::START,
        })
    }

    pub(crate) const fn deadline(&self) -> Moment {
        self.due
    }

    /// Something has changed that may be due at another time.
    pub(crate) const fn look(&mut self) {
        self.due = Moment::START;
    }

    pub(crate) fn draft_changed(&mut self, now: Moment) {
        self.drafts_due = now + REST;
        self.due = self.due.min(self.drafts_due);
    }

    /// There is a session: what was typed without one is told now.
    pub(crate) const fn connected(&mut self) {
        self.drafts_due = Moment::START;
        self.due = Moment::START;
    }

    pub(crate) fn reminder_of(&self, conversation: &BareJid, entry: &Entry) -> Option<Timestamp> {
        let mut all = self.reminders.iter();
        let found = all.find(|reminder| {
            reminder.conversation == *conversation
                && (reminder.id == entry.id || entry.archive_id.as_ref() == Some(&reminder.id))
        });
        found.map(|reminder| reminder.at)
    }
}

impl<S: Storage> Client<S> {
    pub(crate) fn obey_about_settings(&mut self, command: Command, turn: &mut Turn<'_>) -> Outcome {
        match command {
            Command::SetDraft { conversation, text } => {
                let number = self.number_of(&conversation)?;
                let text = text.into_inner();
                let same = self
                    .conversations
                    .get(number)
                    .is_some_and(|record| record.draft == text);
                if !same && let Some(record) = self.conversations.change(number) {
                    record.draft = text;
                    self.personal.draft_changed(turn.now.moment);
                }
            }
            Command::SetNotify {
                conversation,
                notify,
            } => {
                let number = self.number_of(&conversation)?;
                if let Some(record) = self.conversations.change(number) {
                    record.notify = Some(notify);
                    record.muted_until = None;
                }
                self.publish_settings(number, turn);
            }
            Command::Mute {
                conversation,
                until,
            } => {
                let number = self.number_of(&conversation)?;
                if until <= turn.now.wall {
                    return Err(not_possible("This time is over: choose a later one."));
                }
                if let Some(record) = self.conversations.change(number) {
                    record.muted_until = Some(until);
                }
                self.publish_settings(number, turn);
                self.personal.look();
            }
            Command::SetPinned {
                conversation,
                pinned,
            } => {
                let number = self.number_of(&conversation)?;
                if let Some(record) = self.conversations.change(number) {
                    record.pinned = pinned;
                }
                self.publish_settings(number, turn);
            }
            Command::Pin {
                conversation,
                message,
                pinned,
            } => return self.pin(&conversation, message, pinned, turn),
            Command::Remind {
                conversation,
                message,
                at,
            } => {
                let record = self.record_of(&conversation)?;
                let entry = self.entry_of(record.number, message)?;
                let room = record.is_room() && entry.private.is_none();
                let Some(id) = meant(&entry, room) else {
                    return Err(not_possible("This message has not reached the room yet."));
                };
                if at.is_some_and(|at| at <= turn.now.wall) {
                    return Err(not_possible("This time is over: choose a later one."));
                }
                self.set_reminder(&record.jid, &id, at);
                let mut writer = Writer::new();
                writer.start("reminder").xmlns(ns::PERSONAL);
                writer.attr("conversation", record.jid.as_str());
                writer.attr("message", &id);
                if let Some(at) = at {
                    writer.attr("at", at.to_string());
                }
                writer.end();
                self.tell_own_devices(writer.finish(), turn)?;
            }
            _ => return Err(not_possible("This version cannot do that.")),
        }
        Ok(Done::Done)
    }

    fn set_reminder(&mut self, conversation: &BareJid, id: &str, at: Option<Timestamp>) {
        let all = &mut self.personal.reminders;
        all.retain(|reminder| reminder.conversation != *conversation || reminder.id != id);
        if let Some(at) = at
            && all.len() < MOST_REMINDERS
        {
            all.push(Reminder {
                conversation: conversation.clone(),
                id: id.to_owned(),
                at,
            });
        }
        self.keep_reminders();
        self.personal.look();
        if let Some(number) = self.conversations.find(conversation) {
            self.changed_timelines.insert(number);
        }
    }

    fn keep_reminders(&self) {
        let mut record = Encoder::new(1);
        record.list(self.personal.reminders.iter(), |record, reminder| {
            record
                .text(reminder.conversation.as_str())
                .text(&reminder.id)
                .time(reminder.at);
        });
        self.database
            .put(Table::State, REMINDERS.to_vec(), record.finish());
    }

    /// Says something to our other devices, sealed; to nobody when there are none.
    fn tell_own_devices(
        &mut self,
        elements: String,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let own = self.settings.account.clone();
        let devices = self.machine.devices(&own).map_err(keys_failed)?;
        if !devices
            .iter()
            .any(|other| !other.this && !other.forms.is_empty())
        {
            return Ok(());
        }
        let known = self.conversations.find(&own);
        let number = match known {
            Some(number) => number,
            None => {
                let kind = ConversationKind::Person;
                let number = self.conversations.find_or_add(&own, kind, turn.now.wall);
                if let Some(record) = self.conversations.change(number) {
                    record.hidden = true;
                }
                number
            }
        };
        let sealed = self
            .conversations
            .get(number)
            .is_some_and(|record| record.seal() == Seal::Encrypted);
        if sealed {
            self.post(Letter {
                conversation: number,
                key: None,
                id: turn.id(),
                elements,
                legacy_text: None,
                legacy_elements: String::new(),
                outside: String::new(),
                state: State::Waiting,
                private: None,
                sealed: false,
            });
        }
        Ok(())
    }

    /// Does what is due.
    pub(crate) fn personal_pump(&mut self, turn: &mut Turn<'_>) -> Result<(), StorageError> {
        if turn.now.moment < self.personal.due {
            return Ok(());
        }
        let wall = turn.now.wall;
        let all = std::mem::take(&mut self.personal.reminders);
        let (over, rest): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|reminder| reminder.at <= wall);
        self.personal.reminders = rest;
        if !over.is_empty() {
            self.keep_reminders();
        }
        for reminder in over {
            self.remind(&reminder, turn)?;
        }
        let unmuted = self.unmute(turn);
        if self.personal.drafts_due <= turn.now.moment {
            self.personal.drafts_due = Moment::NEVER;
            if self.is_online() {
                self.tell_drafts(turn)?;
            }
        }
        let times = self.personal.reminders.iter().map(|reminder| reminder.at);
        let next = times.chain(unmuted).min().map(|at| {
            let micros = u64::try_from(at.micros() - wall.micros()).unwrap_or(0);
            turn.now.moment + Duration::from_micros(micros).min(LOOK_AGAIN)
        });
        self.personal.due = next.unwrap_or(Moment::NEVER).min(self.personal.drafts_due);
        Ok(())
    }

    fn remind(&mut self, reminder: &Reminder, turn: &mut Turn<'_>) -> Result<(), StorageError> {
        let Some(number) = self.conversations.find(&reminder.conversation) else {
            return Ok(());
        };
        let Some(key) = self.find_meant(number, &reminder.id)? else {
            return Ok(());
        };
        let line = match self.entry(number, key)?.map(|entry| entry.content) {
            Some(Content::Text { text, .. }) => one_line(&text),
            _ => String::new(),
        };
        self.note(number, Happened::Reminder(key.to_string(), line), turn)?;
        if let Some(record) = self.conversations.change(number) {
            record.active = turn.now.wall;
            record.hidden = false;
        }
        self.changed_timelines.insert(number);
        let conversation = reminder.conversation.clone().into();
        self.tell(Event::Reminder {
            conversation,
            message: key,
        });
        Ok(())
    }

    /// The line that others know by this id.
    fn find_meant(&self, number: u32, id: &str) -> Result<Option<MessageKey>, StorageError> {
        let Some(record) = self.conversations.get(number) else {
            return Ok(None);
        };
        let archived = self.find_archived(number, id)?;
        if archived.is_some() || record.is_room() {
            return Ok(archived);
        }
        match self.find_message(number, "", id)? {
            Some(key) => Ok(Some(key)),
            None => self.find_message(number, record.jid.as_str(), id),
        }
    }

    fn tell_drafts(&mut self, turn: &mut Turn<'_>) -> Result<(), StorageError> {
        let changed: Vec<u32> = self
            .conversations
            .all()
            .iter()
            .filter(|record| record.draft != record.draft_told)
            .filter(|record| record.draft.len() <= LONGEST_DRAFT)
            .map(|record| record.number)
            .collect();
        for number in changed {
            let Some(record) = self.conversations.change(number) else {
                continue;
            };
            record.draft_told.clone_from(&record.draft);
            record.draft_time = turn.now.wall;
            let mut writer = Writer::new();
            writer.start("draft").xmlns(ns::PERSONAL);
            writer.attr("conversation", record.jid.as_str());
            writer.attr("stamp", turn.now.wall.to_string());
            writer.text(&record.draft).end();
            self.tell_own_devices(writer.finish(), turn)?;
        }
        Ok(())
    }

    /// Another device of ours may tell something. Says whether it was that.
    pub(crate) fn personal_came(
        &mut self,
        message: &Decrypted,
        turn: &mut Turn<'_>,
    ) -> Result<bool, StorageError> {
        let omemo::Content::Elements(elements) = &message.content else {
            return Ok(false);
        };
        if message.account != self.settings.account || !elements.expose().contains(ns::PERSONAL) {
            return Ok(false);
        }
        let wrapped = format!("<content>{}</content>", elements.expose());
        let Ok(tree) = Tree::parse(&wrapped) else {
            return Ok(false);
        };
        let mut told = tree.root().children().peekable();
        if told
            .peek()
            .is_none_or(|element| element.namespace() != ns::PERSONAL)
        {
            return Ok(false);
        }
        // What a device says that nobody has let in counts for nothing.
        if matches!(message.trust, Trust::FirstUse | Trust::Verified { .. }) {
            for element in told {
                self.take_personal(element, turn);
            }
        }
        Ok(true)
    }

    fn take_personal(&mut self, element: Element<'_>, turn: &Turn<'_>) {
        let conversation = element.attr("conversation");
        let conversation = conversation.and_then(|jid| BareJid::parse(jid).ok());
        let Some(conversation) = conversation else {
            return;
        };
        let time = |name: &str| element.attr(name).and_then(|time| time.parse().ok());
        if element.is("reminder", ns::PERSONAL) {
            let Some(id) = element.attr("message").filter(|id| id.len() <= 512) else {
                return;
            };
            let at: Option<Timestamp> = time("at");
            // One of long ago was shown by whoever was there.
            let late = at.is_some_and(|at| at <= turn.now.wall);
            self.set_reminder(&conversation, id, at.filter(|_| !late));
        } else if element.is("draft", ns::PERSONAL) {
            let stamp = time("stamp").unwrap_or(Timestamp::EPOCH);
            let number = self.conversations.find(&conversation);
            let Some(record) = number.and_then(|number| self.conversations.get(number)) else {
                return;
            };
            let unsaid = record.draft != record.draft_told;
            if unsaid || stamp < record.draft_time {
                return;
            }
            if let Some(record) = self.conversations.change(record.number) {
                record.draft = element.text().chars().take(LONGEST_DRAFT).collect();
                record.draft_told.clone_from(&record.draft);
                record.draft_time = stamp;
            }
        }
    }
}
