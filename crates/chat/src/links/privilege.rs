//! XEP-0356: what components do in the name of accounts.

use std::sync::Arc;

use base::{Jid, Now};
use bytes::Bytes;
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::iq::{self, Iq};
use xmpp::ns;
use xmpp::xep::privilege::{Privileges, answer_in_name, message_in_name, request_in_name};
use xmpp::xml::{Edit, Head, Stanza};

use crate::admission::Admission;
use crate::delivery::{Bounds, Mailbox};
use crate::modules::privilege::privileges;
use crate::modules::{Reply, Target, store_failed};
use crate::place::Place;
use crate::requests::{self, Addressee};
use crate::service::{self, ServiceContext};
use crate::{Account, Chat, Sender, SessionEntry, Work};

fn forbidden(text: &str) -> StanzaError {
    StanzaError::new(StanzaCondition::Forbidden).text(text)
}

/// A message of a component to the server: perhaps one in another's name (§5.2).
pub(super) fn post_in_name(
    chat: &Chat,
    component: &Jid,
    stanza: &Stanza,
    now: Now,
) -> Option<Work<Result<(), StanzaError>>> {
    let message = message_in_name(stanza)?;
    let allowed = privileges(chat, component.domain()).message;
    let chat = chat.clone();
    Some(Box::pin(async move {
        if !allowed {
            return Err(forbidden(
                "This component may send no messages in the name of others.",
            ));
        }
        let from = message.from().and_then(|from| Jid::parse(&from).ok());
        let from = from
            .filter(|from| from.is_bare() && chat.place(from.domain()) == Place::House)
            .ok_or_else(|| {
                forbidden("The message inside is from a bare address of this server.")
            })?;
        let sender = if from.local().is_none() {
            Sender::House(from)
        } else {
            let account = chat.account(&from.bare()).await;
            let account = account.map_err(|error| store_failed(&error))?;
            let account = account.ok_or_else(|| forbidden("There is no such account."))?;
            Sender::Account { account, jid: from }
        };
        chat.post_as(&sender, &message, now).await
    }))
}

/// A request of a component to an account: perhaps one about its roster (§4.4), or one to be sent in its name (§6.2).
pub(super) fn answer(
    chat: &Chat,
    component: &Jid,
    account: &Arc<Account>,
    stanza: &Stanza,
    now: Now,
) -> Option<Work<Result<Reply, StanzaError>>> {
    let request = Iq::parse(stanza).ok()?;
    let (set, child) = request.request()?;
    let privileges = privileges(chat, component.domain());
    if privileges.is_empty() {
        // Who has none learns not even who is there.
        return None;
    }
    match (child.name(), child.namespace()) {
        ("query", ns::ROSTER) => {
            let work = if privileges.roster.allows(set) {
                own_request(chat, account, stanza, now)
            } else {
                Err(forbidden("This component may not do that with rosters."))
            };
            Some(Box::pin(async move {
                match work? {
                    Some(work) => work.await,
                    None => Err(StanzaError::new(StanzaCondition::ServiceUnavailable)),
                }
            }))
        }
        ("privileged_iq", ns::PRIVILEGE) => {
            let inner = request_in_name(child.tree().root());
            let (chat, account) = (chat.clone(), Arc::clone(account));
            Some(Box::pin(async move {
                let answer = in_name(&chat, &privileges, &account, inner, set, now).await?;
                Ok(Reply::payload(answer_in_name(&answer)))
            }))
        }
        _ => None,
    }
}

/// A session that is not there, for work in the name of an account.
fn stand_in(account: &Arc<Account>) -> Result<Sender, StanzaError> {
    let jid = account.jid().with_resource("privileged-entity");
    let jid = jid.map_err(|_| StanzaError::new(StanzaCondition::InternalServerError))?;
    let bounds = Bounds {
        stanzas: 1_000,
        bytes: 1 << 20,
    };
    Ok(Sender::Client {
        session: SessionEntry::new(jid, Mailbox::new(bounds), Admission::default()),
        account: Arc::clone(account),
    })
}

