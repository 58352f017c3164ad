//! XEP-0222: Persistent Storage of Public Data via PubSub

use super::Module;

/// The declaration: nodes with options, as [`pubsub`](super::pubsub) has them.
pub(super) static MODULE: Module = Module {
    name: "public_data",
    specification: "XEP-0222",
    title: "Persistent Storage of Public Data via PubSub",
    version: "1.0",
    ..Module::NONE
};
