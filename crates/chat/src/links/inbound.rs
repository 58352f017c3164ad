//! Stanzas from elsewhere, in the order in which they came: to accounts, to services, to components.
//!
//! Planning never waits; what must wait becomes a step, as in a session, and steps are carried out in order.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use base::{Jid, Now};
use bytes::Bytes;
use smallvec::SmallVec;
use store::Ticket;
use xmpp::condition::{StanzaCondition, StanzaError, error_reply, may_be_answered};
use xmpp::iq::Iq;
use xmpp::xml::{Edit, Head, Kind, Stanza};

use super::outward::{self, Outward};
use super::privilege;
use crate::delivery::Delivery;
use crate::messages::{self, Planned};
use crate::modules::{Reply, Target, barred, from_elsewhere, store_failed};
use crate::place::Place;
use crate::requests::{self, Addressee};
use crate::service::{self, Served, Service, ServiceContext, Taken};
use crate::undelivered::deliver;
use crate::{Account, Chat, Sender, Work};

/// Steps that may wait before the other side must pause.
const MOST_STEPS: usize = 1_000;

/// The line of steps of one connection.
pub(super) struct Inbound {
    chat: Chat,
    steps: VecDeque<Step>,
    /// Steps in the line that further stanzas must wait for.
    barriers: usize,
    acknowledged: Option<u32>,
}

enum Step {
    /// Deliver once the ticket is good; else tell the sender.
    Deliver {
        ticket: Ticket,
        /// Whose sessions it goes to: what comes too late for them waits for the account.
        recipient: Option<Arc<Account>>,
        deliveries: SmallVec<[Delivery; 2]>,
        subject: Subject,
    },
    Work {
        work: Work<Done>,
        subject: Subject,
        bars: bool,
    },
    /// Acknowledge up to this count (XEP-0198 §4).
    Acknowledge(u32),
}

/// A stanza on its way.
#[derive(Clone)]
struct Subject {
    from: Jid,
    to: Jid,
    stanza: Stanza,
}

/// What a piece of work leaves to do.
#[derive(Default)]
struct Done {
    /// For the sender.
    own: Vec<Bytes>,
    deliveries: Vec<Delivery>,
    /// The stanza can be planned, now that its recipient is in memory.
    again: Option<Option<Arc<Account>>>,
}

impl Inbound {
    pub(super) fn new(chat: &Chat) -> Self {
        Self {
            chat: chat.clone(),
            steps: VecDeque::new(),
            barriers: 0,
            acknowledged: None,
        }
    }

    /// False while the other side must pause.
    pub(super) fn accepts(&self) -> bool {
        self.barriers == 0 && self.steps.len() < MOST_STEPS
    }

    /// Whether all is done.
    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Everything that came before is to be done before `handled` is acknowledged.
    pub(super) fn acknowledge(&mut self, handled: u32) {
        self.steps.push_back(Step::Acknowledge(handled));
    }

    /// The count to acknowledge now.
    pub(super) fn take_acknowledged(&mut self) -> Option<u32> {
        self.acknowledged.take()
    }

    /// Takes a stanza whose sender was checked. A fault of ours costs that one stanza.
    pub(super) fn take(&mut self, from: Jid, to: Jid, stanza: Stanza, now: Now) {
        let subject = Subject { from, to, stanza };
        let kept = subject.clone();
        let taken = catch_unwind(AssertUnwindSafe(|| self.plan(subject, now)));
        if taken.is_err() {
            self.refuse(&kept, &fault(), now);
        }
    }