type Answering = Result<Option<Work<Result<Reply, StanzaError>>>, StanzaError>;

/// A request of an account to itself.
fn own_request(chat: &Chat, account: &Arc<Account>, stanza: &Stanza, now: Now) -> Answering {
    let addressee = Addressee {
        to: account.jid().clone().into(),
        target: Target::Own,
        account: Some(Arc::clone(account)),
    };
    requests::answer(chat, &stand_in(account)?, addressee, stanza, now)
}

/// Sends a request in the name of an account, and gives the answer as that account would get it.
async fn in_name(
    chat: &Chat,
    privileges: &Privileges,
    account: &Arc<Account>,
    inner: Option<Stanza>,
    set: bool,
    now: Now,
) -> Result<Bytes, StanzaError> {
    let inner = inner.ok_or_else(|| forbidden("The request inside is an iq of jabber:client."))?;
    let request = Iq::parse(&inner)?;
    let Some((inner_set, child)) = request.request() else {
        return Err(forbidden("Inside is a request."));
    };
    let own = account.jid();
    let is_own = inner
        .from()
        .is_none_or(|from| Jid::parse(&from).is_ok_and(|from| from.as_str() == own.as_str()));
    if inner_set != set || !is_own || !privileges.allows(child.namespace(), set) {
        return Err(forbidden(
            "This component may not send that request in the name of others.",
        ));
    }
    let to = match inner.to() {
        Some(to) => Jid::parse(&to).map_err(|_| StanzaError::new(StanzaCondition::JidMalformed))?,
        None => own.clone().into(),
    };
    let from_to = |text: &str| Jid::parse(text).ok();
    let (target, recipient) = match chat.place(to.domain()) {
        Place::House if to.local().is_none() => (Target::Host, None),
        Place::House if to.as_str() == own.as_str() => (Target::Own, Some(Arc::clone(account))),
        Place::House if to.is_bare() => {
            let found = chat.account(&to.bare()).await;
            (Target::Other, found.map_err(|error| store_failed(&error))?)
        }
        Place::Service => {
            let service = chat
                .service(to.domain())
                .ok_or_else(|| StanzaError::new(StanzaCondition::ItemNotFound))?;
            let context = ServiceContext {
                chat: chat.clone(),
                now,
                sender: stand_in(account)?,
                to: to.clone(),
                stanza: inner.clone(),
            };
            let served = service::serve(service, context).await;
            return match served {
                Ok(served) => served
                    .own
                    .into_iter()
                    .next_back()
                    .ok_or_else(|| StanzaError::new(StanzaCondition::UndefinedCondition)),
                Err(error) => Ok(iq::error(
                    &inner,
                    Some(to.as_str()),
                    Some(own.as_str()),
                    &error,
                )),
            };
        }
        _ => {
            let payload = child.raw().into_owned();
            let own =
                from_to(own.as_str()).ok_or_else(|| forbidden("There is no such account."))?;
            let answer = chat.ask(&own, &to, set, &payload, now).await;
            let answer =
                answer.ok_or_else(|| StanzaError::new(StanzaCondition::RemoteServerTimeout))?;
            let (received, id) = (answer.head(), inner.id());
            let head = Head {
                id: id.as_deref(),
                ..received.as_head()
            };
            return Ok(answer.relay(&head, &Edit::NONE));
        }
    };
    let addressee = Addressee {
        to: to.clone(),
        target,
        account: recipient,
    };
    let answering = requests::answer(chat, &stand_in(account)?, addressee, &inner, now);
    let reply = match answering {
        Ok(Some(work)) => work.await,
        Ok(None) => Err(StanzaError::new(StanzaCondition::UnexpectedRequest)),
        Err(error) => Err(error),
    };
    Ok(match reply {
        Ok(reply) => iq::result(
            &inner,
            Some(to.as_str()),
            Some(own.as_str()),
            &reply.payload,
        ),
        Err(error) => iq::error(&inner, Some(to.as_str()), Some(own.as_str()), &error),
    })
}
