//! The server that is connected to.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::{FederationConfig, MOST_DOMAINS, Output, Shown, Verification};
use super::{addresses, check_header, domain, header};
use crate::condition::{SaslCondition, StanzaCondition, StreamCondition};
use crate::ns;
use crate::sasl::{authorization, decode};
use crate::sm::SmElement;
use crate::stream::{CertificateNames, Seed};
use crate::xep::dialback::{Dialback, Step, Word, is_key};
use crate::xml::{Frame, Kind, Stanza, StreamHeader, Writer, XmlError};

/// Failed proofs on one stream before it is closed.
const MOST_FAILURES: u8 = 5;

/// A stream that another server has opened. See the module for how to drive it.
#[derive(Debug)]
pub struct Acceptor {
    config: Arc<FederationConfig>,
    /// `None` without TLS.
    shown: Shown,
    seed: Seed,
    out: VecDeque<Output>,
    state: State,
    /// Our header is out for the present stream.
    opened: bool,
    id: String,
    /// `from` of the peer's header.
    remote: Option<String>,
    /// `to` of the peer's header.
    local: String,
    authorized: Vec<String>,
    /// EXTERNAL has succeeded.
    proven: bool,
    bidirectional: bool,
    verifying: Vec<Verification>,
    failures: u8,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Header,
    Open,
    StartTls,
    Ended,
}

