//! RFC 6121 §4.3: presence that is asked for.

use std::sync::Arc;

use base::Jid;
use store::Subscription;
use xmpp::condition::StanzaError;
use xmpp::ns;
use xmpp::xep::delay::Delay;
use xmpp::xml::{Edit, Head, Writer};

use super::{Party, broadcast, party};
use crate::delivery::Delivery;
use crate::modules::PresenceContext;
use crate::{Account, Chat, SessionEntry};

/// After initial presence: shows the session everyone it watches, and the account's own sessions.
/// Who is away says nothing.
pub(super) fn contacts(chat: &Chat, account: &Arc<Account>, session: &Arc<SessionEntry>) {
    for contact in
        broadcast::connected_contacts(chat, account, [Subscription::To, Subscription::Both])
    {
        if broadcast::watches(account, &contact) {
            show(&contact, None, session);
        }
    }
    show(account, None, session);
    super::elsewhere::probe_contacts(chat, account);
}

/// A probe that a client has sent itself (§4.3.2).
pub(super) async fn answer(context: &PresenceContext) -> Result<(), StanzaError> {
    let PresenceContext {
        chat,
        account,
        session,
        ..
    } = context;
    let to = context
        .to
        .clone()
        .unwrap_or_else(|| account.jid().clone().into());
    // A probe of what is not shown gets no answer: it would tell who is there.
    let contact = match party(chat, &to.bare()).await? {
        Party::Account(contact) => contact,
        Party::Elsewhere => {
            super::elsewhere::probe(chat, account, &to);
            return Ok(());
        }
        Party::Nobody => return Ok(()),
    };
    let own = Arc::ptr_eq(&contact, account);
    if !own && !broadcast::is_visible_to_account(&contact, account) {
        return Ok(());
    }
    if !show(&contact, to.resource(), session) {
        Delivery::new(session, away(&contact, &to, session).into()).perform();
    }
    Ok(())
}

/// Shows `to` the current presence of the owner's sessions, or of one of them. False when there is
/// none.
fn show(owner: &Account, resource: Option<&str>, to: &Arc<SessionEntry>) -> bool {
    let _order = owner.presence_order();
    let mut shown = false;
    for session in owner.sessions() {
        let wanted = resource.is_none_or(|resource| session.jid().resource() == resource);
        if !wanted || Arc::ptr_eq(&session, to) {
            continue;
        }
        let Some(current) = session.presence() else {
            continue;
        };
        // XEP-0203 §3: when it was sent, unless the client has said something like that itself.
        let mut delay = Writer::new();
        if !current.stanza.has("delay", ns::DELAY) {
            let from = Some(session.jid().clone().into());
            Delay {
                from,
                stamp: current.at,
            }
            .write(&mut delay);
        }
        let delay = delay.finish();
        let received = current.stanza.head();
        let head = Head {
            to: Some(to.jid().as_str()),
            ..received.as_head()
        };
        let edit = Edit {
            append: delay.as_bytes(),
            ..Edit::NONE
        };
        Delivery::new(to, current.stanza.relay(&head, &edit)).perform();
        shown = true;
    }
    shown
}

/// Nobody is there: since when, and what was said last.
fn away(owner: &Account, asked: &Jid, to: &SessionEntry) -> String {
    let activity = owner.facts().activity.clone();
    let mut out = Writer::with_capacity(192);
    out.start("presence")
        .attr("from", asked.as_str())
        .attr("to", to.jid().as_str())
        .attr("type", "unavailable");
    if let Some(activity) = activity.filter(|_| !owner.is_available()) {
        if let Some(status) = &activity.status {
            out.leaf_text("status", None, status);
        }
        Delay {
            from: Some(owner.jid().clone().into()),
            stamp: activity.at,
        }
        .write(&mut out);
    }
    out.end();
    out.finish()
}
