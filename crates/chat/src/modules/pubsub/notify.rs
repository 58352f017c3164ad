//! XEP-0060 §12.1 and XEP-0163 §4: who is told of an event, by what they are now.
//!
//! Implicitly told are the owner's own sessions and those of contacts, here and on other servers, when their
//! clients say that they want to hear of the node; explicitly those that have subscribed.

use std::sync::Arc;

use base::{BareJid, Jid};
use bytes::Bytes;
use store::{Batch, Node};
use xmpp::ns;
use xmpp::xep::node_configuration::{ItemReply, NodeConfiguration, NotificationType};
use xmpp::xep::pubsub::Event;
use xmpp::xml::{Stanza, Writer};

use super::access::Standing;
use super::visit::{Found, Visit, standing};
use crate::delivery::Delivery;
use crate::modules::blocks;
use crate::modules::presence::watches;
use crate::{Account, Chat};

/// Something to be told.
pub(super) struct Notice<'a> {
    node: &'a Node,
    configuration: &'a NodeConfiguration,
    /// Each an `<event/>`.
    events: Vec<String>,
}

impl<'a> Notice<'a> {
    pub(super) fn of(found: &'a Found, events: Vec<String>) -> Self {
        Self {
            node: &found.node,
            configuration: &found.configuration,
            events,
        }
    }
}

/// Tells who is entitled now. Who has subscribed and is not entitled any more loses the
/// subscription (XEP-0163 §6.1). The caller holds the owner's turn.
pub(super) async fn tell(visit: &Visit, notice: &Notice<'_>) {
    let owner = &visit.owner;
    let name = &*notice.node.settings.name;
    let mut told: Vec<BareJid> = Vec::new();
    let messages: Vec<Message> = notice
        .events
        .iter()
        .map(|event| Message::of(visit, notice.configuration, event))
        .collect();
    {
        let mut order = owner.event_order();
        *order += 1;
        if tell_account(owner, owner, name, &messages) {
            told.push(owner.jid().clone());
        }
        for contact in contacts(&visit.chat, owner) {
            if entitled(owner, &contact, notice) && tell_account(owner, &contact, name, &messages) {
                told.push(contact.jid().clone());
            }
        }
        for client in owner.elsewhere().that_want(name) {
            if entitled_elsewhere(owner, &client, notice) {
                for message in &messages {
                    // Who cannot be reached is told when it shows itself again.
                    visit.chat.hand(&client, message.to(&client, true));
                }
                told.push(client.bare());
            }
        }
    }
    if !notice.node.subscriptions.is_empty() {
        tell_subscribers(visit, notice, &told, &messages).await;
    }
}

/// Contacts with sessions here who may see something of the account.
fn contacts(chat: &Chat, owner: &Account) -> Vec<Arc<Account>> {
    let contacts: Vec<Arc<str>> = owner
        .facts()
        .roster
        .items
        .iter()
        .filter(|item| super::visit::grants(item.subscription))
        .map(|item| Arc::clone(&item.contact))
        .collect();
    contacts
        .iter()
        .filter(|contact| &***contact != owner.jid().as_str())
        .filter_map(|contact| chat.cached_account(contact))
        .filter(|contact| contact.is_available())
        .collect()
}

fn entitled(owner: &Account, viewer: &Account, notice: &Notice<'_>) -> bool {
    let address = viewer.jid().clone().into();
    let visible = watches(viewer, owner);
    visible && standing(owner, &address, visible, notice.node).reads(notice.configuration)
}

fn entitled_elsewhere(owner: &Account, client: &Jid, notice: &Notice<'_>) -> bool {
    grants_presence(owner, client)
        && !blocks(owner, client)
        && standing(owner, client, true, notice.node).reads(notice.configuration)
}

/// Tells the sessions of an account that want to hear of the node. Whether there are any.
fn tell_account(owner: &Account, viewer: &Account, node: &str, messages: &[Message]) -> bool {
    let mut any = false;
    viewer.each_session(|session| {
        if session.is_available() && session.features().wants(node) && !blocks(owner, session.jid())
        {
            any = true;
            for message in messages {
                Delivery::new(session, message.to(session.jid(), true)).perform();
            }
        }
    });
    any
}

/// Tells the owner's own sessions of an item at a node that is only made for them.
pub(crate) fn tell_own(visit: &Visit, node: &str, id: &str, payload: &str) {
    let event = Event::Published {
        node,
        items: vec![(id, None, payload)],
    };
    let configuration = NodeConfiguration::default();
    let message = Message::of(visit, &configuration, &event.to_xml());
    let mut order = visit.owner.event_order();
    *order += 1;
    tell_account(&visit.owner, &visit.owner, node, &[message]);
}

