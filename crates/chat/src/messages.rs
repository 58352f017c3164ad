//! Messages, whoever sends them: RFC 6121 §5 and §8, the modules' words, and the plan carried out.

use std::sync::Arc;

use base::{BareJid, Jid, Now};
use bytes::Bytes;
use smallvec::SmallVec;
use store::{ArchiveId, ArchiveOwner, Batch, EntryFlags, Submitted, Ticket};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::carbons::{self, Direction};
use xmpp::xml::{Edit, Head, Stanza};

use crate::delivery::{Delivery, Keeping};
use crate::modules::carbons::add_copies;
use crate::modules::{
    MessageContext, MessagePlan, MessageType, Verdict, content, omemo, stanza_ids,
};
use crate::{Account, Chat, Sender, SessionEntry};

/// What becomes of a message.
pub(crate) enum Planned {
    /// It is on its way to the disk; then it is delivered.
    Send {
        ticket: Ticket,
        deliveries: SmallVec<[Delivery; 2]>,
    },
    /// It goes no further, and nobody is told.
    Handled,
    /// It goes back to its sender.
    Refused(StanzaError),
}

/// Plans a message to an address of this domain, and submits what must be kept. `recipient` is the
/// account behind the address, if there is one.
pub(crate) fn plan(
    chat: &Chat,
    sender: &Sender,
    stanza: &Stanza,
    to: &Jid,
    recipient: Option<&Arc<Account>>,
    now: Now,
) -> Planned {
    let kind = MessageType::of(stanza);
    let Some(recipient) = recipient else {
        return Planned::Refused(StanzaError::new(StanzaCondition::ServiceUnavailable));
    };
    loop {
        let mut plan = addressed(to, kind, recipient);
        let mut context = MessageContext {
            chat,
            now,
            stanza,
            kind,
            sender,
            to,
            recipient: Some(recipient),
            plan: &mut plan,
        };
        match decide(chat, &mut context) {
            Verdict::Next => {}
            Verdict::Handled => return Planned::Handled,
            Verdict::Reject(error) => return Planned::Refused(error),
        }
        let message = Message {
            chat,
            sender,
            stanza,
            to,
            recipient,
        };
        if let Some(planned) = message.carry_out(plan) {
            return planned;
        }
        // Somebody has come in the meantime.
    }
}

/// A message between two parties.
struct Message<'a> {
    chat: &'a Chat,
    sender: &'a Sender,
    stanza: &'a Stanza,
    to: &'a Jid,
    recipient: &'a Arc<Account>,
}

/// Where a batch has the copies of a message.
#[derive(Default)]
struct Copies {
    for_recipient: Option<usize>,
    for_sender: Option<usize>,
}

impl Copies {
    /// The recipient's one, of those that the batch was given.
    fn kept(&self, ids: &[ArchiveId]) -> Option<ArchiveId> {
        ids.get(self.for_recipient?).copied()
    }
}

