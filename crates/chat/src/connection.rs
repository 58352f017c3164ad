//! A connection: bytes in, bytes out, from the first byte of a stream to its last.
//!
//! It is driven by whoever owns the socket: give it what arrives, poll it, write what it has, and
//! come back at its deadline. The contract is that of all machines here: after each call, take
//! outputs until there is none.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use base::{Moment, Now};
use bytes::Bytes;
use xmpp::condition::StreamCondition;
use xmpp::ns;
use xmpp::stream::server::{Answer, Established, Negotiation, Output as Step};
use xmpp::stream::{TlsFacts, Transport, TransportKind};
use xmpp::xml::{Frame, Framing, Reader, ReaderLimits, Writer, XmlError};

use crate::authentication::{self, Answered, Asker};
use crate::last_words::last_words;
use crate::output::Output;
use crate::session::Ending;
use crate::{Chat, Session, Work};

/// One client connection.
pub struct Connection {
    chat: Chat,
    peer: IpAddr,
    kind: TransportKind,
    reader: Reader,
    state: State,
    out: VecDeque<Output>,
    /// What the client has sent waits to be looked at.
    stalled: bool,
    /// When the client was last heard of.
    heard: Moment,
    /// A probe is under way since then.
    probed: Option<Moment>,
}

enum State {
    Negotiating(Box<Negotiating>),
    Bound(Box<Session>),
    /// The stream is ending; the session, if there is one, ends with it.
    Leaving(Option<Box<Session>>),
}

/// What waits for its time.
enum Held {
    /// The answer to a guess.
    Answer(Answer),
    /// The last words to a stranger; see [`crate::faults`].
    End,
}

struct Negotiating {
    machine: Negotiation,
    asking: Option<Work<Answered>>,
    held: Option<(Moment, Held)>,
    session: Option<Box<Session>>,
    /// What the client has handled of the stream it resumes.
    resumed_from: u32,
    began: Moment,
}

impl Connection {
    /// A connection that was just accepted. `seed` is fresh randomness.
    #[must_use]
    pub fn new(chat: &Chat, transport: Transport, peer: IpAddr, seed: [u8; 32], now: Now) -> Self {
        let config = chat.config();
        let kind = transport.kind;
        let machine = Negotiation::new(chat.offers(peer), transport, seed);
        Self {
            reader: Reader::new(framing(kind), config.limits_of_strangers()),
            chat: chat.clone(),
            peer,
            kind,
            state: State::Negotiating(Box::new(Negotiating {
                machine,
                asking: None,
                held: None,
                session: None,
                resumed_from: 0,
                began: now.moment,
            })),
            out: VecDeque::new(),
            stalled: false,
            heard: now.moment,
            probed: None,
        }
    }

    /// The stream machine, for transports that begin without a stream header (BOSH).
    pub fn negotiation(&mut self) -> Option<&mut Negotiation> {
        match &mut self.state {
            State::Negotiating(negotiating) => Some(&mut negotiating.machine),
            _ => None,
        }
    }

    /// Begins the stream of a transport without stream headers, and begins it again after login
    /// (XEP-0206 §4 and §5).
    pub fn bosh_start(&mut self, to: Option<&str>, from: Option<&str>, now: Now) {
        self.heard = now.moment;
        if let State::Negotiating(negotiating) = &mut self.state {
            negotiating.machine.bosh_start(to, from);
            self.negotiate(now);
        }
    }

