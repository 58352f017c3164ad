//! Doing what the person wants.

use base::{Now, Timestamp};
use omemo::{Randomness, VerificationUri};
use xmpp::ns;
use xmpp::xep::muc::Affiliation;
use xmpp::xml::{Tree, Writer};

use crate::border::Transfer;
use crate::client::{Client, keys_failed};
use crate::command::{Command, CommandError, Done, Draft};
use crate::connection::requests::Asked;
use crate::conversations::Record;
use crate::features::rooms::private;
use crate::features::{chat_states, markers, receipts};
use crate::outbox::{Letter, State};
use crate::payload::{Elements, quote};
use crate::storage::{Storage, StorageError};
use crate::timeline::apply::Arrival;
use crate::timeline::record::{Author, Content, Entry, Feeling, Guard, Progress};
use crate::turn::Turn;
use crate::views::{ConversationId, ConversationKind, MessageKey, Seal};

/// More than a server would take: a file is the better way.
const LONGEST_TEXT: usize = 64 * 1024;

pub(crate) type Outcome = Result<Done, CommandError>;

pub(crate) fn not_possible(text: &str) -> CommandError {
    CommandError::NotPossible(text.to_owned())
}

fn online(sent: bool) -> Outcome {
    if sent {
        Ok(Done::Done)
    } else {
        Err(CommandError::Offline)
    }
}

impl<S: Storage> Client<S> {
    /// Does what the person wants.
    ///
    /// # Errors
    /// [`CommandError`], when it was not done; its text is for the person.
    pub fn command(
        &mut self,
        command: Command,
        now: Now,
        random: &mut dyn Randomness,
    ) -> Result<Done, CommandError> {
        if self.is_logged_out() {
            return Err(not_possible("This device is logged out: sign in anew."));
        }
        self.operation(now, random, |client, turn| client.obey(command, turn))
    }

    pub(crate) fn number_of(&self, id: &ConversationId) -> Result<u32, CommandError> {
        let found = self.conversations.find(id.jid());
        found.ok_or_else(|| CommandError::NoSuchConversation(id.clone()))
    }

    pub(crate) fn record_of(&self, id: &ConversationId) -> Result<Record, CommandError> {
        let number = self.number_of(id)?;
        let record = self.conversations.get(number).cloned();
        record.ok_or_else(|| CommandError::NoSuchConversation(id.clone()))
    }

    pub(crate) fn entry_of(&self, number: u32, key: MessageKey) -> Result<Entry, CommandError> {
        let entry = self.entry(number, key)?;
        let entry = entry.filter(|entry| !entry.is_notice());
        entry.ok_or(CommandError::NoSuchMessage)
    }

    fn obey(&mut self, command: Command, turn: &mut Turn<'_>) -> Outcome {
        match command {
            Command::OpenChat { with } => {
                let kind = ConversationKind::Person;
                let number = self.conversations.find_or_add(&with, kind, turn.now.wall);
                if let Some(record) = self.conversations.change(number) {
                    record.hidden = false;
                }
                Ok(Done::Conversation(with.into()))
            }
            Command::Send {
                conversation,
                message,
            } => self.say(&conversation, message, turn),
            Command::Edit {
                conversation,
                message,
                draft,
            } => self.edit(&conversation, message, draft, turn),
            Command::Remove {
                conversation,
                message,
                reason,
            } => self.remove(&conversation, message, reason, turn),
            Command::React {
                conversation,
                message,
                reactions,
            } => self.react(&conversation, message, reactions, turn),
            Command::Resend {
                conversation,
                message,
            } => self.resend(&conversation, message),
            Command::Discard {
                conversation,
                message,
            } => self.discard(&conversation, message),
            Command::MarkRead {
                conversation,
                message,
            } => self.mark_read(&conversation, message, turn),
            Command::Leave { conversation } => {
                let number = self.number_of(&conversation)?;
                if let Some(record) = self.conversations.change(number) {
                    record.line = None;
                }
                self.changed_timelines.insert(number);
                Ok(Done::Done)
            }
            Command::Typing {
                conversation,
                typing,
            } => {
                let record = self.record_of(&conversation)?;
                if typing && let Some(audience) = self.audience(&record) {
                    // What is fetched now need not be waited for later.
                    self.machine
                        .prepare(&audience, turn.now.wall)
                        .map_err(keys_failed)?;
                }
                self.send_typing(&record, typing);
                Ok(Done::Done)
            }
            command @ (Command::SetDraft { .. }
            | Command::SetNotify { .. }
            | Command::Mute { .. }
            | Command::SetPinned { .. }
            | Command::Pin { .. }
            | Command::Remind { .. }) => self.obey_about_settings(command, turn),
            Command::SetEncryption { conversation, on } => {
                let number = self.number_of(&conversation)?;
                if !on && self.must_seal(&self.record_of(&conversation)?) {
                    return Err(not_possible("The rules of this house want it encrypted."));
                }
                if let Some(record) = self.conversations.change(number) {
                    record.encrypt = Some(on);
                }
                self.outbox.due = true;
                Ok(Done::Done)
            }
            Command::LoadEarlier { conversation } => {
                let number = self.number_of(&conversation)?;
                online(self.load_earlier(number, turn)?)
            }
            Command::LookAtLink { text } => Ok(Done::Link(self.look_at_link(text.expose(), turn))),
            other => self.obey_about_people(other, turn),
        }
    }