    fn plan(&mut self, subject: Subject, now: Now) {
        match self.chat.place(subject.to.domain()) {
            Place::House => {}
            Place::Service => {
                if let Some(service) = self.chat.service(subject.to.domain()) {
                    self.serve(service, subject, now);
                }
                return;
            }
            Place::Component | Place::Elsewhere => return self.pass_on(subject, now),
        }
        match subject.stanza.kind() {
            Kind::Presence => {
                self.chat.metrics().presence_in.increment();
                let work = from_elsewhere(
                    &self.chat,
                    subject.from.clone(),
                    subject.to.clone(),
                    subject.stanza.clone(),
                    now,
                );
                let work = Box::pin(async move {
                    work.await;
                    Done::default()
                });
                self.work(work, subject, true);
            }
            Kind::Message | Kind::Iq if subject.to.local().is_some() => {
                match self.chat.cached_account(subject.to.bare_str()) {
                    Some(account) => self.hand_to(subject, Some(account), now),
                    None => self.load(subject),
                }
            }
            Kind::Message if self.is_component(&subject.from) => self.in_name(subject, now),
            Kind::Message => {
                let error = StanzaError::new(StanzaCondition::ServiceUnavailable)
                    .text("The server itself reads no messages.");
                self.refuse(&subject, &error, now);
            }
            Kind::Iq => self.request(subject, Target::Host, None, now),
            Kind::Other => {}
        }
    }

    /// Whether somebody is, or is served by, a component of ours.
    fn is_component(&self, from: &Jid) -> bool {
        self.chat.place(from.domain()) == Place::Component
    }

    /// A message of a component to the server itself: perhaps one in another's name.
    fn in_name(&mut self, subject: Subject, now: Now) {
        let posted = privilege::post_in_name(&self.chat, &subject.from, &subject.stanza, now);
        let Some(posted) = posted else {
            let error = StanzaError::new(StanzaCondition::ServiceUnavailable)
                .text("The server itself reads no messages.");
            return self.refuse(&subject, &error, now);
        };
        let sent = subject.clone();
        let work = Box::pin(async move {
            let error = posted.await.err();
            let own = error.and_then(|error| bounced(&sent, &error));
            Done {
                own: own.into_iter().collect(),
                ..Done::default()
            }
        });
        self.work(work, subject, true);
    }

    fn load(&mut self, subject: Subject) {
        let chat = self.chat.clone();
        let (bare, sent) = (subject.to.bare(), subject.clone());
        let work = Box::pin(async move {
            match chat.account(&bare).await {
                Ok(account) => Done {
                    again: Some(account),
                    ..Done::default()
                },
                Err(error) => Done {
                    own: bounced(&sent, &store_failed(&error)).into_iter().collect(),
                    ..Done::default()
                },
            }
        });
        self.work(work, subject, true);
    }

    /// A message or request for an account that is in memory, or is not there at all.
    fn hand_to(&mut self, subject: Subject, account: Option<Arc<Account>>, now: Now) {
        if subject.stanza.kind() == Kind::Message {
            return self.message(subject, account.as_ref(), now);
        }
        let sender = Sender::Elsewhere(subject.from.clone());
        if subject.to.is_bare() {
            if let Some(error) = barred(&sender, &subject.to, account.as_deref()) {
                return self.refuse(&subject, &error, now);
            }
            if self.is_component(&subject.from)
                && let Some(account) = &account
                && let Some(work) =
                    privilege::answer(&self.chat, &subject.from, account, &subject.stanza, now)
            {
                return self.answering(work, subject);
            }
            return self.request(subject, Target::Other, account, now);
        }
        match Iq::parse(&subject.stanza).and_then(|_| {
            requests::relay(&sender, &subject.stanza, &subject.to, account.as_deref())
        }) {
            Ok(delivery) => {
                let deliveries = smallvec::smallvec![delivery];
                self.deliver(Ticket::DONE, account.as_ref(), deliveries, subject);
            }
            Err(error) => self.refuse(&subject, &error, now),
        }
    }

    fn message(&mut self, subject: Subject, account: Option<&Arc<Account>>, now: Now) {
        self.chat.metrics().messages_in.increment();
        let sender = Sender::Elsewhere(subject.from.clone());
        let Subject { to, stanza, .. } = &subject;
        match messages::plan(&self.chat, &sender, stanza, to, account, now) {
            Planned::Send { ticket, deliveries } => {
                self.deliver(ticket, account, deliveries, subject);
            }
            Planned::Handled => {}
            Planned::Refused(error) => self.refuse(&subject, &error, now),
        }
    }

    fn deliver(
        &mut self,
        ticket: Ticket,
        recipient: Option<&Arc<Account>>,
        deliveries: SmallVec<[Delivery; 2]>,
        subject: Subject,
    ) {
        if self.steps.is_empty() && ticket.is_done() {
            deliver(&self.chat, recipient.map(AsRef::as_ref), deliveries);
        } else {
            self.steps.push_back(Step::Deliver {
                ticket,
                recipient: recipient.cloned(),
                deliveries,
                subject,
            });
        }
    }

