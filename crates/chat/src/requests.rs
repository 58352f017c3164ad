//! Requests (RFC 6120 §8.2.3, §10), whoever sends them: answered by a module on behalf of the
//! server or of an account.

use std::sync::Arc;

use base::{Jid, Now};
use bytes::Bytes;
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::iq::{self, Iq, IqBody};
use xmpp::xml::{Edit, Head, Stanza};

use crate::delivery::Delivery;
use crate::modules::{IqContext, OpenIqContext, Reply, Run, Target, barred, delegation};
use crate::{Account, Chat, Sender, SessionEntry, Work};

/// Whom a request is for.
pub(crate) struct Addressee {
    /// The address as it was written.
    pub(crate) to: Jid,
    pub(crate) target: Target,
    /// The account, when `target` is one and it is there.
    pub(crate) account: Option<Arc<Account>>,
}

/// Finds the module that answers. `Ok(None)`: the stanza is an answer itself.
pub(crate) fn answer(
    chat: &Chat,
    sender: &Sender,
    addressee: Addressee,
    stanza: &Stanza,
    now: Now,
) -> Result<Option<Work<Result<Reply, StanzaError>>>, StanzaError> {
    let (set, child) = match Iq::parse(stanza)?.body {
        IqBody::Result(_) | IqBody::Error(_) => {
            chat.questions().answered(sender.jid(), stanza);
            return Ok(None);
        }
        IqBody::Get(child) => (false, child),
        IqBody::Set(child) => (true, child),
    };
    let Addressee {
        to,
        target,
        account: target_account,
    } = addressee;
    let forwarded = delegation::forward(chat, sender, &to, stanza, child.namespace(), now);
    if forwarded.is_some() {
        return Ok(forwarded);
    }
    let handler = chat
        .table()
        .request(target, set, child.name(), child.namespace())
        .ok_or_else(unavailable)?;
    let (chat, stanza) = (chat.clone(), stanza.clone());
    match (handler.run, sender) {
        (Run::Client(run), Sender::Client { session, account }) => Ok(Some(run(IqContext {
            chat,
            now,
            session: Arc::clone(session),
            account: Arc::clone(account),
            target,
            target_account,
            to,
            stanza,
        }))),
        (Run::Client(_), _) => Err(unavailable()),
        (Run::Anyone(run), sender) => Ok(Some(run(OpenIqContext {
            chat,
            now,
            sender: sender.clone(),
            target,
            target_account,
            to,
            stanza,
        }))),
    }
}

fn unavailable() -> StanzaError {
    StanzaError::new(StanzaCondition::ServiceUnavailable)
}

/// What a request brings: stanzas for who asked, in order, and deliveries that follow.
pub(crate) async fn finish(
    stanza: &Stanza,
    asker: &str,
    work: Work<Result<Reply, StanzaError>>,
) -> (Vec<Bytes>, Vec<Delivery>) {
    let from = stanza.to();
    match work.await {
        Ok(reply) => {
            let mut own = reply.before;
            if !reply.later {
                let result = iq::result(stanza, from.as_deref(), Some(asker), &reply.payload);
                own.push(result);
            }
            (own, reply.after)
        }
        Err(error) => {
            let error = iq::error(stanza, from.as_deref(), Some(asker), &error);
            (vec![error], Vec::new())
        }
    }
}

/// A request or answer on its way to a session of ours (RFC 6121 §8.5.3).
///
/// # Errors
/// What the sender is told when it does not go there.
pub(crate) fn relay(
    sender: &Sender,
    stanza: &Stanza,
    to: &Jid,
    account: Option<&Account>,
) -> Result<Delivery, StanzaError> {
    if let Some(error) = barred(sender, to, account) {
        return Err(error);
    }
    let account = account.ok_or_else(unavailable)?;
    let session: Arc<SessionEntry> = to
        .resource()
        .and_then(|resource| account.session(resource))
        .ok_or_else(unavailable)?;
    if let Some(error) = crate::modules::refuses_last_activity(stanza, account, sender) {
        return Err(error);
    }
    let received = stanza.head();
    let head = Head {
        from: Some(sender.jid().as_str()),
        to: Some(to.as_str()),
        ..received.as_head()
    };
    Ok(Delivery::new(&session, stanza.relay(&head, &Edit::NONE)))
}