    fn obey_about_people(&mut self, command: Command, turn: &mut Turn<'_>) -> Outcome {
        match command {
            Command::CreateGroup { name, members } => {
                let room = self.create_room(&name, members, true, turn);
                Ok(Done::Conversation(room.into()))
            }
            Command::CreateRoom { name } => {
                let room = self.create_room(&name, Vec::new(), false, turn);
                Ok(Done::Conversation(room.into()))
            }
            Command::Join { room, nick } => {
                self.join_room(&room, nick, turn);
                self.publish_bookmark(&room, turn);
                Ok(Done::Conversation(room.into()))
            }
            Command::Part { conversation } => {
                self.number_of(&conversation)?;
                self.part_room(conversation.jid(), true);
                self.publish_bookmark(conversation.jid(), turn);
                Ok(Done::Done)
            }
            Command::Invite { conversation, who } => {
                self.number_of(&conversation)?;
                if !self.is_online() {
                    return Err(CommandError::Offline);
                }
                self.invite(conversation.jid(), &who, turn);
                Ok(Done::Done)
            }
            Command::Expel { conversation, who } => {
                self.number_of(&conversation)?;
                let asked = Asked::Command("take somebody out of the room");
                let none = Affiliation::None;
                online(self.set_affiliation(conversation.jid(), &who, none, asked, turn))
            }
            Command::SetSubject {
                conversation,
                subject,
            } => {
                self.number_of(&conversation)?;
                online(self.send_subject(conversation.jid(), &subject))
            }
            Command::AddContact { account, name } => {
                let sent = self.set_contact(&account, name.as_deref(), false, turn);
                if sent {
                    self.send_subscription(&account, "subscribed");
                    self.send_subscription(&account, "subscribe");
                }
                online(sent)
            }
            Command::RemoveContact { account } => {
                online(self.set_contact(&account, None, true, turn))
            }
            Command::AnswerContact { account, allow } => {
                if !self.is_online() {
                    return Err(CommandError::Offline);
                }
                let kind = if allow { "subscribed" } else { "unsubscribed" };
                self.send_subscription(&account, kind);
                if allow {
                    self.send_subscription(&account, "subscribe");
                }
                self.change_person(&account, |person| person.requests = false);
                Ok(Done::Done)
            }
            Command::SetBlocked { account, blocked } => {
                if !self.is_online() {
                    return Err(CommandError::Offline);
                }
                self.set_blocked(&account, blocked, turn);
                Ok(Done::Done)
            }
            Command::SetAvailability {
                availability,
                status,
            } => {
                self.set_availability(availability, status);
                Ok(Done::Done)
            }
            Command::SetActive(active) => {
                self.set_active(active);
                Ok(Done::Done)
            }
            Command::Ask(question) => self.ask_question(question, turn),
            Command::SetNickname(name) => online(self.set_nickname(&name, turn)),
            Command::SetPicture(picture) => online(self.set_picture(picture, turn)),
            other => self.obey_about_devices(other, turn),
        }
    }