    fn request(
        &mut self,
        subject: Subject,
        target: Target,
        account: Option<Arc<Account>>,
        now: Now,
    ) {
        self.chat.metrics().requests_in.increment();
        let sender = Sender::Elsewhere(subject.from.clone());
        let addressee = Addressee {
            to: subject.to.clone(),
            target,
            account,
        };
        match requests::answer(&self.chat, &sender, addressee, &subject.stanza, now) {
            Err(error) => self.refuse(&subject, &error, now),
            Ok(None) => {}
            Ok(Some(work)) => self.answering(work, subject),
        }
    }

    fn answering(&mut self, work: Work<Result<Reply, StanzaError>>, subject: Subject) {
        let (stanza, from) = (subject.stanza.clone(), subject.from.clone());
        let work = Box::pin(async move {
            let (own, deliveries) = requests::finish(&stanza, from.as_str(), work).await;
            Done {
                own,
                deliveries,
                again: None,
            }
        });
        self.work(work, subject, false);
    }

    fn serve(&mut self, service: &'static Service, subject: Subject, now: Now) {
        let taken = (service.take)(ServiceContext {
            chat: self.chat.clone(),
            now,
            sender: Sender::Elsewhere(subject.from.clone()),
            to: subject.to.clone(),
            stanza: subject.stanza.clone(),
        });
        match taken {
            Taken::Done => {}
            Taken::Refused(error) => self.refuse(&subject, &error, now),
            Taken::Wait(work) => {
                let work = served(work, subject.clone());
                self.work(work, subject, true);
            }
            Taken::Later(work) => {
                let work = served(work, subject.clone());
                self.work(work, subject, false);
            }
        }
    }

    /// From a server to a component of ours, or from a component to anywhere.
    fn pass_on(&mut self, subject: Subject, now: Now) {
        let Subject { from, to, stanza } = &subject;
        let text = relayed(from, to, stanza);
        match outward::plan_parcel(&self.chat, from, to, stanza, text, now) {
            Err(error) => self.refuse(&subject, &error, now),
            Ok(outward) => {
                let work = carried(&self.chat, outward, subject.clone(), now);
                self.work(work, subject, false);
            }
        }
    }

    fn work(&mut self, work: Work<Done>, subject: Subject, bars: bool) {
        self.barriers += usize::from(bars);
        self.steps.push_back(Step::Work {
            work,
            subject,
            bars,
        });
    }

    /// Tells the sender, in its place among the answers.
    fn refuse(&mut self, subject: &Subject, error: &StanzaError, _now: Now) {
        let Some(reply) = bounced(subject, error) else {
            return;
        };
        let done = Done {
            own: vec![reply],
            ..Done::default()
        };
        let work = Box::pin(std::future::ready(done));
        self.work(work, subject.clone(), false);
    }

    /// Carries out what can be carried out.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, now: Now) {
        while let Some(step) = self.steps.front_mut() {
            match step {
                Step::Acknowledge(handled) => {
                    self.acknowledged = Some(*handled);
                    self.steps.pop_front();
                }
                Step::Deliver { ticket, .. } => {
                    let Poll::Ready(committed) = Pin::new(ticket).poll(cx) else {
                        return;
                    };
                    let Some(Step::Deliver {
                        recipient,
                        deliveries,
                        subject,
                        ..
                    }) = self.steps.pop_front()
                    else {
                        return;
                    };
                    match committed {
                        Ok(()) => deliver(&self.chat, recipient.as_deref(), deliveries),
                        Err(error) => {
                            let reply = bounced(&subject, &store_failed(&error));
                            answer(&self.chat, &subject, reply, now);
                        }
                    }
                }
                Step::Work { work, bars, .. } => {
                    let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)));
                    if matches!(polled, Ok(Poll::Pending)) {
                        return;
                    }
                    self.barriers -= usize::from(*bars);
                    let Some(Step::Work { subject, .. }) = self.steps.pop_front() else {
                        return;
                    };
                    match polled {
                        Ok(Poll::Ready(done)) => self.done(done, subject, now),
                        Ok(Poll::Pending) => return,
                        Err(_) => {
                            let reply = bounced(&subject, &fault());
                            answer(&self.chat, &subject, reply, now);
                        }
                    }
                }
            }
        }
        if self.steps.capacity() > 64 {
            self.steps.shrink_to(0);
        }
    }

    fn done(&mut self, done: Done, subject: Subject, now: Now) {
        answer(&self.chat, &subject, done.own, now);
        done.deliveries.into_iter().for_each(Delivery::perform);
        if let Some(account) = done.again {
            // In its former place in the line, before what came after it.
            let behind = std::mem::take(&mut self.steps);
            self.hand_to(subject, account, now);
            self.steps.extend(behind);
        }
    }
}

