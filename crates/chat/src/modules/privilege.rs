//! XEP-0356: Privileged Entity
//!
//! What components are told. What they ask in the name of others is answered in `links/privilege.rs`.

use base::Jid;
use bytes::Bytes;
use xmpp::iq::{self};
use xmpp::xep::privilege::Privileges;
use xmpp::xml::{Edit, Head, Stanza, Writer};

use super::{Module, Status};
use crate::{Account, Chat, SessionEntry};

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "privilege",
    specification: "XEP-0356",
    title: "Privileged Entity",
    version: "0.4.1",
    status: Status::Partial("Presence as far as `managed_entity`."),
    ..Module::NONE
};

/// What a component may do.
pub(crate) fn privileges(chat: &Chat, component: &str) -> Privileges {
    let config = chat.config();
    let known = config.federation.privileges.get(component);
    known.cloned().unwrap_or_default()
}

/// What a component is told that has connected: what it may do (§4.3).
pub(crate) fn announcement(chat: &Chat, component: &str) -> Option<Bytes> {
    let privileges = privileges(chat, component);
    (!privileges.is_empty()).then(|| message(chat, component, &privileges.to_xml()))
}

/// A message of the server to a component.
pub(super) fn message(chat: &Chat, component: &str, payload: &str) -> Bytes {
    let mut out = Writer::with_capacity(payload.len() + 96);
    out.start("message")
        .attr("from", &*chat.domain())
        .attr("to", component)
        .attr("id", chat.new_id("message"))
        .raw(payload)
        .end();
    out.into_bytes()
}

/// A roster has changed: those who may read it are told (§4.5).
pub(crate) fn roster_changed(chat: &Chat, account: &Account, push: &str) {
    for (component, privileges) in &chat.config().federation.privileges {
        if privileges.pushes()
            && let Ok(to) = Jid::parse(component)
        {
            let id = chat.new_id("push");
            let push = iq::set(&id, Some(account.jid().as_str()), Some(component), push);
            // Who is not connected reads the roster when it is.
            let _ = chat.send_soon(account.jid(), &to, push);
        }
    }
}

/// A session has come, changed or gone: those who may see that are told (§7.1).
pub(crate) fn presence_changed(chat: &Chat, session: &SessionEntry, stanza: &Stanza) {
    for (component, privileges) in &chat.config().federation.privileges {
        if privileges.presence
            && let Ok(to) = Jid::parse(component)
        {
            let received = stanza.head();
            let head = Head {
                to: Some(component),
                ..received.as_head()
            };
            let _ = chat.send_soon(session.jid(), &to, stanza.relay(&head, &Edit::NONE));
        }
    }
}
