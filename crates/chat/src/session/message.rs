//! Messages from a client: RFC 6121 §5 and §8, the modules' words, and the plan carried out.

use std::sync::Arc;

use base::{BareJid, Jid, Now};
use bytes::Bytes;
use smallvec::SmallVec;
use store::{ArchiveId, ArchiveOwner, Batch, EntryFlags, Ticket};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::carbons::{self, Direction};
use xmpp::xml::{Edit, Head, Stanza};

use super::{Session, Step};
use crate::delivery::Delivery;
use crate::modules::{MessageContext, MessagePlan, MessageType, Verdict, stanza_ids};
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
            Verdict::Next => self.carry_out(stanza, to, &recipient, plan, now),
            Verdict::Handled => {}
            Verdict::Reject(error) => self.bounce(&stanza, &error),
        }
    }

    fn carry_out(
        &mut self,
        stanza: Stanza,
        to: &Jid,
        recipient: &Arc<Account>,
        plan: MessagePlan,
        now: Now,
    ) {
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
        } else if plan.wait {
            let order = recipient.waiting_order();
            if recipient.is_reachable() {
                // Somebody has come in the meantime.
                drop(order);
                return self.message_to(stanza, to, Some(Arc::clone(recipient)), now);
            }
            recipient.facts().offline_count += 1;
            let submitted = self.chat.store().submit(batch);
            (submitted.ids, submitted.ticket)
        } else {
            let submitted = self.chat.store().submit(batch);
            (submitted.ids, submitted.ticket)
        };
        let kept = for_recipient.and_then(|index| ids.get(index).copied());
        // A hidden copy is in no archive: its id would lead nowhere.
        let shown = kept.filter(|_| plan.keep_for_recipient);
        let received = with_stanza_id(&text, shown, recipient.jid());
        let kind = stanza.type_();
        let mut deliveries: SmallVec<[Delivery; 2]> = SmallVec::new();
        for session in plan.deliver {
            if let Some(id) = kept {
                session.note_kept(id);
            }
            deliveries.push(Delivery {
                to: session,
                stanza: received.clone(),
                kept,
            });
        }
        for session in plan.received_copies {
            let stanza = carbons::wrap(
                Direction::Received,
                recipient.jid().as_str(),
                session.jid().as_str(),
                kind.as_deref(),
                &received,
            );
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
                let stanza = carbons::wrap(
                    Direction::Sent,
                    self.account.jid().as_str(),
                    session.jid().as_str(),
                    kind.as_deref(),
                    &sent,
                );
                deliveries.push(Delivery {
                    to: session,
                    stanza,
                    kept: None,
                });
            }
        }
        drop(kind);
        self.step_or_do(ticket, deliveries, stanza);
    }

    /// Delivers at once when nothing is to be waited for and nothing is ahead in the line. A write
    /// that is decided already is looked at in the line like any other: it may have failed.
    fn step_or_do(&mut self, ticket: Ticket, deliveries: SmallVec<[Delivery; 2]>, stanza: Stanza) {
        if self.steps.is_empty() && ticket.is_done() {
            super::undelivered::deliver(&self.chat, deliveries);
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
    if !stanza.has("stanza-id", ns::STANZA_ID) {
        return stanza.relay(&head, &Edit::NONE);
    }
    let forged = |child: &xmpp::xml::Child<'_>| {
        stanza_ids::claims(child, recipient.as_str()) || stanza_ids::claims(child, sender.as_str())
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
fn with_stanza_id(text: &Bytes, id: Option<ArchiveId>, by: &BareJid) -> Bytes {
    match id {
        Some(id) => stanza_ids::with_id(text, by.as_str(), id),
        None => text.clone(),
    }
}
