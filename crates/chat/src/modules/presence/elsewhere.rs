//! RFC 6121 §4 with other domains: presence, probes and their answers between servers.

use std::sync::Arc;

use base::{Jid, Now};
use store::Subscription;
use xmpp::condition::StanzaError;
use xmpp::ns;
use xmpp::xep::delay::Delay;
use xmpp::xml::{Edit, Head, Stanza, Writer};

use super::broadcast::grants;
use crate::delivery::Delivery;
use crate::modules::subscription::{self, Action};
use crate::modules::{blocks, caps, store_failed};
use crate::place::Place;
use crate::{Account, Chat, SessionEntry, Work};

/// True for an address of another server or of a component.
pub(crate) fn is_elsewhere(chat: &Chat, address: &Jid) -> bool {
    matches!(
        chat.place(address.domain()),
        Place::Elsewhere | Place::Component
    )
}

/// A presence stanza from another domain to an address of this one.
pub(crate) fn from_elsewhere(
    chat: &Chat,
    from: Jid,
    to: Jid,
    stanza: Stanza,
    now: Now,
) -> Work<()> {
    let chat = chat.clone();
    Box::pin(async move {
        if to.local().is_none() {
            return;
        }
        let account = match chat.account(&to.bare()).await {
            Ok(account) => account,
            Err(error) => {
                // Presence is told again; subscriptions are asked for again.
                let _ = store_failed(&error);
                return;
            }
        };
        let kind = stanza.type_().map(std::borrow::Cow::into_owned);
        match (kind.as_deref(), account) {
            (None | Some("unavailable" | "error"), Some(account)) => {
                deliver(&account, &from, &to, &stanza);
                if to.is_bare() && !blocks(&account, &from) {
                    caps::noted_elsewhere(&chat, &account, &from, &stanza, now);
                }
            }
            (Some("probe"), Some(account)) => answer_probe(&chat, &account, &from, &to),
            (Some("probe" | "subscribe"), None) => deny(&chat, &to, &from),
            (Some(kind), Some(account)) => {
                if let Some(action) = Action::of(kind) {
                    let contact = from.bare();
                    let received =
                        subscription::receive(&chat, &account, &contact, action, &stanza, now);
                    if let Err(error) = received.await {
                        tracing::info!(%error, "a subscription stanza of another server was refused");
                    }
                }
            }
            (_, None) => {}
        }
    })
}

/// To a session, or to all available ones (RFC 6121 §4.3.2, §4.6.5).
fn deliver(account: &Account, from: &Jid, to: &Jid, stanza: &Stanza) {
    if blocks(account, from) {
        return;
    }
    let received = stanza.head();
    let head = Head {
        from: Some(from.as_str()),
        to: Some(to.as_str()),
        ..received.as_head()
    };
    let text = stanza.relay(&head, &Edit::NONE);
    match to.resource() {
        Some(resource) => {
            if let Some(session) = account.session(resource) {
                Delivery::new(&session, text).perform();
            }
        }
        None if stanza.type_().as_deref() == Some("error") => {}
        None => account.each_session(|session| {
            if session.is_available() {
                Delivery::new(session, text.clone()).perform();
            }
        }),
    }
}

/// RFC 6121 §4.3.2. Who may not see the account is answered as if there were none.
fn answer_probe(chat: &Chat, account: &Arc<Account>, from: &Jid, to: &Jid) {
    if !grants(account, from.bare_str()) {
        return deny(chat, to, from);
    }
    if blocks(account, from) {
        return;
    }
    let _order = account.presence_order();
    let mut shown = false;
    for session in account.sessions() {
        let wanted = to
            .resource()
            .is_none_or(|resource| session.jid().resource() == resource);
        if wanted && let Some(current) = session.presence() {
            let mut delay = Writer::new();
            if !current.stanza.has("delay", ns::DELAY) {
                Delay {
                    from: Some(session.jid().clone().into()),
                    stamp: current.at,
                }
                .write(&mut delay);
            }
            let received = current.stanza.head();
            let head = Head {
                to: Some(from.as_str()),
                ..received.as_head()
            };
            let delay = delay.finish();
            let edit = Edit {
                append: delay.as_bytes(),
                ..Edit::NONE
            };
            let text = current.stanza.relay(&head, &edit);
            let _ = chat.send_soon(session.jid(), from, text);
            shown = true;
        }
    }
    if !shown {
        say(chat, to, from, Some("unavailable"));
    }
}