    /// True once a resource is bound.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        matches!(self.state, State::Bound(_))
    }

    /// Takes bytes from the client.
    pub fn receive(&mut self, bytes: &[u8], now: Now) {
        self.heard = now.moment;
        self.probed = None;
        let session = match &mut self.state {
            State::Bound(session) => session,
            State::Negotiating(negotiating) if negotiating.is_over() => return,
            State::Negotiating(_) | State::Leaving(_) => {
                self.reader.feed(bytes);
                self.advance(now);
                return;
            }
        };
        // The busy path reads straight from the socket's buffer; only an unfinished rest is kept.
        let mut input = self.reader.input(bytes);
        while session.accepts() {
            match input.next() {
                Ok(Some(frame)) => take_frame(session, frame, now),
                Ok(None) => return,
                Err(error) => session.unreadable(error),
            }
        }
        self.stalled = true;
    }

    /// A message of the transport ends here: an element that is not complete never will be (RFC 7395 §3.3.3).
    pub fn message_ended(&mut self, now: Now) {
        if self.wants_input() && !self.reader.is_empty() {
            self.unreadable(XmlError::Unfinished, now);
        }
    }

    /// TLS that was asked for is there.
    pub fn tls_established(&mut self, facts: TlsFacts, now: Now) {
        // What came in clear must never be read as if it had come inside TLS.
        self.reader = Reader::new(Framing::Stream, self.chat.config().limits_of_strangers());
        if let State::Negotiating(negotiating) = &mut self.state {
            negotiating.machine.tls_established(facts);
        }
        self.advance(now);
    }

    /// False while the connection cannot take more: do not read from the socket then.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        match &self.state {
            State::Negotiating(negotiating) => {
                negotiating.asking.is_none() && negotiating.held.is_none()
            }
            State::Bound(session) => session.accepts(),
            State::Leaving(_) => false,
        }
    }

    /// Carries on with what is under way. Ready when there is something to write or to do.
    pub fn poll(&mut self, cx: &mut Context<'_>, now: Now) -> Poll<()> {
        loop {
            let waited = self.stalled || !self.wants_input();
            match &mut self.state {
                State::Negotiating(negotiating) => {
                    if !negotiating.poll(cx, now) {
                        break;
                    }
                    self.negotiate(now);
                    self.advance(now);
                    // Whoever it has become is to be polled as well.
                    continue;
                }
                State::Bound(session) => {
                    session.poll(cx, now);
                    session.count_written();
                    if let Some(ending) = session.take_ending() {
                        self.leave(ending, now);
                        break;
                    }
                }
                State::Leaving(_) => break,
            }
            // What waited behind a step can go on now.
            if !waited || !self.wants_input() {
                break;
            }
            self.advance(now);
        }
        if self.has_output() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    fn has_output(&mut self) -> bool {
        if self.out.is_empty()
            && let State::Bound(session) = &mut self.state
            && let Some(element) = session.next_output()
        {
            self.out.push_back(Output::Send(element));
        }
        !self.out.is_empty()
    }

    /// The next thing to write or to do.
    pub fn next_output(&mut self) -> Option<Output> {
        if let Some(output) = self.out.pop_front() {
            return Some(output);
        }
        if self.out.capacity() > 0 {
            self.out = VecDeque::new();
        }
        let State::Bound(session) = &mut self.state else {
            return None;
        };
        let output = session.next_output().map(Output::Send);
        if self.stalled && session.accepts() {
            // The next poll goes on with what the client has sent.
            session.entry().mailbox().wake();
        }
        output
    }

    /// Bytes that wait to be written to a client that is logged in.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        let looked_at = self.out.iter().map(|output| match output {
            Output::Send(bytes) => bytes.len(),
            Output::StartTls | Output::Close => 0,
        });
        let waiting = match &self.state {
            State::Bound(session) => session.waiting_bytes(),
            State::Negotiating(_) | State::Leaving(_) => 0,
        };
        looked_at.sum::<usize>() + waiting
    }

    /// Everything that was taken so far is with the socket: what is not acknowledged otherwise counts as delivered.
    pub fn all_written(&mut self) {
        // One that was looked at but not taken is not written.
        if !self.out.is_empty() {
            return;
        }
        if let State::Bound(session) | State::Leaving(Some(session)) = &mut self.state {
            session.all_written();
        }
    }

    /// True when nothing but its end is to come: a client that does not take that is not waited for.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        matches!(self.state, State::Leaving(_)) || matches!(self.out.back(), Some(Output::Close))
    }

    /// When to call [`Connection::tick`] at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Moment> {
        let config = self.chat.config();
        match &self.state {
            State::Negotiating(negotiating) => {
                let limit = negotiating.began + seconds(config.limits.preauth_seconds);
                Some(
                    negotiating
                        .held
                        .as_ref()
                        .map_or(limit, |(until, _)| limit.min(*until)),
                )
            }
            State::Bound(_) => Some(match self.probed {
                Some(since) => since + seconds(config.limits.ping_timeout_seconds),
                None => self.heard + seconds(config.limits.idle_ping_seconds),
            }),
            State::Leaving(_) => None,
        }
    }

    /// The deadline has come.
    pub fn tick(&mut self, now: Now) {
        let config = self.chat.config();
        match &mut self.state {
            State::Negotiating(negotiating) => {
                if now.moment >= negotiating.began + seconds(config.limits.preauth_seconds) {
                    self.refuse(
                        StreamCondition::ConnectionTimeout,
                        Some("Please authenticate sooner."),
                        now,
                    );
                }
            }
            State::Bound(session) => match self.probed {
                Some(since)
                    if now.moment >= since + seconds(config.limits.ping_timeout_seconds) =>
                {
                    // The client is gone: its session waits for it, if it can.
                    self.out.push_back(Output::Close);
                }
                None if now.moment >= self.heard + seconds(config.limits.idle_ping_seconds) => {
                    self.probed = Some(now.moment);
                    session.probe();
                }
                _ => {}
            },
            State::Leaving(_) => {}
        }
    }

    /// Ends the stream with an error, whether somebody is logged in or not.
    pub fn turn_away(&mut self, condition: StreamCondition, now: Now) {
        match &mut self.state {
            State::Negotiating(_) => self.refuse(condition, last_words(condition), now),
            State::Bound(session) => session.end_with(condition),
            State::Leaving(_) => {}
        }
    }

    /// Ends the stream of somebody who is not logged in.
    fn refuse(&mut self, condition: StreamCondition, text: Option<&str>, now: Now) {
        if let State::Negotiating(negotiating) = &mut self.state {
            self.chat.metrics().stream_errors.increment();
            negotiating.held = None;
            negotiating.machine.close(Some(condition), text);
            self.negotiate(now);
        }
    }

    /// Goes on after a stranger's words: at once, or, when they have ended its stream as too many have done, later.
    fn go_on(&mut self, now: Now) {
        if let State::Negotiating(negotiating) = &mut self.state
            && negotiating.machine.is_over()
            && negotiating.machine.account().is_none()
        {
            let config = self.chat.config();
            let most = config.limits.stream_faults_per_second;
            let faults = self.chat.faults();
            let wait = faults.of_stranger(self.peer, most, now.moment);
            if wait > Duration::ZERO {
                negotiating.held = Some((now.moment + wait, Held::End));
                // What else it has said is of no interest, and costs nothing while it waits.
                self.reader = Reader::new(framing(self.kind), config.limits_of_strangers());
                return;
            }
        }
        self.negotiate(now);
    }

    /// The socket is gone. The session waits for resumption, or ends.
    pub async fn cut(self, now: Now) {
        let session = match self.state {
            State::Bound(session) => session,
            State::Leaving(Some(session)) => return session.end_session(now).await,
            State::Negotiating(negotiating) => {
                let Negotiating {
                    asking, session, ..
                } = *negotiating;
                // What was asked for may be a session: it must not be lost on its way here.
                match (session, asking) {
                    (Some(session), _) => session,
                    (None, Some(asking)) => match asking.await.session {
                        Some(session) => session,
                        None => return,
                    },
                    (None, None) => return,
                }
            }
            State::Leaving(None) => return,
        };
        session.disconnected(now).await;
    }

    /// Reads frames for as long as they can be taken.
    fn advance(&mut self, now: Now) {
        self.stalled = false;
        while self.wants_input() {
            match self.reader.next() {
                Ok(Some(frame)) => self.frame(frame, now),
                Ok(None) => {
                    // Keep-alives are for those who are in.
                    let limit = self.chat.config().limits.whitespace_bytes;
                    if matches!(self.state, State::Negotiating(_))
                        && self.reader.whitespace() > limit as u64
                    {
                        let text = "Please send less white space before you log in.";
                        if let State::Negotiating(negotiating) = &mut self.state {
                            negotiating
                                .machine
                                .close(Some(StreamCondition::PolicyViolation), Some(text));
                            self.go_on(now);
                        }
                    }
                    return;
                }
                Err(error) => {
                    self.unreadable(error, now);
                    return;
                }
            }
        }
        self.stalled = true;
    }

    fn frame(&mut self, frame: Frame, now: Now) {
        match &mut self.state {
            State::Negotiating(negotiating) => {
                negotiating.machine.handle(frame);
                self.go_on(now);
            }
            State::Bound(session) => take_frame(session, frame, now),
            State::Leaving(_) => {}
        }
    }

    fn unreadable(&mut self, error: XmlError, now: Now) {
        match &mut self.state {
            State::Negotiating(negotiating) => {
                negotiating.machine.fail(error);
                self.go_on(now);
            }
            State::Bound(session) => session.unreadable(error),
            State::Leaving(_) => {}
        }
    }

    /// Does what the stream machine says.
    fn negotiate(&mut self, now: Now) {
        loop {
            let State::Negotiating(negotiating) = &mut self.state else {
                return;
            };
            let Some(step) = negotiating.machine.poll() else {
                return;
            };
            match step {
                Step::Send(bytes) => self.out.push_back(Output::Send(bytes)),
                Step::Ask(question) => {
                    if let xmpp::stream::server::Question::Resume { h, .. } = &question {
                        negotiating.resumed_from = *h;
                    }
                    let asker = Asker {
                        chat: self.chat.clone(),
                        peer: self.peer,
                        began: negotiating.began,
                        now,
                    };
                    negotiating.asking = Some(authentication::answer(asker, question));
                }
                Step::StartTls => self.out.push_back(Output::StartTls),
                Step::RestartStream => self.reader.restart(),
                Step::Authenticated { .. } => {
                    let config = self.chat.config();
                    self.reader.set_limits(ReaderLimits {
                        element_bytes: config.limits.stanza_bytes,
                        depth: config.limits.depth,
                        attributes: config.limits.attributes,
                        ..ReaderLimits::default()
                    });
                }
                Step::Established(established) => self.established(established, now),
                Step::Close => {
                    self.out.push_back(Output::Close);
                    let session = negotiating.session.take();
                    self.state = State::Leaving(session);
                }
            }
        }
    }

    fn established(&mut self, established: Established, now: Now) {
        let State::Negotiating(negotiating) = &mut self.state else {
            return;
        };
        let Some(mut session) = negotiating.session.take() else {
            self.fail(StreamCondition::InternalServerError, None);
            return;
        };
        let resumed_from = negotiating.resumed_from;
        session.arrive(self.kind != TransportKind::Tcp);
        let overrun = match established {
            Established::Bound { .. } => {
                for module in self.chat.table().modules() {
                    if let Some(started) = module.session_started {
                        let work = started(session.context(now));
                        session.event(work);
                    }
                }
                None
            }
            Established::Resumed { .. } => {
                self.chat.metrics().sessions_resumed.increment();
                session.resume(resumed_from)
            }
        };
        self.state = State::Bound(session);
        if let Some(error) = overrun {
            self.out.push_back(Output::Send(error.into()));
            self.leave(Ending::Written, now);
        }
    }

    /// Ends the stream with an error of ours, whatever its state.
    fn fail(&mut self, condition: StreamCondition, text: Option<&str>) {
        self.chat.metrics().stream_errors.increment();
        let declare = self.kind != TransportKind::Tcp;
        self.out
            .push_back(Output::Send(condition.to_xml(text, declare).into()));
        self.close_stream();
        self.out.push_back(Output::Close);
        let former = std::mem::replace(&mut self.state, State::Leaving(None));
        self.state = State::Leaving(match former {
            State::Bound(session) => Some(session),
            State::Negotiating(negotiating) => negotiating.session,
            State::Leaving(session) => session,
        });
    }

    fn close_stream(&mut self) {
        let end = match self.kind {
            TransportKind::Tcp => Bytes::from_static(b"</stream:stream>"),
            TransportKind::WebSocket => {
                let mut out = Writer::new();
                out.leaf("close", ns::FRAMING);
                out.into_bytes()
            }
            TransportKind::Bosh => return,
        };
        self.out.push_back(Output::Send(end));
    }

    /// The session has said why it leaves.
    fn leave(&mut self, ending: Ending, now: Now) {
        if let State::Bound(session) = &self.state
            && ending.is_by_the_client()
        {
            let most = self.chat.config().limits.stream_faults_per_second;
            let account = session.account().jid().as_str();
            self.chat.faults().of_account(account, most, now.moment);
        }
        // What the session has still to say goes out before the end.
        while let State::Bound(session) = &mut self.state {
            let Some(element) = session.outbox().next_ready() else {
                break;
            };
            self.out.push_back(Output::Send(element));
        }
        match ending {
            Ending::Error(condition) => self.fail(condition, last_words(condition)),
            Ending::Unreadable(error) => self.fail(error.condition(), Some(&error.to_string())),
            Ending::Closed | Ending::Written => {
                self.close_stream();
                self.out.push_back(Output::Close);
                if let State::Bound(session) =
                    std::mem::replace(&mut self.state, State::Leaving(None))
                {
                    self.state = State::Leaving(Some(session));
                }
            }
            Ending::Handover => {
                if let State::Bound(session) =
                    std::mem::replace(&mut self.state, State::Leaving(None))
                    && let Err(session) = session.hand_over()
                {
                    // The resuming connection is gone meanwhile; this one is presumed dead.
                    self.state = State::Bound(session);
                    self.out.push_back(Output::Close);
                    return;
                }
                self.fail(
                    StreamCondition::Conflict,
                    Some("This session goes on over another connection."),
                );
            }
        }
    }
}

