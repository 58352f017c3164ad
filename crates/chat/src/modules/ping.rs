//! XEP-0199: XMPP Ping

use xmpp::condition::StanzaError;
use xmpp::ns;

use super::{Feature, IqHandler, Module, OpenIqContext, Reply, Run, Seat, Target};
use crate::Work;

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "ping",
    specification: "XEP-0199",
    title: "XMPP Ping",
    version: "2.0.1",
    features: &[Feature {
        var: ns::PING,
        seat: Seat::Both,
    }],
    iq: &[IqHandler {
        targets: &[Target::Host, Target::Own],
        set: false,
        payload: "ping",
        namespace: ns::PING,
        run: Run::Anyone(get),
    }],
    ..Module::NONE
};

fn get(_context: OpenIqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async { Ok(Reply::empty()) })
}
