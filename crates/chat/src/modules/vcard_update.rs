//! XEP-0153: vCard-Based Avatars
//!
//! The server writes the hash of the picture into presence (XEP-0398 §4), so that clients need not
//! fetch their own card first.

use std::sync::Arc;

use xmpp::xep::vcard_update::{Photo, injected, is_update, update};
use xmpp::xml::{Edit, Head, Stanza};

use super::{Module, presence};
use crate::{Account, Chat};

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "vcard_update",
    specification: "XEP-0153",
    title: "vCard-Based Avatars",
    version: "1.1.1",
    ..Module::NONE
};

/// A presence under another head, with the hash of the account's picture where it belongs.
pub(super) fn with_hash(account: &Account, stanza: &Stanza, head: &Head<'_>) -> bytes::Bytes {
    let shown = account.facts().avatar.clone();
    let hash = shown.as_deref().filter(|_| stanza.type_().is_none());
    match injected(stanza, hash) {
        None => stanza.relay(head, &Edit::NONE),
        Some(hash) => stanza.relay(
            head,
            &Edit {
                drop: &is_update,
                append: update(Some(hash)).as_bytes(),
            },
        ),
    }
}

/// The account shows another picture: its sessions' presence goes out again with the new hash.
/// `before` is the one that was written there.
pub(super) fn show_again(chat: &Chat, account: &Arc<Account>, before: Option<&str>) {
    let shown = account.facts().avatar.clone();
    presence::show_again(chat, account, |stanza| {
        let received = stanza.head();
        let head = received.as_head();
        if shown.is_some() {
            let text = with_hash(account, stanza, &head);
            return Some((text.clone(), text));
        }
        // Only what was written by the server is taken back.
        let written = matches!(Photo::of(stanza), Photo::Hash(hash) if Some(&*hash) == before);
        written.then(|| {
            let none = update(None);
            let taken_back = Edit {
                drop: &is_update,
                append: none.as_bytes(),
            };
            let forgotten = Edit {
                drop: &is_update,
                append: b"",
            };
            (
                stanza.relay(&head, &taken_back),
                stanza.relay(&head, &forgotten),
            )
        })
    });
}
