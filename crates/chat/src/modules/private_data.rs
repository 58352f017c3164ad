//! XEP-0223: Persistent Storage of Private Data via PubSub

use super::Module;

/// The declaration: nodes with options, as [`pubsub`](super::pubsub) has them.
pub(super) static MODULE: Module = Module {
    name: "private_data",
    specification: "XEP-0223",
    title: "Persistent Storage of Private Data via PubSub",
    version: "1.1.1",
    ..Module::NONE
};
