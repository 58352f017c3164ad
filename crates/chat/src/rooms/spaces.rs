//! XEP-0503: Server-side spaces: each department is one, with its rooms in it
//!
//! A space is made by the directory: it is there for the people of a group, under the group's name, and
//! holds the rooms that are bound to the group. So who may put a room into a space is who may bind it
//! ([`super::owner`]), and nothing is kept twice. Those of other groups, and of other servers, get
//! the answers of a space that is not there.

use std::sync::Arc;

use store::{RoomStanding, RoomsQuery};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::iq::{Iq, IqBody};
use xmpp::ns;
use xmpp::xep::disco::{Form, Identity, Info};
use xmpp::xep::http_upload::encode_segment;
use xmpp::xep::pubsub::unsupported;
use xmpp::xml::{Element, Kind, Stanza, Writer};

use crate::modules::{Reply, store_failed};
use crate::requests;
use crate::service::{Served, Service, ServiceContext, Taken};
use crate::{Chat, Sender};

/// `spaces.<domain>`.
pub(crate) static SERVICE: Service = Service {
    label: "spaces",
    title: "Departments",
    open: |_| true,
    take,
};

/// Rooms of one space that are listed.
const MOST: usize = 1_000;

/// The address of a department's space: an `xmpp:` IRI (RFC 5122, XEP-0060 §12.22).
pub(super) fn iri(chat_domain: &str, group: &str) -> String {
    let node = encode_segment(group);
    format!("xmpp:{}.{chat_domain}?;node={node}", SERVICE.label)
}

fn take(context: ServiceContext) -> Taken {
    match context.stanza.kind() {
        Kind::Iq => {}
        Kind::Message => {
            return Taken::Refused(
                StanzaError::new(StanzaCondition::ServiceUnavailable)
                    .text("This service reads no messages."),
            );
        }
        Kind::Presence | Kind::Other => return Taken::Done,
    }
    match Iq::parse(&context.stanza).map(|iq| iq.body) {
        Err(error) => return Taken::Refused(error),
        Ok(IqBody::Result(_) | IqBody::Error(_)) => return Taken::Done,
        Ok(IqBody::Get(_) | IqBody::Set(_)) => {}
    }
    Taken::Wait(Box::pin(async move {
        let ServiceContext {
            chat,
            sender,
            to,
            stanza,
            ..
        } = context;
        let (asker, request) = (sender.jid().clone(), stanza.clone());
        let work = Box::pin(async move {
            if to.local().is_some() {
                return Err(no_space());
            }
            answer(&chat, &sender, &stanza).await
        });
        let (own, deliveries) = requests::finish(&request, asker.as_str(), work).await;
        Ok(Served { own, deliveries })
    }))
}

fn no_space() -> StanzaError {
    StanzaError::new(StanzaCondition::ItemNotFound).text("There is no such space.")
}

async fn answer(chat: &Chat, sender: &Sender, stanza: &Stanza) -> Result<Reply, StanzaError> {
    let iq = Iq::parse(stanza)?;
    let (set, child) = iq
        .request()
        .ok_or_else(|| StanzaError::new(StanzaCondition::ServiceUnavailable))?;
    let payload = child.tree();
    let payload = payload.root();
    let node = payload.attr("node");
    match (set, child.name(), child.namespace()) {
        (false, "query", ns::DISCO_INFO) => match node {
            None => Ok(service_info()),
            Some(node) => space_info(sender, node),
        },
        (false, "query", ns::DISCO_ITEMS) => match node {
            None => Ok(spaces(chat, sender)),
            Some(node) => {
                let rooms = rooms_of(chat, sender, node).await?;
                Ok(room_list(chat, node, &rooms))
            }
        },
        (false, "pubsub", ns::PUBSUB) => items(chat, sender, payload).await,
        (_, "pubsub", ns::PUBSUB | ns::PUBSUB_OWNER) => Err(refused(payload)),
        (false, "ping", ns::PING) => Ok(Reply::empty()),
        _ => Err(StanzaError::new(StanzaCondition::ServiceUnavailable)),
    }
}

/// Whether somebody is of a department.
fn is_of(sender: &Sender, group: &str) -> bool {
    sender.account().is_some_and(|account| {
        let facts = account.facts();
        facts.account.groups.iter().any(|own| **own == *group)
    })
}

/// §3: what may not, or cannot, be done to a space.
fn refused(payload: Element<'_>) -> StanzaError {
    let wanted = payload.children().next();
    match wanted.map(|wanted| wanted.name()) {
        Some("subscribe" | "unsubscribe" | "subscriptions") => unsupported("subscribe")
            .text("Who is of a department is in its space; there is nothing to subscribe to."),
        _ => StanzaError::new(StanzaCondition::Forbidden).text(
            "Spaces are the departments of the directory. A room comes into one when an owner of it \
             who is of the department, or an administrator, sets its group.",
        ),
    }
}

