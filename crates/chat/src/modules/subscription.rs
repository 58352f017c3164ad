//! RFC 6121 §3: presence subscriptions
//!
//! Whoever asks an address that is nobody's waits in vain, as if that person did not answer: which accounts there are is
//! not told to those who try names (§3.1.3, §8.5.1, §13). Requests to such an address answer like those to somebody who
//! shows nothing, too.

mod exchange;
mod state;

use std::sync::Arc;

use base::{BareJid, Now};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::xep::blocking::blocked_by_sender;
use xmpp::xml::Stanza;

pub(crate) use state::{Action, State};

use super::presence::{Party, party};
use super::roster::Draft;
use super::{IqContext, Module, PresenceContext};
use crate::{Account, Chat};
use exchange::Exchange;

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "subscription",
    specification: "RFC 6121",
    title: "Presence subscriptions and pre-approval",
    version: "2011",
    stream_features: &["<sub xmlns='urn:xmpp:features:pre-approval'/>"],
    ..Module::NONE
};

/// A client sends one of the four stanzas to a contact (RFC 6121 §3.1 to §3.4).
pub(crate) async fn send(context: &PresenceContext, action: Action) -> Result<(), StanzaError> {
    let Some(to) = &context.to else {
        return Err(StanzaError::new(StanzaCondition::BadRequest)
            .text("Name the contact in the attribute to."));
    };
    let contact = to.bare();
    if contact == *context.account.jid() {
        return match action {
            Action::Subscribe => Err(StanzaError::new(StanzaCondition::NotAllowed)
                .text("Your own clients see each other without asking.")),
            _ => Ok(()),
        };
    }
    let peer = party(&context.chat, &contact).await?;
    if action == Action::Subscribe {
        if super::blocks(&context.account, to) {
            return Err(blocked_by_sender());
        }
        match peer {
            Party::Account(_) | Party::Nobody => {}
            Party::Elsewhere => {
                if let Some(error) = context.chat.bars_domain(to) {
                    return Err(error);
                }
            }
        }
    }
    let exchange = Exchange {
        chat: &context.chat,
        now: context.now,
        account: &context.account,
        contact: &contact,
        peer: &peer,
    };
    exchange.send(action, &context.stanza).await
}

/// A client takes a contact out of its roster (RFC 6121 §2.5): subscriptions both ways end.
pub(crate) async fn remove(context: &IqContext, contact: &BareJid) -> Result<(), StanzaError> {
    let peer = if contact == context.account.jid() {
        Party::Nobody
    } else {
        party(&context.chat, contact).await?
    };
    let exchange = Exchange {
        chat: &context.chat,
        now: context.now,
        account: &context.account,
        contact,
        peer: &peer,
    };
    exchange.remove().await
}

/// One of the four stanzas comes from another domain.
pub(crate) async fn receive(
    chat: &Chat,
    account: &Arc<Account>,
    from: &BareJid,
    action: Action,
    stanza: &Stanza,
    now: Now,
) -> Result<(), StanzaError> {
    let exchange = Exchange {
        chat,
        now,
        account,
        contact: from,
        peer: &Party::Elsewhere,
    };
    exchange.receive(action, stanza).await
}

/// The stanzas that end every subscription of a roster item.
fn farewells(draft: &Draft) -> impl Iterator<Item = Action> + use<> {
    let state = draft.state();
    let unsubscribe = (state.is_to() || state.is_asking()).then_some(Action::Unsubscribe);
    let unsubscribed = state.is_from().then_some(Action::Unsubscribed);
    unsubscribe.into_iter().chain(unsubscribed)
}