fn served(work: Work<Result<Served, StanzaError>>, subject: Subject) -> Work<Done> {
    Box::pin(async move {
        match work.await {
            Ok(Served { own, deliveries }) => Done {
                own,
                deliveries,
                again: None,
            },
            Err(error) => Done {
                own: bounced(&subject, &error).into_iter().collect(),
                ..Done::default()
            },
        }
    })
}

fn carried(chat: &Chat, outward: Outward, subject: Subject, now: Now) -> Work<Done> {
    let chat = chat.clone();
    Box::pin(async move {
        let result = outward.carry(&chat, now).await;
        Done {
            own: result
                .err()
                .and_then(|error| bounced(&subject, &error))
                .into_iter()
                .collect(),
            ..Done::default()
        }
    })
}

/// Gives the sender what is for it.
fn answer(chat: &Chat, subject: &Subject, own: impl IntoIterator<Item = Bytes>, now: Now) {
    for stanza in own {
        // Who cannot be reached gets no answer; there is nobody else to be told.
        let _ = chat.send_away(&subject.to, &subject.from, stanza, now);
    }
}

fn bounced(subject: &Subject, error: &StanzaError) -> Option<Bytes> {
    let Subject { from, to, stanza } = subject;
    may_be_answered(stanza).then(|| error_reply(stanza, Some(to.as_str()), from.as_str(), error))
}

/// The stanza between two addresses, as it goes on.
pub(super) fn relayed(from: &Jid, to: &Jid, stanza: &Stanza) -> Bytes {
    let received = stanza.head();
    let head = Head {
        from: Some(from.as_str()),
        to: Some(to.as_str()),
        ..received.as_head()
    };
    stanza.relay(&head, &Edit::NONE)
}

/// Gives a stanza from elsewhere to whom it is for, outside of any stream: the error for something that could not
/// be delivered. Who is not there any more does not get it.
pub(super) fn give(chat: &Chat, to: &Jid, stanza: &Stanza, now: Now) {
    let Some(from) = stanza.from().and_then(|from| Jid::parse(&from).ok()) else {
        return;
    };
    match chat.place(to.domain()) {
        Place::House if to.is_bare() && stanza.kind() == Kind::Iq => {
            chat.questions().answered(&from, stanza);
        }
        Place::House => {
            let Some(account) = chat.cached_account(to.bare_str()) else {
                return;
            };
            let session = to.resource().and_then(|resource| account.session(resource));
            if let Some(session) = session {
                Delivery::new(&session, relayed(&from, to, stanza)).perform();
            }
        }
        Place::Service => {
            let Some(service) = chat.service(to.domain()) else {
                return;
            };
            let context = ServiceContext {
                chat: chat.clone(),
                now,
                sender: Sender::Elsewhere(from),
                to: to.clone(),
                stanza: stanza.clone(),
            };
            chat.links().later(Box::pin(async move {
                if let Ok(served) = service::serve(service, context).await {
                    served.deliveries.into_iter().for_each(Delivery::perform);
                }
            }));
        }
        Place::Component | Place::Elsewhere => {
            let _ = chat.send_away(&from, to, relayed(&from, to, stanza), now);
        }
    }
}

/// What a sender is told whose stanza met a fault of ours. What happened is in the log.
fn fault() -> StanzaError {
    StanzaError::new(StanzaCondition::InternalServerError).text(
        "The server met a fault of its own while it worked on this; please tell its administrator.",
    )
}
