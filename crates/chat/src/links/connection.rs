//! A connection with another server or a component: bytes in, bytes out, driven like [`crate::Connection`].

mod writing;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use base::{Jid, Moment, Now};
use bytes::Bytes;
use futures_channel::oneshot;
use xmpp::condition::{StanzaCondition, StreamCondition};
use xmpp::sm::SmElement;
use xmpp::stream::CertificateNames;
use xmpp::stream::component::{self, Component};
use xmpp::stream::federation::{self, Acceptor, Connector, Verification};
use xmpp::xml::{Frame, Framing, Reader, ReaderLimits, Stanza, XmlError};

use super::inbound::Inbound;
use super::link::Carrier;
use super::{Dial, DialError};
use crate::modules::{delegation, privilege};
use crate::shares::Share;
use crate::{Chat, Output};
use writing::Writing;

/// A connection with another server or a component.
pub struct PeerConnection {
    chat: Chat,
    carrier: Carrier,
    reader: Reader,
    machine: Machine,
    inbound: Inbound,
    writing: Writing,
    out: VecDeque<Output>,
    /// Somebody has shown who he is.
    known: bool,
    /// The stream has ended.
    leaving: bool,
    verifying: Vec<Verifying>,
    /// The places of the domains that speak over it.
    places: Vec<Share>,
    /// Comes when another connection of the same component has come.
    replaced: Option<oneshot::Receiver<()>>,
    began: Moment,
    /// When the other side was last heard of.
    heard: Moment,
    /// When a stanza last went either way.
    used: Moment,
    probed: Option<Moment>,
    /// The address, for the log.
    peer: IpAddr,
}

enum Machine {
    Accept(Box<Acceptor>),
    Connect(Box<Connector>, Dial),
    Component(Box<Component>, String),
}

struct Verifying {
    asked: Verification,
    answer: oneshot::Receiver<Result<bool, StanzaCondition>>,
}

impl PeerConnection {
    /// A connection from another server that was just accepted. `shown` are the names in the peer's certificate when
    /// TLS is there already, `None` in clear. `seed` is fresh randomness.
    #[must_use]
    pub fn accepted(
        chat: &Chat,
        shown: Option<CertificateNames>,
        peer: IpAddr,
        seed: [u8; 32],
        now: Now,
    ) -> Self {
        let machine = Acceptor::new(chat.federation_config(), shown, seed);
        Self::new(chat, Machine::Accept(Box::new(machine)), peer, now)
    }

    /// A connection that was made for a dial.
    #[must_use]
    pub fn connected(
        chat: &Chat,
        dial: Dial,
        shown: Option<CertificateNames>,
        peer: IpAddr,
        now: Now,
    ) -> Self {
        let machine = Connector::new(
            chat.federation_config(),
            dial.local(),
            dial.remote(),
            dial.purpose(),
            shown,
        );
        let machine = Machine::Connect(Box::new(machine), dial);
        let mut connection = Self::new(chat, machine, peer, now);
        connection.drain(now);
        connection
    }

    /// A connection of a component that was just accepted. `seed` is fresh randomness.
    #[must_use]
    pub fn component(chat: &Chat, peer: IpAddr, seed: [u8; 32], now: Now) -> Self {
        let config = chat.config();
        let secrets =
            Box::new(move |domain: &str| config.federation.components.get(domain).cloned());
        let machine = Component::new(secrets, seed);
        let machine = Machine::Component(Box::new(machine), String::new());
        Self::new(chat, machine, peer, now)
    }

    fn new(chat: &Chat, machine: Machine, peer: IpAddr, now: Now) -> Self {
        let carrier = chat.links().next_carrier();
        Self {
            carrier,
            reader: Reader::new(Framing::Stream, chat.config().limits_of_strangers()),
            machine,
            inbound: Inbound::new(chat),
            writing: Writing::new(carrier, now),
            out: VecDeque::new(),
            known: false,
            leaving: false,
            verifying: Vec::new(),
            places: Vec::new(),
            replaced: None,
            began: now.moment,
            heard: now.moment,
            used: now.moment,
            probed: None,
            peer,
            chat: chat.clone(),
        }
    }

    /// The domain whose server this side has connected to; `None` for a connection that was accepted.
    #[must_use]
    pub fn dialled(&self) -> Option<&str> {
        match &self.machine {
            Machine::Connect(_, dial) => Some(dial.remote()),
            Machine::Accept(_) | Machine::Component(..) => None,
        }
    }

