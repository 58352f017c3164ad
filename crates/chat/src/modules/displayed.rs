//! XEP-0490: Message Displayed Synchronization

use std::sync::Arc;

use base::{Jid, Now};
use store::{Batch, NodeItem};
use xmpp::ns;
use xmpp::xep::displayed::{is_marker, marker};
use xmpp::xml::{Edit, Stanza, Tree};

use super::pubsub::{Publication, Visit};
use super::{Feature, Module, Seat};
use crate::delivery::Delivery;
use crate::{Chat, Sender, Work, readable_rooms};

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "displayed",
    specification: "XEP-0490",
    title: "Message Displayed Synchronization",
    version: "1.0.1",
    features: &[Feature {
        var: ns::DISPLAYED_ASSIST,
        seat: Seat::Account,
    }],
    ..Module::NONE
};

/// A marker to be published: the conversation, and the element.
pub(crate) struct Marker {
    conversation: Arc<str>,
    payload: Arc<str>,
}

/// Takes the marker for the server out of a message of a client (§4.4.1); nothing of it goes on.
/// `None` when there is none.
pub(crate) fn detach(message: &Stanza) -> Option<(Stanza, Option<Marker>)> {
    if !message.has("displayed", ns::DISPLAYED) {
        return None;
    }
    let found = marker(message)
        .zip(message.to())
        .map(|(marker, to)| Marker {
            conversation: (*to).into(),
            payload: marker.raw().into(),
        });
    let received = message.head();
    let edit = Edit {
        drop: &is_marker,
        append: b"",
    };
    let rest = message.relay(&received.as_head(), &edit);
    let rest = std::str::from_utf8(&rest)
        .ok()
        .and_then(|text| Stanza::parse(text).ok())?;
    Some((rest, found))
}

/// Somebody publishes at a node: how far conversations were displayed is noted with it, so that what is
/// unread in them follows ([`inbox`](super::inbox)). For people and private messages the id is one of the
/// account's own archive, for a room one of the room's (§4.2).
pub(super) fn will_publish(visit: &Visit, node: &str, items: &[NodeItem], batch: &mut Batch) {
    if node != ns::DISPLAYED {
        return;
    }
    let rooms = readable_rooms::address(&visit.chat);
    for item in items {
        let Ok(peer) = Jid::parse(&item.id) else {
            continue;
        };
        let of_room = peer.domain() == rooms;
        let by = if of_room {
            peer.as_str()
        } else {
            visit.owner.jid().as_str()
        };
        let through = Tree::parse(&item.payload).ok().and_then(|payload| {
            let id = payload.root().child("stanza-id", ns::STANZA_ID)?;
            let claimed = Jid::parse(id.attr("by")?).ok()?;
            (claimed.as_str() == by).then(|| id.attr("id")?.parse().ok())?
        });
        if let Some(through) = through
            && peer.is_bare()
        {
            batch.inbox_displayed(visit.owner.id(), peer.as_str(), through);
        }
    }
}

/// Publishes it on behalf of the sender.
pub(crate) fn publish(
    chat: &Chat,
    sender: &Sender,
    marker: Option<Marker>,
    now: Now,
) -> Option<Work<Vec<Delivery>>> {
    let (marker, visit) = (marker?, Visit::own(chat, now, sender)?);
    Some(Box::pin(async move {
        let turn = visit.owner.turn().await;
        let publication = Publication {
            node: ns::DISPLAYED,
            items: vec![(marker.conversation, marker.payload)],
            options: None,
        };
        if let Err(error) = visit.publish(&turn, publication).await {
            // The message goes on: the marker is a help, not its point.
            tracing::debug!(%error, "how far a conversation was displayed could not be kept");
        }
        Vec::new()
    }))
}
