//! What a session leaves: what it held when it ended, and what it did not take (XEP-0198 §5, XEP-0160).
//!
//! Messages go to the account's other sessions that do not have them, and when nobody is there, they wait for the next
//! one. Requests go back to who has asked.

use base::{FullJid, Jid};
use bytes::Bytes;
use store::{ArchiveId, ArchiveOwner, Batch, EntryFlags, Ticket};
use xmpp::condition::{StanzaCondition, StanzaError, error_reply};
use xmpp::iq::Iq;
use xmpp::ns;
use xmpp::xep::carbons;
use xmpp::xep::delay::Delay;
use xmpp::xep::hints::Hints;
use xmpp::xml::{Kind, Stanza};

use crate::delivery::{ByCopy, Delivery, Keeping, Kept, Parcel};
use crate::modules::{MessageType, content, offline};
use crate::{Account, Chat, SessionEntry};

/// A message that was not acknowledged.
pub(crate) struct Undelivered {
    text: Bytes,
    /// Where the archive keeps it.
    kept: Option<ArchiveId>,
    from: Option<Jid>,
    /// It went to the account, not to one session: to its bare address, or to a session that was
    /// not there (RFC 6121 §8.5.3.2.1).
    to_account: bool,
    /// Sessions that want copies have got one (XEP-0280).
    copied: bool,
}

impl Undelivered {
    /// `None` for what is not worth another try: presence, answers, typing, copies.
    pub(crate) fn read(text: Bytes, keeping: Keeping, ended: &FullJid) -> Option<Self> {
        let mut text = text;
        let mut stanza = Stanza::parse(std::str::from_utf8(&text).ok()?).ok()?;
        let kept = match keeping {
            Keeping::Nowhere => None,
            Keeping::Archive(id) => Some(id),
            Keeping::Waiting(_) => return None,
            Keeping::Copy(id) => {
                stanza = carbons::unwrap(&stanza)?.1.stanza;
                text = Bytes::copy_from_slice(stanza.text().as_bytes());
                Some(id)
            }
        };
        if stanza.kind() != Kind::Message {
            return None;
        }
        let hints = Hints::of(&stanza);
        if kept.is_none() {
            let ordinary = matches!(
                MessageType::of(&stanza),
                MessageType::Chat | MessageType::Normal
            );
            if !ordinary || hints.no_store || !(hints.store || content::is_conversation(&stanza)) {
                return None;
            }
        }
        let to = stanza.to().and_then(|to| Jid::parse(&to).ok());
        let from = stanza.from().and_then(|from| Jid::parse(&from).ok());
        // What we have delayed was offered to all who were there before it came to this session.
        let came_late = Delay::of(&stanza, ended.domain()).is_some();
        let copied = !hints.no_copy && !stanza.has("private", ns::CARBONS);
        drop(stanza);
        Some(Self {
            text,
            kept,
            from,
            to_account: came_late || to.is_none_or(|to| to.resource() != Some(ended.resource())),
            copied,
        })
    }

    /// Whether a session has it, or gets it without us. It was left by `ended`.
    fn is_known_to(&self, session: &SessionEntry, ended: &SessionEntry) -> bool {
        if self.kept.is_some() && session.reads_archive() {
            return true;
        }
        // What it has not got yet of that it answers for from now on.
        if let Some(id) = self.kept
            && session.copies().rely(id, Kept::Archived) != ByCopy::Nothing
        {
            return true;
        }
        let was_there = match self.kept {
            Some(id) => session.had_messages_at(id),
            None => session.came_before(ended),
        };
        was_there && (self.to_account || (self.copied && session.wants_carbons()))
    }

    /// Gives it to a session, unless a third one has left it there before. False when the session does not take it.
    fn give(&self, session: &SessionEntry, text: &Bytes) -> bool {
        if !self.kept.is_none_or(|id| session.take_returned(id)) {
            return true;
        }
        // Not as a delivery: this one says nothing of what else the session has got.
        let parcel = Parcel::Stanza {
            stanza: text.clone(),
            keeping: self.kept.into(),
        };
        session.mailbox().offer(parcel).is_none()
    }

    /// Lets it wait for the account.
    fn wait(&self, account: &Account, batch: &mut Batch) {
        match (self.kept, &self.from) {
            (Some(id), _) => batch.offline_mark(account.id(), id),
            (None, Some(from)) => {
                let owner = ArchiveOwner {
                    id: account.id().into(),
                    with: from.bare_str(),
                    with_resource: from.resource(),
                    flags: EntryFlags {
                        offline: true,
                        hidden: true,
                        ..EntryFlags::default()
                    },
                };
                batch.archive(owner, &self.text);
            }
            (None, None) => {}
        }
    }
}

