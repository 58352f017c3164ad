//! XEP-0092: Software Version

use xmpp::ns;
use xmpp::xml::Writer;

use super::{Feature, IqHandler, Module, OpenIqContext, Reply, Run, Seat, Target, disco};
use crate::{ChatConfig, Work};
use xmpp::condition::StanzaError;

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "version",
    specification: "XEP-0092",
    title: "Software Version",
    version: "1.1",
    features: &[Feature {
        var: ns::VERSION,
        seat: Seat::Host,
    }],
    iq: &[IqHandler {
        targets: &[Target::Host],
        set: false,
        payload: "query",
        namespace: ns::VERSION,
        run: Run::Anyone(get),
    }],
    ..Module::NONE
};

fn get(context: OpenIqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let mut out = Writer::new();
        write(&mut out, &context.chat.config());
        Ok(Reply::payload(out.finish()))
    })
}

/// Name and version. Not the operating system: that only helps those who look for holes (§5).
pub(super) fn write(out: &mut Writer, config: &ChatConfig) {
    out.start("query").xmlns(ns::VERSION);
    out.leaf_text("name", None, disco::SOFTWARE);
    out.leaf_text("version", None, &config.version);
    out.end();
}
