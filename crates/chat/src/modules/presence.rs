//! RFC 6121 §4: presence

mod broadcast;
mod directed;
mod elsewhere;
mod probe;

use std::sync::Arc;

use base::BareJid;
use bytes::Bytes;
use store::{Activity, Batch, StoreError};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xml::{Head, Stanza, Writer};

pub(crate) use broadcast::{
    grants, is_visible_to, is_visible_to_account, reveal, watches, withdraw,
};
pub(crate) use elsewhere::{
    from_elsewhere, is_elsewhere, probe as probe_elsewhere, reveal as reveal_elsewhere, tell_gone,
    withdraw as withdraw_elsewhere,
};

use super::subscription::{self, Action};
use super::{Module, PresenceContext, SessionContext, store_failed};
use super::{caps, pubsub, vcard_update};
use crate::delivery::Delivery;
use crate::{Account, Chat, SessionEntry, Work};

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "presence",
    specification: "RFC 6121",
    title: "Presence",
    version: "2011",
    presence: Some(presence),
    session_ended: Some(ended),
    ..Module::NONE
};

/// Who is behind an address, as far as presence goes.
pub(crate) enum Party {
    /// An account of this server.
    Account(Arc<Account>),
    /// An address of this server that is nobody's, or the server's own.
    Nobody,
    /// Somebody of another domain.
    Elsewhere,
}

/// Finds out who is behind `address`.
pub(crate) async fn party(chat: &Chat, address: &BareJid) -> Result<Party, StanzaError> {
    if address.domain() != &*chat.domain() {
        return Ok(Party::Elsewhere);
    }
    let account = chat
        .account(address)
        .await
        .map_err(|error| store_failed(&error))?;
    Ok(account.map_or(Party::Nobody, Party::Account))
}

/// A presence stanza from a client. Everything is delivered from here, since the order in which
/// several sessions send to one contact must not depend on who is polled first; nothing is left to
/// be delivered by the session.
fn presence(context: PresenceContext) -> Work<Result<Vec<Delivery>, StanzaError>> {
    Box::pin(async move {
        let kind = context.stanza.type_().map(std::borrow::Cow::into_owned);
        if let Some(to) = &context.to
            && let Some(service) = context.chat.service(to.domain())
        {
            return directed::to_service(&context, service, to).await;
        }
        match (kind.as_deref(), &context.to) {
            (None, None) => {
                let was_available = context.session.is_available();
                available(&context)?;
                let fresh = caps::noted(&context.chat, &context.session, &context.stanza);
                // What comes with initial presence is sent when the session counts as available.
                if was_available && !fresh.is_empty() {
                    pubsub::send_newest(&context.session_context(), &fresh.into()).await;
                }
            }
            (Some("unavailable"), None) => unavailable(&context).await?,
            (None, Some(to)) => directed::available(&context, to)?,
            (Some("unavailable"), Some(to)) => directed::unavailable(&context, to),
            (Some("error"), Some(to)) => directed::error(&context, to),
            (Some("error"), None) => {}
            (Some("probe"), _) => probe::answer(&context).await?,
            (Some(other), _) => match Action::of(other) {
                Some(action) => subscription::send(&context, action).await?,
                None => {
                    return Err(StanzaError::new(StanzaCondition::BadRequest)
                        .text("There is no presence of that type (RFC 6121 §4.7.1)."));
                }
            },
        }
        Ok(Vec::new())
    })
}

/// RFC 6121 §4.2 and §4.4: initial or subsequent presence.
fn available(context: &PresenceContext) -> Result<(), StanzaError> {
    let PresenceContext {
        chat,
        account,
        session,
        stanza,
        ..
    } = context;
    let priority = priority(stanza)?;
    let stanza = stamped(stanza, account, session);
    let first = {
        let _order = account.presence_order();
        let first = session.set_available(stanza.clone(), priority, context.now.wall);
        broadcast::to_watchers(chat, account, session, &stanza);
        broadcast::to_own(account, session, &stanza);
        first
    };
    if first {
        probe::contacts(chat, account, session);
        // §3.1.3: requests that nobody has answered yet come again.
        let requests: Vec<_> = account
            .facts()
            .requests
            .iter()
            .map(|request| request.presence.clone())
            .collect();
        for request in requests {
            Delivery::new(session, request).perform();
        }
    }
    Ok(())
}

/// RFC 6121 §4.5: the client stays connected, but is there for nobody.
async fn unavailable(context: &PresenceContext) -> Result<(), StanzaError> {
    let PresenceContext {
        chat,
        account,
        session,
        stanza,
        ..
    } = context;
    let stanza = stamped(stanza, account, session);
    let was_available = {
        let _order = account.presence_order();
        // The sender itself hears of it too (§4.5.2).
        let was_available = session.is_available();
        if was_available {
            broadcast::to_own(account, session, &stanza);
        }
        leave(chat, account, session, &stanza, true);
        was_available
    };
    directed::leave_services(chat, account, session, &stanza, context.now).await;
    if was_available && !account.is_available() {
        let status = stanza
            .child("status", ns::CLIENT)
            .map(|status| status.tree().root().text().into_owned());
        let status = status.filter(|status| !status.is_empty() && status.len() <= 1023);
        keep_activity(
            chat,
            account,
            Activity {
                at: context.now.wall,
                status: status.map(Into::into),
            },
        )
        .await;
    }
    Ok(())
}

