//! XEP-0060 §5.6, §5.7, §8.8 and §8.9: subscriptions and affiliations, one's own and all of a node.

use std::sync::Arc;

use base::{BareJid, Jid};
use store::{Batch, Node, NodeAffiliation, NodeSubscription};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::pubsub::Event;
use xmpp::xml::Writer;

use super::notify::{self, Message};
use super::subscribe::write_subscription;
use super::visit::Visit;
use crate::modules::{Reply, store_failed};

/// Changes of one request at the most.
const MOST_CHANGES: usize = 1_000;

async fn nodes(visit: &Visit, only: Option<&str>) -> Result<Vec<Node>, StanzaError> {
    let nodes = visit.chat.store().nodes(visit.owner.id()).await;
    let mut nodes = nodes.map_err(|error| store_failed(&error))?;
    if let Some(only) = only {
        nodes.retain(|node| &*node.settings.name == only);
    }
    Ok(nodes)
}

/// §5.6: those of the asker.
pub(super) async fn subscriptions(visit: &Visit, only: Option<&str>) -> Result<Reply, StanzaError> {
    let bare = visit.sender.jid().bare_str();
    let mut out = Writer::new();
    out.start("pubsub").xmlns(ns::PUBSUB);
    out.start("subscriptions").attr_opt("node", only);
    for node in nodes(visit, only).await? {
        for known in &node.subscriptions {
            if known.subscriber.split('/').next() == Some(bare) {
                let name = Some(&*node.settings.name);
                write_subscription(&mut out, name, &known.subscriber, state(known));
            }
        }
    }
    out.end().end();
    Ok(Reply::payload(out.finish()))
}

fn state(subscription: &NodeSubscription) -> &'static str {
    if subscription.pending {
        "pending"
    } else {
        "subscribed"
    }
}

fn word(affiliation: NodeAffiliation) -> &'static str {
    match affiliation {
        NodeAffiliation::Publisher => "publisher",
        NodeAffiliation::PublishOnly => "publish-only",
        NodeAffiliation::Member => "member",
        NodeAffiliation::Outcast => "outcast",
    }
}

/// §5.7: those of the asker. An outcast is told of nothing.
pub(super) async fn affiliations(visit: &Visit, only: Option<&str>) -> Result<Reply, StanzaError> {
    let mut out = Writer::new();
    out.start("pubsub").xmlns(ns::PUBSUB);
    out.start("affiliations").attr_opt("node", only);
    for node in nodes(visit, only).await? {
        let affiliation = match visit.standing(&node) {
            standing if standing.own => Some("owner"),
            standing => standing
                .affiliation
                .filter(|affiliation| *affiliation != NodeAffiliation::Outcast)
                .map(word),
        };
        if let Some(affiliation) = affiliation {
            out.start("affiliation")
                .attr("node", &node.settings.name)
                .attr("affiliation", affiliation)
                .end();
        }
    }
    out.end().end();
    Ok(Reply::payload(out.finish()))
}

/// §8.8.1.
pub(super) async fn all_subscriptions(visit: &Visit, node: &str) -> Result<Reply, StanzaError> {
    let found = visit.owned(node).await?;
    let mut out = Writer::new();
    out.start("pubsub").xmlns(ns::PUBSUB_OWNER);
    out.start("subscriptions").attr("node", node);
    for known in &found.node.subscriptions {
        write_subscription(&mut out, None, &known.subscriber, state(known));
    }
    out.end().end();
    Ok(Reply::payload(out.finish()))
}

/// §8.8.2: who is taken off or let in is told. Nobody is put on who has not asked.
pub(super) async fn set_subscriptions(
    visit: &Visit,
    node: &str,
    changes: &[(&str, &str)],
) -> Result<Reply, StanzaError> {
    check_number(changes.len())?;
    let _turn = visit.owner.turn().await;
    let found = visit.owned(node).await?;
    let mut batch = Batch::new();
    let mut told = Vec::new();
    let mut number = found.node.subscriptions.len();
    for (jid, state) in changes {
        let address = Jid::parse(jid).map_err(|_| malformed(jid))?;
        let known = found
            .node
            .subscriptions
            .iter()
            .find(|known| *known.subscriber == *address.as_str());
        let pending = match *state {
            "subscribed" => false,
            "pending" => true,
            "none" => {
                if known.is_some() {
                    batch.node_unsubscribe(visit.owner.id(), node, address.as_str());
                    told.push((address, "none"));
                }
                continue;
            }
            _ => return Err(no_such("subscription", state)),
        };
        if known.is_some_and(|known| known.pending == pending) {
            continue;
        }
        // Else a node would be a way to send anything to anybody.
        if known.is_none() && address.bare() != *visit.owner.jid() {
            return Err(StanzaError::new(StanzaCondition::NotAllowed).text(format!(
                "{address} has not asked for a subscription. Nothing was changed."
            )));
        }
        number += usize::from(known.is_none());
        batch.node_subscribe(
            visit.owner.id(),
            node,
            NodeSubscription {
                subscriber: address.as_str().into(),
                pending,
            },
        );
        told.push((address, if pending { "pending" } else { "subscribed" }));
    }
    if number > visit.chat.config().limits.pubsub_subscriptions {
        return Err(too_many());
    }
    if !batch.is_empty() {
        visit.keep(batch).await?;
    }
    for (address, state) in told {
        let event = Event::Subscription {
            node,
            jid: address.as_str(),
            state,
        };
        let message = Message::of(visit, &found.configuration, &event.to_xml());
        notify::post(visit, &message.to(&address, false)).await;
    }
    Ok(Reply::empty())
}

