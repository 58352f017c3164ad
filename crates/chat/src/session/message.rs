//! Messages from a client: RFC 6121 §5 and §8, the modules' words, and the plan carried out.

use std::sync::Arc;

use base::{BareJid, Jid, Now};
use bytes::Bytes;
use smallvec::SmallVec;
use store::{ArchiveId, ArchiveOwner, Batch, EntryFlags, Ticket};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xml::{Edit, Head, Kind, Stanza, Writer};

use super::{Session, Step};
use crate::delivery::Delivery;
use crate::modules::{MessageContext, MessagePlan, MessageType, Verdict};
use crate::router::{Route, route};
use crate::{Account, Chat};

impl Session {
    pub(super) fn message(&mut self, stanza: Stanza, now: Now) {
        self.chat.metrics().messages_in.increment();
        let Ok(to) = self.addressee(&stanza) else {
            return;
        };
        let to = to.unwrap_or_else(|| self.account.jid().clone().into());
        match route(
            Some(&to),
            self.account.jid().as_str(),
            self.account.jid().domain(),
        ) {
            Route::Own => {
                let own = Arc::clone(&self.account);
                self.message_to(stanza, &to, Some(own), now);
            }
            Route::Account(bare) | Route::Session(bare) => match self.chat.cached_account(bare) {
                Some(recipient) => self.message_to(stanza, &to, Some(recipient), now),
                None => self.load_then_plan(stanza, to),
            },
            Route::Host => self.bounce(
                &stanza,
                &StanzaError::new(StanzaCondition::ServiceUnavailable)
                    .text("The server itself reads no messages."),
            ),
            Route::Remote => self.bounce(&stanza, &not_our_domain()),
        }
    }

    /// Plans a message whose recipient is known: an account, or nobody.
    pub(super) fn message_to(
        &mut self,
        stanza: Stanza,
        to: &Jid,
        recipient: Option<Arc<Account>>,
        now: Now,
    ) {
        let kind = MessageType::of(&stanza);
        let Some(recipient) = recipient else {
            self.bounce(
                &stanza,
                &StanzaError::new(StanzaCondition::ServiceUnavailable),
            );
            return;
        };
        let mut plan = addressed(to, kind, &recipient);
        let chat = self.chat.clone();
        let verdict = {
            let mut context = MessageContext {
                chat: &chat,
                now,
                stanza: &stanza,
                kind,
                session: &self.entry,
                sender: &self.account,
                to,
                recipient: Some(&recipient),
                plan: &mut plan,
            };
            decide(&chat, &mut context)
        };
        match verdict {
            Verdict::Next => self.carry_out(stanza, to, &recipient, plan),
            Verdict::Handled => {}
            Verdict::Reject(error) => self.bounce(&stanza, &error),
        }
    }

