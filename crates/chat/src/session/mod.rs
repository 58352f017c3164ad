//! A bound session: it stamps `from`, plans what each stanza does, waits for the store, and
//! keeps what its client has not acknowledged.
//!
//! Planning never waits. What must wait (a commit, a request that reads the store) becomes a
//! step; steps are carried out strictly in order, so answers and deliveries keep the order in
//! which the client sent.

mod client_state;
mod message;
mod outbox;
mod presence;
mod request;
mod resumption;
mod service;
mod undelivered;

use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use base::{Jid, Now};
use bytes::Bytes;
use futures_util::FutureExt;
use store::{StoreError, Ticket};
use xmpp::condition::{
    StanzaCondition, StanzaError, StreamCondition, error_reply, may_be_answered,
};
use xmpp::iq;
use xmpp::ns;
use xmpp::sm::{SmElement, SmLimits};
use xmpp::stream::ClientAgent;
use xmpp::stream::server::SmRequest;
use xmpp::xml::{Kind, Stanza, Writer, XmlError};

pub(crate) use outbox::Outbox;
use outbox::Sent;
pub(crate) use resumption::{Claim, Resumables};

use crate::delivery::{Delivery, Keeping, Parcel};
use crate::modules::SessionContext;
use crate::undelivered::deliver;
use crate::{Account, Chat, Sender, SessionEntry, Work};

/// Steps that may wait for the store before the client must pause. Commits are in order for all, so what one client may have
/// under way at once is what everybody else waits for behind it.
const MOST_STEPS: usize = 128;
/// Bytes that may wait to be written before nothing more is taken from the client: it has to read what it asked for.
const MOST_UNREAD: usize = 256 * 1024;

/// A bound session, owned by its connection, or by those waiting for resumption.
pub struct Session {
    chat: Chat,
    entry: Arc<SessionEntry>,
    account: Arc<Account>,
    /// The two above, as those see them who are sent something.
    sender: Sender,
    agent: ClientAgent,
    steps: VecDeque<Step>,
    /// Steps in the line that further stanzas must wait for.
    barriers: usize,
    outbox: Outbox,
    ending: Option<Ending>,
    /// How long it waits for its client after a cut.
    resume_for: Duration,
    /// Elements stand alone (WebSocket, BOSH): prefixes are declared on each.
    declare: bool,
}

/// Why a session leaves its connection.
pub(crate) enum Ending {
    /// The stream ends with this error.
    Error(StreamCondition),
    /// What the client sends cannot be read.
    Unreadable(XmlError),
    /// The client closed its stream.
    Closed,
    /// The stream ends with an error that is already in the outbox.
    Written,
    /// Another connection takes the session.
    Handover,
}

impl Ending {
    /// Whether the client has done what no client should.
    pub(crate) fn is_by_the_client(&self) -> bool {
        match self {
            Self::Unreadable(_) | Self::Written => true,
            Self::Error(condition) => matches!(
                condition,
                StreamCondition::InvalidFrom
                    | StreamCondition::InvalidNamespace
                    | StreamCondition::PolicyViolation
                    | StreamCondition::UnsupportedStanzaType
            ),
            Self::Closed | Self::Handover => false,
        }
    }
}

enum Step {
    /// Deliver once the ticket is good; bounce the stanza if it is not.
    Deliver {
        ticket: Ticket,
        /// Whose sessions it goes to: what comes too late for them waits for the account.
        recipient: Option<Arc<Account>>,
        deliveries: smallvec::SmallVec<[Delivery; 2]>,
        stanza: Stanza,
    },
    /// Something for the client itself.
    Own(Bytes),
    /// Something that is no stanza.
    Control(Bytes),
    /// Acknowledge up to this count (XEP-0198 §4).
    Acknowledge(u32),
    /// Work that takes its time.
    Work {
        work: Work<Outcome>,
        /// The stanza it is done for.
        subject: Option<Stanza>,
        /// Nothing is taken from the client until it is done.
        bars: bool,
    },
}

/// What a piece of work leaves to do.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) own: Vec<Bytes>,
    pub(crate) deliveries: Vec<Delivery>,
    /// A stanza that can be planned now that its recipient is in memory.
    pub(crate) replan: Option<Replan>,
}

