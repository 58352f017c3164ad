//! RFC 3921 §3: session establishment, which is done when a resource is bound

use xmpp::condition::StanzaError;
use xmpp::ns;

use super::{IqContext, IqHandler, Module, Reply, Run, Target};
use crate::Work;

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "legacy_session",
    specification: "RFC 3921",
    title: "Session establishment, for old clients",
    version: "2004",
    iq: &[IqHandler {
        targets: &[Target::Host, Target::Own],
        set: true,
        payload: "session",
        namespace: ns::SESSION,
        run: Run::Client(set),
    }],
    ..Module::NONE
};

fn set(_context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async { Ok(Reply::empty()) })
}
