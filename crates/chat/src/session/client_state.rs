//! Client state indication (XEP-0352): while nobody looks at the client, what nobody would miss
//! waits, so that a phone's radio can sleep.
//!
//! Presence waits, the latest of each sender only; typing notifications are dropped. Everything
//! else goes out at once and takes what waits along, ahead of it, so that nothing arrives out of
//! order.

use bytes::Bytes;
use xmpp::ns;
use xmpp::xml::{Kind, Stanza};

use crate::modules::content::is_only_chat_state;

/// What an inactive client has waiting.
pub(crate) struct ClientState {
    held: Vec<(Box<str>, Bytes)>,
    /// Presence stanzas that wait at the most; with one more, all go out.
    most: usize,
}

/// What becomes of a stanza for an inactive client.
pub(crate) enum Urgency {
    /// Waits.
    Held,
    /// Nobody will miss it.
    Dropped,
    /// Goes out, after what waits.
    Now,
}

impl ClientState {
    /// Nothing waits yet; at most `most` stanzas will.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            held: Vec::new(),
            most,
        }
    }

    /// Decides about one stanza and keeps it when it may wait.
    pub(crate) fn offer(&mut self, text: &Bytes) -> Urgency {
        let Some(stanza) = std::str::from_utf8(text)
            .ok()
            .and_then(|text| Stanza::parse(text).ok())
        else {
            return Urgency::Now;
        };
        match stanza.kind() {
            Kind::Presence => {
                let kind = stanza.type_();
                if !matches!(kind.as_deref(), None | Some("unavailable"))
                    || stanza.has("x", ns::MUC_USER)
                {
                    return Urgency::Now;
                }
                let from = stanza.from().unwrap_or_default();
                self.held.retain(|(sender, _)| **sender != *from);
                if self.held.len() >= self.most {
                    return Urgency::Now;
                }
                self.held.push((from.as_ref().into(), text.clone()));
                Urgency::Held
            }
            Kind::Message if is_only_chat_state(&stanza) => Urgency::Dropped,
            _ => Urgency::Now,
        }
    }

    /// Everything that waits.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = Bytes> + use<> {
        std::mem::take(&mut self.held)
            .into_iter()
            .map(|(_, stanza)| stanza)
    }
}
