//! XEP-0060 §6.1 and §6.2: explicit subscriptions.

use base::{Jid, Now};
use store::{Batch, ItemPosition, ItemQuery, NodeSubscription};
use xmpp::condition::{ErrorType, StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::data_form::{DataForm, Field, FormKind};
use xmpp::xep::delay::Delay;
use xmpp::xep::node_configuration::SendLast;
use xmpp::xep::pubsub::{Event, error};
use xmpp::xml::{Stanza, Writer};

use super::access::{Subscribing, hidden};
use super::lists;
use super::notify::{self, kind, message};
use super::visit::{Found, Visit};
use crate::delivery::Delivery;
use crate::modules::{Reply, store_failed};
use crate::{Chat, Sender, Work};

pub(super) async fn subscribe(
    visit: &Visit,
    node: &str,
    jid: &str,
    options: bool,
) -> Result<Reply, StanzaError> {
    let subscriber = own_address(visit, jid)?;
    if options {
        return Err(xmpp::xep::pubsub::unsupported("subscription-options"));
    }
    let _turn = visit.owner.turn().await;
    let (found, _) = visit.node(node).await?;
    let found = found.ok_or_else(hidden)?;
    let pending = match found.standing.subscribes(&found.configuration) {
        Subscribing::Yes => false,
        Subscribing::Asks => true,
        Subscribing::No => return Err(hidden()),
    };
    if !found.configuration.subscribe {
        return Err(StanzaError::new(StanzaCondition::NotAllowed)
            .text("The owner has switched subscriptions to this node off."));
    }
    let known = found
        .node
        .subscriptions
        .iter()
        .find(|known| *known.subscriber == *subscriber.as_str());
    if let Some(known) = known
        && known.pending
        && pending
    {
        return Err(error(
            StanzaCondition::NotAuthorized,
            "pending-subscription",
        ));
    }
    let most = visit.chat.config().limits.pubsub_subscriptions;
    if known.is_none() && found.node.subscriptions.len() >= most {
        return Err(error(
            StanzaCondition::PolicyViolation,
            "too-many-subscriptions",
        ));
    }
    let mut batch = Batch::new();
    batch.node_subscribe(
        visit.owner.id(),
        node,
        NodeSubscription {
            subscriber: subscriber.as_str().into(),
            pending,
        },
    );
    visit.keep(batch).await?;
    let state = if pending { "pending" } else { "subscribed" };
    if pending {
        ask_owner(visit, node, &subscriber);
    } else if found.configuration.notify_sub {
        tell_owner(visit, &found, &subscriber, state);
    }
    let mut answer = Writer::new();
    answer.start("pubsub").xmlns(ns::PUBSUB);
    write_subscription(&mut answer, Some(node), subscriber.as_str(), state);
    answer.end();
    let reply = Reply::payload(answer.finish());
    if pending || found.configuration.send_last == SendLast::Never {
        return Ok(reply);
    }
    Ok(match newest(visit, &found, &subscriber).await? {
        Some(text) => match visit.sender.session() {
            Some(session) => reply.then(vec![Delivery::new(session, text)]),
            None => {
                notify::post(visit, &text).await;
                reply
            }
        },
        None => reply,
    })
}

/// The newest item, for a new subscriber (§6.1.7).
async fn newest(
    visit: &Visit,
    found: &Found,
    subscriber: &Jid,
) -> Result<Option<bytes::Bytes>, StanzaError> {
    let query = ItemQuery {
        position: ItemPosition::Last,
        max: 1,
        max_bytes: usize::MAX,
        since: visit.oldest(&found.configuration),
    };
    let name = &found.node.settings.name;
    let store = visit.chat.store();
    let page = store.node_items(visit.owner.id(), name, query).await;
    let page = page.map_err(|error| store_failed(&error))?;
    Ok(page.items.first().map(|item| {
        let payload = if found.configuration.deliver_payloads {
            &*item.payload
        } else {
            ""
        };
        let event = Event::Published {
            node: name,
            items: vec![(&item.id, None, payload)],
        };
        let mut delay = Writer::new();
        Delay {
            from: None,
            stamp: item.published,
        }
        .write(&mut delay);
        message(
            visit.owner.jid().as_str(),
            subscriber.as_str(),
            &visit.chat.new_id("event"),
            kind(&found.configuration),
            &[&event.to_xml(), &delay.finish()],
        )
    }))
}

pub(super) async fn unsubscribe(
    visit: &Visit,
    node: &str,
    jid: &str,
    subid: Option<&str>,
) -> Result<Reply, StanzaError> {
    let subscriber = own_address(visit, jid)?;
    if subid.is_some() {
        return Err(error(StanzaCondition::NotAcceptable, "invalid-subid"));
    }
    let _turn = visit.owner.turn().await;
    let (found, _) = visit.node(node).await?;
    let found = found.ok_or_else(hidden)?;
    let is_there = |known: &NodeSubscription| *known.subscriber == *subscriber.as_str();
    if !found.node.subscriptions.iter().any(is_there) {
        let reads = found.standing.reads(&found.configuration);
        return Err(if reads {
            // §6.2.3.2: not of the type that the condition has elsewhere.
            error(StanzaCondition::UnexpectedRequest, "not-subscribed").kind(ErrorType::Cancel)
        } else {
            hidden()
        });
    }
    let mut batch = Batch::new();
    batch.node_unsubscribe(visit.owner.id(), node, subscriber.as_str());
    visit.keep(batch).await?;
    if found.configuration.notify_sub {
        tell_owner(visit, &found, &subscriber, "none");
    }
    Ok(Reply::empty())
}

/// The owner's answer to the question whether somebody may subscribe (§8.6): a form in a message to
/// his own address. `None` when a message is none.
pub(crate) fn decided(
    chat: &Chat,
    sender: &Sender,
    message: &Stanza,
    now: Now,
) -> Option<Work<Vec<Delivery>>> {
    let form = message.child("x", ns::DATA_FORMS)?.tree();
    let form = DataForm::read(form.root()).ok()?;
    let own = sender.account()?.jid();
    let is_own = message.to().is_none_or(|to| *to == *own.as_str());
    if !is_own
        || form.kind != FormKind::Submit
        || form.form_type() != Some(ns::PUBSUB_SUBSCRIBE_AUTHORIZATION)
    {
        return None;
    }
    let value = |var| form.field(var).and_then(Field::value).map(str::to_owned);
    let (node, subscriber) = (value("pubsub#node")?, value("pubsub#subscriber_jid")?);
    let allowed = matches!(value("pubsub#allow").as_deref(), Some("1" | "true"));
    let visit = Visit::own(chat, now, sender)?;
    Some(Box::pin(async move {
        let state = if allowed { "subscribed" } else { "none" };
        let changes = [(subscriber.as_str(), state)];
        if let Err(error) = lists::set_subscriptions(&visit, &node, &changes).await {
            tracing::debug!(%error, "an answer to a subscription could not be carried out");
        }
        Vec::new()
    }))
}

/// §6.1.3.1: nobody subscribes anybody else.
fn own_address(visit: &Visit, jid: &str) -> Result<Jid, StanzaError> {
    let invalid = || error(StanzaCondition::BadRequest, "invalid-jid");
    let address = Jid::parse(jid).map_err(|_| invalid())?;
    let sender = visit.sender.jid();
    let own = address == *sender || address.as_str() == sender.bare_str();
    if own { Ok(address) } else { Err(invalid()) }
}

/// A `<subscription/>` in the namespace around it.
pub(super) fn write_subscription(out: &mut Writer, node: Option<&str>, jid: &str, state: &str) {
    out.start("subscription")
        .attr_opt("node", node)
        .attr("jid", jid)
        .attr("subscription", state)
        .end();
}

/// Tells the owner's sessions of a subscription (§8.6 is about asking; `pubsub#notify_sub`).
fn tell_owner(visit: &Visit, found: &Found, subscriber: &Jid, state: &str) {
    let event = Event::Subscription {
        node: &found.node.settings.name,
        jid: subscriber.as_str(),
        state,
    };
    to_owner(visit, kind(&found.configuration), &event.to_xml());
}

/// Asks the owner to approve a subscription (§8.6).
fn ask_owner(visit: &Visit, node: &str, subscriber: &Jid) {
    let mut form = DataForm::new(FormKind::Form, ns::PUBSUB_SUBSCRIBE_AUTHORIZATION);
    form.title = Some("A subscription asks for your word".into());
    let mut field = |var: &str, kind: &str, label: &str, value: &str| {
        let mut field = Field::new(var, kind, [value]);
        field.label = Some(label.to_owned());
        form.fields.push(field);
    };
    field("pubsub#node", "text-single", "Node", node);
    let address = subscriber.as_str();
    field("pubsub#subscriber_jid", "jid-single", "Who asks", address);
    field("pubsub#allow", "boolean", "Allow it?", "false");
    let mut out = Writer::new();
    form.write(&mut out);
    to_owner(visit, None, &out.finish());
}

fn to_owner(visit: &Visit, kind: Option<&str>, child: &str) {
    let id = visit.chat.new_id("event");
    let from = visit.owner.jid().as_str();
    visit.owner.each_session(|session| {
        if session.is_available() {
            let text = message(from, session.jid().as_str(), &id, kind, &[child]);
            Delivery::new(session, text).perform();
        }
    });
}
