//! Nodes whose specifications say how they are configured. A client that publishes there without
//! saying so itself gets it right all the same.

use xmpp::ns;
use xmpp::xep::node_configuration::{AccessModel, Bound, NodeConfiguration, SendLast};

/// The configuration that a new node of this name has.
pub(super) fn configuration(node: &str) -> NodeConfiguration {
    let default = NodeConfiguration::default();
    match node {
        // XEP-0223: for nobody else.
        ns::BOOKMARKS | ns::DISPLAYED | ns::VCARD4_CONTACTS => NodeConfiguration {
            access: AccessModel::Whitelist,
            max_items: Bound::Max,
            send_last: SendLast::Never,
            ..default
        },
        ns::LEGACY_BOOKMARKS => NodeConfiguration {
            access: AccessModel::Whitelist,
            ..default
        },
        // XEP-0384 §5.3: whoever wants to write must find the keys.
        ns::OMEMO_BUNDLES => NodeConfiguration {
            access: AccessModel::Open,
            max_items: Bound::Max,
            ..default
        },
        ns::OMEMO_DEVICES | ns::OMEMO_LEGACY_DEVICES => NodeConfiguration {
            access: AccessModel::Open,
            ..default
        },
        _ if node.starts_with(ns::OMEMO_LEGACY_BUNDLES) => NodeConfiguration {
            access: AccessModel::Open,
            send_last: SendLast::Never,
            ..default
        },
        _ => default,
    }
}
