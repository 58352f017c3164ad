//! XEP-0492: Chat Notification Settings

use super::Module;

/// The declaration: clients keep the settings with their bookmarks, whose extensions no conversion
/// loses ([`bookmarks`](super::bookmarks)).
pub(super) static MODULE: Module = Module {
    name: "notification_settings",
    specification: "XEP-0492",
    title: "Chat Notification Settings",
    version: "0.2.0",
    ..Module::NONE
};
