//! XEP-0115: Entity Capabilities

use xmpp::ns;
use xmpp::xep::disco::Info;
use xmpp::xml::Writer;

use super::{Feature, Module, Seat, Table, disco};
use crate::ChatConfig;

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
