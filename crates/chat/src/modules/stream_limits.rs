//! XEP-0478: Stream Limits Advertisement

use xmpp::ns;
use xmpp::xml::Writer;

use super::Module;
use crate::ChatConfig;

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "stream_limits",
    specification: "XEP-0478",
    title: "Stream Limits Advertisement",
    version: "0.2.0",
    ..Module::NONE
};

/// What a stream carries before its client is known.
pub(crate) fn before_authentication(config: &ChatConfig) -> String {
    limits(config.limits.preauth_stanza_bytes, None)
}

/// What it carries afterwards.
pub(crate) fn after_authentication(config: &ChatConfig) -> String {
    limits(
        config.limits.stanza_bytes,
        Some(config.limits.idle_ping_seconds),
    )
}

fn limits(bytes: usize, idle_seconds: Option<u32>) -> String {
    let mut out = Writer::new();
    out.start("limits").xmlns(ns::STREAM_LIMITS);
    out.leaf_text("max-bytes", None, &bytes.to_string());
    if let Some(seconds) = idle_seconds {
        out.leaf_text("idle-seconds", None, &seconds.to_string());
    }
    out.end();
    out.finish()
}
