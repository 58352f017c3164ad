//! XEP-0384: OMEMO Encryption
//!
//! A message carries a key for every device of everybody who is meant to read it. Each account of
//! ours gets, and finds in archives, only the keys of its own devices; the archive has them all. A
//! device is an account's own if it ever stood in its device list, because only there can a sender
//! have learned of it.

use std::sync::Arc;

use bytes::Bytes;
use store::{Batch, MOST_DEVICES, NodeItem};
use xmpp::xep::omemo::{DeviceId, Form, KeyedMessage, Recipient};
use xmpp::xml::{Stanza, Tree};

use super::Module;
use super::pubsub::Visit;
use crate::{Account, Chat};

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "omemo",
    specification: "XEP-0384",
    title: "OMEMO Encryption",
    version: "0.9.1",
    ..Module::NONE
};

/// Sees whether a publication lists devices that were not known to be the account's, and adds them to
/// what is kept with it. True when they are to be read again once they are kept.
pub(super) fn will_publish(
    visit: &Visit,
    node: &str,
    items: &[NodeItem],
    batch: &mut Batch,
) -> bool {
    let Some(form) = Form::of_device_list_node(node) else {
        return false;
    };
    let mut facts = visit.owner.facts();
    let known = Arc::clone(&facts.devices);
    let mut new: Vec<DeviceId> = items
        .iter()
        .filter_map(|item| form.read_device_list(Tree::parse(&item.payload).ok()?.root()))
        .flatten()
        .filter(|device| known.binary_search(device).is_err())
        .collect();
    new.sort_unstable();
    new.dedup();
    if new.is_empty() {
        return false;
    }
    batch.devices_listed(visit.owner.id(), &new);
    if known.is_empty() {
        // There were none, or too many to be told apart: only the store knows.
        return true;
    }
    // Whoever reads the list may write to them at once, so they must be known before it is there.
    new.extend_from_slice(&known);
    new.sort_unstable();
    if new.len() > MOST_DEVICES {
        new.clear();
    }
    facts.devices = new.into();
    false
}

/// The account's devices are kept now: they are what counts from now on.
pub(super) async fn settle(visit: &Visit) {
    let state = visit.chat.store().account_state(visit.owner.id()).await;
    // Of whom no device is known, gets all keys.
    let devices = state.ok().flatten().map(|state| state.devices);
    visit.owner.facts().devices = devices.unwrap_or_default();
}

/// A message on its way to several accounts, as it is for each.
#[derive(Debug)]
pub(crate) struct Copies {
    whole: Bytes,
    keyed: Option<KeyedMessage>,
}

impl Copies {
    /// Of a message as it came, and its `text` as it goes out.
    pub(crate) fn of(chat: &Chat, message: &Stanza, text: &Bytes) -> Self {
        let encrypted = Form::ALL
            .iter()
            .any(|form| message.has("encrypted", form.namespace()));
        if encrypted {
            Self::of_text(chat, text)
        } else {
            Self {
                whole: text.clone(),
                keyed: None,
            }
        }
    }

    /// Of a message that was kept.
    pub(crate) fn of_text(chat: &Chat, text: &Bytes) -> Self {
        Self {
            whole: text.clone(),
            keyed: chat
                .config()
                .own_keys_only
                .then(|| KeyedMessage::find(text))
                .flatten(),
        }
    }

    /// The message as it goes to those who are not ours.
    pub(crate) fn whole(&self) -> &Bytes {
        &self.whole
    }

    /// True when not all get the same.
    pub(crate) fn differ(&self) -> bool {
        self.keyed.is_some()
    }

    /// The message for an account of ours.
    pub(crate) fn for_account(&self, account: &Account) -> Bytes {
        let Some(keyed) = &self.keyed else {
            return self.whole.clone();
        };
        let devices = Arc::clone(&account.facts().devices);
        keyed.for_recipient(Recipient {
            account: account.jid().as_str(),
            devices: &devices,
        })
    }
}

/// A kept message as an account of ours reads it.
pub(crate) fn kept(chat: &Chat, account: &Account, text: &Bytes) -> Bytes {
    Copies::of_text(chat, text).for_account(account)
}
