//! RFC 6121 §3: presence subscriptions
//!
//! Whoever asks an address that is nobody's waits in vain, as if that person did not answer: which accounts there are is
//! not told to those who try names (§3.1.3, §8.5.1, §13). Requests to such an address answer like those to somebody who
//! shows nothing, too.

mod exchange;
mod state;

use base::{BareJid, Now};
use std::collections::BTreeSet;
use std::sync::Arc;
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::blocking::blocked_by_sender;
use xmpp::xml::Stanza;

pub(crate) use state::{Action, State};

use super::presence::{Party, party, reveal};
use super::roster::{Draft, commit};
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
    exchange.send(action, &context.stanza).await?;
    match (&peer, action) {
        (Party::Account(inviter), Action::Subscribe) => honour(context, inviter).await,
        _ => Ok(()),
    }
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

impl Chat {
    /// An account goes for good (XEP-0077 §3.2): every subscription from it and to it ends, and what it
    /// was asked is denied.
    pub(crate) async fn leave_contacts(
        &self,
        account: &Arc<Account>,
        now: Now,
    ) -> Result<(), StanzaError> {
        let contacts: BTreeSet<Arc<str>> = {
            let facts = account.facts();
            let items = facts.roster.items.iter().map(|item| &item.contact);
            let requests = facts.requests.iter().map(|request| &request.contact);
            items.chain(requests).cloned().collect()
        };
        for contact in &contacts {
            let Ok(contact) = BareJid::parse(contact) else {
                continue;
            };
            // A contact that may not log in now must not find it still there later.
            let peer = if contact.domain() == &*self.domain() {
                let opened = self.opened_account(&contact).await;
                let opened = opened.map_err(|error| super::store_failed(&error))?;
                opened.map_or(Party::Nobody, Party::Account)
            } else {
                Party::Elsewhere
            };
            let exchange = Exchange {
                chat: self,
                now,
                account,
                contact: &contact,
                peer: &peer,
            };
            exchange.part().await?;
        }
        Ok(())
    }

    /// Two accounts of this server see each other from now on, without being asked.
    pub(crate) async fn befriend(
        &self,
        one: &Arc<Account>,
        other: &Arc<Account>,
    ) -> Result<(), StanzaError> {
        if one.id() == other.id() {
            return Ok(());
        }
        let (first, second) = one.turns(Some(other)).await;
        let Some(second) = second else { return Ok(()) };
        let mut own = Draft::of(one, other.jid(), &first);
        let mut others = Draft::of(other, one.jid(), &second);
        let most = self.config().limits.roster_items;
        for draft in [&mut own, &mut others] {
            draft.become_state(State::Both, false);
            draft.check_room(most)?;
        }
        let hidden = [&own, &others].map(|draft| !draft.state_before().is_from());
        let version = commit(self, &mut [&mut own, &mut others]).await?;
        own.push(version);
        others.push(version);
        if hidden[0] {
            reveal(one, other);
        }
        if hidden[1] {
            reveal(other, one);
        }
        Ok(())
    }
}

/// XEP-0379 §3.5: a request that brings the token of an invitation of the contact is granted and
/// asked back, as the contact himself would.
async fn honour(context: &PresenceContext, inviter: &Arc<Account>) -> Result<(), StanzaError> {
    let Some(preauth) = context.stanza.child("preauth", ns::PREAUTH) else {
        return Ok(());
    };
    let tree = preauth.tree();
    let token = xmpp::xep::registration::token(tree.root()).map(str::to_owned);
    drop(tree);
    let Some(token) = token else { return Ok(()) };
    if super::blocks(inviter, context.account.jid()) {
        return Ok(());
    }
    if context.chat.redeems(inviter, &token, context.now).await {
        context.chat.befriend(inviter, &context.account).await?;
    }
    Ok(())
}

/// The stanzas that end every subscription of a roster item.
fn farewells(draft: &Draft) -> impl Iterator<Item = Action> + use<> {
    let state = draft.state();
    let unsubscribe = (state.is_to() || state.is_asking()).then_some(Action::Unsubscribe);
    let unsubscribed = state.is_from().then_some(Action::Unsubscribed);
    unsubscribe.into_iter().chain(unsubscribed)
}
