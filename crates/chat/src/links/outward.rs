//! Stanzas to another domain: what modules say of them, what archives keep, and the promise that an acknowledged
//! message reaches the other server or comes back.

use std::sync::Arc;

use base::{Jid, Now};
use bytes::Bytes;
use store::{ArchiveOwner, Batch, EntryFlags, Ticket};
use xmpp::condition::StanzaError;
use xmpp::xep::carbons::{self, Direction};
use xmpp::xep::hints::Hints;
use xmpp::xml::{Kind, Stanza};

use super::claims::Asker;
use super::link::{Link, Parcel, Refusal};
use super::{inbound, refused};
use crate::delivery::Delivery;
use crate::messages;
use crate::modules::carbons::add_copies;
use crate::modules::{
    MessageContext, MessagePlan, MessageType, Verdict, barred, content, omemo, stanza_ids,
    store_failed,
};
use crate::{Chat, Sender};

/// A stanza that is ready to go, once what must be kept is kept.
pub(crate) struct Outward {
    link: Arc<Link>,
    parcel: Parcel,
    ticket: Ticket,
    copies: Vec<Delivery>,
}

impl Outward {
    /// Waits for the store, then queues the stanza. Gives the deliveries that follow.
    ///
    /// # Errors
    /// What the sender is told.
    pub(crate) async fn carry(self, chat: &Chat, now: Now) -> Result<Vec<Delivery>, StanzaError> {
        self.ticket.await.map_err(|error| store_failed(&error))?;
        chat.links().push(chat, &self.link, self.parcel, now)?;
        Ok(self.copies)
    }
}

impl Chat {
    /// Sends a stanza with all its addresses to another domain; what must arrive is kept until it has. Done when it is.
    ///
    /// # Errors
    /// What the sender is told when it does not go there.
    pub(crate) async fn send_kept(
        &self,
        from: &Jid,
        to: &Jid,
        stanza: &Stanza,
        text: Bytes,
        now: Now,
    ) -> Result<(), StanzaError> {
        let outward = plan_parcel(self, from, to, stanza, text, now)?;
        outward.carry(self, now).await?;
        Ok(())
    }
}

/// Whether a stanza must not be lost once its sender believes that we have it: a message with contents, and what
/// changes a subscription.
fn must_arrive(stanza: &Stanza) -> bool {
    match stanza.kind() {
        Kind::Message => {
            let ordinary = matches!(
                MessageType::of(stanza),
                MessageType::Chat | MessageType::Normal | MessageType::GroupChat
            );
            let hints = Hints::of(stanza);
            ordinary && !hints.no_store && (hints.store || content::is_conversation(stanza))
        }
        Kind::Presence => matches!(
            stanza.type_().as_deref(),
            Some("subscribe" | "subscribed" | "unsubscribe" | "unsubscribed")
        ),
        Kind::Iq | Kind::Other => false,
    }
}

/// Prepares a stanza with its addresses; nothing but its way is kept.
pub(crate) fn plan_parcel(
    chat: &Chat,
    from: &Jid,
    to: &Jid,
    stanza: &Stanza,
    text: Bytes,
    now: Now,
) -> Result<Outward, StanzaError> {
    let mut batch = Batch::new();
    let (link, parcel) = prepare(chat, from, to, stanza, text, now, &mut batch)?;
    let ticket = if batch.is_empty() {
        Ticket::DONE
    } else {
        chat.store().submit(batch).ticket
    };
    Ok(Outward {
        link,
        parcel,
        ticket,
        copies: Vec::new(),
    })
}

fn prepare(
    chat: &Chat,
    from: &Jid,
    to: &Jid,
    stanza: &Stanza,
    text: Bytes,
    now: Now,
    batch: &mut Batch,
) -> Result<(Arc<Link>, Parcel), StanzaError> {
    if let Some(error) = chat.bars_domain(to) {
        return Err(error);
    }
    let asker = Asker::of(chat, from);
    let link = chat
        .links()
        .link_between(chat, &asker, from, to, now.moment)?;
    if !link.has_room(text.len(), &chat.config().federation) {
        return Err(refused(Refusal::Full));
    }
    let claim = chat.links().claim(&asker, text.len())?;
    let parcel = if must_arrive(stanza) {
        chat.links().keep(&link, text, claim, now, batch)
    } else {
        Parcel {
            claim: Some(claim),
            stanza: text,
            kept: None,
            at: now.wall,
        }
    };
    Ok((link, parcel))
}

/// Plans a message to another domain: the modules speak, the sender's archive keeps, and so does the store until the
/// other side has it. `Ok(None)`: it goes no further, and nobody is told.
///
/// # Errors
/// What the sender is told.
pub(crate) fn plan_message(
    chat: &Chat,
    sender: &Sender,
    stanza: &Stanza,
    to: &Jid,
    now: Now,
) -> Result<Option<Outward>, StanzaError> {
    let mut plan = MessagePlan::default();
    let mut context = MessageContext {
        chat,
        now,
        stanza,
        kind: MessageType::of(stanza),
        sender,
        to,
        recipient: None,
        plan: &mut plan,
    };
    match messages::decide(chat, &mut context) {
        Verdict::Next => {}
        Verdict::Handled => return Ok(None),
        Verdict::Reject(error) => return Err(error),
    }
    let from = sender.jid();
    let text = inbound::relayed(from, to, stanza);
    let mut batch = Batch::new();
    let (link, parcel) = prepare(chat, from, to, stanza, text.clone(), now, &mut batch)?;
    let account = sender.account();
    if let Some(account) = account.filter(|_| plan.keep_for_sender) {
        let owner = ArchiveOwner {
            id: account.id().into(),
            with: to.bare_str(),
            with_resource: to.resource(),
            flags: EntryFlags {
                outgoing: true,
                ..EntryFlags::default()
            },
        };
        batch.archive(owner, &text);
        chat.metrics().messages_kept.increment();
    }
    let (ids, ticket) = if batch.is_empty() {
        Default::default()
    } else {
        let submitted = chat.store().submit(batch);
        (submitted.ids, Some(submitted.ticket))
    };
    add_copies(stanza, MessageType::of(stanza), sender, None, &mut plan);
    let mut copies = Vec::new();
    if let Some(account) = account.filter(|_| !plan.sent_copies.is_empty()) {
        let text = omemo::Copies::of(chat, stanza, &text).for_account(account);
        let sent = match ids.first() {
            Some(id) => stanza_ids::with_id(&text, account.jid().as_str(), *id),
            None => text,
        };
        let kind = stanza.type_();
        for session in plan.sent_copies {
            let copy = carbons::wrap(
                Direction::Sent,
                account.jid().as_str(),
                session.jid().as_str(),
                kind.as_deref(),
                &sent,
            );
            copies.push(Delivery::new(&session, copy));
        }
    }
    Ok(Some(Outward {
        link,
        parcel,
        ticket: ticket.unwrap_or(Ticket::DONE),
        copies,
    }))
}

/// Prepares a request or an answer to another domain.
///
/// # Errors
/// What the sender is told.
pub(crate) fn plan_request(
    chat: &Chat,
    sender: &Sender,
    stanza: &Stanza,
    to: &Jid,
    now: Now,
) -> Result<Outward, StanzaError> {
    if let Some(error) = barred(sender, to, None) {
        return Err(error);
    }
    let text = inbound::relayed(sender.jid(), to, stanza);
    plan_parcel(chat, sender.jid(), to, stanza, text, now)
}
