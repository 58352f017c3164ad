//! XEP-0352: Client State Indication

use xmpp::ns;

use super::Module;

/// The declaration. What waits for an inactive client is decided where stanzas go out, in
/// `session/client_state.rs`.
pub(super) static MODULE: Module = Module {
    name: "client_state",
    specification: "XEP-0352",
    title: "Client State Indication",
    version: "1.0.0",
    stream_features: &["<csi xmlns='urn:xmpp:csi:0'/>"],
    bind_features: &[ns::CLIENT_STATE],
    ..Module::NONE
};