    fn carry_out(&mut self, stanza: Stanza, to: &Jid, recipient: &Arc<Account>, plan: MessagePlan) {
        let keeps = plan.keep_for_recipient || plan.wait;
        if plan.bounce && plan.deliver.is_empty() && !keeps {
            self.bounce(
                &stanza,
                &StanzaError::new(StanzaCondition::ServiceUnavailable)
                    .text("Nobody is there to receive this message, and it is not kept for later."),
            );
            return;
        }
        let from = self.entry.jid();
        let text = relayed(
            &stanza,
            from.as_str(),
            to,
            recipient.jid(),
            self.account.jid(),
        );
        let mut batch = Batch::new();
        let mut for_recipient = None;
        let mut for_sender = None;
        if keeps || plan.keep_for_sender {
            let mut owners: SmallVec<[ArchiveOwner<'_>; 2]> = SmallVec::new();
            if keeps {
                for_recipient = Some(owners.len());
                owners.push(ArchiveOwner {
                    account: recipient.id(),
                    with: from.bare_str(),
                    with_resource: Some(from.resource()),
                    flags: EntryFlags {
                        offline: plan.wait,
                        hidden: !plan.keep_for_recipient,
                        ..EntryFlags::default()
                    },
                });
            }
            if plan.keep_for_sender && recipient.id() != self.account.id() {
                for_sender = Some(owners.len());
                owners.push(ArchiveOwner {
                    account: self.account.id(),
                    with: to.bare_str(),
                    with_resource: to.resource(),
                    flags: EntryFlags {
                        outgoing: true,
                        ..EntryFlags::default()
                    },
                });
            }
            batch.archive_shared(&text, &owners);
            self.chat.metrics().messages_kept.increment();
        }
        let (ids, ticket) = if batch.is_empty() {
            (SmallVec::default(), Ticket::DONE)
        } else {
            let submitted = self.chat.store().submit(batch);
            (submitted.ids, submitted.ticket)
        };
        let kept = for_recipient.and_then(|index| ids.get(index).copied());
        // A hidden copy is in no archive: its id would lead nowhere.
        let shown = kept.filter(|_| plan.keep_for_recipient);
        let received = with_stanza_id(&text, shown, recipient.jid());
        let mut deliveries: SmallVec<[Delivery; 2]> = SmallVec::new();
        for session in plan.deliver {
            deliveries.push(Delivery {
                to: session,
                stanza: received.clone(),
                kept,
            });
        }
        for session in plan.received_copies {
            let stanza = carbon("received", recipient.jid(), &session, &received);
            deliveries.push(Delivery {
                to: session,
                stanza,
                kept: None,
            });
        }
        if !plan.sent_copies.is_empty() {
            let id = for_sender
                .or(for_recipient)
                .and_then(|index| ids.get(index).copied());
            let sent = with_stanza_id(
                &text,
                id.filter(|_| plan.keep_for_sender),
                self.account.jid(),
            );
            for session in plan.sent_copies {
                let stanza = carbon("sent", self.account.jid(), &session, &sent);
                deliveries.push(Delivery {
                    to: session,
                    stanza,
                    kept: None,
                });
            }
        }
        self.step_or_do(ticket, deliveries, stanza);
    }

    /// Delivers at once when nothing is to be waited for and nothing is ahead in the line.
    fn step_or_do(&mut self, ticket: Ticket, deliveries: SmallVec<[Delivery; 2]>, stanza: Stanza) {
        if self.steps.is_empty() && ticket.is_ready() {
            deliveries.into_iter().for_each(Delivery::perform);
        } else {
            self.steps.push_back(Step::Deliver {
                ticket,
                deliveries,
                stanza,
            });
        }
    }
}

fn decide(chat: &Chat, context: &mut MessageContext<'_>) -> Verdict {
    for module in chat.table().messages() {
        match module(context) {
            Verdict::Next => {}
            other => return other,
        }
    }
    Verdict::Next
}

/// RFC 6121 §8.5.2 and §8.5.3: which sessions a message is for, before the modules speak.
fn addressed(to: &Jid, kind: MessageType, recipient: &Account) -> MessagePlan {
    let mut plan = MessagePlan::default();
    if let Some(resource) = to.resource() {
        if let Some(session) = recipient.session(resource) {
            plan.deliver.push(session);
            plan.bounce = matches!(
                kind,
                MessageType::Chat | MessageType::Normal | MessageType::GroupChat
            );
            return plan;
        }
        // §8.5.3.2.1: without that session, chat and normal are treated as sent to the account.
        match kind {
            MessageType::Chat | MessageType::Normal => {}
            MessageType::GroupChat => plan.bounce = true,
            MessageType::Headline | MessageType::Error => {}
        }
        if !matches!(kind, MessageType::Chat | MessageType::Normal) {
            return plan;
        }
    }
    match kind {
        MessageType::Chat | MessageType::Normal | MessageType::Headline => {
            recipient.each_session(|session| {
                if session.priority().is_some_and(|priority| priority >= 0) {
                    plan.deliver.push(Arc::clone(session));
                }
            });
            plan.bounce = kind != MessageType::Headline;
        }
        // §8.5.2.1.1: a groupchat message to an account is not deliverable.
        MessageType::GroupChat => plan.bounce = true,
        MessageType::Error => {}
    }
    plan
}

fn not_our_domain() -> StanzaError {
    StanzaError::new(StanzaCondition::RemoteServerNotFound)
        .text("This server does not exchange messages with that domain.")
}

/// The message as it is kept and delivered: our `from`, the `to` as addressed, and no stanza ids
/// that claim to be ours (XEP-0359 §5).
fn relayed(stanza: &Stanza, from: &str, to: &Jid, recipient: &BareJid, sender: &BareJid) -> Bytes {
    let received = stanza.head();
    let head = Head {
        from: Some(from),
        to: Some(to.as_str()),
        ..received.as_head()
    };
    let claims_ours =
        |by: Option<&str>| by.is_some_and(|by| by == recipient.as_str() || by == sender.as_str());
    if !stanza.has("stanza-id", ns::STANZA_ID) {
        return stanza.relay(&head, &Edit::NONE);
    }
    let forged = |child: &xmpp::xml::Child<'_>| {
        child.name() == "stanza-id"
            && child.namespace() == ns::STANZA_ID
            && claims_ours(child.tree().root().attr("by"))
    };
    stanza.relay(
        &head,
        &Edit {
            drop: &forged,
            append: b"",
        },
    )
}