    fn obey_about_devices(&mut self, command: Command, turn: &mut Turn<'_>) -> Outcome {
        let wall = turn.now.wall;
        match command {
            Command::SetPolicy(policy) => self.machine.set_policy(policy),
            Command::Verify { account, identity } => self
                .machine
                .verify(&account, &identity, wall)
                .map_err(keys_failed)?,
            Command::Accept { account, identity } => self
                .machine
                .accept(&account, &identity, wall)
                .map_err(keys_failed)?,
            Command::Distrust { account, identity } => self
                .machine
                .distrust(&account, &identity, wall)
                .map_err(keys_failed)?,
            Command::VerifyUri(text) => return self.verify_uri(&text, wall),
            Command::ReplaceSession { account, device } => self
                .machine
                .replace_session(&account, device)
                .map_err(keys_failed)?,
            Command::RevokeDevice { device } => {
                let account = self.settings.account.clone();
                let devices = self.machine.devices(&account).map_err(keys_failed)?;
                let known = devices.into_iter().find(|known| known.device == device);
                let known = known.ok_or_else(|| not_possible("You have no such device."))?;
                self.machine.revoke(device, wall).map_err(keys_failed)?;
                self.end_access(device, known.label.as_deref(), turn);
            }
            Command::RequestUpload {
                name,
                size,
                media_type,
            } => {
                let asked = self.request_upload(&name, size, media_type.as_deref(), turn);
                return match asked {
                    Some(upload) => Ok(Done::Upload(upload)),
                    None if self.is_online() => Err(not_possible("This server takes no files.")),
                    None => Err(CommandError::Offline),
                };
            }
            Command::FileUploaded { upload, success } => {
                if self.chunk_uploaded(upload, success, turn)? {
                    return Ok(Done::Done);
                }
                let text = "The file did not reach the server: try again.";
                let failed = (!success).then(|| text.to_owned());
                self.transfer_ended(Transfer::Upload(upload), failed);
            }
            Command::Download { url, size } => {
                return self.download(url, size).map(Done::Download);
            }
            Command::TransferMoved { transfer, bytes } => {
                self.transfer_moved(transfer, bytes);
                return Ok(Done::Done);
            }
            Command::FileDownloaded { download, failed } => {
                self.transfer_ended(Transfer::Download(download), failed);
            }
            Command::ShowHistoryCode { role } => {
                return Ok(Done::HistoryCode(self.show_history_code(role, turn)));
            }
            Command::ScanHistoryCode { text, role } => {
                self.scan_history_code(text.expose(), role, turn)?;
            }
            Command::StopHistory => self.stop_history(),
            Command::ChunkFetched { download, bytes } => {
                self.chunk_fetched(download, bytes.as_deref())?;
            }
            Command::CancelTransfer(transfer) => self.cancel_transfer(transfer),
            Command::Connect => self.go_online(turn),
            Command::Disconnect => {
                self.connection.wanted = false;
                self.close();
                self.stream_is_over(turn)?;
            }
            Command::LogOut => self.log_out(turn)?,
            _ => return Err(not_possible("This version cannot do that.")),
        }
        self.outbox.due = true;
        Ok(Done::Done)
    }

    fn verify_uri(&mut self, text: &str, now: Timestamp) -> Outcome {
        let uri = VerificationUri::parse(text)
            .map_err(|fault| CommandError::NotPossible(fault.to_string()))?;
        let verification = self.machine.verify_uri(&uri, now).map_err(keys_failed)?;
        self.outbox.due = true;
        Ok(Done::Verified {
            account: verification.account,
            verified: verification.verified.len(),
            mismatched: verification.different,
        })
    }

    fn check(draft: &Draft) -> Result<(), CommandError> {
        if draft.text.expose().trim().is_empty() && draft.elements.expose().is_empty() {
            return Err(not_possible("There is nothing to say yet."));
        }
        if draft.text.expose().len() > LONGEST_TEXT {
            return Err(not_possible(
                "This is too long for a message: send it as a file.",
            ));
        }
        let wrapped = format!("<content>{}</content>", draft.elements.expose());
        if Tree::parse(&wrapped).is_err() {
            return Err(not_possible("What belongs to the message is no XML."));
        }
        Ok(())
    }

