//! XEP-0163: Personal Eventing Protocol

use super::{Identity, Module, Seat, SessionContext, pubsub};
use crate::Work;
use crate::delivery::Delivery;

/// The declaration. The nodes are those of [`pubsub`].
pub(super) static MODULE: Module = Module {
    name: "pep",
    specification: "XEP-0163",
    title: "Personal Eventing Protocol",
    version: "1.2.2",
    identities: &[Identity {
        category: "pubsub",
        kind: "pep",
        seat: Seat::Account,
    }],
    session_available: Some(available),
    ..Module::NONE
};

/// §4.3.4: who comes online hears of what was published last.
fn available(context: SessionContext) -> Work<Vec<Delivery>> {
    Box::pin(async move {
        if let Some(features) = context.session.features().known() {
            pubsub::send_newest(&context, features.nodes()).await;
        }
        Vec::new()
    })
}