    /// The domain whose server an accepted connection says that it comes from; nothing is proven by that.
    #[must_use]
    pub fn claimed(&self) -> Option<&str> {
        match &self.machine {
            Machine::Accept(machine) => machine.claimed(),
            Machine::Connect(..) | Machine::Component(..) => None,
        }
    }

    /// True once the other side has shown who it is.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.known
    }

    /// Takes bytes from the other side.
    pub fn receive(&mut self, bytes: &[u8], now: Now) {
        self.heard = now.moment;
        self.probed = None;
        self.reader.feed(bytes);
        self.advance(now);
    }

    /// TLS that was asked for is there, with these names in the other side's certificate, if its chain leads to an
    /// authority that we trust.
    pub fn tls_established(&mut self, names: CertificateNames, now: Now) {
        // What came in clear must never be read as if it had come inside TLS.
        self.reader = Reader::new(Framing::Stream, self.chat.config().limits_of_strangers());
        match &mut self.machine {
            Machine::Accept(machine) => machine.tls_established(names),
            Machine::Connect(machine, _) => machine.tls_established(names),
            Machine::Component(..) => {}
        }
        self.drain(now);
        self.advance(now);
    }

    /// The connection is lost before it could be used: TLS has failed, and this is why.
    pub fn tls_failed(&mut self, why: &str, now: Now) {
        if let Machine::Connect(_, dial) = &mut self.machine {
            dial.fail(&DialError::Unreachable(why.to_owned()), now);
        }
    }

    /// False while the connection cannot take more: do not read from the socket then.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        let waiting = match &self.machine {
            Machine::Accept(machine) => machine.is_waiting(),
            Machine::Connect(machine, _) => machine.is_waiting(),
            Machine::Component(..) => false,
        };
        !waiting && !self.leaving && self.inbound.accepts()
    }

    /// Carries on with what is under way. Ready when there is something to write or to do.
    pub fn poll(&mut self, cx: &mut Context<'_>, now: Now) -> Poll<()> {
        self.writing.settle(&self.chat);
        self.poll_verifications(cx, now);
        if let Some(replaced) = &mut self.replaced
            && Pin::new(replaced).poll(cx).is_ready()
        {
            self.replaced = None;
            self.close(
                Some(StreamCondition::Conflict),
                Some("Another connection serves this component now."),
                now,
            );
        }
        loop {
            let waited = !self.inbound.accepts();
            self.inbound.poll(cx, now);
            if let Some(h) = self.inbound.take_acknowledged() {
                let answer = SmElement::Answer { h }.to_xml();
                self.out.push_back(Output::Send(answer.into()));
            }
            if !waited || !self.inbound.accepts() {
                break;
            }
            self.advance(now);
        }
        self.writing.register(cx.waker());
        if !self.out.is_empty() || (!self.leaving && self.writing.wants(now)) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    fn poll_verifications(&mut self, cx: &mut Context<'_>, now: Now) {
        let mut judged = Vec::new();
        self.verifying.retain_mut(|open| {
            let Poll::Ready(answer) = Pin::new(&mut open.answer).poll(cx) else {
                return true;
            };
            let answer = answer.unwrap_or(Err(StanzaCondition::RemoteServerTimeout));
            judged.push((open.asked.clone(), answer));
            false
        });
        if let Machine::Accept(machine) = &mut self.machine {
            for (asked, good) in &judged {
                machine.verified(asked, *good);
            }
        }
        if !judged.is_empty() {
            self.drain(now);
        }
    }

    /// The next thing to write or to do.
    pub fn next_output(&mut self) -> Option<Output> {
        if let Some(output) = self.out.pop_front() {
            return Some(output);
        }
        if self.leaving {
            return None;
        }
        let stanza = self.writing.next(&self.chat)?;
        self.used = self.writing.now();
        Some(Output::Send(stanza))
    }

    /// True when nothing but its end is to come.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.leaving
    }

    /// When to call [`PeerConnection::tick`] at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Moment> {
        if self.leaving {
            return None;
        }
        let config = self.chat.config();
        if !self.known {
            return Some(self.began + seconds(config.limits.preauth_seconds));
        }
        let probe = match self.probed {
            Some(since) => since + seconds(config.limits.ping_timeout_seconds),
            None => self.heard + seconds(config.limits.idle_ping_seconds),
        };
        let idle = self.used + config.federation.idle;
        Some(match &self.machine {
            Machine::Component(..) => probe,
            _ => probe.min(idle),
        })
    }

    /// The deadline has come.
    pub fn tick(&mut self, now: Now) {
        let config = self.chat.config();
        if !self.known {
            if now.moment >= self.began + seconds(config.limits.preauth_seconds) {
                if let Machine::Connect(_, dial) = &mut self.machine {
                    let why = "the server did not finish the login in time";
                    dial.fail(&DialError::Unreachable(why.to_owned()), now);
                }
                self.close(
                    Some(StreamCondition::ConnectionTimeout),
                    Some("Please show sooner who you are."),
                    now,
                );
            }
            return;
        }
        if let Some(since) = self.probed {
            if now.moment >= since + seconds(config.limits.ping_timeout_seconds) {
                // The other side is gone.
                self.leaving = true;
                self.out.push_back(Output::Close);
            }
            return;
        }
        let is_component = matches!(self.machine, Machine::Component(..));
        if !is_component
            && now.moment >= self.used + config.federation.idle
            && self.writing.is_empty()
        {
            // Whoever has something to say opens a stream again.
            return self.close(None, None, now);
        }
        if now.moment >= self.heard + seconds(config.limits.idle_ping_seconds) {
            if self.writing.ask(&mut self.out) {
                self.probed = Some(now.moment);
            } else {
                // Without stream management white space shows at least that nobody has closed the socket.
                self.out.push_back(Output::Send(Bytes::from_static(b" ")));
                self.heard = now.moment;
            }
        }
        if now.moment >= self.used + config.federation.idle {
            self.used = now.moment;
        }
    }

    /// Ends the stream with an error.
    pub fn turn_away(&mut self, condition: StreamCondition, now: Now) {
        self.close(Some(condition), None, now);
    }

    fn close(&mut self, condition: Option<StreamCondition>, text: Option<&str>, now: Now) {
        match &mut self.machine {
            Machine::Accept(machine) => machine.close(condition, text),
            Machine::Connect(machine, _) => machine.close(condition, text),
            Machine::Component(machine, _) => machine.close(condition, text),
        }
        self.drain(now);
    }

    /// The socket is gone. What came is finished, what did not go out goes another way.
    pub async fn cut(mut self, now: Now) {
        if let Machine::Connect(_, dial) = &mut self.machine
            && dial.is_open()
        {
            let why = "the connection was lost before the login was finished";
            dial.fail(&DialError::Unreachable(why.to_owned()), now);
        }
        if let Machine::Component(_, domain) = &self.machine {
            self.chat.links().component_went(domain, self.carrier);
        }
        std::mem::take(&mut self.writing).end(&self.chat, now);
        let mut inbound = self.inbound;
        std::future::poll_fn(|cx| {
            inbound.poll(cx, now);
            if inbound.is_empty() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Reads frames for as long as they can be taken.
    fn advance(&mut self, now: Now) {
        while self.wants_input() {
            match self.reader.next() {
                Ok(Some(frame)) => self.frame(frame),
                Ok(None) => {
                    let limit = self.chat.config().limits.whitespace_bytes;
                    if !self.known && self.reader.whitespace() > limit as u64 {
                        self.close(Some(StreamCondition::PolicyViolation), None, now);
                    }
                    return;
                }
                Err(error) => self.unreadable(error),
            }
            self.drain(now);
        }
    }

    fn frame(&mut self, frame: Frame) {
        match &mut self.machine {
            Machine::Accept(machine) => machine.handle(frame),
            Machine::Connect(machine, _) => machine.handle(frame),
            Machine::Component(machine, _) => machine.handle(frame),
        }
    }

    fn unreadable(&mut self, error: XmlError) {
        match &mut self.machine {
            Machine::Accept(machine) => machine.unreadable(error),
            Machine::Connect(machine, _) => machine.unreadable(error),
            Machine::Component(machine, _) => machine.unreadable(error),
        }
    }

    /// Does what the machine says.
    fn drain(&mut self, now: Now) {
        loop {
            let output = match &mut self.machine {
                Machine::Component(machine, _) => match machine.poll() {
                    Some(output) => {
                        self.component_says(output, now);
                        continue;
                    }
                    None => return,
                },
                Machine::Accept(machine) => machine.poll(),
                Machine::Connect(machine, _) => machine.poll(),
            };
            match output {
                Some(output) => self.server_says(output, now),
                None => return,
            }
        }
    }

    fn component_says(&mut self, output: component::Output, now: Now) {
        match output {
            component::Output::Send(bytes) => self.out.push_back(Output::Send(bytes)),
            component::Output::Established { domain } => {
                self.becomes_known();
                let links = self.chat.links();
                self.replaced = Some(links.component_came(&domain, self.carrier));
                let link = links.link("", &domain, now.moment);
                let told = [
                    privilege::announcement(&self.chat, &domain),
                    delegation::announcement(&self.chat, &domain),
                ];
                // Ahead of what has waited.
                let told = told.into_iter().flatten().map(Output::Send);
                self.out.extend(told);
                self.writing.carry(link);
                tracing::info!(%domain, peer = %self.peer, "a component has connected");
                if let Machine::Component(_, own) = &mut self.machine {
                    *own = domain;
                }
            }
            component::Output::Stanza { from, to, stanza } => self.stanza(from, to, stanza, now),
            component::Output::Close => self.end(),
        }
    }

    fn server_says(&mut self, output: federation::Output, now: Now) {
        use federation::Output as Said;
        match output {
            Said::Send(bytes) => self.out.push_back(Output::Send(bytes)),
            Said::StartTls => self.out.push_back(Output::StartTls),
            Said::RestartStream => self.reader.restart(),
            Said::Verify(asked) => {
                let answer = self
                    .chat
                    .links()
                    .verify(&self.chat, asked.clone(), self.peer);
                self.verifying.push(Verifying { asked, answer });
            }
            Said::Authorized {
                remote,
                local,
                bidirectional,
            } => {
                self.becomes_known();
                tracing::info!(%remote, %local, peer = %self.peer, "a server has shown who it is");
                let accepted = matches!(self.machine, Machine::Accept(_));
                if accepted {
                    let most = self.chat.config().federation.domain_streams;
                    let Some(place) = self.chat.links().stream_comes(&remote, most) else {
                        let why = "The server of this domain has too many streams open; please close some.";
                        self.close(Some(StreamCondition::ResourceConstraint), Some(why), now);
                        return;
                    };
                    self.places.push(place);
                }
                if bidirectional && accepted {
                    let link = self.chat.links().link(&local, &remote, now.moment);
                    self.writing.carry(link);
                }
            }
            Said::Ready { stream_management } => {
                self.becomes_known();
                if stream_management {
                    self.writing.enable(&self.chat);
                }
                if let Machine::Connect(_, dial) = &mut self.machine {
                    tracing::info!(remote = dial.remote(), local = dial.local(), peer = %self.peer, "connected with a server");
                    if let Some(link) = dial.link() {
                        self.writing.carry(link.clone());
                    }
                    dial.succeeded();
                }
            }
            Said::Verified(good) => {
                if let Machine::Connect(_, dial) = &mut self.machine {
                    dial.verified(good);
                }
            }
            Said::Stanza { from, to, stanza } => self.stanza(from, to, stanza, now),
            Said::Management(element) => self.management(&element, now),
            Said::Failed(error) => {
                if let Machine::Connect(_, dial) = &mut self.machine {
                    dial.fail(&DialError::Peer(error), now);
                }
            }
            Said::Close => self.end(),
        }
    }

    fn stanza(&mut self, from: Jid, to: Jid, stanza: Stanza, now: Now) {
        self.used = now.moment;
        self.writing.count_handled();
        self.inbound.take(from, to, stanza, now);
    }

    /// XEP-0198 §3 and §4.
    fn management(&mut self, element: &SmElement, now: Now) {
        match element {
            SmElement::Enable { .. } if self.writing.enable(&self.chat) => {
                let enabled = SmElement::Enabled {
                    id: None,
                    resume: false,
                    max: None,
                    location: None,
                };
                self.out.push_back(Output::Send(enabled.to_xml().into()));
            }
            SmElement::Request => {
                if let Some(handled) = self.writing.handled() {
                    self.inbound.acknowledge(handled);
                }
            }
            SmElement::Answer { h } => {
                if let Err(error) = self.writing.acknowledged(*h, &self.chat) {
                    self.out.push_back(Output::Send(error.to_xml(false).into()));
                    self.close(None, None, now);
                }
            }
            SmElement::Enable { .. } | SmElement::Resume { .. } => {
                let failed = SmElement::Failed {
                    h: None,
                    condition: StanzaCondition::UnexpectedRequest,
                };
                self.out.push_back(Output::Send(failed.to_xml().into()));
            }
            SmElement::Enabled { .. } | SmElement::Resumed { .. } | SmElement::Failed { .. } => {}
        }
    }

    fn becomes_known(&mut self) {
        if !self.known {
            self.known = true;
            let limits = &self.chat.config().limits;
            self.reader.set_limits(ReaderLimits {
                element_bytes: limits.stanza_bytes,
                depth: limits.depth,
                attributes: limits.attributes,
                ..ReaderLimits::default()
            });
        }
    }

    fn end(&mut self) {
        self.leaving = true;
        self.out.push_back(Output::Close);
    }
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}