/// The same message with the id under which an archive keeps it (XEP-0359 §3).
pub(crate) fn with_stanza_id(text: &Bytes, id: Option<ArchiveId>, by: &BareJid) -> Bytes {
    const END: &[u8] = b"</message>";
    let (Some(id), true) = (id, text.ends_with(END)) else {
        return text.clone();
    };
    let mut out = Writer::with_capacity(text.len() + by.as_str().len() + 80);
    // The text comes from `Stanza::relay`, which writes UTF-8.
    let Ok(body) = std::str::from_utf8(&text[..text.len() - END.len()]) else {
        return text.clone();
    };
    out.raw(body);
    out.start("stanza-id")
        .xmlns(ns::STANZA_ID)
        .attr("by", by.as_str())
        .attr("id", id.to_string())
        .end();
    out.raw("</message>");
    out.into_bytes()
}

/// A copy of a message for another session of the account (XEP-0280 §6, §7).
fn carbon(
    direction: &str,
    account: &BareJid,
    session: &super::SessionEntry,
    message: &Bytes,
) -> Bytes {
    let mut out = Writer::with_capacity(message.len() + 320);
    out.start("message")
        .attr("from", account.as_str())
        .attr("to", session.jid().as_str())
        .attr("type", message_type(message));
    out.start(direction)
        .xmlns(ns::CARBONS)
        .start("forwarded")
        .xmlns(ns::FORWARD);
    write_forwarded(&mut out, message);
    out.end().end().end();
    out.into_bytes()
}

/// XEP-0280 §6.1: a copy has the type of what it copies.
fn message_type(message: &Bytes) -> &'static str {
    let kind = std::str::from_utf8(message)
        .ok()
        .and_then(|text| Stanza::parse(text).ok());
    match kind.map(|stanza| MessageType::of(&stanza)) {
        Some(MessageType::Normal) => "normal",
        _ => "chat",
    }
}

/// Writes a message serialised for a client stream into `<forwarded/>` (XEP-0297 §3): the content
/// namespace must be said there.
pub(crate) fn write_forwarded(out: &mut Writer, message: &Bytes) {
    const START: &str = "<message";
    match std::str::from_utf8(message)
        .ok()
        .and_then(|text| text.strip_prefix(START))
    {
        Some(rest) => {
            out.raw("<message xmlns='jabber:client'").raw(rest);
        }
        None => debug_assert!(false, "only messages are forwarded"),
    }
}

/// Messages that a session held when it ended: those which the archive keeps wait for the next
/// session, unless another one of the account has them already or gets them now.
pub(super) async fn return_undelivered(
    chat: &Chat,
    account: &Arc<Account>,
    left: Vec<(Bytes, Option<ArchiveId>)>,
    now: Now,
) {
    let mut batch = Batch::new();
    for (text, kept) in left {
        let Some(stanza) = std::str::from_utf8(&text)
            .ok()
            .and_then(|text| Stanza::parse(text).ok())
        else {
            continue;
        };
        if stanza.kind() != Kind::Message {
            continue;
        }
        let mut others = SmallVec::<[Arc<super::SessionEntry>; 2]>::new();
        account.each_session(|session| {
            if session.priority().is_some_and(|priority| priority >= 0) {
                others.push(Arc::clone(session));
            }
        });
        match kept {
            _ if !others.is_empty() => {
                for session in others {
                    Delivery {
                        to: session,
                        stanza: text.clone(),
                        kept,
                    }
                    .perform();
                }
            }
            Some(id) => batch.offline_mark(account.id(), id),
            None => {}
        }
    }
    if batch.is_empty() {
        return;
    }
    let _ = now;
    if let Err(error) = chat.store().submit(batch).ticket.await {
        tracing::error!(%error, "undelivered messages could not be marked as waiting; the archive keeps them");
    }
}
