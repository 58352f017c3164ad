//! Messages as they come, by whatever way: which conversation they belong to, whether they are known already, and what
//! must be done before they can be read.

use base::{BareJid, Jid, Timestamp};
use omemo::{Content as Sealed, Failure, Incoming, Received};
use xmpp::ns;
use xmpp::xep::carbons::{self, Direction};
use xmpp::xep::delay::Delay;
use xmpp::xml::{Stanza, Tree};

use crate::client::{Client, keys_failed};
use crate::payload;
use crate::storage::{Storage, StorageError};
use crate::timeline::apply::Arrival;
use crate::timeline::record::{Author, Content, Entry, Guard};
use crate::turn::Turn;
use crate::views::{ConversationKind, MessageKey};

/// By which way a message came.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    /// Its id in the archive, where it came from there.
    pub(crate) archive_id: Option<String>,
    pub(crate) time: Timestamp,
    pub(crate) live: bool,
    /// Of one that came from an archive: it stands before the first line that has at least this order.
    pub(crate) floor: Option<u64>,
}

/// The id that an archive gave to a message, if it is by the archive of `by` (XEP-0359 §4).
pub(crate) fn stanza_id(message: &Stanza, by: &BareJid) -> Option<String> {
    message
        .children()
        .filter(|child| child.is("stanza-id", ns::STANZA_ID))
        .find_map(|child| {
            let tree = child.tree();
            let root = tree.root();
            (root.attr("by") == Some(by.as_str()))
                .then(|| root.attr("id").map(str::to_owned))
                .flatten()
        })
}

pub(crate) fn is_encrypted(message: &Stanza) -> bool {
    message.has("encrypted", ns::OMEMO) || message.has("encrypted", ns::OMEMO_LEGACY)
}

/// Whether a message is encrypted in a way that we do not speak: a later version, or something else (XEP-0380).
fn is_encrypted_otherwise(message: &Stanza) -> bool {
    let hints = message.has("encryption", ns::ENCRYPTION);
    let sealed = hints || message.children().any(|child| child.name() == "encrypted");
    // What was taken back stands in archives without what it said.
    sealed && !message.has("retracted", ns::RETRACTION)
}

/// Whether a message is one that programs send of themselves to some devices only: without a payload, or without what
/// stands in those that people write.
fn only_moves_keys(message: &Stanza) -> bool {
    let has_payload = message
        .children()
        .filter(|child| child.name() == "encrypted")
        .any(|child| {
            child
                .tree()
                .root()
                .children()
                .any(|inner| inner.name() == "payload")
        });
    let by_people = message.has("origin-id", ns::STANZA_ID) || message.has("body", ns::CLIENT);
    !has_payload || !by_people
}

/// The id that its writer gave to a message.
pub(crate) fn id_of(message: &Stanza) -> String {
    let id = message.id().map(std::borrow::Cow::into_owned);
    let origin = || {
        let child = message.child("origin-id", ns::STANZA_ID)?;
        child.tree().root().attr("id").map(str::to_owned)
    };
    id.or_else(origin).unwrap_or_default()
}