/// §8.9.1.
pub(super) async fn all_affiliations(visit: &Visit, node: &str) -> Result<Reply, StanzaError> {
    let found = visit.owned(node).await?;
    let mut out = Writer::new();
    out.start("pubsub").xmlns(ns::PUBSUB_OWNER);
    out.start("affiliations").attr("node", node);
    let mut write = |jid: &str, affiliation: &str| {
        out.start("affiliation")
            .attr("jid", jid)
            .attr("affiliation", affiliation)
            .end();
    };
    write(visit.owner.jid().as_str(), "owner");
    for (address, affiliation) in &found.node.affiliations {
        write(address, word(*affiliation));
    }
    out.end().end();
    Ok(Reply::payload(out.finish()))
}

/// §8.9.2.
pub(super) async fn set_affiliations(
    visit: &Visit,
    node: &str,
    changes: &[(&str, &str)],
) -> Result<Reply, StanzaError> {
    check_number(changes.len())?;
    let _turn = visit.owner.turn().await;
    let found = visit.owned(node).await?;
    let owner = visit.owner.id();
    let mut batch = Batch::new();
    let mut number = found.node.affiliations.len();
    for (jid, affiliation) in changes {
        let address = BareJid::parse(jid).map_err(|_| malformed(jid))?;
        let is_owner = address == *visit.owner.jid();
        let affiliation = match *affiliation {
            // A personal node has one owner, always.
            "owner" if is_owner => continue,
            _ if is_owner => return Err(no_such("affiliation of the owner", affiliation)),
            "publisher" => Some(NodeAffiliation::Publisher),
            "publish-only" => Some(NodeAffiliation::PublishOnly),
            "member" => Some(NodeAffiliation::Member),
            "outcast" => Some(NodeAffiliation::Outcast),
            "none" => None,
            other => return Err(no_such("affiliation", other)),
        };
        let knows = |(known, _): &(Arc<str>, NodeAffiliation)| **known == *address.as_str();
        let known = found.node.affiliations.iter().any(knows);
        number += usize::from(!known && affiliation.is_some());
        batch.node_affiliate(owner, node, address.as_str(), affiliation);
        if affiliation == Some(NodeAffiliation::Outcast) {
            for subscription in &found.node.subscriptions {
                if subscription.subscriber.split('/').next() == Some(address.as_str()) {
                    batch.node_unsubscribe(owner, node, &subscription.subscriber);
                }
            }
        }
    }
    if number > visit.chat.config().limits.pubsub_subscriptions {
        return Err(too_many());
    }
    if !batch.is_empty() {
        visit.keep(batch).await?;
    }
    Ok(Reply::empty())
}

fn check_number(changes: usize) -> Result<(), StanzaError> {
    if changes > MOST_CHANGES {
        return Err(StanzaError::new(StanzaCondition::NotAcceptable)
            .text(format!("Please change {MOST_CHANGES} entries at the most.")));
    }
    Ok(())
}

fn malformed(jid: &str) -> StanzaError {
    StanzaError::new(StanzaCondition::JidMalformed).text(format!(
        "{jid} is no address that fits here. Nothing was changed."
    ))
}

fn no_such(what: &str, word: &str) -> StanzaError {
    StanzaError::new(StanzaCondition::NotAcceptable).text(format!(
        "There is no {what} {word} here. Nothing was changed."
    ))
}

fn too_many() -> StanzaError {
    StanzaError::new(StanzaCondition::ResourceConstraint)
        .text("That would be too many entries for one node. Nothing was changed.")
}
