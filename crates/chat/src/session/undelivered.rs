//! What a session held when it ended (XEP-0198 §5, XEP-0160).
//!
//! Messages that the client has not acknowledged go to the account's other sessions that do not
//! have them, and when nobody is there, they wait for the next one.

use base::Jid;
use bytes::Bytes;
use store::{ArchiveId, ArchiveOwner, Batch, EntryFlags, Ticket};
use xmpp::ns;
use xmpp::xep::hints::Hints;
use xmpp::xml::{Kind, Stanza};

use super::SessionEntry;
use super::outbox::{Keeping, Sent};
use crate::delivery::{Delivery, Parcel};
use crate::modules::{MessageType, SessionContext, content, offline};
use crate::{Account, Chat};

/// A message that was not acknowledged.
struct Undelivered {
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
    fn read(text: Bytes, kept: Option<ArchiveId>, resource: &str) -> Option<Self> {
        let stanza = Stanza::parse(std::str::from_utf8(&text).ok()?).ok()?;
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
        let copied = !hints.no_copy && !stanza.has("private", ns::CARBONS);
        drop(stanza);
        Some(Self {
            text,
            kept,
            from,
            to_account: to.is_none_or(|to| to.resource() != Some(resource)),
            copied,
        })
    }

    /// Whether a session has it, or gets it without us. It was left by `ended`.
    fn is_known_to(&self, session: &SessionEntry, ended: &SessionEntry) -> bool {
        if self.kept.is_some() && session.reads_archive() {
            return true;
        }
        let was_there = match self.kept {
            Some(id) => session.had_messages_at(id),
            None => session.came_before(ended),
        };
        was_there && (self.to_account || (self.copied && session.wants_carbons()))
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

/// Finds a place for what the session of `context`, which is gone, has left.
pub(super) async fn return_undelivered(context: SessionContext, left: Vec<Sent>) {
    let SessionContext {
        chat,
        account,
        session: ended,
        ..
    } = &context;
    let waiting: Vec<_> = left.iter().filter_map(Sent::waited).collect();
    if !waiting.is_empty() {
        // They have waited all the time; the next session gets them.
        let mut order = account.waiting_order();
        waiting.iter().for_each(|id| {
            order.on_their_way().remove(id);
        });
    }
    let left: Vec<_> = left
        .into_iter()
        .filter_map(|Sent { stanza, keeping }| {
            let kept = match keeping {
                Keeping::Nowhere => None,
                Keeping::Archive(id) => Some(id),
                Keeping::Waiting(_) => return None,
            };
            Undelivered::read(stanza, kept, ended.jid().resource())
        })
        .collect();
    if !left.is_empty()
        && let Err(error) = place(chat, account, ended, left).await
    {
        tracing::error!(%error, "undelivered messages could not be marked as waiting");
    }
    if !waiting.is_empty() {
        let there = account.sessions();
        if let Some(session) = there.into_iter().find(|session| session.is_reachable()) {
            offline::hand_over_to(SessionContext { session, ..context }).await;
        }
    }
}

/// Delivers a planned message. A session that has ended since then has left it, too.
pub(crate) fn deliver(chat: &Chat, deliveries: impl IntoIterator<Item = Delivery>) {
    // The others first: what they have got is not returned to them.
    let late: Vec<Delivery> = deliveries
        .into_iter()
        .filter_map(Delivery::attempt)
        .collect();
    for Delivery { to, stanza, kept } in late {
        if let Some(account) = chat.cached_account(to.jid().bare_str())
            && let Some(left) = Undelivered::read(stanza, kept, to.jid().resource())
        {
            // Nobody waits for this: the message is kept, only its mark is under way.
            drop(place(chat, &account, &to, vec![left]));
        }
    }
}

fn place(chat: &Chat, account: &Account, ended: &SessionEntry, left: Vec<Undelivered>) -> Ticket {
    let mut order = account.waiting_order();
    if !account.is_reachable() {
        let mut batch = Batch::new();
        left.iter()
            .for_each(|message| message.wait(account, &mut batch));
        order.add(account, left.len() as u64);
        return chat.store().submit(batch).ticket;
    }
    drop(order);
    let domain = chat.domain();
    let sessions = account.sessions();
    for message in left {
        let text = match message.kept {
            Some(id) => offline::with_delay(&message.text, &domain, id.timestamp()),
            None => message.text.clone(),
        };
        for session in sessions.iter().filter(|session| session.is_reachable()) {
            if !message.is_known_to(session, ended)
                && message.kept.is_none_or(|id| session.take_returned(id))
            {
                // Not as a delivery: this one says nothing of what else the session has got.
                session.mailbox().push(Parcel::Stanza {
                    stanza: text.clone(),
                    kept: message.kept,
                });
            }
        }
    }
    Ticket::DONE
}