impl<S: Storage> Client<S> {
    pub(crate) fn message_came(
        &mut self,
        stanza: &Stanza,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let own = self.settings.account.clone();
        let from = match stanza.from() {
            None => Jid::from(own.clone()),
            Some(from) => match Jid::parse(&from) {
                Ok(from) => from,
                Err(_) => return Ok(()),
            },
        };
        let account = from.bare();
        if stanza.type_().as_deref() == Some("error") {
            return match self.conversations.find(&account) {
                Some(number) => self.letter_refused(number, stanza),
                None => Ok(()),
            };
        }
        if self.archive_result_came(&from, stanza)? {
            return Ok(());
        }
        let by_server = account == own && from.is_bare();
        if by_server && let Some((direction, forwarded)) = carbons::unwrap(stanza) {
            let inner = &forwarded.stanza;
            let time = forwarded.delay.map_or(turn.now.wall, |delay| delay.stamp);
            let way = Way {
                archive_id: stanza_id(inner, &own),
                time,
                live: true,
                floor: None,
            };
            self.note_archived(&own, way.archive_id.as_deref());
            return match direction {
                Direction::Sent if self.is_ours(inner) => self.said(inner, &way, turn),
                Direction::Received if !self.is_ours(inner) => self.said(inner, &way, turn),
                _ => Ok(()),
            };
        }
        if self.event_came(&from, stanza, turn)? {
            return Ok(());
        }
        let delay = Delay::of(stanza, self.settings.account.domain())
            .or_else(|| Delay::of(stanza, own.as_str()))
            .or_else(|| Delay::of(stanza, account.as_str()));
        let time = delay.map_or(turn.now.wall, |delay| delay.stamp.min(turn.now.wall));
        if stanza.type_().as_deref() == Some("groupchat") {
            if is_encrypted(stanza) && !self.rooms.is_joined(&account) {
                // A stream that goes on after the program has ended brings it before anybody knows who is in the room. It
                // comes again once we are in: from the archive, or as history. Until then something is missing, whatever
                // else comes by itself.
                if self.rooms.is_room(&account) {
                    self.open_gap(&account);
                }
                return Ok(());
            }
            let way = Way {
                archive_id: stanza_id(stanza, &account),
                time,
                live: true,
                floor: None,
            };
            self.note_archived(&account, way.archive_id.as_deref());
            return self.room_message_came(&from, stanza, &way, turn);
        }
        if self.invitation_came(&from, stanza, turn)? {
            return Ok(());
        }
        // XEP-0045 §9.3, §9.4: who was given or has lost a standing and is not there. It decides for whom we encrypt.
        if from.is_bare() && self.rooms.is_room(&account) {
            let user = stanza.child("x", ns::MUC_USER).map(|x| x.tree());
            if self.room_itself_said(&account, None, stanza, user.as_ref(), turn)? {
                return Ok(());
            }
        }
        let way = Way {
            archive_id: stanza_id(stanza, &own),
            time,
            live: true,
            floor: None,
        };
        self.note_archived(&own, way.archive_id.as_deref());
        self.said(stanza, &way, turn)
    }

    /// Whether one of our devices has written this.
    fn is_ours(&self, message: &Stanza) -> bool {
        let from = message.from().and_then(|from| Jid::parse(&from).ok());
        from.is_none_or(|from| from.bare() == self.settings.account)
    }