    fn say(&mut self, id: &ConversationId, mut draft: Draft, turn: &mut Turn<'_>) -> Outcome {
        let record = self.record_of(id)?;
        self.add_preview(&mut draft);
        Self::check(&draft)?;
        let number = record.number;
        let mut private = draft.private_to;
        let message_id = turn.id();
        let text = draft.text.expose();
        let mut elements = Elements::default();
        let mut legacy_elements = Elements::default();
        let mut quoted = String::new();
        let mut reply = None;
        if let Some(key) = draft.reply {
            let target = self.entry_of(number, key)?;
            if let Content::Text { text, .. } = &target.content {
                quoted = quote(text);
            }
            // Who answers to what was said privately does so, too.
            private = private.or_else(|| target.private.clone());
            // In a room a message is meant by the id that the room gave it (XEP-0461 §3.1).
            let by_room = record.is_room() && target.private.is_none();
            let target_id = match (&target.archive_id, by_room) {
                (Some(id), true) => id.clone(),
                (None, true) => {
                    return Err(not_possible("This message has not reached the room yet."));
                }
                (_, false) => target.id.clone(),
            };
            let to = match (&target.author.nick, record.is_room()) {
                (Some(nick), true) => format!("{}/{nick}", record.jid),
                _ if target.author.own => self.settings.account.as_str().to_owned(),
                _ => record.jid.as_str().to_owned(),
            };
            let shift = quoted.chars().count();
            elements = elements.reply(&target_id, &to, shift);
            legacy_elements = legacy_elements.reply(&target_id, &to, shift);
            reply = Some((target_id, Some(to), quoted.clone()));
        }
        if let Some(nick) = &private {
            self.may_say_privately(&record, nick)?;
        }
        let shift = quoted.chars().count();
        let words = format!("{quoted}{text}");
        let elements = elements
            .body(&words)
            .mentions(&draft.mentions, shift)
            .raw(draft.elements.expose())
            .finish();
        // As those see it who get it: without what only stands there for others.
        let content = match Tree::parse(&format!("<content>{elements}</content>")) {
            Ok(tree) => {
                let said = crate::payload::read(tree.root().children(), None);
                Content::Text {
                    text: said.text.unwrap_or_default(),
                    elements: said.elements,
                }
            }
            Err(_) => return Err(not_possible("What belongs to the message is no XML.")),
        };
        let author = Author {
            own: true,
            account: Some(self.settings.account.clone()),
            nick: self.rooms.own_nick(&record.jid).map(str::to_owned),
            occupant: None,
        };
        let mut entry = Entry::new(message_id.clone(), author.clone(), turn.now.wall, content);
        entry.reply = reply;
        entry.mentions = draft.mentions;
        entry.progress = Progress::Waiting;
        entry.private.clone_from(&private);
        entry.guard = match record.seal() {
            Seal::Encrypted => Guard::Own,
            Seal::Off | Seal::Open => Guard::Readable,
        };
        let key = self.next_place(number, turn.now.wall);
        let arrival = Arrival {
            number,
            author,
            id: message_id.clone(),
            archive_id: None,
            time: turn.now.wall,
            key: Some(key),
            live: true,
            private: private.clone(),
        };
        self.take_entry(&arrival, entry, turn)?;
        let legacy_text = draft.legacy_text.map(base::Redacted::into_inner);
        let mut outside = match &private {
            Some(_) => private::mark(),
            None => markers::markable(),
        };
        if !record.is_room() {
            outside.push_str(&receipts::request());
            outside.push_str(&chat_states::active());
        }
        self.post(Letter {
            conversation: number,
            key: Some(key),
            id: message_id,
            elements,
            legacy_text: legacy_text.or_else(|| (!words.is_empty()).then_some(words)),
            legacy_elements: legacy_elements.finish(),
            outside,
            state: State::Waiting,
            private,
            sealed: false,
        });
        if let Some(record) = self.conversations.change(number) {
            record.draft.clear();
            record.line = None;
            record.active = turn.now.wall;
        }
        self.personal.draft_changed(turn.now.moment);
        Ok(Done::Message(key))
    }