impl Negotiating {
    /// True when only its end waits to be told.
    fn is_over(&self) -> bool {
        matches!(self.held, Some((_, Held::End)))
    }

    /// Goes on with an open question. True when an answer was given to the machine.
    fn poll(&mut self, cx: &mut Context<'_>, now: Now) -> bool {
        if let Some(asking) = &mut self.asking {
            let Poll::Ready(Answered {
                answer,
                session,
                hold,
            }) = asking.as_mut().poll(cx)
            else {
                return false;
            };
            self.asking = None;
            if session.is_some() {
                self.session = session;
            }
            if hold > Duration::ZERO {
                self.held = Some((now.moment + hold, Held::Answer(answer)));
            } else {
                self.machine.answer(answer);
                return true;
            }
        }
        match self.held.take_if(|(until, _)| *until <= now.moment) {
            Some((_, Held::Answer(answer))) => {
                self.machine.answer(answer);
                true
            }
            Some((_, Held::End)) => true,
            None => false,
        }
    }
}

fn take_frame(session: &mut Session, frame: Frame, now: Now) {
    match frame {
        Frame::Element(element)
            if element.name() == "close" && element.namespace() == ns::FRAMING =>
        {
            session.closed_by_client();
        }
        Frame::Element(element) => session.handle(element, now),
        Frame::Close => session.closed_by_client(),
        Frame::Open(_) => session.end_with(StreamCondition::PolicyViolation),
    }
}

fn framing(kind: TransportKind) -> Framing {
    match kind {
        TransportKind::Tcp => Framing::Stream,
        TransportKind::WebSocket | TransportKind::Bosh => Framing::Frames,
    }
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}
