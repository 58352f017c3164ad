//! XEP-0198: Stream Management

use super::Module;

/// The declaration. The counters are `xmpp::sm`, the features come from the stream machine, and
/// what was not acknowledged is in `session/outbox.rs`. A session does not outlive the process:
/// resuming it after a restart is refused, and what it had not acknowledged is in the archive.
pub(super) static MODULE: Module = Module {
    name: "stream_management",
    specification: "XEP-0198",
    title: "Stream Management",
    version: "1.6.3",
    ..Module::NONE
};