async fn tell_subscribers(
    visit: &Visit,
    notice: &Notice<'_>,
    told: &[BareJid],
    messages: &[Message],
) {
    let owner = &visit.owner;
    let mut lost = Batch::new();
    for subscription in &notice.node.subscriptions {
        let Ok(to) = Jid::parse(&subscription.subscriber) else {
            continue;
        };
        let is_told = told.iter().any(|address| address.as_str() == to.bare_str());
        if subscription.pending || is_told || blocks(owner, &to) {
            continue;
        }
        let own = to.bare_str() == owner.jid().as_str();
        let visible = own || grants_presence(owner, &to);
        let standing = if own {
            Standing::OWN
        } else {
            standing(owner, &to, visible, notice.node)
        };
        if !standing.reads(notice.configuration) {
            let name = &notice.node.settings.name;
            lost.node_unsubscribe(owner.id(), name, &subscription.subscriber);
            continue;
        }
        for message in messages {
            send(visit, notice.configuration, message, &to, visible).await;
        }
    }
    if !lost.is_empty()
        && let Err(error) = visit.keep(lost).await
    {
        // Nobody is told who must not be; the next event tries again.
        tracing::debug!(%error, "subscriptions that are over could not be removed");
    }
}

/// Sends to a subscribed address.
async fn send(
    visit: &Visit,
    configuration: &NodeConfiguration,
    message: &Message,
    to: &Jid,
    visible: bool,
) {
    let here = to.domain() == &*visit.chat.domain();
    let text = message.to(to, visible);
    if here && to.resource().is_some() {
        visit.chat.hand(to, text);
        return;
    }
    if here && configuration.presence_based_delivery {
        let account = visit.chat.cached_account(to.bare_str());
        if !account.is_some_and(|account| account.is_available()) {
            return;
        }
    }
    post(visit, &text).await;
}

/// Posts a message of the owner's account, as far as it gets.
pub(super) async fn post(visit: &Visit, message: &Bytes) {
    let stanza = std::str::from_utf8(message)
        .ok()
        .and_then(|text| Stanza::parse(text).ok());
    if let Some(stanza) = stanza
        && let Err(error) = visit.chat.post(visit.owner_jid(), &stanza, visit.now).await
    {
        tracing::debug!(%error, "an event did not reach a subscriber");
    }
}

/// Whether the owner's roster lets an address see its presence.
fn grants_presence(owner: &Account, address: &Jid) -> bool {
    crate::modules::roster::item(&owner.facts(), address.bare_str())
        .is_some_and(|item| super::visit::grants(item.subscription))
}

/// A message that tells of an event, without its recipient.
pub(super) struct Message {
    from: String,
    id: Box<str>,
    kind: Option<&'static str>,
    event: String,
    /// Whom replies go to (XEP-0163 §4.3.1): for those who see the owner's presence.
    reply_to: String,
}

impl Message {
    pub(super) fn of(visit: &Visit, configuration: &NodeConfiguration, event: &str) -> Self {
        let mut reply_to = Writer::new();
        let publisher = visit.sender.jid();
        if configuration.item_reply == ItemReply::Publisher && publisher.resource().is_some() {
            reply_to.start("addresses").xmlns(ns::ADDRESS);
            reply_to
                .start("address")
                .attr("type", "replyto")
                .attr("jid", publisher.as_str())
                .end();
            reply_to.end();
        }
        Self {
            from: visit.owner.jid().as_str().to_owned(),
            id: visit.chat.new_id("event"),
            kind: kind(configuration),
            event: event.to_owned(),
            reply_to: reply_to.finish(),
        }
    }

    /// The whole stanza; `visible` says whether the recipient sees the owner's presence.
    pub(super) fn to(&self, to: &Jid, visible: bool) -> Bytes {
        let reply_to = if visible { &*self.reply_to } else { "" };
        message(
            &self.from,
            to.as_str(),
            &self.id,
            self.kind,
            &[&self.event, reply_to],
        )
    }
}

/// The type of messages about such a node.
pub(super) fn kind(configuration: &NodeConfiguration) -> Option<&'static str> {
    match configuration.notification_type {
        NotificationType::Headline => Some("headline"),
        NotificationType::Normal => None,
    }
}

/// A message with these children.
pub(super) fn message(
    from: &str,
    to: &str,
    id: &str,
    kind: Option<&str>,
    children: &[&str],
) -> Bytes {
    let length: usize = children.iter().map(|child| child.len()).sum();
    let mut out = Writer::with_capacity(length + from.len() + to.len() + 96);
    out.start("message")
        .attr("from", from)
        .attr("to", to)
        .attr("id", id)
        .attr_opt("type", kind);
    for child in children {
        out.raw(child);
    }
    out.end();
    out.into_bytes()
}