/// See [`Outcome::replan`].
pub(crate) struct Replan {
    stanza: Stanza,
    to: Jid,
    recipient: Option<Arc<Account>>,
}

impl Session {
    pub(crate) fn new(
        chat: Chat,
        account: Arc<Account>,
        entry: Arc<SessionEntry>,
        agent: ClientAgent,
    ) -> Self {
        let sender = Sender::Client {
            session: Arc::clone(&entry),
            account: Arc::clone(&account),
        };
        Self {
            chat,
            entry,
            account,
            sender,
            agent,
            steps: VecDeque::new(),
            barriers: 0,
            outbox: Outbox::default(),
            ending: None,
            resume_for: Duration::ZERO,
            declare: false,
        }
    }

    /// What others see of it.
    #[must_use]
    pub fn entry(&self) -> &Arc<SessionEntry> {
        &self.entry
    }

    /// Whose it is.
    #[must_use]
    pub fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// Which installation it belongs to.
    #[must_use]
    pub fn agent(&self) -> &ClientAgent {
        &self.agent
    }

    /// Adds what was written since the last call to the metrics.
    pub(crate) fn count_written(&mut self) {
        self.chat
            .metrics()
            .stanzas_out
            .add(self.outbox.take_written());
    }

    pub(crate) fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    /// False while a step stands in the way of further stanzas, or what was answered is not read.
    pub(crate) fn accepts(&self) -> bool {
        self.barriers == 0
            && self.ending.is_none()
            && self.steps.len() < MOST_STEPS
            && self.outbox.waiting_bytes() < MOST_UNREAD
    }

