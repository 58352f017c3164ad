//! XEP-0384: OMEMO Encryption
//!
//! A message carries a key for every device of everybody who is meant to read it. Each account of
//! ours gets, and finds in archives, only the keys of its own devices; the archive has them all. A
//! device is an account's own if it ever stood in its device list, because only there can a sender
//! have learned of it.

use std::sync::Arc;

use bytes::Bytes;
use xmpp::xep::omemo::{Form, KeyedMessage, Recipient};
use xmpp::xml::Stanza;

use super::Module;
use crate::{Account, Chat};

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "omemo",
    specification: "XEP-0384",
    title: "OMEMO Encryption",
    version: "0.9.1",
    ..Module::NONE
};

/// A message on its way to several accounts, as it is for each.
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