impl Message<'_> {
    /// `None` when the plan does not hold any more: the recipient was to be away, and is not.
    fn carry_out(&self, mut plan: MessagePlan) -> Option<Planned> {
        let keeps = plan.keep_for_recipient || plan.wait;
        if plan.bounce && plan.deliver.is_empty() && !keeps {
            let error = StanzaError::new(StanzaCondition::ServiceUnavailable)
                .text("Nobody is there to receive this message, and it is not kept for later.");
            return Some(Planned::Refused(error));
        }
        let text = self.relayed();
        let mut batch = Batch::new();
        let copies = self.keep(&plan, &text, &mut batch);
        let Submitted { ids, ticket, .. } = self.submit(&mut plan, &copies, batch)?;
        if !self.sender.is_of(self.recipient)
            && content::wakes(self.stanza, MessageType::of(self.stanza))
        {
            let peer = self.sender.jid().bare_str();
            self.chat.note(self.recipient, peer, &ticket);
        }
        let deliveries = self.deliveries(plan, &text, &copies, &ids);
        Some(Planned::Send { ticket, deliveries })
    }

    /// Adds what archives keep of it to the batch.
    fn keep(&self, plan: &MessagePlan, text: &Bytes, batch: &mut Batch) -> Copies {
        let mut copies = Copies::default();
        let keeps = plan.keep_for_recipient || plan.wait;
        let from = self.sender.jid();
        let quiet = content::is_about_others(self.stanza);
        let mut owners: SmallVec<[ArchiveOwner<'_>; 2]> = SmallVec::new();
        if keeps {
            copies.for_recipient = Some(owners.len());
            owners.push(ArchiveOwner {
                id: self.recipient.id().into(),
                with: from.bare_str(),
                with_resource: from.resource(),
                flags: EntryFlags {
                    offline: plan.wait,
                    hidden: !plan.keep_for_recipient,
                    quiet,
                    ..EntryFlags::default()
                },
            });
        }
        if let Some(account) = self.sender.account()
            && plan.keep_for_sender
            && account.id() != self.recipient.id()
        {
            copies.for_sender = Some(owners.len());
            owners.push(ArchiveOwner {
                id: account.id().into(),
                with: self.to.bare_str(),
                with_resource: self.to.resource(),
                flags: EntryFlags {
                    outgoing: true,
                    quiet,
                    ..EntryFlags::default()
                },
            });
        }
        if !owners.is_empty() {
            batch.archive_shared(text, &owners);
            self.chat.metrics().messages_kept.increment();
        }
        copies
    }

    fn submit(&self, plan: &mut MessagePlan, copies: &Copies, batch: Batch) -> Option<Submitted> {
        let mut order = (plan.wait && !batch.is_empty()).then(|| self.recipient.waiting_order());
        if let Some(order) = &mut order {
            if self.recipient.is_reachable() {
                return None;
            }
            order.add(self.recipient, 1);
        }
        let submitted = if batch.is_empty() {
            Submitted::nothing()
        } else {
            self.chat.store().submit(batch)
        };
        self.add_newcomers(plan);
        // Noted before the order is left: who comes then sees what it has by a copy of what waits.
        if let Some(id) = copies.kept(&submitted.ids) {
            for session in self.copied(plan) {
                session.note_copy(id);
            }
        }
        Some(submitted)
    }

    /// Sessions of the recipient that get a copy.
    fn copied<'plan>(
        &self,
        plan: &'plan MessagePlan,
    ) -> impl Iterator<Item = &'plan Arc<SessionEntry>> {
        let to_oneself = self.sender.is_of(self.recipient);
        let sent = plan.sent_copies.iter().filter(move |_| to_oneself);
        plan.received_copies.iter().chain(sent)
    }

    /// A session that has become reachable since the plan was made, or wants copies since then, gets the message, too: what is
    /// kept after this one may be planned for it already, and by that it counts as one that has had this one.
    fn add_newcomers(&self, plan: &mut MessagePlan) {
        let to_one =
            |session: &Arc<SessionEntry>| self.to.resource() == Some(session.jid().resource());
        if !plan.deliver.is_empty() && !plan.deliver.iter().any(to_one) {
            self.recipient.each_session(|session| {
                let gets_it = |list: &[Arc<SessionEntry>]| {
                    list.iter().any(|other| Arc::ptr_eq(other, session))
                };
                if session.is_reachable()
                    && !gets_it(&plan.deliver)
                    && !gets_it(&plan.received_copies)
                    && !gets_it(&plan.sent_copies)
                {
                    plan.deliver.push(Arc::clone(session));
                }
            });
        }
        let kind = MessageType::of(self.stanza);
        add_copies(self.stanza, kind, self.sender, Some(self.recipient), plan);
    }

    fn deliveries(
        &self,
        plan: MessagePlan,
        text: &Bytes,
        copies: &Copies,
        ids: &[ArchiveId],
    ) -> SmallVec<[Delivery; 2]> {
        let kept = copies.kept(ids);
        // A message to oneself: its copies are of what the recipient's archive keeps.
        let copy_of = |account: &Account| match kept {
            Some(id) if account.id() == self.recipient.id() => Keeping::Copy(id),
            _ => Keeping::Nowhere,
        };
        // A hidden copy is in no archive: its id would lead nowhere.
        let shown = kept.filter(|_| plan.keep_for_recipient);
        let copies_of = omemo::Copies::of(self.chat, self.stanza, text);
        let received = with_stanza_id(
            &copies_of.for_account(self.recipient),
            shown,
            self.recipient.jid(),
        );
        let kind = self.stanza.type_();
        let mut deliveries: SmallVec<[Delivery; 2]> = SmallVec::new();
        for session in plan.deliver {
            if let Some(id) = kept {
                session.note_kept(id);
            }
            deliveries.push(Delivery {
                to: session,
                stanza: received.clone(),
                keeping: kept.into(),
            });
        }
        for session in plan.received_copies {
            let stanza = carbons::wrap(
                Direction::Received,
                self.recipient.jid().as_str(),
                session.jid().as_str(),
                kind.as_deref(),
                &received,
            );
            deliveries.push(Delivery {
                to: session,
                stanza,
                keeping: copy_of(self.recipient),
            });
        }
        if let Some(account) = self.sender.account()
            && !plan.sent_copies.is_empty()
        {
            let id = copies.for_sender.or(copies.for_recipient);
            let id = id.and_then(|index| ids.get(index).copied());
            let sent = with_stanza_id(
                &copies_of.for_account(account),
                id.filter(|_| plan.keep_for_sender),
                account.jid(),
            );
            for session in plan.sent_copies {
                let stanza = carbons::wrap(
                    Direction::Sent,
                    account.jid().as_str(),
                    session.jid().as_str(),
                    kind.as_deref(),
                    &sent,
                );
                deliveries.push(Delivery {
                    to: session,
                    stanza,
                    keeping: copy_of(account),
                });
            }
        }
        deliveries
    }

    /// The message as it is kept and delivered: our `from`, the `to` as addressed, and no stanza ids
    /// that claim to be ours (XEP-0359 §5).
    fn relayed(&self) -> Bytes {
        let received = self.stanza.head();
        let head = Head {
            from: Some(self.sender.jid().as_str()),
            to: Some(self.to.as_str()),
            ..received.as_head()
        };
        if !self.stanza.has("stanza-id", ns::STANZA_ID) {
            return self.stanza.relay(&head, &Edit::NONE);
        }
        let own = self.sender.account().map(|account| account.jid().as_str());
        let forged = |child: &xmpp::xml::Child<'_>| {
            stanza_ids::claims(child, self.recipient.jid().as_str())
                || own.is_some_and(|own| stanza_ids::claims(child, own))
        };
        self.stanza.relay(
            &head,
            &Edit {
                drop: &forged,
                append: b"",
            },
        )
    }
}