    fn edit(
        &mut self,
        id: &ConversationId,
        key: MessageKey,
        draft: Draft,
        turn: &mut Turn<'_>,
    ) -> Outcome {
        let record = self.record_of(id)?;
        Self::check(&draft)?;
        let number = record.number;
        let mut entry = self.entry_of(number, key)?;
        if !entry.author.own || !matches!(entry.content, Content::Text { .. }) {
            return Err(not_possible("Only what you have said can be changed."));
        }
        let text = draft.text.expose().clone();
        let elements = Elements::default()
            .body(&text)
            .replace(&entry.id)
            .mentions(&draft.mentions, 0)
            .raw(draft.elements.expose())
            .finish();
        let edit_id = turn.id();
        let letter = Letter {
            conversation: number,
            key: None,
            id: edit_id.clone(),
            elements,
            legacy_text: Some(text.clone()),
            legacy_elements: Elements::default().replace(&entry.id).finish(),
            outside: match &entry.private {
                Some(_) => private::mark(),
                None => String::new(),
            },
            state: State::Waiting,
            private: entry.private.clone(),
            sealed: false,
        };
        entry.content = Content::Text {
            text,
            elements: draft.elements.into_inner(),
        };
        entry.mentions = draft.mentions;
        entry.edited = Some(turn.now.wall);
        self.put_entry(number, key, &entry);
        self.index(number, key, &entry, false);
        self.name_message(number, key, "", &edit_id);
        self.entry_is_read(number, key, &entry, false)?;
        self.post(letter);
        Ok(Done::Message(key))
    }

    fn remove(
        &mut self,
        id: &ConversationId,
        key: MessageKey,
        reason: Option<String>,
        turn: &mut Turn<'_>,
    ) -> Outcome {
        let record = self.record_of(id)?;
        let number = record.number;
        let mut entry = self.entry_of(number, key)?;
        if !entry.author.own {
            return self.moderate(&record, &entry, reason, turn);
        }
        if self.withdraw(number, key) {
            self.delete_entry(number, key, &entry);
            return Ok(Done::Done);
        }
        if entry.private.is_some() {
            return Err(not_possible(
                "What was said to one person in a room cannot be taken back.",
            ));
        }
        let target = match (&entry.archive_id, record.is_room()) {
            (Some(archived), true) => archived.clone(),
            (None, true) => {
                return Err(not_possible("This message has not reached the room yet."));
            }
            (_, false) => entry.id.clone(),
        };
        let words = "This person has taken back a message; this program cannot show that.";
        let elements = Elements::default()
            .retract(&target)
            .whole_fallback(ns::RETRACTION)
            .body(words)
            .finish();
        let legacy = Elements::default()
            .retract(&target)
            .whole_fallback(ns::RETRACTION);
        self.post(Letter {
            conversation: number,
            key: None,
            id: turn.id(),
            elements,
            legacy_text: Some(words.to_owned()),
            legacy_elements: legacy.finish(),
            outside: String::new(),
            state: State::Waiting,
            private: None,
            sealed: false,
        });
        entry.content = Content::Removed {
            by: None,
            reason: None,
        };
        entry.feelings.clear();
        entry.reply = None;
        entry.edited = None;
        entry.pin = None;
        self.put_entry(number, key, &entry);
        self.index(number, key, &entry, false);
        self.entry_is_read(number, key, &entry, false)?;
        Ok(Done::Done)
    }

    fn moderate(
        &mut self,
        record: &Record,
        entry: &Entry,
        reason: Option<String>,
        turn: &Turn<'_>,
    ) -> Outcome {
        let public = record.is_room() && entry.private.is_none();
        let Some(archived) = entry.archive_id.as_ref().filter(|_| public) else {
            return Err(not_possible("Only what you have said can be taken back."));
        };
        let mut writer = Writer::new();
        writer.start("moderate").xmlns(ns::MODERATION);
        writer.attr("id", archived).leaf("retract", ns::RETRACTION);
        if let Some(reason) = reason {
            writer.leaf_text("reason", None, &reason);
        }
        writer.end();
        let asked = Asked::Command("take the message back");
        let room = record.jid.as_str();
        online(self.ask(true, Some(room), &writer.finish(), asked, turn))
    }

