//! Stanzas from a client to a service of this server.

use base::{Jid, Now};
use xmpp::condition::{error_reply, may_be_answered};
use xmpp::xml::Stanza;

use super::{Outcome, Session, Step};
use crate::Work;
use crate::service::{Served, Service, ServiceContext, Taken};
use xmpp::condition::StanzaError;

impl Session {
    /// Gives a stanza to a service; what it leaves to do takes its place in the line.
    pub(super) fn serve(&mut self, service: &Service, stanza: Stanza, to: Jid, now: Now) {
        if let Some(error) = crate::modules::barred(&self.sender, &to, None) {
            self.bounce(&stanza, &error);
            return;
        }
        let taken = (service.take)(ServiceContext {
            chat: self.chat.clone(),
            now,
            sender: self.sender.clone(),
            to,
            stanza: stanza.clone(),
        });
        match taken {
            Taken::Done => {}
            Taken::Refused(error) => self.bounce(&stanza, &error),
            Taken::Wait(work) => {
                let work = self.outcome(stanza.clone(), work);
                self.work(Some(stanza), work);
            }
            Taken::Later(work) => {
                let work = self.outcome(stanza.clone(), work);
                self.steps.push_back(Step::Work {
                    work,
                    subject: Some(stanza),
                    bars: false,
                });
            }
        }
    }

    fn outcome(&self, stanza: Stanza, work: Work<Result<Served, StanzaError>>) -> Work<Outcome> {
        let own = self.entry.jid().clone();
        Box::pin(async move {
            match work.await {
                Ok(Served {
                    own, deliveries, ..
                }) => Outcome {
                    own,
                    deliveries,
                    replan: None,
                },
                Err(error) if may_be_answered(&stanza) => {
                    let from = stanza.to();
                    Outcome {
                        own: vec![error_reply(&stanza, from.as_deref(), own.as_str(), &error)],
                        ..Outcome::default()
                    }
                }
                Err(_) => Outcome::default(),
            }
        })
    }
}
