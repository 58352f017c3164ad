//! RFC 6121 §4.6: presence for one address, and its end.

use std::sync::Arc;

use base::Jid;
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::xep::blocking::blocked_by_sender;
use xmpp::xml::Stanza;

use super::broadcast;
use crate::modules::{PresenceContext, blocks};
use crate::{Account, Chat, SessionEntry};

/// Addresses that one session may show itself to in this way.
const MOST_DIRECTED: usize = 1_000;

/// Shows the session to one address, and remembers to take it back.
pub(super) fn available(context: &PresenceContext, to: &Jid) -> Result<(), StanzaError> {
    let PresenceContext {
        chat,
        account,
        session,
        stanza,
        ..
    } = context;
    super::priority(stanza)?;
    if blocks(account, to) {
        return Err(blocked_by_sender());
    }
    let Some(viewer) = viewer(chat, to) else {
        return Ok(());
    };
    let stanza = super::stamped(stanza, session);
    let _order = account.presence_order();
    // Who watches the account anyway is told of its end anyway (§4.6.3).
    let watches = Arc::ptr_eq(&viewer, account) || broadcast::watches(&viewer, account);
    let covered = session.is_available() && watches;
    if !covered && !session.add_directed(to.clone(), MOST_DIRECTED) {
        return Err(StanzaError::new(StanzaCondition::ResourceConstraint)
            .text("This session shows itself to too many addresses; please leave some first."));
    }
    broadcast::to_address(account, session, &stanza, &viewer, to);
    Ok(())
}

/// Takes it back.
pub(super) fn unavailable(context: &PresenceContext, to: &Jid) {
    let PresenceContext {
        chat,
        account,
        session,
        stanza,
        ..
    } = context;
    let stanza = super::stamped(stanza, session);
    let _order = account.presence_order();
    session.remove_directed(to);
    deliver(chat, account, session, &stanza, to);
}

/// A presence error goes to the session that it answers; to an account it says nothing
/// (RFC 6121 §8.5.2, §8.5.3).
pub(super) fn error(context: &PresenceContext, to: &Jid) {
    if to.is_bare() {
        return;
    }
    let PresenceContext {
        chat,
        account,
        session,
        stanza,
        ..
    } = context;
    deliver(chat, account, session, &super::stamped(stanza, session), to);
}

/// Delivers to an address, if anyone is there.
pub(super) fn deliver(
    chat: &Chat,
    account: &Account,
    session: &SessionEntry,
    stanza: &Stanza,
    to: &Jid,
) {
    if let Some(viewer) = viewer(chat, to) {
        broadcast::to_address(account, session, stanza, &viewer, to);
    }
}

/// The account behind an address, if it is in memory; one that is not has no sessions. Other
/// domains have none here.
fn viewer(chat: &Chat, to: &Jid) -> Option<Arc<Account>> {
    to.local()?;
    chat.cached_account(to.bare_str())
}
