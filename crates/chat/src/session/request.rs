//! Requests from a client (RFC 6120 §8.2.3, §10): answered by a module on behalf of the server or
//! an account, or passed to another session.

use std::sync::Arc;

use base::{Jid, Now};
use bytes::Bytes;
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::iq::{self, Iq, IqBody};
use xmpp::xml::{Edit, Head, Stanza};

use super::{Outcome, Session, Step};
use crate::Account;
use crate::delivery::Delivery;
use crate::modules::{IqContext, Target, barred};
use crate::router::{Route, route};

impl Session {
    pub(super) fn request(&mut self, stanza: Stanza, now: Now) {
        self.chat.metrics().requests_in.increment();
        let Ok(to) = self.addressee(&stanza) else {
            return;
        };
        if let Err(error) = Iq::parse(&stanza) {
            self.bounce(&stanza, &error);
            return;
        }
        let own: Jid = self.account.jid().clone().into();
        match route(to.as_ref(), own.as_str(), own.domain()) {
            Route::Own => {
                let account = Arc::clone(&self.account);
                self.answer(stanza, Target::Own, own, Some(account), now);
            }
            Route::Host => {
                let host = to.unwrap_or(own);
                self.answer(stanza, Target::Host, host, None, now);
            }
            Route::Account(bare) | Route::Session(bare) => {
                let cached = self.chat.cached_account(bare);
                let Some(to) = to else { return };
                match cached {
                    Some(recipient) => self.request_to(stanza, &to, Some(recipient), now),
                    None => self.load_then_plan(stanza, to),
                }
            }
            Route::Remote => self.bounce(
                &stanza,
                &StanzaError::new(StanzaCondition::RemoteServerNotFound)
                    .text("This server does not exchange requests with that domain."),
            ),
        }
    }

    /// A request to another account or to one of its sessions.
    pub(super) fn request_to(
        &mut self,
        stanza: Stanza,
        to: &Jid,
        recipient: Option<Arc<Account>>,
        now: Now,
    ) {
        if let Some(error) = barred(&self.account, self.entry.jid(), to, recipient.as_deref()) {
            self.bounce(&stanza, &error);
            return;
        }
        let Some(resource) = to.resource() else {
            self.answer(stanza, Target::Other, to.clone(), recipient, now);
            return;
        };
        let session = recipient
            .as_ref()
            .and_then(|account| account.session(resource));
        let (Some(session), Some(account)) = (session, recipient) else {
            self.bounce(
                &stanza,
                &StanzaError::new(StanzaCondition::ServiceUnavailable),
            );
            return;
        };
        if let Some(error) = crate::modules::refuses_last_activity(&stanza, &account, &self.account)
        {
            self.bounce(&stanza, &error);
            return;
        }
        let received = stanza.head();
        let head = Head {
            from: Some(self.entry.jid().as_str()),
            to: Some(to.as_str()),
            ..received.as_head()
        };
        let relayed = stanza.relay(&head, &Edit::NONE);
        let delivery = Delivery::new(&session, relayed);
        if self.steps.is_empty() {
            delivery.perform();
        } else {
            self.steps.push_back(Step::Deliver {
                ticket: store::Ticket::DONE,
                deliveries: smallvec::smallvec![delivery],
                stanza,
            });
        }
    }

    /// Asks the module that answers such requests.
    fn answer(
        &mut self,
        stanza: Stanza,
        target: Target,
        to: Jid,
        account: Option<Arc<Account>>,
        now: Now,
    ) {
        let handler = match Iq::parse(&stanza).map(|iq| iq.body) {
            // Answers to our own pings and pushes.
            Ok(IqBody::Result(_) | IqBody::Error(_)) | Err(_) => return,
            Ok(IqBody::Get(child)) => {
                self.chat
                    .table()
                    .request(target, false, child.name(), child.namespace())
            }
            Ok(IqBody::Set(child)) => {
                self.chat
                    .table()
                    .request(target, true, child.name(), child.namespace())
            }
        };
        let Some(handler) = handler else {
            self.bounce(
                &stanza,
                &StanzaError::new(StanzaCondition::ServiceUnavailable),
            );
            return;
        };
        let work = (handler.run)(IqContext {
            chat: self.chat.clone(),
            now,
            session: Arc::clone(&self.entry),
            account: Arc::clone(&self.account),
            target,
            target_account: account,
            to,
            stanza: stanza.clone(),
        });
        let asker = self.entry.jid().clone();
        let subject = Some(stanza.clone());
        let work = Box::pin(async move {
            let from = stanza.to();
            match work.await {
                Ok(reply) => {
                    let mut own: Vec<Bytes> = reply.before;
                    own.push(iq::result(
                        &stanza,
                        from.as_deref(),
                        Some(asker.as_str()),
                        &reply.payload,
                    ));
                    Outcome {
                        own,
                        deliveries: reply.after,
                        replan: None,
                    }
                }
                Err(error) => Outcome {
                    own: vec![iq::error(
                        &stanza,
                        from.as_deref(),
                        Some(asker.as_str()),
                        &error,
                    )],
                    ..Outcome::default()
                },
            }
        });
        self.work(subject, work);
    }
}
