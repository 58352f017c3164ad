//! XEP-0490: Message Displayed Synchronization

use std::sync::Arc;

use base::Now;
use xmpp::ns;
use xmpp::xep::displayed::{is_marker, marker};
use xmpp::xml::{Edit, Stanza};

use super::pubsub::{Publication, Visit};
use super::{Feature, Module, Seat};
use crate::delivery::Delivery;
use crate::{Chat, Sender, Work};

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
