//! XEP-0424: Message Retraction

use xmpp::ns;

use super::{Feature, Module, Seat};

/// The declaration. Retractions are between clients; archives keep them and they wait for those who are
/// away, as [`content`](super::content) says. A room puts a tombstone in the place of a message that its
/// author has taken back (`rooms/retraction.rs`). The archive of an account keeps what it has: taking a
/// message out of what somebody else keeps is for that person's own devices to do.
pub(super) static MODULE: Module = Module {
    name: "retraction",
    specification: "XEP-0424",
    title: "Message Retraction",
    version: "0.4.2",
    features: &[Feature {
        var: ns::RETRACTION,
        seat: Seat::Both,
    }],
    ..Module::NONE
};