    /// Bytes that wait to be written.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.outbox.waiting_bytes()
    }

    pub(crate) fn take_ending(&mut self) -> Option<Ending> {
        // A session leaves only when what it has taken on is done.
        if self.steps.is_empty() {
            self.ending.take()
        } else {
            None
        }
    }

    /// Takes one element from the client. A fault of ours costs that one element: its sender is
    /// told, the session goes on.
    pub(crate) fn handle(&mut self, stanza: Stanza, now: Now) {
        let kept = stanza.clone();
        let taken = catch_unwind(AssertUnwindSafe(|| self.take(stanza, now)));
        if taken.is_err() {
            self.bounce(&kept, &fault());
        }
    }

    fn take(&mut self, stanza: Stanza, now: Now) {
        match stanza.kind() {
            Kind::Other => self.control(&stanza),
            kind => {
                // RFC 6120 §4.8.2: stanzas of a client are in the namespace of its stream.
                if stanza
                    .own_default()
                    .is_some_and(|written| written != ns::CLIENT)
                {
                    return self.end_with(StreamCondition::InvalidNamespace);
                }
                self.outbox.count_handled();
                if let Err(condition) = self.check_sender(&stanza) {
                    self.end(Ending::Error(condition));
                    return;
                }
                match kind {
                    Kind::Message => self.message(stanza, now),
                    Kind::Presence => self.presence(stanza, now),
                    _ => self.request(stanza, now),
                }
            }
        }
    }

    /// Stream management and client state: elements that are not stanzas.
    fn control(&mut self, element: &Stanza) {
        match (element.namespace(), element.name()) {
            (ns::STREAM_MANAGEMENT, _) => self.stream_management(element),
            (ns::CLIENT_STATE, "active") => {
                self.entry.set_unwatched(false);
                let released = self.outbox.set_active();
                self.wrote(released);
            }
            (ns::CLIENT_STATE, "inactive") => {
                self.entry.set_unwatched(true);
                let most = self.chat.config().limits.inactive_stanzas;
                self.outbox.set_inactive(most);
            }
            _ => self.end(Ending::Error(StreamCondition::UnsupportedStanzaType)),
        }
    }

    /// XEP-0198 §3 and §4.
    fn stream_management(&mut self, element: &Stanza) {
        let failed = SmElement::Failed {
            h: None,
            condition: StanzaCondition::UnexpectedRequest,
        };
        match SmElement::read(element) {
            Some(SmElement::Request) => {
                if let Some(handled) = self.outbox.handled() {
                    self.steps.push_back(Step::Acknowledge(handled));
                }
            }
            Some(SmElement::Answer { h }) => {
                if let Err(error) = self.outbox.acknowledged(h) {
                    self.outbox.push_control(error.to_xml(self.declare));
                    self.end(Ending::Written);
                }
                self.forget_received();
                self.entry.set_silent(self.outbox.awaits_answer());
            }
            Some(SmElement::Enable { resume, max }) => {
                let enabled = self.enable(SmRequest { resume, max }).unwrap_or(failed);
                self.steps.push_back(Step::Control(enabled.to_xml().into()));
            }
            _ => self.steps.push_back(Step::Control(failed.to_xml().into())),
        }
    }

    /// Switches stream management on; `None` when it is on already.
    pub(crate) fn enable(&mut self, request: SmRequest) -> Option<SmElement> {
        let config = self.chat.config();
        let id = request.resume.then(|| self.chat.new_id("resume"));
        let limits = SmLimits {
            items: config.limits.unacknowledged_stanzas,
            bytes: config.limits.unacknowledged_bytes,
        };
        if !self.outbox.enable(id.clone(), limits) {
            return None;
        }
        let longest = config.limits.resumption_seconds;
        let seconds = request.max.map_or(longest, |max| max.min(longest));
        self.resume_for = Duration::from_secs(seconds.into());
        if let Some(id) = &id {
            self.chat.resumables().connected(id, &self.entry);
        }
        Some(SmElement::Enabled {
            resume: id.is_some(),
            max: id.as_ref().map(|_| seconds),
            id: id.map(String::from),
            location: None,
        })
    }

    /// RFC 6120 §8.1.2.1: a `from` that the client writes must be its own.
    fn check_sender(&self, stanza: &Stanza) -> Result<(), StreamCondition> {
        let Some(from) = stanza.from() else {
            return Ok(());
        };
        let own = &self.entry.jid();
        if *from == *own.as_str() || *from == *own.bare_str() {
            return Ok(());
        }
        match Jid::parse(&from) {
            Ok(from) if from.as_str() == own.as_str() || from.as_str() == own.bare_str() => Ok(()),
            _ => Err(StreamCondition::InvalidFrom),
        }
    }

    /// The address a stanza is sent to; a malformed one goes back and harms nothing else.
    fn addressee(&mut self, stanza: &Stanza) -> Result<Option<Jid>, ()> {
        let Some(to) = stanza.to() else {
            return Ok(None);
        };
        if let Ok(jid) = Jid::parse(&to) {
            return Ok(Some(jid));
        }
        let error = StanzaError::new(StanzaCondition::JidMalformed)
            .text("The address in 'to' is not a valid one; please check its spelling.");
        let from = if to.len() <= 3071 { Some(&*to) } else { None };
        if may_be_answered(stanza) {
            let reply = error_reply(stanza, from, self.entry.jid().as_str(), &error);
            self.steps.push_back(Step::Own(reply));
        }
        Err(())
    }

    /// Sends an error back for `stanza`, unless errors must not be answered.
    fn bounce(&mut self, stanza: &Stanza, error: &StanzaError) {
        if let Some(reply) = self.bounced(stanza, error) {
            self.steps.push_back(Step::Own(reply));
        }
    }

    fn bounced(&self, stanza: &Stanza, error: &StanzaError) -> Option<Bytes> {
        may_be_answered(stanza).then(|| {
            let from = stanza.to();
            error_reply(stanza, from.as_deref(), self.entry.jid().as_str(), error)
        })
    }

    pub(crate) fn end_with(&mut self, condition: StreamCondition) {
        self.end(Ending::Error(condition));
    }

    pub(crate) fn unreadable(&mut self, error: XmlError) {
        self.end(Ending::Unreadable(error));
    }

    pub(crate) fn closed_by_client(&mut self) {
        self.end(Ending::Closed);
    }

    /// A client that acknowledges nothing has filled its queue.
    fn wrote(&mut self, result: Result<(), StreamCondition>) {
        if let Err(condition) = result {
            self.end(Ending::Error(condition));
        }
    }

    fn end(&mut self, ending: Ending) {
        if self.ending.is_none() {
            self.ending = Some(ending);
        }
    }

    /// Puts work in the line of steps; what follows waits for it.
    fn work(&mut self, subject: Option<Stanza>, work: Work<Outcome>) {
        self.barriers += 1;
        self.steps.push_back(Step::Work {
            work,
            subject,
            bars: true,
        });
    }

    /// Work of session events (bound, available), in the line of steps.
    pub(crate) fn event(&mut self, work: Work<Vec<Delivery>>) {
        let work = Box::pin(async move {
            Outcome {
                deliveries: work.await,
                ..Outcome::default()
            }
        });
        self.work(None, work);
    }

    pub(crate) fn context(&self, now: Now) -> SessionContext {
        SessionContext {
            chat: self.chat.clone(),
            now,
            session: Arc::clone(&self.entry),
            account: Arc::clone(&self.account),
        }
    }

    /// Carries out what can be carried out, and takes in what others have delivered.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, now: Now) {
        self.poll_steps(cx, now);
        let mailbox = self.entry.mailbox();
        mailbox.register(cx.waker());
        // What a slow reader has not taken waits in the mailbox, which is bounded; the outbox is not.
        if self.has_deliveries() && (!self.outbox.is_waiting() || mailbox.is_urgent()) {
            self.take_deliveries();
        }
        if self.wants_rest() {
            let work = crate::modules::offline::hand_over_rest(self.context(now));
            self.steps.push_back(Step::Work {
                work: Box::pin(work.map(|()| Outcome::default())),
                subject: None,
                bars: false,
            });
            self.poll_steps(cx, now);
        }
    }

    /// Whether the client has what it was given of what has waited, and there is more.
    fn wants_rest(&self) -> bool {
        self.ending.is_none() && self.outbox.is_caught_up() && self.entry.mailbox().wants_rest()
    }

    /// Whether there are deliveries that it can take.
    fn has_deliveries(&self) -> bool {
        !self.outbox.is_full() && !self.entry.mailbox().is_empty()
    }

    /// The next element to write.
    pub(crate) fn next_output(&mut self) -> Option<Bytes> {
        if !self.outbox.is_waiting() && self.has_deliveries() {
            self.take_deliveries();
            if self.ending.is_some() {
                // The next poll ends it.
                self.entry.mailbox().wake();
            }
        }
        let next = self.outbox.next();
        if self.outbox.awaits_answer() {
            self.entry.set_silent(true);
        }
        next
    }

    fn take_deliveries(&mut self) {
        for parcel in self.entry.mailbox().take() {
            match parcel {
                Parcel::Stanza { stanza, keeping } => {
                    let pushed = self.outbox.push_delivery(stanza, keeping);
                    self.wrote(pushed);
                }
                Parcel::Waiting { stanza, id } => {
                    let pushed = self.outbox.push_delivery(stanza, Keeping::Waiting(id));
                    self.wrote(pushed);
                }
                Parcel::Close(condition) => {
                    if condition == StreamCondition::ResourceConstraint {
                        self.chat.metrics().mailboxes_overflowed.increment();
                    }
                    self.end(Ending::Error(condition));
                }
                // Who has asked may have got it since.
                Parcel::Handover if self.is_claimed() => self.end(Ending::Handover),
                Parcel::Handover => {}
            }
        }
    }

    fn poll_steps(&mut self, cx: &mut Context<'_>, now: Now) {
        while let Some(step) = self.steps.front_mut() {
            match step {
                Step::Deliver { ticket, .. } => {
                    let Poll::Ready(committed) = Pin::new(ticket).poll(cx) else {
                        return;
                    };
                    let Some(Step::Deliver {
                        recipient,
                        deliveries,
                        stanza,
                        ..
                    }) = self.steps.pop_front()
                    else {
                        return;
                    };
                    match committed {
                        Ok(()) => deliver(&self.chat, recipient.as_deref(), deliveries),
                        Err(error) => self.not_kept(&stanza, &error),
                    }
                }
                Step::Own(_) => {
                    let Some(Step::Own(stanza)) = self.steps.pop_front() else {
                        return;
                    };
                    let pushed = self.outbox.push_own(stanza);
                    self.wrote(pushed);
                }
                Step::Control(_) => {
                    let Some(Step::Control(element)) = self.steps.pop_front() else {
                        return;
                    };
                    self.outbox.push_control(element);
                }
                Step::Acknowledge(handled) => {
                    let handled = *handled;
                    self.outbox
                        .push_control(SmElement::Answer { h: handled }.to_xml());
                    self.steps.pop_front();
                }
                Step::Work {
                    work,
                    subject: stanza,
                    bars,
                } => {
                    let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)));
                    let barred = *bars;
                    let outcome = match polled {
                        Ok(Poll::Pending) => return,
                        Ok(Poll::Ready(outcome)) => outcome,
                        Err(_) => {
                            let stanza = stanza.take();
                            self.entry.mailbox().without_rest();
                            self.entry.mailbox().release([]);
                            let own = stanza.and_then(|stanza| self.bounced(&stanza, &fault()));
                            Outcome {
                                own: own.into_iter().collect(),
                                ..Outcome::default()
                            }
                        }
                    };
                    if barred {
                        self.barriers -= 1;
                    }
                    self.steps.pop_front();
                    for stanza in outcome.own {
                        let pushed = self.outbox.push_own(stanza);
                        self.wrote(pushed);
                    }
                    outcome.deliveries.into_iter().for_each(Delivery::perform);
                    if let Some(Replan {
                        stanza,
                        to,
                        recipient,
                    }) = outcome.replan
                    {
                        self.replanned(stanza, &to, recipient, now);
                    }
                }
            }
        }
        // A burst leaves no buffer behind.
        if self.steps.capacity() > 64 {
            self.steps.shrink_to(0);
        }
    }

    /// Plans a stanza again. Its steps take its former place in the line: what came after it, an acknowledgement above all,
    /// stays behind it.
    fn replanned(&mut self, stanza: Stanza, to: &Jid, recipient: Option<Arc<Account>>, now: Now) {
        let behind = std::mem::take(&mut self.steps);
        match stanza.kind() {
            Kind::Message => self.message_to(stanza, to, recipient, now),
            _ => self.request_to(stanza, to, recipient, now),
        }
        self.steps.extend(behind);
    }

    fn not_kept(&mut self, stanza: &Stanza, error: &StoreError) {
        let error = crate::modules::store_failed(error);
        if let Some(reply) = self.bounced(stanza, &error) {
            let pushed = self.outbox.push_own(reply);
            self.wrote(pushed);
        }
    }

    /// Loads an account that memory does not have, then plans `stanza` again.
    fn load_then_plan(&mut self, stanza: Stanza, to: Jid) {
        let chat = self.chat.clone();
        let own = self.entry.jid().clone();
        let subject = Some(stanza.clone());
        let work = Box::pin(async move {
            match chat.account(&to.bare()).await {
                Ok(recipient) => Outcome {
                    replan: Some(Replan {
                        stanza,
                        to,
                        recipient,
                    }),
                    ..Outcome::default()
                },
                Err(error) => {
                    let error = crate::modules::store_failed(&error);
                    let own = may_be_answered(&stanza)
                        .then(|| error_reply(&stanza, Some(to.as_str()), own.as_str(), &error));
                    Outcome {
                        own: own.into_iter().collect(),
                        ..Outcome::default()
                    }
                }
            }
        });
        self.work(subject, work);
    }

    /// A connection has the session now; `declare` as in framings without a stream header.
    pub(crate) fn arrive(&mut self, declare: bool) {
        self.declare = declare;
        self.entry.set_forsaken(false);
        self.entry.set_unwatched(false);
        self.entry.set_silent(false);
    }

    /// The client is back and has handled `h` of our stanzas (XEP-0198 §5). Gives a stream error
    /// as XML when that cannot be.
    pub(crate) fn resume(&mut self, h: u32) -> Option<String> {
        if let Some(id) = self.outbox.resume_id() {
            self.chat.resumables().connected(id, &self.entry);
        }
        let resumed = self.outbox.resume(h);
        self.forget_received();
        resumed.err().map(|error| error.to_xml(self.declare))
    }

    /// All that was taken to be written is written.
    pub(crate) fn all_written(&mut self) {
        self.outbox.all_written();
        self.forget_received();
        if self.wants_rest() {
            // The next poll fetches it.
            self.entry.mailbox().wake();
        }
    }

    /// What the client has by now waits no more.
    fn forget_received(&mut self) {
        let received: Vec<_> = self
            .outbox
            .take_received()
            .into_iter()
            .filter_map(|keeping| match keeping {
                Keeping::Waiting(id) => Some(id),
                Keeping::Copy(id) => self.entry.copies().arrived(id).then_some(id),
                Keeping::Nowhere | Keeping::Archive(_) => None,
            })
            .collect();
        if !received.is_empty() {
            crate::modules::offline::arrived(&self.chat, &self.account, &received);
        }
    }

    /// Asks whether the client is still there.
    pub(crate) fn probe(&mut self) {
        if !self.outbox.ask() {
            let mut ping = Writer::new();
            ping.leaf("ping", ns::PING);
            let (domain, own) = (self.chat.domain(), self.entry.jid().clone());
            let ping = iq::get(
                "hauspost-ping",
                Some(&domain),
                Some(own.as_str()),
                &ping.finish(),
            );
            let pushed = self.outbox.push_own(ping);
            self.wrote(pushed);
        }
    }

    /// The socket was cut: the session waits for its client, goes to the connection that has
    /// claimed it, or ends.
    pub(crate) async fn disconnected(mut self: Box<Self>, now: Now) {
        if !matches!(self.ending.take(), None | Some(Ending::Handover)) {
            return self.end_session(now).await;
        }
        let Some(id) = self.outbox.resume_id().map(Box::<str>::from) else {
            return self.end_session(now).await;
        };
        self.settle(now).await;
        self.entry.set_forsaken(true);
        let chat = self.chat.clone();
        let until = now.moment + self.resume_for;
        chat.resumables().park(&id, self, until);
    }

    fn is_claimed(&self) -> bool {
        let id = self.outbox.resume_id();
        id.is_some_and(|id| self.chat.resumables().is_claimed(id))
    }

    /// Goes to the connection that has asked for it; gives itself back when that one is gone.
    pub(crate) fn hand_over(self: Box<Self>) -> Result<(), Box<Self>> {
        let Some(id) = self.outbox.resume_id().map(Box::<str>::from) else {
            return Err(self);
        };
        let chat = self.chat.clone();
        chat.resumables().hand_over(&id, self)
    }

    /// Finishes the steps that are under way; the client is gone.
    pub(crate) async fn settle(&mut self, now: Now) {
        std::future::poll_fn(|cx| {
            self.poll_steps(cx, now);
            if self.steps.is_empty() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// The session is gone for good: others are told, and messages that the client has not
    /// acknowledged wait for the account's next session.
    pub(crate) async fn end_session(mut self: Box<Self>, now: Now) {
        self.settle(now).await;
        if let Some(id) = self.outbox.resume_id() {
            self.chat.resumables().remove(id);
        }
        self.account.unbind(&self.entry);
        let context = || SessionContext {
            chat: self.chat.clone(),
            now,
            session: Arc::clone(&self.entry),
            account: Arc::clone(&self.account),
        };
        for module in self.chat.table().modules() {
            if let Some(ended) = module.session_ended {
                ended(context())
                    .await
                    .into_iter()
                    .for_each(Delivery::perform);
            }
        }
        let mut left = self.outbox.take_left();
        for parcel in self.entry.mailbox().take_last() {
            left.extend(match parcel {
                Parcel::Stanza { stanza, keeping } => Some(Sent { stanza, keeping }),
                Parcel::Waiting { stanza, id } => Some(Sent {
                    stanza,
                    keeping: Keeping::Waiting(id),
                }),
                Parcel::Handover | Parcel::Close(_) => None,
            });
        }
        undelivered::return_undelivered(context(), left).await;
        self.chat.metrics().sessions_ended.increment();
    }
}

/// What a sender is told whose stanza met a fault of ours. What happened is in the log.
fn fault() -> StanzaError {
    StanzaError::new(StanzaCondition::InternalServerError).text(
        "The server met a fault of its own while it worked on this; please tell its administrator.",
    )
}