/// RFC 6121 §8.5.3.2.3: whoever asks a session that is not there is told so, also when it has gone with the
/// question in its hands. What is no request is passed over.
pub(crate) fn refuse_request(chat: &Chat, ended: &FullJid, text: &Bytes) {
    if !text.starts_with(b"<iq") {
        return;
    }
    let stanza = std::str::from_utf8(text).ok();
    let Some(stanza) = stanza.and_then(|text| Stanza::parse(text).ok()) else {
        return;
    };
    let is_request = Iq::parse(&stanza).is_ok_and(|iq| iq.request().is_some());
    let asker = stanza.from().and_then(|from| Jid::parse(&from).ok());
    if let (true, Some(asker)) = (is_request, asker) {
        let error = StanzaError::new(StanzaCondition::ServiceUnavailable)
            .text("That client has gone before it could answer.");
        let reply = error_reply(&stanza, Some(ended.as_str()), asker.as_str(), &error);
        let reply = std::str::from_utf8(&reply).ok();
        if let Some(reply) = reply.and_then(|text| Stanza::parse(text).ok()) {
            chat.answer_soon(&asker, &reply);
        }
    }
}

/// Delivers a planned message. A session that has ended since then, or has no room, has left it, too.
///
/// `recipient` is the account that it was planned for: memory may have forgotten it since.
pub(crate) fn deliver(
    chat: &Chat,
    recipient: Option<&Account>,
    deliveries: impl IntoIterator<Item = Delivery>,
) {
    // The others first: what they have got is not returned to them.
    let late: Vec<Delivery> = deliveries
        .into_iter()
        .filter_map(Delivery::attempt)
        .collect();
    for Delivery {
        to,
        stanza,
        keeping,
    } in late
    {
        refuse_request(chat, to.jid(), &stanza);
        // Asked by its address it counts as used, and stays in memory until the mark is on the disk.
        let address = to.jid().bare_str();
        let cached = chat.cached_account(address);
        let known = recipient.filter(|account| account.jid().as_str() == address);
        if let Keeping::Copy(id) = keeping {
            match (to.copies().lost(id), cached.as_deref().or(known)) {
                (Some(Kept::Archived), _) => {}
                (Some(Kept::Waiting), Some(account)) => {
                    // The next session gets it from where it waits.
                    account.waiting_order().on_their_way().remove(&id);
                    continue;
                }
                _ => continue,
            }
        }
        if let Some(account) = cached.as_deref().or(known)
            && let Some(left) = Undelivered::read(stanza, keeping, to.jid())
            && (left.kept.is_some() || has_room(chat, account))
        {
            // Nobody waits for this: the message is kept, only its mark is under way.
            drop(place(chat, account, &to, &[left]));
        }
    }
}

/// Whether more may come to wait that no archive keeps: a session without room is no way around the bound.
fn has_room(chat: &Chat, account: &Account) -> bool {
    let most = chat.config().limits.offline_messages;
    usize::try_from(account.facts().offline_count).is_ok_and(|waiting| waiting < most)
}

/// Gives each message to the sessions that are there and lack it. What no session has or takes waits.
pub(crate) fn place(
    chat: &Chat,
    account: &Account,
    ended: &SessionEntry,
    left: &[Undelivered],
) -> Ticket {
    // Held to the end: a session that comes now sees what waits, or is seen.
    let mut order = account.waiting_order();
    let domain = chat.domain();
    let mut sessions = account.sessions();
    // One that is about to end for want of room may have turned down the very message.
    sessions.retain(|session| session.takes_messages());
    let mut batch = Batch::new();
    let mut waiting = 0;
    for message in left {
        let text = match message.kept {
            Some(id) if !sessions.is_empty() => {
                offline::with_delay(&message.text, &domain, id.timestamp())
            }
            _ => message.text.clone(),
        };
        let mut has_place = false;
        for session in &sessions {
            has_place |= message.is_known_to(session, ended) || message.give(session, &text);
        }
        if !has_place {
            message.wait(account, &mut batch);
            waiting += 1;
        }
    }
    if waiting == 0 {
        return Ticket::DONE;
    }
    order.add(account, waiting);
    chat.store().submit(batch).ticket
}
