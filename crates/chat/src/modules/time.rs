//! XEP-0202: Entity Time

use base::Timestamp;
use xmpp::condition::StanzaError;
use xmpp::ns;
use xmpp::xml::Writer;

use super::{Feature, IqHandler, Module, OpenIqContext, Reply, Run, Seat, Target};
use crate::Work;

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "time",
    specification: "XEP-0202",
    title: "Entity Time",
    version: "2.0",
    features: &[Feature {
        var: ns::TIME,
        seat: Seat::Host,
    }],
    iq: &[IqHandler {
        targets: &[Target::Host],
        set: false,
        payload: "time",
        namespace: ns::TIME,
        run: Run::Anyone(get),
    }],
    ..Module::NONE
};

fn get(context: OpenIqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        // Whole seconds: some clients read no more.
        let now = Timestamp::from_seconds(context.now.wall.seconds());
        let mut out = Writer::new();
        out.start("time").xmlns(ns::TIME);
        out.leaf_text("tzo", None, "+00:00");
        out.leaf_text("utc", None, &now.to_string());
        out.end();
        Ok(Reply::payload(out.finish()))
    })
}