impl Acceptor {
    /// A stream on a transport that was just accepted. `shown` as in [`Acceptor::tls_established`] when TLS was there
    /// from the first byte, `None` in clear. `random` must be fresh for every stream.
    pub fn new(
        config: Arc<FederationConfig>,
        shown: Option<CertificateNames>,
        random: [u8; 32],
    ) -> Acceptor {
        Acceptor {
            config,
            shown,
            seed: Seed::new(random),
            out: VecDeque::new(),
            state: State::Header,
            opened: false,
            id: String::new(),
            remote: None,
            local: String::new(),
            authorized: Vec::new(),
            proven: false,
            bidirectional: false,
            verifying: Vec::new(),
            failures: 0,
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// Whether the stream has come to its end.
    pub fn is_over(&self) -> bool {
        self.state == State::Ended
    }

    /// Whether frames must wait: for TLS.
    pub fn is_waiting(&self) -> bool {
        self.state == State::StartTls
    }

    /// Whether the peer has shown a domain to be its own.
    pub fn is_authorized(&self) -> bool {
        !self.authorized.is_empty()
    }

    /// Which domain the peer says it is, in the stream's header. Nothing is proven by it.
    pub fn claimed(&self) -> Option<&str> {
        self.remote.as_deref()
    }

    /// TLS is up after [`Output::StartTls`], and these names are in the peer's certificate, if its chain leads to an
    /// authority that we trust (none otherwise).
    pub fn tls_established(&mut self, names: CertificateNames) {
        if self.state == State::StartTls {
            self.shown = Some(names);
            self.state = State::Header;
            self.opened = false;
        }
    }

    /// Takes what the peer sent.
    pub fn handle(&mut self, frame: Frame) {
        match (frame, &self.state) {
            (_, State::Ended | State::StartTls) => {}
            (Frame::Open(header), State::Header) => self.open(&header),
            (Frame::Open(_), State::Open) => {
                self.close(
                    Some(StreamCondition::BadFormat),
                    Some("The stream is open already."),
                );
            }
            (Frame::Close, _) => self.close(None, None),
            (Frame::Element(_), State::Header) => {
                self.close(
                    Some(StreamCondition::NotAuthorized),
                    Some("Open a stream first."),
                );
            }
            (Frame::Element(element), State::Open) => self.element(element),
        }
    }

    fn open(&mut self, header: &StreamHeader) {
        if let Err((condition, text)) = check_header(header) {
            return self.close(Some(condition), Some(text));
        }
        let Some(local) = domain(header.to.as_deref()) else {
            return self.close(
                Some(StreamCondition::ImproperAddressing),
                Some("Say in 'to' which host the stream is for."),
            );
        };
        if !self.config.serves(&local) {
            return self.close(
                Some(StreamCondition::HostUnknown),
                Some("This server does not serve that host."),
            );
        }
        let remote = domain(header.from.as_deref());
        if header.from.is_some() && remote.is_none() {
            return self.close(
                Some(StreamCondition::InvalidFrom),
                Some("The 'from' of the stream is no host."),
            );
        }
        if remote
            .as_deref()
            .is_some_and(|remote| self.config.serves(remote))
        {
            return self.close(
                Some(StreamCondition::InvalidFrom),
                Some("That host is served here."),
            );
        }
        let refused = remote
            .as_deref()
            .is_some_and(|remote| !self.config.peers.permits(remote));
        self.local = local;
        if refused {
            return self.close(
                Some(StreamCondition::PolicyViolation),
                Some("This server does not talk with that host."),
            );
        }
        if self.proven && self.remote != remote {
            return self.close(
                Some(StreamCondition::InvalidFrom),
                Some("The certificate was shown for another host."),
            );
        }
        self.remote = remote;
        let header = self.header();
        self.state = State::Open;
        let features = self.features();
        self.send(header + &features);
        if self.proven
            && let Some(remote) = self.remote.clone()
        {
            self.authorize(remote, self.local.clone());
        }
    }

    fn header(&mut self) -> String {
        self.opened = true;
        self.id = self.seed.text("stream");
        let local = Some(self.local.as_str()).filter(|local| !local.is_empty());
        header(local, self.remote.as_deref(), Some(&self.id))
    }

    /// The peer's certificate is one for the domain that it says it is.
    fn is_shown(&self, remote: &str) -> bool {
        self.shown
            .as_ref()
            .is_some_and(|names| names.covers(remote))
    }

    fn features(&self) -> String {
        let mut writer = Writer::with_capacity(512);
        writer.start("stream:features");
        if self.shown.is_none() {
            writer
                .start("starttls")
                .xmlns(ns::TLS)
                .start("required")
                .end()
                .end();
        } else {
            let external = self
                .remote
                .as_deref()
                .is_some_and(|remote| self.is_shown(remote));
            if external && !self.proven {
                writer
                    .start("mechanisms")
                    .xmlns(ns::SASL)
                    .leaf_text("mechanism", None, "EXTERNAL")
                    .end();
            }
            if self.config.bidirectional && !self.proven {
                writer.leaf("bidi", ns::BIDI_FEATURE);
            }
            if self.config.stream_management && (self.proven || !external) {
                writer.leaf("sm", ns::STREAM_MANAGEMENT);
            }
            // A certificate that is good makes dialback a formality (XEP-0344 §2.3).
            if self.config.dialback || external {
                writer
                    .start("dialback")
                    .xmlns(ns::DIALBACK_FEATURE)
                    .start("errors")
                    .end()
                    .end();
            }
        }
        writer.end();
        writer.finish()
    }

    fn element(&mut self, element: Stanza) {
        if element.kind() != Kind::Other {
            return self.stanza(element);
        }
        match (element.name(), element.namespace()) {
            ("starttls", ns::TLS) => self.start_tls(),
            ("auth", ns::SASL) => self.external(&element),
            ("bidi", ns::BIDI) => {
                if self.config.bidirectional && self.authorized.is_empty() {
                    self.bidirectional = true;
                }
            }
            (_, ns::DIALBACK) => self.dialback(&element),
            (_, ns::STREAM_MANAGEMENT) if self.is_authorized() => self.management(&element),
            ("error", ns::STREAMS) => self.close(None, None),
            _ if !self.is_authorized() => self.close(
                Some(StreamCondition::NotAuthorized),
                Some("Show first who you are."),
            ),
            _ => self.close(Some(StreamCondition::UnsupportedStanzaType), None),
        }
    }

    fn stanza(&mut self, stanza: Stanza) {
        if !self.is_authorized() {
            return self.close(
                Some(StreamCondition::NotAuthorized),
                Some("Show first who you are."),
            );
        }
        match addresses(&stanza, &self.authorized, &self.config) {
            Ok((from, to)) => self.out.push_back(Output::Stanza { from, to, stanza }),
            Err((condition, text)) => self.close(Some(condition), Some(text)),
        }
    }

    fn management(&mut self, element: &Stanza) {
        match SmElement::read(element) {
            Some(element) if self.config.stream_management => {
                self.out.push_back(Output::Management(element));
            }
            _ => {
                let failed = SmElement::Failed {
                    h: None,
                    condition: StanzaCondition::UnexpectedRequest,
                };
                self.send(failed.to_xml());
            }
        }
    }

    fn start_tls(&mut self) {
        let mut writer = Writer::with_capacity(64);
        if self.shown.is_none() {
            writer.leaf("proceed", ns::TLS);
            self.send(writer.finish());
            self.out.push_back(Output::StartTls);
            self.state = State::StartTls;
        } else {
            writer.leaf("failure", ns::TLS);
            self.send(writer.finish());
            self.close(None, None);
        }
    }

    /// XEP-0178 §4: the certificate is what counts; an authorization identity must be the header's `from`.
    fn external(&mut self, element: &Stanza) {
        let remote = self.remote.clone().filter(|remote| self.is_shown(remote));
        let Some(remote) = remote.filter(|_| !self.proven) else {
            return self.fail(SaslCondition::NotAuthorized);
        };
        if element.tree().root().attr("mechanism") != Some("EXTERNAL") {
            return self.fail(SaslCondition::InvalidMechanism);
        }
        let message = match element.inner().trim_ascii() {
            "" | "=" => Vec::new(),
            text => match decode(text) {
                Ok(message) => message,
                Err(_) => return self.fail(SaslCondition::IncorrectEncoding),
            },
        };
        match authorization(&message) {
            Ok(None) => {}
            Ok(wanted) if domain(wanted).as_ref() == Some(&remote) => {}
            Ok(_) => return self.fail(SaslCondition::InvalidAuthzid),
            Err(_) => return self.fail(SaslCondition::MalformedRequest),
        }
        let mut writer = Writer::with_capacity(64);
        writer.leaf("success", ns::SASL);
        self.send(writer.finish());
        self.out.push_back(Output::RestartStream);
        self.proven = true;
        self.opened = false;
        self.state = State::Header;
    }

    fn fail(&mut self, condition: SaslCondition) {
        self.send(condition.to_xml(ns::SASL, None));
        self.failed();
    }

    fn failed(&mut self) {
        self.failures += 1;
        if self.failures >= MOST_FAILURES {
            self.close(
                Some(StreamCondition::PolicyViolation),
                Some("Too many failed proofs."),
            );
        }
    }

    fn authorize(&mut self, remote: String, local: String) {
        if !self.authorized.contains(&remote) {
            self.authorized.push(remote.clone());
        }
        self.out.push_back(Output::Authorized {
            remote,
            local,
            bidirectional: self.bidirectional,
        });
    }

    fn dialback(&mut self, element: &Stanza) {
        let Some(said) = Dialback::read(element) else {
            return self.close(
                Some(StreamCondition::ImproperAddressing),
                Some("An element of dialback has 'from' and 'to', and a request to verify has an 'id'."),
            );
        };
        let Word::Key(key) = &said.word else {
            // The answer to a request that we never make on a stream of the peer's.
            return;
        };
        let remote = domain(Some(&said.from));
        let local = domain(Some(&said.to)).filter(|local| self.config.serves(local));
        let (Some(remote), Some(local)) = (remote, local) else {
            return self.send(
                said.reply(Word::Error(StanzaCondition::ItemNotFound))
                    .to_xml(),
            );
        };
        match said.step {
            Step::Verify => {
                // We are asked whether a key is ours. In clear or not: the answer is no secret.
                let stream = said.id.as_deref().unwrap_or_default();
                let good = is_key(key, self.config.secret.expose(), &remote, &local, stream);
                let word = if good { Word::Valid } else { Word::Invalid };
                self.send(said.reply(word).to_xml());
            }
            Step::Result => self.dialback_result(&said, remote, local, key),
        }
    }

    fn dialback_result(&mut self, said: &Dialback, remote: String, local: String, key: &str) {
        let full = self.authorized.len() + self.verifying.len() >= MOST_DOMAINS;
        let refusal = if !self.config.peers.permits(&remote)
            || self.config.serves(&remote)
            || self.shown.is_none()
        {
            Some(StanzaCondition::PolicyViolation)
        } else if full && !self.authorized.contains(&remote) {
            Some(StanzaCondition::ResourceConstraint)
        } else if self.is_shown(&remote) {
            // XEP-0344 §2.3: the certificate says all that a key could say.
            self.send(said.reply(Word::Valid).to_xml());
            return self.authorize(remote, local);
        } else if !self.config.dialback {
            Some(StanzaCondition::NotAuthorized)
        } else {
            None
        };
        if let Some(condition) = refusal {
            self.send(said.reply(Word::Error(condition)).to_xml());
            return self.failed();
        }
        let verification = Verification {
            remote,
            local,
            stream: self.id.clone(),
            key: key.to_owned(),
        };
        self.verifying.push(verification.clone());
        self.out.push_back(Output::Verify(verification));
    }

    /// What came of [`Output::Verify`]: whether the key is good, or why that could not be found out
    /// (`remote-server-not-found`, `remote-server-timeout`).
    pub fn verified(&mut self, asked: &Verification, good: Result<bool, StanzaCondition>) {
        let known = self.verifying.iter().position(|open| open == asked);
        let Some(at) = known.filter(|_| self.state == State::Open) else {
            return;
        };
        self.verifying.swap_remove(at);
        let word = match good {
            Ok(true) => Word::Valid,
            Ok(false) => Word::Invalid,
            Err(condition) => Word::Error(condition),
        };
        let said = Dialback {
            step: Step::Result,
            from: asked.local.clone(),
            to: asked.remote.clone(),
            id: None,
            word,
        };
        self.send(said.to_xml());
        if good == Ok(true) {
            self.authorize(asked.remote.clone(), asked.local.clone());
        } else {
            self.failed();
        }
    }

    /// The reader found bad XML: closes the stream with the condition that belongs to it.
    pub fn unreadable(&mut self, error: XmlError) {
        self.close(Some(error.condition()), Some(&error.to_string()));
    }

    /// Closes the stream from our side: with an error, or (`None`) in peace.
    pub fn close(&mut self, condition: Option<StreamCondition>, text: Option<&str>) {
        if self.state == State::Ended {
            return;
        }
        let mut bytes = String::new();
        // An error can only be told on an open stream (RFC 6120 §4.9.1.1).
        if !self.opened && condition.is_some() {
            bytes = self.header();
        }
        if let Some(condition) = condition {
            bytes.push_str(&condition.to_xml(text, false));
        }
        if self.opened {
            bytes.push_str("</stream:stream>");
        }
        self.send(bytes);
        self.state = State::Ended;
        self.out.push_back(Output::Close);
    }

    fn send(&mut self, text: String) {
        if !text.is_empty() {
            self.out.push_back(Output::Send(Bytes::from(text)));
        }
    }
}
