//! Presence from a client goes to the module that knows RFC 6121 §3 and §4.

use std::sync::Arc;

use base::Now;
use xmpp::condition::{error_reply, may_be_answered};
use xmpp::xml::Stanza;

use super::{Outcome, Session};
use crate::modules::{PresenceContext, SessionContext};

impl Session {
    pub(super) fn presence(&mut self, stanza: Stanza, now: Now) {
        self.chat.metrics().presence_in.increment();
        let Ok(to) = self.addressee(&stanza) else {
            return;
        };
        let Some(handle) = self
            .chat
            .table()
            .modules()
            .find_map(|module| module.presence)
        else {
            return;
        };
        let work = handle(PresenceContext {
            chat: self.chat.clone(),
            now,
            session: Arc::clone(&self.entry),
            account: Arc::clone(&self.account),
            stanza: stanza.clone(),
            to,
        });
        let was_available = self.entry.is_available();
        let broadcast = stanza.to().is_none() && stanza.type_().is_none();
        // What waits for the account comes ahead of what is sent once the session is reachable.
        let held = broadcast && !self.entry.is_reachable();
        if held {
            self.entry.mailbox().hold();
        }
        let context = self.context(now);
        let own = self.entry.jid().clone();
        let subject = Some(stanza.clone());
        let work = Box::pin(async move {
            let mut outcome = Outcome::default();
            match work.await {
                Ok(deliveries) => outcome.deliveries = deliveries,
                Err(error) if may_be_answered(&stanza) => {
                    let from = stanza.to();
                    outcome
                        .own
                        .push(error_reply(&stanza, from.as_deref(), own.as_str(), &error));
                }
                Err(_) => {}
            }
            if !was_available && context.session.is_available() {
                let chat = context.chat.clone();
                for module in chat.table().modules() {
                    if let Some(available) = module.session_available {
                        let context = SessionContext {
                            chat: chat.clone(),
                            now,
                            session: Arc::clone(&context.session),
                            account: Arc::clone(&context.account),
                        };
                        outcome.deliveries.extend(available(context).await);
                    }
                }
            }
            if broadcast && context.session.is_reachable() {
                for module in context.chat.table().modules() {
                    if let Some(reachable) = module.session_reachable {
                        reachable(SessionContext {
                            chat: context.chat.clone(),
                            now,
                            session: Arc::clone(&context.session),
                            account: Arc::clone(&context.account),
                        })
                        .await;
                    }
                }
            }
            if held {
                context.session.mailbox().release([]);
            }
            outcome
        });
        self.work(subject, work);
    }
}
