//! XEP-0485: PubSub Server Information

use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::disco::{Identity, Info, Item};
use xmpp::xml::Writer;

use super::{IqHandler, Module, OpenIqContext, Reply, Run, Status, Target, version};
use crate::{ChatConfig, Work};

/// The declaration. Its features depend on the configuration: the administrator decides whether
/// the server is on the map (§9).
pub(super) static MODULE: Module = Module {
    name: "server_information",
    specification: "XEP-0485",
    title: "PubSub Server Information",
    version: "1.0.0",
    status: Status::Partial("this domain and its software; there is no federation to tell of yet"),
    iq: &[IqHandler {
        targets: &[Target::Host],
        set: false,
        payload: "pubsub",
        namespace: ns::PUBSUB,
        run: Run::Anyone(get),
    }],
    ..Module::NONE
};

const NODE: &str = "serverinfo";
const ITEM: &str = "current";

/// Features of the server, beside those of all modules.
pub(super) fn features(config: &ChatConfig) -> &'static [&'static str] {
    if config.publish_server_information {
        &[
            ns::PUBSUB_SERVER_INFO,
            ns::PUBSUB,
            "http://jabber.org/protocol/pubsub#retrieve-items",
        ]
    } else {
        &[]
    }
}

/// Identities of the server, beside those of all modules.
pub(super) fn identities(config: &ChatConfig) -> Option<Identity> {
    config.publish_server_information.then(|| Identity {
        category: "pubsub".into(),
        kind: "service".into(),
        ..Identity::default()
    })
}

/// Where the information is (§3): a field of the form of XEP-0157.
pub(super) fn field(config: &ChatConfig) -> Option<(std::borrow::Cow<'static, str>, Vec<String>)> {
    config.publish_server_information.then(|| {
        (
            "serverinfo-pubsub-node".into(),
            vec![format!("xmpp:{}?;node={NODE}", config.domain)],
        )
    })
}

/// The nodes of the server.
pub(super) fn items(config: &ChatConfig) -> Vec<Item> {
    let node = config.publish_server_information.then(|| Item {
        jid: config.domain.to_string(),
        node: Some(NODE.into()),
        name: None,
    });
    node.into_iter().collect()
}

/// What the node is.
pub(super) fn node_info(config: &ChatConfig, node: &str) -> Option<Info> {
    (config.publish_server_information && node == NODE).then(|| Info {
        identities: vec![Identity {
            category: "pubsub".into(),
            kind: "leaf".into(),
            ..Identity::default()
        }],
        features: vec![ns::PUBSUB.into()],
        forms: Vec::new(),
    })
}

/// What is in the node (XEP-0060 §5.5).
pub(super) fn node_items(config: &ChatConfig, node: &str) -> Option<Vec<Item>> {
    (config.publish_server_information && node == NODE).then(|| {
        vec![Item {
            jid: config.domain.to_string(),
            node: None,
            name: Some(ITEM.into()),
        }]
    })
}

/// XEP-0060 §6.5: anyone may read the one item.
fn get(context: OpenIqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let config = context.chat.config();
        if !config.publish_server_information {
            return Err(StanzaError::new(StanzaCondition::ServiceUnavailable));
        }
        let payload = context.payload();
        let Some(items) = payload.root().child("items", ns::PUBSUB) else {
            return Err(StanzaError::new(StanzaCondition::FeatureNotImplemented)
                .text("Items can be read here, and nothing else be done."));
        };
        if items.attr("node") != Some(NODE) {
            return Err(
                StanzaError::new(StanzaCondition::ItemNotFound).text("There is no such node here.")
            );
        }
        let mut wanted = items
            .children()
            .filter(|item| item.is("item", ns::PUBSUB))
            .peekable();
        let all = wanted.peek().is_none();
        let shown = all || wanted.any(|item| item.attr("id") == Some(ITEM));
        let mut out = Writer::with_capacity(512);
        out.start("pubsub")
            .xmlns(ns::PUBSUB)
            .start("items")
            .attr("node", NODE);
        if shown {
            out.start("item").attr("id", ITEM);
            out.start("serverinfo").xmlns(ns::PUBSUB_SERVER_INFO);
            out.start("domain").attr("name", &*config.domain);
            out.start("federation").end().end();
            version::write(&mut out, &config);
            out.end().end();
        }
        out.end().end();
        Ok(Reply::payload(out.finish()))
    })
}
