//! XEP-0115: Entity Capabilities
//!
//! The server tells its own, and learns those of the clients: what a session can do, and which
//! events it wants to hear of (XEP-0163 §4.2), is known without a question when another client
//! has shown the same hash before. Clients of contacts on other servers are looked at in the same way.

mod elsewhere;

use std::sync::Arc;

use xmpp::iq;
use xmpp::ns;
use xmpp::xep::caps::Capabilities;
use xmpp::xep::disco::Info;
use xmpp::xml::{Stanza, Writer};

pub(crate) use elsewhere::{Asked, learn_elsewhere, noted_elsewhere};

use super::{Feature, Module, Seat, SessionContext, Table, disco, pubsub};
use crate::caps::Features;
use crate::delivery::Delivery;
use crate::{Chat, ChatConfig, SessionEntry, Work};

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "caps",
    specification: "XEP-0115",
    title: "Entity Capabilities",
    version: "1.6.0",
    features: &[Feature {
        var: ns::CAPS,
        seat: Seat::Host,
    }],
    ..Module::NONE
};

/// Names this program, as XEP-0115 §4 wants it.
const NODE: &str = "urn:hauspost:server";

/// `<c/>` among the stream features: whoever knows this `ver` need not ask (§6.3).
pub(crate) fn stream_feature(config: &ChatConfig, table: &Table) -> String {
    let mut out = Writer::new();
    out.start("c")
        .xmlns(ns::CAPS)
        .attr("hash", "sha-1")
        .attr("node", NODE)
        .attr("ver", disco::host(config, table).verification())
        .end();
    out.finish()
}

/// True when `node` stands for what `info` says (§6.2).
pub(super) fn is_node(node: &str, info: &Info) -> bool {
    let rest = node
        .strip_prefix(NODE)
        .and_then(|rest| rest.strip_prefix('#'));
    rest.is_some_and(|ver| ver == info.verification())
}

/// Takes note of a presence that a session has broadcast. What it shows is looked up, or asked for.
/// Returns the nodes that it wants to hear of and did not want before.
pub(super) fn noted(chat: &Chat, session: &Arc<SessionEntry>, presence: &Stanza) -> Vec<Arc<str>> {
    let Some(capabilities) = Capabilities::of(presence) else {
        return session.features().learn(None);
    };
    if session.features().is_of(&capabilities) {
        return Vec::new();
    }
    if let Some(known) = chat.known_features().get(&capabilities) {
        return session.features().learn(Some(known));
    }
    let id = chat.new_id("capabilities");
    let mut query = Writer::with_capacity(128);
    query
        .start("query")
        .xmlns(ns::DISCO_INFO)
        .attr("node", capabilities.disco_node())
        .end();
    let (from, to) = (chat.domain(), session.jid().as_str());
    let question = iq::get(&id, Some(&from), Some(to), &query.finish());
    session.features().ask(id, capabilities);
    Delivery::new(session, question).perform();
    Vec::new()
}

/// Takes the answer of a session to a question about its capabilities; `None` when it is none. The
/// work is to be done in the line of the session.
pub(crate) fn answered(context: SessionContext, answer: &Stanza) -> Option<Work<Vec<Delivery>>> {
    let id = answer.id()?;
    let features = context.session.features();
    let capabilities = features.take_asked(&id)?;
    // Without an answer it stays unknown until the client shows something else.
    if answer.type_().as_deref() != Some("result") {
        return None;
    }
    let tree = answer.child("query", ns::DISCO_INFO)?.tree();
    let info = Info::read(tree.root());
    let verified = capabilities.is_of(&info);
    let found = Arc::new(Features::of(capabilities, &info));
    if verified {
        context.chat.known_features().insert(&found);
    }
    let fresh: Arc<[Arc<str>]> = features.learn(Some(found)).into();
    Some(Box::pin(async move {
        if context.session.is_available() {
            pubsub::send_newest(&context, &fresh).await;
        }
        Vec::new()
    }))
}
