//! Messages from a client: to whom they go, and the plan carried out in the session's order.

use std::sync::Arc;

use base::{Jid, Now};
use smallvec::SmallVec;
use store::Ticket;
use xmpp::condition::{StanzaCondition, StanzaError, error_reply, may_be_answered};
use xmpp::xml::Stanza;

use super::{Outcome, Session, Step};
use crate::Account;
use crate::delivery::Delivery;
use crate::links::outward::{self, Outward};
use crate::messages::{self, Planned};
use crate::modules::{displayed, pubsub};
use crate::router::{Route, route};

impl Session {
    pub(super) fn message(&mut self, stanza: Stanza, now: Now) {
        self.chat.metrics().messages_in.increment();
        if let Some(work) = pubsub::decided(&self.chat, &self.sender, &stanza, now) {
            return self.event(work);
        }
        let stanza = match displayed::detach(&stanza) {
            None => stanza,
            Some((rest, marker)) => {
                if let Some(work) = displayed::publish(&self.chat, &self.sender, marker, now) {
                    self.event(work);
                }
                rest
            }
        };
        let Ok(to) = self.addressee(&stanza) else {
            return;
        };
        let to = to.unwrap_or_else(|| self.account.jid().clone().into());
        match route(
            Some(&to),
            self.account.jid().as_str(),
            self.account.jid().domain(),
        ) {
            Route::Own => {
                let own = Arc::clone(&self.account);
                self.message_to(stanza, &to, Some(own), now);
            }
            Route::Account(bare) | Route::Session(bare) => match self.chat.cached_account(bare) {
                Some(recipient) => self.message_to(stanza, &to, Some(recipient), now),
                None => self.load_then_plan(stanza, to),
            },
            Route::Host => self.bounce(
                &stanza,
                &StanzaError::new(StanzaCondition::ServiceUnavailable)
                    .text("The server itself reads no messages."),
            ),
            Route::Service(service) => self.serve(service, stanza, to, now),
            Route::Remote => {
                match outward::plan_message(&self.chat, &self.sender, &stanza, &to, now) {
                    Ok(Some(outward)) => self.send_away(outward, stanza, now),
                    Ok(None) => {}
                    Err(error) => self.bounce(&stanza, &error),
                }
            }
        }
    }

    /// Sends a stanza to another domain, in its place in the line.
    pub(super) fn send_away(&mut self, outward: Outward, stanza: Stanza, now: Now) {
        let chat = self.chat.clone();
        let own = self.entry.jid().clone();
        let subject = Some(stanza.clone());
        let work = Box::pin(async move {
            match outward.carry(&chat, now).await {
                Ok(deliveries) => Outcome {
                    deliveries,
                    ..Outcome::default()
                },
                Err(error) => {
                    let from = stanza.to();
                    let reply = may_be_answered(&stanza)
                        .then(|| error_reply(&stanza, from.as_deref(), own.as_str(), &error));
                    Outcome {
                        own: reply.into_iter().collect(),
                        ..Outcome::default()
                    }
                }
            }
        });
        self.steps.push_back(Step::Work {
            work,
            subject,
            bars: false,
        });
    }

    /// Plans a message whose recipient is known: an account, or nobody.
    pub(super) fn message_to(
        &mut self,
        stanza: Stanza,
        to: &Jid,
        recipient: Option<Arc<Account>>,
        now: Now,
    ) {
        match messages::plan(
            &self.chat,
            &self.sender,
            &stanza,
            to,
            recipient.as_ref(),
            now,
        ) {
            Planned::Send { ticket, deliveries } => {
                self.step_or_do(ticket, recipient, deliveries, stanza);
            }
            Planned::Handled => {}
            Planned::Refused(error) => self.bounce(&stanza, &error),
        }
    }

    /// Delivers at once when nothing is to be waited for and nothing is ahead in the line. A write
    /// that is decided already is looked at in the line like any other: it may have failed.
    fn step_or_do(
        &mut self,
        ticket: Ticket,
        recipient: Option<Arc<Account>>,
        deliveries: SmallVec<[Delivery; 2]>,
        stanza: Stanza,
    ) {
        if self.steps.is_empty() && ticket.is_done() {
            super::deliver(&self.chat, recipient.as_deref(), deliveries);
        } else {
            self.steps.push_back(Step::Deliver {
                ticket,
                recipient,
                deliveries,
                stanza,
            });
        }
    }
}