    fn react(
        &mut self,
        id: &ConversationId,
        key: MessageKey,
        mut reactions: Vec<String>,
        turn: &mut Turn<'_>,
    ) -> Outcome {
        let record = self.record_of(id)?;
        let number = record.number;
        let mut entry = self.entry_of(number, key)?;
        if entry.private.is_some() {
            return Err(not_possible(
                "What was said to one person in a room takes no reactions: answer it.",
            ));
        }
        reactions.retain(|emoji| !emoji.is_empty() && emoji.len() <= 64);
        reactions.truncate(32);
        let target = match (&entry.archive_id, record.is_room()) {
            (Some(archived), true) => archived.clone(),
            (None, true) => {
                return Err(not_possible("This message has not reached the room yet."));
            }
            (_, false) => entry.id.clone(),
        };
        let line = match &entry.content {
            Content::Text { text, .. } => quote(crate::conversations::one_line(text).as_str()),
            _ => return Err(not_possible("There is nothing here to react to.")),
        };
        let legacy_text = (!reactions.is_empty()).then(|| format!("{line}{}", reactions.join(" ")));
        self.post(Letter {
            conversation: number,
            key: None,
            id: turn.id(),
            elements: Elements::default().reactions(&target, &reactions).finish(),
            legacy_text,
            legacy_elements: String::new(),
            outside: String::new(),
            state: State::Waiting,
            private: None,
            sealed: false,
        });
        entry.feelings.retain(|feeling| !feeling.who.is_empty());
        entry.feelings.push(Feeling {
            who: String::new(),
            nick: None,
            emoji: reactions,
            time: turn.now.wall,
        });
        self.put_entry(number, key, &entry);
        Ok(Done::Done)
    }

    fn resend(&mut self, id: &ConversationId, key: MessageKey) -> Outcome {
        let record = self.record_of(id)?;
        let mut entry = self.entry_of(record.number, key)?;
        let Content::Text { text, elements } = &entry.content else {
            return Err(not_possible("There is nothing here to send."));
        };
        if !matches!(entry.progress, Progress::Failed(_)) {
            return Err(not_possible("This message has not failed."));
        }
        let quoted = entry.reply.as_ref().map(|(_, _, quoted)| quoted.clone());
        let quoted = quoted.unwrap_or_default();
        let shift = quoted.chars().count();
        let words = format!("{quoted}{text}");
        let mut said = Elements::default();
        let mut legacy = Elements::default();
        if let Some((id, to, _)) = &entry.reply {
            let to = to.as_deref().unwrap_or_default();
            said = said.reply(id, to, shift);
            legacy = legacy.reply(id, to, shift);
        }
        let said = said
            .body(&words)
            .mentions(&entry.mentions, shift)
            .raw(elements)
            .finish();
        self.post(Letter {
            conversation: record.number,
            key: Some(key),
            id: entry.id.clone(),
            elements: said,
            legacy_text: (!words.is_empty()).then_some(words),
            legacy_elements: legacy.finish(),
            outside: match (&entry.private, record.is_room()) {
                (Some(_), _) => private::mark(),
                (None, true) => markers::markable(),
                (None, false) => markers::markable() + &receipts::request(),
            },
            state: State::Waiting,
            private: entry.private.clone(),
            sealed: false,
        });
        entry.progress = Progress::Waiting;
        entry.guard = match record.seal() {
            Seal::Encrypted => Guard::Own,
            Seal::Off | Seal::Open => Guard::Readable,
        };
        self.put_entry(record.number, key, &entry);
        Ok(Done::Message(key))
    }

    fn discard(&mut self, id: &ConversationId, key: MessageKey) -> Outcome {
        let number = self.number_of(id)?;
        let entry = self.entry_of(number, key)?;
        let withdrawn = self.withdraw(number, key);
        if !withdrawn && !matches!(entry.progress, Progress::Failed(_)) {
            return Err(not_possible(
                "This message is on its way: take it back instead.",
            ));
        }
        self.delete_entry(number, key, &entry);
        Ok(Done::Done)
    }

    fn mark_read(&mut self, id: &ConversationId, key: MessageKey, turn: &mut Turn<'_>) -> Outcome {
        let record = self.record_of(id)?;
        if key <= record.read {
            return Ok(Done::Done);
        }
        self.set_read(record.number, key)?;
        self.tell_read(&record, key, turn)?;
        Ok(Done::Done)
    }

    /// Tells others and our other devices up to where we have read: by the newest message of others there.
    fn tell_read(
        &mut self,
        record: &Record,
        key: MessageKey,
        turn: &Turn<'_>,
    ) -> Result<(), StorageError> {
        let Some(entry) = self.entry(record.number, key)? else {
            return Ok(());
        };
        if entry.private.is_some() {
            // It is in no archive of the room.
            return Ok(());
        }
        let told = if entry.author.own || entry.is_notice() {
            false
        } else {
            self.send_marker(record, key, &entry)?
        };
        if !told && let Some(archived) = &entry.archive_id {
            self.publish_displayed(record, archived, turn);
        }
        Ok(())
    }
}
