//! Requests from a client (RFC 6120 §8.2.3, §10): answered by a module on behalf of the server or
//! an account, or passed to another session or a service.

use std::sync::Arc;

use base::{Jid, Now};
use xmpp::iq::Iq;
use xmpp::xml::Stanza;

use super::{Outcome, Session, Step};
use crate::Account;
use crate::links::outward;
use crate::modules::{Target, barred, caps};
use crate::requests::{self, Addressee};
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
                let account = Some(Arc::clone(&self.account));
                let target = Target::Own;
                let to = own;
                self.answer(
                    stanza,
                    Addressee {
                        to,
                        target,
                        account,
                    },
                    now,
                );
            }
            Route::Host => {
                let addressee = Addressee {
                    to: to.unwrap_or(own),
                    target: Target::Host,
                    account: None,
                };
                self.answer(stanza, addressee, now);
            }
            Route::Account(bare) | Route::Session(bare) => {
                let cached = self.chat.cached_account(bare);
                let Some(to) = to else { return };
                match cached {
                    Some(recipient) => self.request_to(stanza, &to, Some(recipient), now),
                    None => self.load_then_plan(stanza, to),
                }
            }
            Route::Service(service) => {
                let Some(to) = to else { return };
                self.serve(service, stanza, to, now);
            }
            Route::Remote => {
                let Some(to) = to else { return };
                match outward::plan_request(&self.chat, &self.sender, &stanza, &to, now) {
                    Ok(outward) => self.send_away(outward, stanza, now),
                    Err(error) => self.bounce(&stanza, &error),
                }
            }
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
        if to.is_bare() {
            if let Some(error) = barred(&self.sender, to, recipient.as_deref()) {
                self.bounce(&stanza, &error);
                return;
            }
            let addressee = Addressee {
                to: to.clone(),
                target: Target::Other,
                account: recipient,
            };
            return self.answer(stanza, addressee, now);
        }
        match requests::relay(&self.sender, &stanza, to, recipient.as_deref()) {
            Err(error) => self.bounce(&stanza, &error),
            Ok(delivery) if self.steps.is_empty() => super::deliver(&self.chat, None, [delivery]),
            Ok(delivery) => self.steps.push_back(Step::Deliver {
                ticket: store::Ticket::DONE,
                // No request waits for an account.
                recipient: None,
                deliveries: smallvec::smallvec![delivery],
                stanza,
            }),
        }
    }

    /// Asks the module that answers such requests.
    fn answer(&mut self, stanza: Stanza, addressee: Addressee, now: Now) {
        let answer = requests::answer(&self.chat, &self.sender, addressee, &stanza, now);
        let work = match answer {
            Ok(Some(work)) => work,
            Ok(None) => {
                if let Some(work) = caps::answered(self.context(now), &stanza) {
                    self.event(work);
                }
                return;
            }
            Err(error) => {
                self.bounce(&stanza, &error);
                return;
            }
        };
        let asker = self.entry.jid().clone();
        let subject = Some(stanza.clone());
        let work = Box::pin(async move {
            let (own, deliveries) = requests::finish(&stanza, asker.as_str(), work).await;
            Outcome {
                own,
                deliveries,
                replan: None,
            }
        });
        self.work(subject, work);
    }
}