fn deny(chat: &Chat, by: &Jid, to: &Jid) {
    say(chat, &by.bare(), &to.bare(), Some("unsubscribed"));
}

/// An empty presence stanza. Who cannot be reached does not hear it.
fn say(chat: &Chat, from: &Jid, to: &Jid, kind: Option<&str>) {
    let mut out = Writer::with_capacity(128);
    out.start("presence")
        .attr("from", from.as_str())
        .attr("to", to.as_str())
        .attr_opt("type", kind)
        .end();
    let _ = chat.send_soon(from, to, out.into_bytes());
}

/// Contacts on other domains with one of two subscription states.
pub(super) fn contacts(chat: &Chat, account: &Account, states: [Subscription; 2]) -> Vec<Jid> {
    let domain = chat.domain();
    let facts = account.facts();
    let away = facts.roster.items.iter().filter(|item| {
        states.contains(&item.subscription)
            && item
                .contact
                .rsplit_once('@')
                .is_none_or(|(_, other)| other != &*domain)
    });
    let away = away.filter_map(|item| Jid::parse(&item.contact).ok());
    away.filter(|contact| is_elsewhere(chat, contact)).collect()
}

/// Sends a presence of `session` to one address elsewhere.
///
/// # Errors
/// What the client is told when there is no way there.
pub(super) fn send(
    chat: &Chat,
    owner: &Account,
    session: &SessionEntry,
    stanza: &Stanza,
    to: &Jid,
) -> Result<(), StanzaError> {
    if blocks(owner, to) {
        return Ok(());
    }
    let received = stanza.head();
    let head = Head {
        to: Some(to.as_str()),
        ..received.as_head()
    };
    chat.send_soon(session.jid(), to, stanza.relay(&head, &Edit::NONE))
}

/// Sends a presence of `session` to all contacts elsewhere that see the account.
pub(super) fn to_watchers(chat: &Chat, account: &Account, session: &SessionEntry, stanza: &Stanza) {
    for contact in contacts(chat, account, [Subscription::From, Subscription::Both]) {
        // Who cannot be reached asks for it himself when he is back.
        let _ = send(chat, account, session, stanza, &contact);
    }
}

/// After initial presence: asks for the presence of all contacts elsewhere (RFC 6121 §4.3.1).
pub(super) fn probe_contacts(chat: &Chat, account: &Account) {
    for contact in contacts(chat, account, [Subscription::To, Subscription::Both]) {
        probe(chat, account, &contact);
    }
}

/// Asks for the presence of somebody elsewhere.
pub(crate) fn probe(chat: &Chat, account: &Account, contact: &Jid) {
    if !blocks(account, contact) {
        say(chat, account.jid(), contact, Some("probe"));
    }
}

/// Shows the account's sessions to somebody elsewhere who may see them from now on.
pub(crate) fn reveal(chat: &Chat, owner: &Arc<Account>, contact: &Jid) {
    let _order = owner.presence_order();
    for session in owner.sessions() {
        if let Some(current) = session.presence() {
            let _ = send(chat, owner, &session, &current.stanza, contact);
        }
    }
}

/// Lets the account's sessions leave the sight of somebody elsewhere.
pub(crate) fn withdraw(chat: &Chat, owner: &Arc<Account>, contact: &Jid) {
    let _order = owner.presence_order();
    for session in owner.sessions() {
        if session.is_available() {
            tell_gone(chat, &session, contact);
        }
    }
}

/// Tells somebody elsewhere that a session is gone.
pub(crate) fn tell_gone(chat: &Chat, session: &SessionEntry, to: &Jid) {
    say(chat, session.jid(), to, Some("unavailable"));
}