fn service_info() -> Reply {
    let features = [
        ns::DISCO_INFO,
        ns::DISCO_ITEMS,
        ns::PUBSUB,
        "http://jabber.org/protocol/pubsub#access-whitelist",
        "http://jabber.org/protocol/pubsub#item-ids",
        "http://jabber.org/protocol/pubsub#meta-data",
        "http://jabber.org/protocol/pubsub#multi-items",
        "http://jabber.org/protocol/pubsub#persistent-items",
        "http://jabber.org/protocol/pubsub#retrieve-items",
        ns::PING,
    ];
    let info = Info {
        identities: vec![Identity {
            category: "pubsub".into(),
            kind: "service".into(),
            lang: None,
            name: Some(SERVICE.title.into()),
        }],
        features: features.map(Into::into).to_vec(),
        forms: Vec::new(),
    };
    Reply::payload(info.to_xml(None))
}

/// §5.1: the spaces that somebody is in.
fn spaces(chat: &Chat, sender: &Sender) -> Reply {
    let groups: Vec<Arc<str>> = sender
        .account()
        .map(|account| account.facts().account.groups.clone())
        .unwrap_or_default();
    let service = address(chat);
    let mut out = Writer::with_capacity(128 + groups.len() * 96);
    out.start("query").xmlns(ns::DISCO_ITEMS);
    for group in &groups {
        out.start("item")
            .attr("jid", &service)
            .attr("node", &**group)
            .attr("name", &**group)
            .end();
    }
    out.end();
    Reply::payload(out.finish())
}

fn address(chat: &Chat) -> String {
    format!("{}.{}", SERVICE.label, chat.domain())
}

/// §5.2.
fn space_info(sender: &Sender, node: &str) -> Result<Reply, StanzaError> {
    if !is_of(sender, node) {
        return Err(no_space());
    }
    let field = |var: &'static str, value: &str| (var.into(), vec![value.to_owned()]);
    let info = Info {
        identities: vec![Identity {
            category: "pubsub".into(),
            kind: "leaf".into(),
            lang: None,
            name: Some(node.to_owned().into()),
        }],
        features: vec![ns::PUBSUB.into()],
        forms: vec![Form {
            form_type: ns::PUBSUB_META_DATA.into(),
            fields: vec![
                field("pubsub#type", ns::SPACES),
                field("pubsub#title", node),
                field("pubsub#access_model", "whitelist"),
            ],
        }],
    };
    Ok(Reply::payload(info.to_xml(Some(node))))
}

/// The rooms of a space, as far as who asks may know of them.
async fn rooms_of(
    chat: &Chat,
    sender: &Sender,
    group: &str,
) -> Result<Vec<RoomStanding>, StanzaError> {
    if !is_of(sender, group) {
        return Err(no_space());
    }
    let query = RoomsQuery {
        address: sender.jid().bare_str().into(),
        domain: sender.jid().domain().into(),
        groups: vec![group.into()],
        named: Vec::new(),
    };
    let rooms = chat.store().rooms_of(query).await;
    let mut rooms = rooms.map_err(|error| store_failed(&error))?;
    rooms.retain(|room| {
        let of_group = room.config.group.as_deref() == Some(group) && !room.config.locked;
        // Whoever is of a department and banned from one of its rooms does not find that.
        of_group && (room.config.listed || room.affiliation != store::Affiliation::Outcast)
    });
    rooms.sort_unstable_by(|one, other| one.localpart.cmp(&other.localpart));
    rooms.truncate(MOST);
    Ok(rooms)
}

fn room_address(chat: &Chat, room: &RoomStanding) -> String {
    format!("{}@{}", room.localpart, super::address(chat))
}

/// XEP-0060 §5.5: the items of a space, by which a client sees that a room is in it (§5.5).
fn room_list(chat: &Chat, node: &str, rooms: &[RoomStanding]) -> Reply {
    let service = address(chat);
    let mut out = Writer::with_capacity(128 + rooms.len() * 96);
    out.start("query").xmlns(ns::DISCO_ITEMS).attr("node", node);
    for room in rooms {
        out.start("item")
            .attr("jid", &service)
            .attr("name", room_address(chat, room))
            .end();
    }
    out.end();
    Reply::payload(out.finish())
}

/// §5.4: what is in a space, each room as a bookmark (XEP-0402).
async fn items(chat: &Chat, sender: &Sender, payload: Element<'_>) -> Result<Reply, StanzaError> {
    let Some(wanted) = payload.child("items", ns::PUBSUB) else {
        return Err(refused(payload));
    };
    let node = wanted.attr("node").ok_or_else(no_space)?;
    let mut rooms = rooms_of(chat, sender, node).await?;
    let ids: Vec<&str> = wanted
        .children()
        .filter(|child| child.is("item", ns::PUBSUB))
        .filter_map(|item| item.attr("id"))
        .collect();
    if !ids.is_empty() {
        rooms.retain(|room| ids.contains(&&*room_address(chat, room)));
    }
    if let Some(max) = wanted.attr("max_items") {
        let max: usize = max.parse().map_err(|_| {
            StanzaError::new(StanzaCondition::BadRequest).text("max_items is a number.")
        })?;
        rooms.truncate(max);
    }
    let mut out = Writer::with_capacity(128 + rooms.len() * 160);
    out.start("pubsub").xmlns(ns::PUBSUB);
    out.start("items").attr("node", node);
    for room in &rooms {
        let name = room.config.name.as_deref().unwrap_or(&room.localpart);
        out.start("item").attr("id", room_address(chat, room));
        out.start("conference")
            .xmlns(ns::BOOKMARKS)
            .attr("name", name)
            .end();
        out.end();
    }
    out.end().end();
    Ok(Reply::payload(out.finish()))
}
