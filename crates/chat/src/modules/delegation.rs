//! XEP-0355: Namespace Delegation

use base::{Jid, Now};
use bytes::Bytes;
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::xep::delegation::{self, announcement as announced, forwarded};
use xmpp::xml::{Edit, Head, Stanza};

use super::{Module, Reply, Status};
use crate::{Chat, Sender, Work};

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "delegation",
    specification: "XEP-0355",
    title: "Namespace Delegation",
    version: "0.5",
    status: Status::Partial(
        "As the administrator says (§4), without filtering attributes and nested discovery; users cannot delegate (§5).",
    ),
    ..Module::NONE
};

/// What a component is told that has connected: what it manages (§4.2).
pub(crate) fn announcement(chat: &Chat, component: &str) -> Option<Bytes> {
    let config = chat.config();
    let delegations = &config.federation.delegations;
    let own = delegations
        .iter()
        .filter(|(_, manager)| ***manager == *component)
        .map(|(namespace, _)| &**namespace);
    let mut own = own.peekable();
    own.peek()?;
    Some(super::privilege::message(chat, component, &announced(own)))
}

/// Who answers a request of this namespace instead of the server, if anybody does (§4.3).
pub(crate) fn forward(
    chat: &Chat,
    sender: &Sender,
    to: &Jid,
    stanza: &Stanza,
    namespace: &str,
    now: Now,
) -> Option<Work<Result<Reply, StanzaError>>> {
    let config = chat.config();
    let manager = config.federation.delegations.get(namespace)?;
    // §4.4: what the manager itself asks is answered here.
    if sender.jid().domain() == &**manager {
        return None;
    }
    let manager = Jid::parse(manager).ok()?;
    let domain = Jid::domain_only(&chat.domain()).ok()?;
    let (from, to) = (sender.jid().clone(), to.clone());
    let received = stanza.head();
    let head = Head {
        from: Some(from.as_str()),
        to: Some(to.as_str()),
        ..received.as_head()
    };
    let request = stanza.relay(&head, &Edit::NONE);
    let id = stanza.id().map(std::borrow::Cow::into_owned);
    let asked = chat.ask(&domain, &manager, true, &forwarded(&request), now);
    Some(Box::pin(async move {
        let unavailable = || StanzaError::new(StanzaCondition::ServiceUnavailable);
        let carrier = asked.await.ok_or_else(unavailable)?;
        let answer = delegation::answer(&carrier).ok_or_else(unavailable)?;
        let is = |text: Option<std::borrow::Cow<'_, str>>, jid: &Jid| {
            text.is_some_and(|text| Jid::parse(&text).is_ok_and(|text| text == *jid))
        };
        let fits = answer.id().as_deref() == id.as_deref()
            && answer.type_().as_deref() == Some("result")
            && is(answer.to(), &from)
            && (answer.from().is_none() || is(answer.from(), &to));
        if !fits {
            return Err(unavailable());
        }
        let payload = answer
            .children()
            .next()
            .map(|child| child.raw().into_owned());
        Ok(Reply::payload(payload.unwrap_or_default()))
    }))
}
