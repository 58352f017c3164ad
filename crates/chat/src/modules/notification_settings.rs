//! XEP-0492: Chat Notification Settings
//!
//! Clients keep the settings with their bookmarks. The server heeds them when it tells devices that
//! sleep: what an account has set is read once and remembered until its bookmarks change.

use std::sync::Arc;

use xmpp::condition::StanzaError;
use xmpp::ns;
use xmpp::xep::bookmarks::Bookmark;
use xmpp::xep::notification_settings::NotificationSetting;
use xmpp::xml::Tree;

use super::{Module, bookmarks};
use crate::account::NotificationSettings;
use crate::{Account, Chat};

/// The declaration. No conversion loses what stands beside a bookmark ([`bookmarks`]).
pub(super) static MODULE: Module = Module {
    name: "notification_settings",
    specification: "XEP-0492",
    title: "Chat Notification Settings",
    version: "0.2.0",
    ..Module::NONE
};

/// The settings of an account.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn of(
    chat: &Chat,
    account: &Account,
) -> Result<Arc<NotificationSettings>, StanzaError> {
    if let Some(known) = &*account.settings() {
        return Ok(Arc::clone(known));
    }
    // What may be changing at this moment is read, and not remembered.
    let turn = account.turn_if_free();
    let kept = bookmarks::of(chat, account).await?;
    let settings = kept.into_iter().map(|(address, bookmark)| {
        let setting = extension(&bookmark, "notify", ns::NOTIFICATION_SETTINGS)
            .and_then(|notify| NotificationSetting::read(notify.root()));
        (address, setting)
    });
    let settings = Arc::new(settings.collect::<NotificationSettings>());
    if turn.is_some() {
        *account.settings() = Some(Arc::clone(&settings));
    }
    Ok(settings)
}

/// What stands beside a bookmark under this name.
pub(super) fn extension(bookmark: &Bookmark, name: &str, namespace: &str) -> Option<Tree> {
    let mut trees = bookmark
        .extensions
        .iter()
        .filter(|text| text.contains(namespace))
        .filter_map(|text| Tree::parse(text).ok());
    trees.find(|tree| tree.root().is(name, namespace))
}
