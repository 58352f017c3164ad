//! XEP-0384: OMEMO Encryption: what the machine wants to be sent, and what has happened to devices.

use base::{BareJid, Timestamp};
use omemo::RequestId;
use xmpp::ns;

use super::Feature;
use crate::client::{Client, ClientError, keys_failed};
use crate::connection::requests::{Answer, Asked};
use crate::event::Event;
use crate::storage::{Storage, StorageError};
use crate::timeline::apply::Arrival;
use crate::timeline::record::{Author, Content, Entry, Happened};
use crate::turn::Turn;
use crate::views::ConversationId;

pub(crate) static FEATURE: Feature = Feature {
    disco: &[ns::OMEMO],
    notify: &[ns::OMEMO_DEVICES, ns::OMEMO_LEGACY_DEVICES],
};

impl<S: Storage> Client<S> {
    pub(crate) fn encryption_requests(&mut self, turn: &mut Turn<'_>) -> Result<(), StorageError> {
        if !self.connection.is_online() || !self.stream.has_room() {
            return Ok(());
        }
        let requests = self
            .machine
            .requests(turn.now.wall, turn.random)
            .map_err(keys_failed)?;
        for request in requests {
            let to = request.to.as_ref().map(|to| to.as_str().to_owned());
            let asked = Asked::Encryption(request.id);
            match &request.kind {
                omemo::RequestKind::Get(payload) => {
                    self.ask(false, to.as_deref(), payload, asked, turn);
                }
                omemo::RequestKind::Set(payload) => {
                    self.ask(true, to.as_deref(), payload, asked, turn);
                }
                omemo::RequestKind::Message(_) => {
                    let id = turn.id();
                    self.send(request.stanza(&id));
                    // It is written down with the stream, in the same commit.
                    self.machine.mark_sent(request.id).map_err(keys_failed)?;
                }
            }
        }
        Ok(())
    }

    pub(crate) fn encryption_answered(
        &mut self,
        request: RequestId,
        answer: Answer<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let answer = match answer {
            Answer::Result(payload) => omemo::Answer::Result(payload),
            Answer::Error(error) => omemo::Answer::Error(error.condition),
            Answer::None => omemo::Answer::None,
        };
        self.outbox.due = true;
        self.machine
            .answered(request, answer, turn.now.wall, turn.random)
            .map_err(keys_failed)?;
        Ok(())
    }

    pub(crate) fn encryption_events(&mut self, turn: &mut Turn<'_>) -> Result<(), StorageError> {
        for event in self.machine.take_events() {
            match event {
                omemo::Event::Devices { account } | omemo::Event::Trust { account, .. } => {
                    self.outbox.due = true;
                    self.tell(Event::Devices(account));
                }
                omemo::Event::NewDevice {
                    account, device, ..
                } => {
                    self.outbox.due = true;
                    if account == self.settings.account {
                        // Those that were there before us are no news.
                        if self.machine.came_after_us(device) {
                            self.tell(Event::NewOwnDevice { device });
                        }
                    } else {
                        let known = self.machine.devices(&account).map_err(keys_failed)?;
                        // Those of somebody who has never written are no news.
                        let others = known.iter().filter(|known| known.device != device);
                        if others.into_iter().any(|known| known.heard.is_some()) {
                            let notice = Happened::NewDevice(account.clone(), device);
                            self.note_device(&account, notice, turn)?;
                        }
                    }
                    self.tell(Event::Devices(account));
                }
                omemo::Event::KeyChanged { account, device } => {
                    let notice = Happened::KeyChanged(account.clone(), device);
                    self.note_device(&account, notice, turn)?;
                    self.tell(Event::Devices(account));
                }
                omemo::Event::Refused { node } => self.tell(Event::Refused {
                    what: format!("publish the keys of this device ({node})"),
                    text: "Others cannot write to this device until the server takes them."
                        .to_owned(),
                }),
                omemo::Event::Renumbered { .. } => {}
            }
        }
        Ok(())
    }

    fn note_device(
        &mut self,
        account: &BareJid,
        happened: Happened,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let number = self.conversations.find(account);
        let Some(number) = number.filter(|number| {
            let record = self.conversations.get(*number);
            record.is_some_and(|record| record.last.is_some())
        }) else {
            return Ok(());
        };
        self.note(number, happened, turn)
    }

    /// Something has happened in a conversation.
    pub(crate) fn note(
        &mut self,
        number: u32,
        happened: Happened,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let arrival = Arrival {
            number,
            author: Author::default(),
            id: String::new(),
            archive_id: None,
            time: turn.now.wall,
            key: None,
            live: true,
            private: None,
        };
        let content = Content::Notice(happened);
        let author = Author::default();
        let entry = Entry::new(String::new(), author, turn.now.wall, content);
        self.take_entry(&arrival, entry, turn)
    }

    /// Who can read what is said in a conversation now, and who cannot and why. `None` where everybody can, because it is
    /// not encrypted, or where it is not known yet.
    ///
    /// # Errors
    /// [`ClientError`], when the storage fails.
    pub fn who_can_read(
        &self,
        conversation: &ConversationId,
        now: Timestamp,
    ) -> Result<Option<omemo::Readership>, ClientError> {
        let record = self
            .conversations
            .find(conversation.jid())
            .and_then(|number| self.conversations.get(number))
            .filter(|record| record.seal() == crate::views::Seal::Encrypted);
        let Some(audience) = record.and_then(|record| self.audience(record)) else {
            return Ok(None);
        };
        let who = self
            .machine
            .who_can_read(&audience, now)
            .map_err(keys_failed)?;
        Ok(Some(who))
    }
}
