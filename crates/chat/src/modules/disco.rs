//! XEP-0030: Service Discovery

use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::disco::{self, Info, Item};

use super::presence::is_visible_to;
use super::{Feature, Identity, IqHandler, Module, OpenIqContext, Reply, Run, Seat, Table, Target};
use super::{caps, commands, contact, encryption, pubsub, server_information};
use crate::{Account, ChatConfig, Language, Sender, Work};

/// Name of the program as people read it.
pub(crate) const SOFTWARE: &str = "Hauspost";

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "disco",
    specification: "XEP-0030",
    title: "Service Discovery",
    version: "2.5.0",
    features: &[
        Feature {
            var: ns::DISCO_INFO,
            seat: Seat::Both,
        },
        Feature {
            var: ns::DISCO_ITEMS,
            seat: Seat::Both,
        },
    ],
    identities: &[
        Identity {
            category: "server",
            kind: "im",
            seat: Seat::Host,
        },
        Identity {
            category: "account",
            kind: "registered",
            seat: Seat::Account,
        },
    ],
    iq: &[
        IqHandler {
            targets: &[Target::Host],
            set: false,
            payload: "query",
            namespace: ns::DISCO_INFO,
            run: Run::Anyone(host_info),
        },
        IqHandler {
            targets: &[Target::Host],
            set: false,
            payload: "query",
            namespace: ns::DISCO_ITEMS,
            run: Run::Anyone(host_items),
        },
        IqHandler {
            targets: &[Target::Own, Target::Other],
            set: false,
            payload: "query",
            namespace: ns::DISCO_INFO,
            run: Run::Anyone(account_info),
        },
        IqHandler {
            targets: &[Target::Own, Target::Other],
            set: false,
            payload: "query",
            namespace: ns::DISCO_ITEMS,
            run: Run::Anyone(account_items),
        },
    ],
    ..Module::NONE
};

/// What this server says of itself.
pub(crate) fn host(config: &ChatConfig, table: &Table) -> Info {
    let identity = |identity: &Identity| disco::Identity {
        category: identity.category.into(),
        kind: identity.kind.into(),
        lang: None,
        name: (identity.category == "server").then(|| SOFTWARE.into()),
    };
    let mut identities: Vec<_> = table.identities(Seat::Host).map(identity).collect();
    identities.extend(server_information::identities(config));
    let mut features: Vec<_> = table
        .features(Seat::Host)
        .into_iter()
        .map(Into::into)
        .collect();
    features.extend(
        server_information::features(config)
            .iter()
            .map(|&var| var.into()),
    );
    Info {
        identities,
        features,
        forms: contact::form(config)
            .into_iter()
            .chain([encryption::form(config)])
            .collect(),
    }
}

/// What this server says of an account.
fn account(table: &Table) -> Info {
    let identity = |identity: &Identity| disco::Identity {
        category: identity.category.into(),
        kind: identity.kind.into(),
        ..disco::Identity::default()
    };
    Info {
        identities: table.identities(Seat::Account).map(identity).collect(),
        features: table
            .features(Seat::Account)
            .into_iter()
            .map(Into::into)
            .collect(),
        forms: Vec::new(),
    }
}

fn node(context: &OpenIqContext) -> Option<String> {
    context.payload().root().attr("node").map(str::to_owned)
}

fn no_such_node() -> StanzaError {
    StanzaError::new(StanzaCondition::ItemNotFound).text("There is no such node here.")
}

fn language(context: &OpenIqContext) -> Language {
    let tag = context.stanza.lang();
    tag.map_or(Language::English, |tag| Language::of_tag(&tag))
}

/// What is told of the ad-hoc commands (XEP-0050 §2.2): to clients of ours only.
fn command_info(context: &OpenIqContext, node: &str) -> Option<Result<Info, StanzaError>> {
    match &context.sender {
        Sender::Client { session, account } => {
            commands::node_info(&context.chat, account, session, language(context), node)
        }
        Sender::House(_) | Sender::Elsewhere(_) | Sender::Account { .. } => None,
    }
}

fn host_info(context: OpenIqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let (config, node) = (context.chat.config(), node(&context));
        let info = host(&config, context.chat.table());
        let info = match node.as_deref() {
            None => info,
            Some(node) if caps::is_node(node, &info) => info,
            Some(node) => match command_info(&context, node) {
                Some(info) => info?,
                None => server_information::node_info(&config, node).ok_or_else(no_such_node)?,
            },
        };
        Ok(Reply::payload(info.to_xml(node.as_deref())))
    })
}

fn host_items(context: OpenIqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let (config, node) = (context.chat.config(), node(&context));
        let items = match node.as_deref() {
            None => {
                let mut items = context.chat.service_items();
                items.extend(server_information::items(&config));
                items
            }
            Some(ns::COMMANDS) => match &context.sender {
                Sender::Client { session, account } => {
                    commands::items(&context.chat, account, session, language(&context))
                }
                Sender::House(_) | Sender::Elsewhere(_) | Sender::Account { .. } => Vec::new(),
            },
            Some(node) => server_information::node_items(&config, node).ok_or_else(no_such_node)?,
        };
        Ok(Reply::payload(disco::items_to_xml(&items, node.as_deref())))
    })
}

/// Whether the asker may know that the account is there (XEP-0030 §8).
fn visible(context: &OpenIqContext) -> Option<&Account> {
    let target = context.target_account.as_deref()?;
    let own = context.sender.is_of(target);
    (own || is_visible_to(target, &context.sender)).then_some(target)
}

fn account_info(context: OpenIqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        if let Some(node) = node(&context) {
            let info = pubsub::node_info(&context, &node).await?;
            return Ok(Reply::payload(info.to_xml(Some(&node))));
        }
        // The same answer whether the account is not there or not for the sender to see.
        let Some(target) = visible(&context) else {
            return Err(StanzaError::new(StanzaCondition::ServiceUnavailable));
        };
        let mut info = account(context.chat.table());
        // Its own clients offer the pages for those with a role; who else has one is nobody's business.
        if context.sender.is_of(target) && target.facts().account.role != store::Role::Person {
            info.identities.push(disco::Identity {
                category: "account".into(),
                kind: "admin".into(),
                ..disco::Identity::default()
            });
        }
        Ok(Reply::payload(info.to_xml(None)))
    })
}

fn account_items(context: OpenIqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        if let Some(node) = node(&context) {
            let items = pubsub::node_items(&context, &node).await?;
            return Ok(Reply::payload(disco::items_to_xml(&items, Some(&node))));
        }
        let mut items = pubsub::visible_nodes(&context).await?;
        // XEP-0030 §8: to others the list is empty, not an error.
        if let Some(target) = visible(&context) {
            target.each_session(|session| {
                if session.is_available() {
                    items.push(Item {
                        jid: session.jid().to_string(),
                        ..Item::default()
                    });
                }
            });
        }
        Ok(Reply::payload(disco::items_to_xml(&items, None)))
    })
}