pub(crate) fn decide(chat: &Chat, context: &mut MessageContext<'_>) -> Verdict {
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

/// The same message with the id under which an archive keeps it (XEP-0359 §3).
fn with_stanza_id(text: &Bytes, id: Option<ArchiveId>, by: &BareJid) -> Bytes {
    match id {
        Some(id) => stanza_ids::with_id(text, by.as_str(), id),
        None => text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use base::{BareJid, FullJid, Moment, Timestamp};
    use store::{NewAccount, Store, StoreConfig};
    use xmpp::stream::server::Credential;
    use xmpp::xep::sasl2::ClientAgent;

    use super::*;
    use crate::ChatConfig;
    use crate::admission::Admission;
    use crate::delivery::{Bounds, Mailbox};

    fn session(resource: &str, account: &Account, now: Now) -> Arc<SessionEntry> {
        let jid = FullJid::parse(&format!("{}/{resource}", account.jid())).unwrap();
        let bounds = Bounds {
            stanzas: 10,
            bytes: 10_000,
        };
        let admission = Admission {
            credential: Credential::Account,
            by_password: true,
            agent: ClientAgent::default(),
            since: now.wall,
        };
        let session = SessionEntry::new(jid, Mailbox::new(bounds), admission);
        account.bind(Arc::clone(&session), 10).unwrap();
        session
    }

    fn comes(session: &SessionEntry, now: Now) {
        let presence = Stanza::parse("<presence/>").unwrap();
        session.set_available(presence, 0, now.wall);
    }

    /// A house with Romeo in it.
    fn house(now: Now) -> (Chat, Arc<Account>) {
        let store = Store::open(StoreConfig::inline(move || now.wall)).unwrap();
        let romeo = NewAccount {
            localpart: "romeo".into(),
            ..NewAccount::default()
        };
        store::wait(store.account_create(romeo)).unwrap();
        let config = ChatConfig::new("example.org", [7; 32]);
        let chat = Chat::new(config, store, Arc::new(|work| work()), [9; 32], now);
        let jid = BareJid::parse("romeo@example.org").unwrap();
        let recipient = store::wait(chat.account(&jid)).unwrap().unwrap();
        (chat, recipient)
    }

    /// Two people write at the same time, and each on a thread of its own.
    #[test]
    fn who_comes_while_it_is_decided_who_gets_a_message_does_not_go_without() {
        let now = Now::new(Moment::START, Timestamp::from_seconds(1));
        let (chat, recipient) = house(now);
        let jid = recipient.jid().clone();
        let phone = session("phone", &recipient, now);
        let laptop = session("laptop", &recipient, now);
        comes(&phone, now);

        let sender = Sender::Elsewhere(Jid::parse("juliet@example.com/balcony").unwrap());
        let to = Jid::from(jid);
        let stanza = |text: &str| {
            let text = format!("<message type='chat' to='{to}'><body>{text}</body></message>");
            Stanza::parse(&text).unwrap()
        };
        let (first, second) = (stanza("first"), stanza("second"));
        let message = |stanza| Message {
            chat: &chat,
            sender: &sender,
            stanza,
            to: &to,
            recipient: &recipient,
        };
        let plan = || MessagePlan {
            keep_for_recipient: true,
            ..addressed(&to, MessageType::Chat, &recipient)
        };
        let before = plan();
        comes(&laptop, now);
        let after = plan();

        let mut got: Vec<String> = Vec::new();
        for (message, plan) in [(message(&second), after), (message(&first), before)] {
            let Some(Planned::Send { deliveries, .. }) = message.carry_out(plan) else {
                panic!("it is sent");
            };
            for delivery in deliveries.iter().filter(|it| Arc::ptr_eq(&it.to, &laptop)) {
                let Keeping::Archive(id) = delivery.keeping else {
                    panic!("it is kept");
                };
                assert!(laptop.had_messages_at(id));
                let stanza = Stanza::parse(std::str::from_utf8(&delivery.stanza).unwrap()).unwrap();
                let body = stanza.child("body", ns::CLIENT).unwrap();
                got.push(body.tree().root().text().into_owned());
            }
        }
        assert_eq!(got, ["second", "first"], "it counts as one that has both");
    }
    /// The same of copies: what one of them has by its own address.
    #[test]
    fn who_wants_copies_while_it_is_decided_who_gets_a_message_does_not_go_without() {
        let now = Now::new(Moment::START, Timestamp::from_seconds(1));
        let (chat, recipient) = house(now);
        let phone = session("phone", &recipient, now);
        let laptop = session("laptop", &recipient, now);
        comes(&phone, now);
        let sender = Sender::Elsewhere(Jid::parse("juliet@example.com/balcony").unwrap());
        let to = Jid::from(phone.jid().clone());
        let text = format!("<message type='chat' to='{to}'><body>Hi</body></message>");
        let stanza = Stanza::parse(&text).unwrap();
        let message = Message {
            chat: &chat,
            sender: &sender,
            stanza: &stanza,
            to: &to,
            recipient: &recipient,
        };
        let plan = || {
            let mut plan = MessagePlan {
                keep_for_recipient: true,
                ..addressed(&to, MessageType::Chat, &recipient)
            };
            add_copies(
                &stanza,
                MessageType::Chat,
                &sender,
                Some(&recipient),
                &mut plan,
            );
            plan
        };
        let before = plan();
        laptop.set_carbons(true);
        comes(&laptop, now);
        let after = plan();
        for plan in [after, before] {
            let Some(Planned::Send { deliveries, .. }) = message.carry_out(plan) else {
                panic!("it is sent");
            };
            let mut to_laptop = deliveries.iter().filter(|it| Arc::ptr_eq(&it.to, &laptop));
            let copy = to_laptop.next().expect("a copy");
            assert!(matches!(copy.keeping, Keeping::Copy(_)));
            assert!(to_laptop.next().is_none(), "one copy");
        }
    }
}
