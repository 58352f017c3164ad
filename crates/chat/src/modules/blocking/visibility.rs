//! Who is blocked sees the account go, and who is not any more sees it come back (XEP-0191 §3.3,
//! §3.4).

use std::sync::Arc;

use base::Jid;
use xmpp::xml::Writer;

use super::blocks;
use crate::delivery::Delivery;
use crate::modules::presence::{self, is_visible_to_account, reveal};
use crate::{Account, Chat, SessionEntry};

/// Tells those whom `addresses` block that the account's sessions are gone, as far as they know of
/// them, and then calls `block`; nobody hears of a presence in between.
pub(super) fn hide(chat: &Chat, account: &Arc<Account>, addresses: &[Jid], block: impl FnOnce()) {
    if addresses.is_empty() {
        return block();
    }
    let mut watchers = contacts(chat, account, addresses);
    watchers.retain(|(viewer, _)| is_visible_to_account(account, viewer));
    let mut elsewhere = contacts_elsewhere(chat, account, addresses);
    elsewhere.retain(|contact| presence::grants(account, contact.as_str()));
    let _order = account.presence_order();
    for session in account.sessions() {
        if session.is_available() {
            for (viewer, address) in &watchers {
                tell_gone(account, &session, viewer, address.resource());
            }
            for contact in &elsewhere {
                presence::tell_gone(chat, &session, contact);
            }
        }
        for to in session.take_directed_to(|to| addresses.iter().any(|address| covers(address, to)))
        {
            // Who is not in memory has no session.
            if let Some(viewer) = chat.cached_account(to.bare_str()) {
                tell_gone(account, &session, &viewer, to.resource());
            } else if presence::is_elsewhere(chat, &to) {
                presence::tell_gone(chat, &session, &to);
            }
        }
    }
    block();
}

/// Tells those whom `addresses` do not block any more of the account's sessions, and the account's
/// sessions of theirs, as far as either may know.
pub(super) fn show(chat: &Chat, account: &Arc<Account>, addresses: &[Jid]) {
    for (contact, _) in contacts(chat, account, addresses) {
        for (owner, viewer) in [(account, &contact), (&contact, account)] {
            if is_visible_to_account(owner, viewer) {
                reveal(owner, viewer);
            }
        }
    }
    for contact in contacts_elsewhere(chat, account, addresses) {
        if presence::grants(account, contact.as_str()) {
            presence::reveal_elsewhere(chat, account, &contact);
        }
        presence::probe_elsewhere(chat, account, &contact);
    }
}

/// Contacts on other domains that the addresses concern.
fn contacts_elsewhere(chat: &Chat, account: &Account, addresses: &[Jid]) -> Vec<Jid> {
    let facts = account.facts();
    let contacts = facts.roster.items.iter().filter_map(|item| {
        let contact = Jid::parse(&item.contact).ok()?;
        let concerned = addresses
            .iter()
            .any(|address| address.bare_str() == contact.as_str() || covers(address, &contact));
        (concerned && presence::is_elsewhere(chat, &contact)).then_some(contact)
    });
    contacts.collect()
}

/// Whether blocking `address` concerns what is sent to or comes from `other`.
fn covers(address: &Jid, other: &Jid) -> bool {
    if address.resource().is_some() {
        return address.as_str() == other.as_str();
    }
    address.as_str() == other.bare_str()
        || (address.is_domain() && address.domain() == other.domain())
}

/// Contacts that the addresses concern and that are in memory, each with the address that does.
fn contacts(chat: &Chat, account: &Account, addresses: &[Jid]) -> Vec<(Arc<Account>, Jid)> {
    let concerned: Vec<(Arc<str>, Jid)> = {
        let facts = account.facts();
        let concerned = facts.roster.items.iter().filter_map(|item| {
            let contact = Jid::parse(&item.contact).ok()?;
            let concerns = |address: &&Jid| {
                address.bare_str() == contact.as_str() || covers(address, &contact)
            };
            Some((
                Arc::clone(&item.contact),
                addresses.iter().find(concerns)?.clone(),
            ))
        });
        concerned.collect()
    };
    let found = concerned
        .into_iter()
        .filter_map(|(contact, address)| Some((chat.cached_account(&contact)?, address)));
    found
        .filter(|(contact, _)| contact.id() != account.id())
        .collect()
}

/// Tells a contact's available sessions, or that of `resource`, that `session` is gone.
fn tell_gone(account: &Account, session: &SessionEntry, viewer: &Account, resource: Option<&str>) {
    if blocks(viewer, session.jid()) {
        return;
    }
    for to in viewer.sessions() {
        let meant = resource.is_none_or(|resource| to.jid().resource() == resource);
        if meant && to.is_available() && !blocks(account, to.jid()) {
            let mut gone = Writer::with_capacity(128);
            gone.start("presence")
                .attr("from", session.jid().as_str())
                .attr("to", to.jid().as_str());
            gone.attr("type", "unavailable").end();
            Delivery::new(&to, gone.into_bytes()).perform();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_an_address_concerns() {
        let covers = |address: &str, other: &str| {
            super::covers(
                &Jid::parse(address).expect("an address"),
                &Jid::parse(other).expect("an address"),
            )
        };
        assert!(covers("a@x/1", "a@x/1") && !covers("a@x/1", "a@x/2") && !covers("a@x/1", "a@x"));
        assert!(covers("a@x", "a@x/1") && covers("a@x", "a@x") && !covers("a@x", "b@x"));
        assert!(covers("x", "a@x/1") && covers("x", "x") && !covers("x", "a@y"));
        assert!(covers("x/1", "x/1") && !covers("x/1", "a@x/1"));
    }
}
