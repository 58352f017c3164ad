//! Who sees whose presence, and presence on its way to all of them.
//!
//! Only accounts in memory are looked at: one that is not there has no sessions. The text is made
//! once for each account that sees it, whatever the number of its sessions.

use std::sync::Arc;

use base::Jid;
use store::Subscription;
use xmpp::xml::{Edit, Head, Stanza};

use crate::delivery::Delivery;
use crate::modules::{blocks, privilege, roster};
use crate::{Account, Chat, Sender, SessionEntry};

/// True when `owner` lets `viewer` see its presence: by its roster, and neither blocks the other.
pub(crate) fn is_visible_to(owner: &Account, viewer: &Sender) -> bool {
    grants(owner, viewer.jid().bare_str())
        && !blocks(owner, viewer.jid())
        && viewer
            .account()
            .is_none_or(|account| !blocks(account, owner.jid()))
}

/// The same for an account of ours.
pub(crate) fn is_visible_to_account(owner: &Account, viewer: &Account) -> bool {
    grants(owner, viewer.jid().as_str()) && !is_blocked(owner, viewer)
}

/// True when the roster of `owner` says that `viewer`, a bare address, sees its presence.
pub(crate) fn grants(owner: &Account, viewer: &str) -> bool {
    roster::item(&owner.facts(), viewer)
        .is_some_and(|item| matches!(item.subscription, Subscription::From | Subscription::Both))
}

fn is_blocked(one: &Account, other: &Account) -> bool {
    blocks(one, other.jid()) || blocks(other, one.jid())
}

/// True when `viewer` has asked to see `owner`. Both rosters must say the same before presence
/// flows: an account that was removed and made anew does not inherit who saw its namesake.
fn is_wanted_by(owner: &Account, viewer: &Account) -> bool {
    roster::item(&viewer.facts(), owner.jid().as_str())
        .is_some_and(|item| matches!(item.subscription, Subscription::To | Subscription::Both))
}

/// True when presence of `owner` flows to `viewer` by subscription.
pub(crate) fn watches(viewer: &Account, owner: &Account) -> bool {
    is_visible_to_account(owner, viewer) && is_wanted_by(owner, viewer)
}

/// The contacts in `account`'s roster with one of two subscription states, as far as they are
/// connected.
pub(super) fn connected_contacts(
    chat: &Chat,
    account: &Account,
    states: [Subscription; 2],
) -> Vec<Arc<Account>> {
    let contacts: Vec<Arc<str>> = account
        .facts()
        .roster
        .items
        .iter()
        .filter(|item| states.contains(&item.subscription))
        .map(|item| Arc::clone(&item.contact))
        .collect();
    contacts
        .iter()
        .filter_map(|contact| chat.cached_account(contact))
        .filter(|contact| contact.is_available())
        .collect()
}

/// Sends a presence of `session` to all contacts who watch the account (RFC 6121 §4.2.2, §4.4.2,
/// §4.5.2), here and elsewhere. The caller holds the order of presence. Returns which accounts were told.
pub(super) fn to_watchers(
    chat: &Chat,
    account: &Account,
    session: &SessionEntry,
    stanza: &Stanza,
) -> Vec<Arc<Account>> {
    let mut viewers = connected_contacts(chat, account, [Subscription::From, Subscription::Both]);
    viewers.retain(|viewer| watches(viewer, account));
    for viewer in &viewers {
        to_account(account, session, stanza, viewer);
    }
    super::elsewhere::to_watchers(chat, account, session, stanza);
    privilege::presence_changed(chat, session, stanza);
    viewers
}

/// Sends a presence of `session` to all available sessions of its own account, itself included.
/// The caller holds the order of presence.
pub(super) fn to_own(account: &Account, session: &SessionEntry, stanza: &Stanza) {
    to_account(account, session, stanza, account);
}

/// Sends a presence of `session` to all available sessions of `viewer`.
pub(super) fn to_account(
    owner: &Account,
    session: &SessionEntry,
    stanza: &Stanza,
    viewer: &Account,
) {
    if blocks(viewer, session.jid()) {
        return;
    }
    let received = stanza.head();
    let head = Head {
        to: Some(viewer.jid().as_str()),
        ..received.as_head()
    };
    let mut text = None;
    viewer.each_session(|to| {
        if to.is_available() && !blocks(owner, to.jid()) {
            let text = text.get_or_insert_with(|| stanza.relay(&head, &Edit::NONE));
            Delivery::new(to, text.clone()).perform();
        }
    });
}

/// Shows the account's present sessions to someone who may see it from now on (RFC 6121 §3.1.5).
pub(crate) fn reveal(owner: &Arc<Account>, viewer: &Arc<Account>) {
    if is_blocked(owner, viewer) {
        return;
    }
    let _order = owner.presence_order();
    for session in owner.sessions() {
        if let Some(current) = session.presence() {
            to_account(owner, &session, &current.stanza, viewer);
        }
    }
}

/// Lets the account's sessions leave the sight of someone (RFC 6121 §3.2.2, §3.3.3).
pub(crate) fn withdraw(owner: &Arc<Account>, viewer: &Arc<Account>) {
    if is_blocked(owner, viewer) {
        return;
    }
    let _order = owner.presence_order();
    for session in owner.sessions() {
        if session.is_available()
            && let Some(stanza) = super::server_unavailable(&session)
        {
            to_account(owner, &session, &stanza, viewer);
        }
    }
}

/// Sends a stanza of `session` to one address of this server: a session, or all available ones.
pub(super) fn to_address(
    owner: &Account,
    session: &SessionEntry,
    stanza: &Stanza,
    viewer: &Account,
    to: &Jid,
) {
    let Some(resource) = to.resource() else {
        return to_account(owner, session, stanza, viewer);
    };
    let Some(target) = viewer.session(resource) else {
        return;
    };
    if blocks(viewer, session.jid()) || blocks(owner, target.jid()) {
        return;
    }
    let received = stanza.head();
    let head = Head {
        to: Some(to.as_str()),
        ..received.as_head()
    };
    Delivery::new(&target, stanza.relay(&head, &Edit::NONE)).perform();
}
