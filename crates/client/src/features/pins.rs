//! `urn:hauspost:pin:0` (docs/protocols/pins.md): messages that are pinned for all who are in a conversation.

use std::sync::Arc;

use xmpp::ns;

use crate::client::{Client, ClientError};
use crate::command::Done;
use crate::commands::{Outcome, not_possible};
use crate::outbox::{Letter, State};
use crate::payload::Elements;
use crate::storage::{Storage, StorageError};
use crate::timeline::record::{Content, Entry};
use crate::turn::Turn;
use crate::views::{ConversationId, Message, MessageKey};

/// So many are enough in one conversation: the oldest goes.
const MOST: usize = 100;

impl<S: Storage> Client<S> {
    pub(crate) fn pin(
        &mut self,
        id: &ConversationId,
        key: MessageKey,
        pinned: bool,
        turn: &mut Turn<'_>,
    ) -> Outcome {
        let record = self.record_of(id)?;
        let number = record.number;
        let mut entry = self.entry_of(number, key)?;
        if entry.private.is_some() || !matches!(entry.content, Content::Text { .. }) {
            return Err(not_possible("Only what was said to all can be pinned."));
        }
        let Some(target) = meant(&entry, record.is_room()) else {
            return Err(not_possible("This message has not reached the room yet."));
        };
        self.post(Letter {
            conversation: number,
            key: None,
            id: turn.id(),
            elements: Elements::default().pin(&target, pinned).finish(),
            legacy_text: None,
            legacy_elements: String::new(),
            // It has no words by which an archive would know that it is worth keeping.
            outside: format!("<store xmlns='{}'/>", ns::HINTS),
            state: State::Waiting,
            private: None,
            sealed: false,
        });
        entry.pin = Some((pinned, turn.now.wall));
        self.put_entry(number, key, &entry);
        Ok(Done::Done)
    }

    /// Notes in the conversation whether a line of it is pinned.
    pub(crate) fn note_pin(&mut self, number: u32, key: MessageKey, entry: &Entry) {
        let pinned = entry.pin.is_some_and(|(pinned, _)| pinned);
        let listed = self
            .conversations
            .get(number)
            .is_some_and(|record| record.pins.contains(&key));
        if pinned != listed
            && let Some(record) = self.conversations.change(number)
        {
            record.pins.retain(|other| *other != key);
            if pinned {
                record.pins.push(key);
                let over = record.pins.len().saturating_sub(MOST);
                record.pins.drain(..over);
            }
        }
    }

    /// The messages that are pinned in a conversation, the one that was pinned last in front.
    ///
    /// # Errors
    /// [`ClientError`], when the storage fails.
    pub fn pins(&self, conversation: &ConversationId) -> Result<Vec<Arc<Message>>, ClientError> {
        let number = self.conversations.find(conversation.jid());
        let Some(record) = number.and_then(|number| self.conversations.get(number)) else {
            return Ok(Vec::new());
        };
        let shown = record.pins.iter().rev().filter_map(|key| {
            let entry = match self.entry(record.number, *key) {
                Ok(entry) => entry?,
                Err(error) => return Some(Err(error)),
            };
            Some(self.message(record, *key, &entry).map(Arc::new))
        });
        Ok(shown.collect::<Result<_, StorageError>>()?)
    }
}

/// The id by which others know a message: in a room that which the room gave it (as XEP-0444 §4 has it).
pub(crate) fn meant(entry: &Entry, in_room: bool) -> Option<String> {
    match in_room {
        true => entry.archive_id.clone(),
        false => Some(entry.id.clone()),
    }
}