/// Ends the presence of a session: tells all who saw it. The caller holds the order of presence.
fn leave(
    chat: &Chat,
    account: &Arc<Account>,
    session: &Arc<SessionEntry>,
    stanza: &Stanza,
    told: bool,
) {
    let was_available = session.set_unavailable().is_some();
    let mut seen_by = Vec::new();
    if was_available && told {
        seen_by = broadcast::to_watchers(chat, account, session, stanza);
    }
    for to in session.take_directed_to(|to| chat.service(to.domain()).is_none()) {
        let told_elsewhere =
            was_available && told && is_elsewhere(chat, &to) && grants(account, to.bare_str());
        if !told_elsewhere
            && !seen_by
                .iter()
                .any(|viewer| viewer.jid().as_str() == to.bare_str())
        {
            directed::deliver(chat, account, session, stanza, &to);
        }
    }
}

/// A session is gone, with or without a good-bye (RFC 6121 §4.5.2).
fn ended(context: SessionContext) -> Work<Vec<Delivery>> {
    Box::pin(async move {
        let SessionContext {
            chat,
            account,
            session,
            now,
        } = &context;
        let was_available = session.is_available();
        if let Some(stanza) = server_unavailable(session) {
            {
                let _order = account.presence_order();
                // A session that took over the same address is what contacts see now.
                let successor = account.session(session.jid().resource());
                let told = !successor.is_some_and(|successor| successor.is_available());
                if was_available && told {
                    broadcast::to_own(account, session, &stanza);
                }
                leave(chat, account, session, &stanza, told);
            }
            directed::leave_services(chat, account, session, &stanza, *now).await;
        }
        if !account.is_connected() {
            let status = account
                .facts()
                .activity
                .as_ref()
                .and_then(|activity| activity.status.clone());
            let status = status.filter(|_| !was_available);
            keep_activity(
                chat,
                account,
                Activity {
                    at: now.wall,
                    status,
                },
            )
            .await;
        }
        Vec::new()
    })
}

/// Keeps when the account was there last (XEP-0012 §3).
async fn keep_activity(chat: &Chat, account: &Account, activity: Activity) {
    let mut batch = Batch::new();
    batch.activity_set(account.id(), activity.clone());
    match chat.store().submit(batch).ticket.await {
        Ok(()) => {
            let mut facts = account.facts();
            if facts
                .activity
                .as_ref()
                .is_none_or(|known| known.at <= activity.at)
            {
                facts.activity = Some(activity);
            }
        }
        // It was removed while it was online.
        Err(StoreError::NoSuchAccount) => {}
        Err(error) => {
            tracing::warn!(%error, "the time of an account's last activity could not be kept")
        }
    }
}

/// The priority (RFC 6121 §4.7.2.3): an integer from -128 to 127, 0 when there is none.
fn priority(stanza: &Stanza) -> Result<i8, StanzaError> {
    let Some(child) = stanza.child("priority", ns::CLIENT) else {
        return Ok(0);
    };
    let tree = child.tree();
    tree.root().text().trim().parse().map_err(|_| {
        StanzaError::new(StanzaCondition::BadRequest)
            .text("A priority is a number from -128 to 127.")
    })
}

/// The stanza with our `from`, without `to`, and with the hash of the account's picture.
fn stamped(stanza: &Stanza, account: &Account, session: &SessionEntry) -> Stanza {
    let received = stanza.head();
    let head = Head {
        from: Some(session.jid().as_str()),
        to: None,
        ..received.as_head()
    };
    reread(&vcard_update::with_hash(account, stanza, &head)).unwrap_or_else(|| stanza.clone())
}

/// The stanza with the hash of the account's picture, otherwise as it came.
fn hashed(stanza: &Stanza, account: &Account) -> Stanza {
    let received = stanza.head();
    let text = vcard_update::with_hash(account, stanza, &received.as_head());
    reread(&text).unwrap_or_else(|| stanza.clone())
}

fn reread(text: &[u8]) -> Option<Stanza> {
    let parsed = std::str::from_utf8(text)
        .ok()
        .and_then(|text| Stanza::parse(text).ok());
    debug_assert!(parsed.is_some(), "a relayed stanza is readable");
    parsed
}

/// Sends the presence of all sessions of an account once more. `edited` gives what is sent in place
/// of a presence and what is kept of it; `None` leaves it.
pub(super) fn show_again(
    chat: &Chat,
    account: &Arc<Account>,
    edited: impl Fn(&Stanza) -> Option<(Bytes, Bytes)>,
) {
    let _order = account.presence_order();
    for session in account.sessions() {
        let Some((current, priority)) = session.presence().zip(session.priority()) else {
            continue;
        };
        let Some((sent, kept)) = edited(&current.stanza) else {
            continue;
        };
        if let Some((sent, kept)) = reread(&sent).zip(reread(&kept)) {
            session.set_available(kept, priority, current.at);
            broadcast::to_watchers(chat, account, &session, &sent);
            broadcast::to_own(account, &session, &sent);
        }
    }
}

/// What the server says for a session that is gone.
fn server_unavailable(session: &SessionEntry) -> Option<Stanza> {
    let mut out = Writer::with_capacity(96);
    out.start("presence")
        .attr("from", session.jid().as_str())
        .attr("type", "unavailable")
        .end();
    Stanza::parse(&out.finish()).ok()
}