    /// A message of a conversation with one person.
    pub(crate) fn said(
        &mut self,
        message: &Stanza,
        way: &Way,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let own_account = self.settings.account.clone();
        let kind = message.type_();
        if matches!(kind.as_deref(), Some("headline" | "groupchat" | "error")) {
            return Ok(());
        }
        let address = |text: Option<std::borrow::Cow<'_, str>>| match text {
            None => Some(own_account.clone()),
            Some(text) => Jid::parse(&text).ok().map(|jid| jid.bare()),
        };
        let (Some(from), Some(to)) = (address(message.from()), address(message.to())) else {
            return Ok(());
        };
        let own = from == own_account;
        let peer = if own { to.clone() } else { from.clone() };
        if self.rooms.is_room(&peer) {
            return self.private_message_came(own, message, way, turn);
        }
        if !own && self.people.is_blocked(&peer) {
            return Ok(());
        }
        let encrypted = is_encrypted(message);
        let known = self.conversations.find(&peer);
        if known.is_none() && !encrypted && !is_encrypted_otherwise(message) {
            let tree = message.tree();
            if !payload::read(tree.root().children(), None).is_message() {
                return Ok(());
            }
        }
        let number = self
            .conversations
            .find_or_add(&peer, ConversationKind::Person, way.time);
        if known.is_none()
            && encrypted
            && peer == own_account
            && let Some(record) = self.conversations.change(number)
        {
            // Our devices have things to tell each other; only what is to be read shows this conversation.
            record.hidden = true;
        }
        let author = Author {
            own,
            account: Some(from.clone()),
            nick: None,
            occupant: None,
        };
        let arrival = Arrival {
            number,
            author,
            id: id_of(message),
            archive_id: way.archive_id.clone(),
            time: way.time,
            key: None,
            live: way.live,
            private: None,
        };
        let other = if own { own_account.clone() } else { to };
        let to = if own { peer } else { other };
        self.arrived(arrival, message, way, &from, &to, false, turn)
    }

    /// Somebody has said something, in whatever kind of conversation. `from` is the account, `to` the bare address
    /// that it was for.
    #[expect(
        clippy::too_many_arguments,
        reason = "what is known of a message comes together here"
    )]
    pub(crate) fn arrived(
        &mut self,
        mut arrival: Arrival,
        message: &Stanza,
        way: &Way,
        from: &BareJid,
        to: &BareJid,
        group: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        if self.is_known(&arrival)? {
            return Ok(());
        }
        let number = arrival.number;
        let encrypted = is_encrypted(message);
        arrival.key = match way.floor {
            Some(floor) => Some(self.place_before_others(number, way.time, floor)?),
            None => Some(self.next_place(number, turn.now.wall)),
        };
        if !encrypted && is_encrypted_otherwise(message) {
            return self.unreadable(&arrival, &Failure::UnknownVersion, turn);
        }
        if !encrypted {
            let tree = message.tree();
            let said = payload::read(tree.root().children(), None);
            return self.take_said(arrival, &said, Guard::Readable, turn);
        }
        if self.catch_up.is_busy() || way.floor.is_some() {
            return self.keep_ciphertext(&arrival, message, from, to, group, turn);
        }
        self.decrypt(arrival, message, from, to, group, turn)
    }

    /// Whether this message came before, by another way. What is new about it is noted.
    fn is_known(&mut self, arrival: &Arrival) -> Result<bool, StorageError> {
        let number = arrival.number;
        if let Some(id) = &arrival.archive_id
            && self.find_archived(number, id)?.is_some()
        {
            return Ok(true);
        }
        if arrival.author.own {
            self.letter_came_back(number, &arrival.id)?;
        }
        let Some(key) = self.find_message(number, arrival.author.name(), &arrival.id)? else {
            return Ok(false);
        };
        let Some(mut entry) = self.entry(number, key)? else {
            return Ok(false);
        };
        let other = entry.archive_id.is_some() && arrival.archive_id.is_some();
        if other && !arrival.author.own {
            // Some programs give the same id twice.
            return Ok(false);
        }
        if let Some(id) = &arrival.archive_id
            && entry.archive_id.is_none()
        {
            if entry.id == arrival.id {
                entry.archive_id = Some(id.clone());
                self.put_entry(number, key, &entry);
                let record = self.conversations.get(number);
                if record.is_some_and(|record| record.read_pending.as_ref() == Some(id)) {
                    if let Some(record) = self.conversations.change(number) {
                        record.read_pending = None;
                    }
                    self.set_read(number, key)?;
                }
            } else {
                // It is an edit of that line.
                self.name_archived(number, key, id);
            }
        }
        Ok(true)
    }

    /// Reads an encrypted message and takes it into its timeline. `arrival.key` must be decided.
    pub(crate) fn decrypt(
        &mut self,
        arrival: Arrival,
        message: &Stanza,
        from: &BareJid,
        to: &BareJid,
        group: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let number = arrival.number;
        let key = arrival.key.unwrap_or(MessageKey::FIRST);
        let reference = format!("{number}/{key}");
        let incoming = Incoming {
            reference: &reference,
            from,
            to,
            group,
            sent: arrival.time,
            message,
        };
        let received = self
            .machine
            .decrypt(incoming, turn.now.wall, turn.random)
            .map_err(keys_failed)?;
        match received {
            Received::Message(decrypted)
                if self.history_came(&decrypted, turn)?
                    || self.personal_came(&decrypted, turn)? =>
            {
                self.clear_place(number, key)?;
                self.note_handled(&arrival, key)?;
                self.machine.taken(&reference).map_err(keys_failed)
            }
            Received::Message(decrypted) => {
                let guard = Guard::Encrypted {
                    device: decrypted.device,
                    trust: decrypted.trust,
                    time_is_off: decrypted.time_is_off,
                };
                let said = match &decrypted.content {
                    Sealed::Elements(elements) => {
                        let wrapped = format!("<content>{}</content>", elements.expose());
                        let mut said = match Tree::parse(&wrapped) {
                            Ok(tree) => payload::read(tree.root().children(), None),
                            Err(_) => payload::Said::default(),
                        };
                        // Signals may stand outside: they say nothing that the servers do not see anyway.
                        let tree = message.tree();
                        let outside = payload::read(tree.root().children(), None);
                        said.wants_receipt |= outside.wants_receipt;
                        said.markable |= outside.markable;
                        said.typing = said.typing.or(outside.typing);
                        said
                    }
                    Sealed::Text(text) => {
                        let tree = message.tree();
                        let words = Some(text.expose().as_str());
                        let mut said = payload::read(tree.root().children(), words);
                        // What stands outside was not sealed.
                        said.elements.clear();
                        said
                    }
                };
                // Both in one commit: the line, and that the keys need not hold it any more.
                self.take_said(arrival.clone(), &said, guard, turn)?;
                self.note_handled(&arrival, key)?;
                self.machine.taken(&reference).map_err(keys_failed)
            }
            Received::Failed(Failure::NotForThisDevice) if only_moves_keys(message) => {
                self.clear_place(number, key)
            }
            Received::Failed(failure) => self.unreadable(&arrival, &failure, turn),
            Received::KeysOnly | Received::TrustMessage => {
                self.clear_place(number, key)?;
                self.note_handled(&arrival, key)
            }
            Received::Duplicate if self.is_copy(&arrival, key)? => {
                let reason = "This message was read before: somebody has sent a copy of it";
                self.marked(&arrival, reason.to_owned(), true, turn)
            }
            Received::Duplicate | Received::FromThisDevice | Received::NotEncrypted => {
                self.clear_place(number, key)
            }
        }
    }

    /// A message that leaves no line is known again by its ids.
    fn note_handled(&mut self, arrival: &Arrival, key: MessageKey) -> Result<(), StorageError> {
        let number = arrival.number;
        if self.entry(number, key)?.is_some() {
            return Ok(());
        }
        if let Some(id) = &arrival.archive_id {
            self.name_archived(number, key, id);
        }
        self.name_message(number, key, arrival.author.name(), &arrival.id);
        // Nothing else may get this place.
        if let Some(record) = self.conversations.change(number) {
            record.newest = record.newest.max(key);
        }
        Ok(())
    }

    /// Whether something that was read before is a copy in other clothes. Programs that do not know whether a message has
    /// arrived send it again by the same id, and archives may give it twice.
    fn is_copy(&self, arrival: &Arrival, key: MessageKey) -> Result<bool, StorageError> {
        if arrival.id.is_empty() {
            return Ok(false);
        }
        let known = self.find_message(arrival.number, arrival.author.name(), &arrival.id)?;
        Ok(known.is_none_or(|known| known == key))
    }

    fn unreadable(
        &mut self,
        arrival: &Arrival,
        failure: &Failure,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let suspicious = matches!(
            failure,
            Failure::BadPayload
                | Failure::Envelope(_)
                | Failure::Malformed
                | Failure::Undecryptable
                | Failure::BadKeyExchange
        );
        self.marked(arrival, failure.to_string(), suspicious, turn)
    }

    /// A line that says why nothing can be shown.
    fn marked(
        &mut self,
        arrival: &Arrival,
        reason: String,
        suspicious: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let content = Content::Unreadable { reason, suspicious };
        let mut entry = Entry::new(
            arrival.id.clone(),
            arrival.author.clone(),
            arrival.time,
            content,
        );
        entry.archive_id.clone_from(&arrival.archive_id);
        entry.private.clone_from(&arrival.private);
        entry.guard = Guard::Sealed;
        self.take_entry(arrival, entry, turn)
    }
}
