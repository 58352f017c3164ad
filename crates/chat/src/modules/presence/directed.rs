//! RFC 6121 §4.6: presence for one address, and its end.

use std::sync::Arc;

use base::{Jid, Now};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::xep::blocking::blocked_by_sender;
use xmpp::xml::Stanza;

use super::{broadcast, elsewhere};
use crate::delivery::Delivery;
use crate::modules::{PresenceContext, blocks};
use crate::service::{self, Served, Service, ServiceContext};
use crate::{Account, Chat, Sender, SessionEntry};

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
    if elsewhere::is_elsewhere(chat, to) {
        let stanza = super::stamped(stanza, account, session);
        let _order = account.presence_order();
        let covered = session.is_available() && broadcast::grants(account, to.bare_str());
        if !covered && !session.add_directed(to.clone(), MOST_DIRECTED) {
            return Err(too_many());
        }
        let sent = elsewhere::send(chat, account, session, &stanza, to);
        if sent.is_err() {
            session.remove_directed(to);
        }
        return sent;
    }
    let Some(viewer) = viewer(chat, to) else {
        return Ok(());
    };
    let stanza = super::stamped(stanza, account, session);
    let _order = account.presence_order();
    // Who watches the account anyway is told of its end anyway (§4.6.3).
    let watches = Arc::ptr_eq(&viewer, account) || broadcast::watches(&viewer, account);
    let covered = session.is_available() && watches;
    if !covered && !session.add_directed(to.clone(), MOST_DIRECTED) {
        return Err(too_many());
    }
    broadcast::to_address(account, session, &stanza, &viewer, to);
    Ok(())
}

/// Presence for a service, or something below it: a room is joined or left.
pub(super) async fn to_service(
    context: &PresenceContext,
    service: &'static Service,
    to: &Jid,
) -> Result<Vec<Delivery>, StanzaError> {
    let PresenceContext {
        chat,
        account,
        session,
        stanza,
        now,
        ..
    } = context;
    if blocks(account, to) {
        return Err(blocked_by_sender());
    }
    match stanza.type_().as_deref() {
        None if !session.add_directed(to.clone(), MOST_DIRECTED) => return Err(too_many()),
        Some("unavailable") => session.remove_directed(to),
        _ => {}
    }
    let served = service::serve(
        service,
        ServiceContext {
            chat: chat.clone(),
            now: *now,
            sender: Sender::Client {
                session: Arc::clone(session),
                account: Arc::clone(account),
            },
            to: to.clone(),
            // XEP-0398 §4: the hash goes into what joins a room, too.
            stanza: super::hashed(stanza, account),
        },
    )
    .await;
    if served.is_err() && stanza.type_().is_none() {
        session.remove_directed(to);
    }
    let Served { own, deliveries } = served?;
    let own = own.into_iter().map(|stanza| Delivery::new(session, stanza));
    Ok(own.chain(deliveries).collect())
}

/// The session is not available any more: what it has joined is told.
pub(super) async fn leave_services(
    chat: &Chat,
    account: &Arc<Account>,
    session: &Arc<SessionEntry>,
    stanza: &Stanza,
    now: Now,
) {
    for to in session.take_directed_to(|to| chat.service(to.domain()).is_some()) {
        let Some(service) = chat.service(to.domain()) else {
            continue;
        };
        let context = ServiceContext {
            chat: chat.clone(),
            now,
            sender: Sender::Client {
                session: Arc::clone(session),
                account: Arc::clone(account),
            },
            to,
            stanza: stanza.clone(),
        };
        // Whoever goes needs no answer.
        if let Ok(served) = service::serve(service, context).await {
            served.deliveries.into_iter().for_each(Delivery::perform);
        }
    }
}

fn too_many() -> StanzaError {
    StanzaError::new(StanzaCondition::ResourceConstraint)
        .text("This session shows itself to too many addresses; please leave some first.")
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
    let stanza = super::stamped(stanza, account, session);
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
    deliver(
        chat,
        account,
        session,
        &super::stamped(stanza, account, session),
        to,
    );
}

/// Delivers to an address, if anyone is there.
pub(super) fn deliver(
    chat: &Chat,
    account: &Account,
    session: &SessionEntry,
    stanza: &Stanza,
    to: &Jid,
) {
    if elsewhere::is_elsewhere(chat, to) {
        // A good-bye that cannot be said is said by the end of the stream.
        let _ = elsewhere::send(chat, account, session, stanza, to);
    } else if let Some(viewer) = viewer(chat, to) {
        broadcast::to_address(account, session, stanza, &viewer, to);
    }
}

/// The account behind an address, if it is in memory; one that is not has no sessions.
fn viewer(chat: &Chat, to: &Jid) -> Option<Arc<Account>> {
    to.local()?;
    chat.cached_account(to.bare_str())
}
