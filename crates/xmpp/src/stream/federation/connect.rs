//! The server that connects.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::{FederationConfig, MOST_DOMAINS, Output, PeerError, Shown, Verification};
use super::{addresses, check_header, domain, header};
use crate::condition::{SaslCondition, StanzaCondition, StreamCondition};
use crate::ns;
use crate::sasl::{encode, external_response};
use crate::sm::SmElement;
use crate::stream::CertificateNames;
use crate::xep::dialback::{Dialback, Step, Word, key};
use crate::xml::{Frame, Kind, Stanza, Writer, XmlError};

/// What a stream to another server is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// To send stanzas.
    Speak,
    /// To ask whether a key that somebody gave us is that server's (XEP-0220 §2.4).
    Verify(Verification),
}

/// A stream that we have opened to another server. See the module for how to drive it.
#[derive(Debug)]
pub struct Connector {
    config: Arc<FederationConfig>,
    local: String,
    remote: String,
    purpose: Purpose,
    /// `None` without TLS.
    shown: Shown,
    out: VecDeque<Output>,
    state: State,
    /// The id that the peer gave the present stream.
    id: String,
    /// The peer takes dialback.
    dialback: bool,
    /// The peer has stream management.
    stream_management: bool,
    /// We have asked for a stream in both directions.
    bidirectional: bool,
    /// EXTERNAL has succeeded.
    proven: bool,
    /// Domains that the peer has shown to be its own.
    authorized: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The peer's header.
    Header,
    /// The peer's features.
    Features,
    /// `<proceed/>`.
    Proceed,
    /// `tls_established`.
    StartTls,
    /// `<success/>`.
    External,
    /// `<db:result/>`.
    Dialback,
    /// `<db:verify/>`.
    Verify,
    /// `<enabled/>`.
    Enable,
    /// Stanzas.
    Open,
    Ended,
}

impl Connector {
    /// A stream from `local` to `remote` on a transport that is connected. `shown` as in
    /// [`Connector::tls_established`] when TLS was there from the first byte, `None` in clear.
    pub fn new(
        config: Arc<FederationConfig>,
        local: &str,
        remote: &str,
        purpose: Purpose,
        shown: Option<CertificateNames>,
    ) -> Connector {
        let mut connector = Connector {
            config,
            local: local.to_owned(),
            remote: remote.to_owned(),
            purpose,
            shown,
            out: VecDeque::new(),
            state: State::Header,
            id: String::new(),
            dialback: false,
            stream_management: false,
            bidirectional: false,
            proven: false,
            authorized: Vec::new(),
        };
        connector.begin();
        connector
    }

    fn begin(&mut self) {
        if self.shown.is_some() && !self.is_trusted() {
            return self.fail(PeerError::Untrusted);
        }
        self.state = State::Header;
        self.send(header(Some(&self.local), Some(&self.remote), None));
    }

    /// Whether the certificate, or what policy takes instead, lets us go on.
    fn is_trusted(&self) -> bool {
        self.config.dialback || self.is_shown()
    }

    fn is_shown(&self) -> bool {
        self.shown
            .as_ref()
            .is_some_and(|names| names.covers(&self.remote))
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

    /// Whether stanzas may be sent.
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// TLS is up after [`Output::StartTls`], and these names are in the peer's certificate, if its chain leads to an
    /// authority that we trust (none otherwise).
    pub fn tls_established(&mut self, names: CertificateNames) {
        if self.state == State::StartTls {
            self.shown = Some(names);
            self.begin();
        }
    }

    /// Takes what the peer sent.
    pub fn handle(&mut self, frame: Frame) {
        match (frame, self.state) {
            (_, State::Ended | State::StartTls) => {}
            (Frame::Open(header), State::Header) => match check_header(&header) {
                Ok(()) => {
                    self.id = header.id.unwrap_or_default();
                    self.state = State::Features;
                }
                Err(_) => self.fail(PeerError::Unexpected),
            },
            (Frame::Open(_), _) => self.fail(PeerError::Unexpected),
            (Frame::Close, State::Open) => self.close(None, None),
            (Frame::Close, _) => self.fail(PeerError::Closed),
            (Frame::Element(element), state) => match StreamCondition::of(&element) {
                Some(_) if state == State::Open => self.close(None, None),
                Some(condition) => self.fail(PeerError::Stream(condition)),
                None => self.element(element, state),
            },
        }
    }

    fn element(&mut self, element: Stanza, state: State) {
        if element.namespace() == ns::DIALBACK {
            return self.on_dialback(&element);
        }
        match (state, element.name(), element.namespace()) {
            (State::Features, "features", ns::STREAMS) => self.choose(&element),
            (State::Proceed, "proceed", ns::TLS) => {
                self.out.push_back(Output::StartTls);
                self.state = State::StartTls;
            }
            (State::Proceed, ..) => self.fail(PeerError::NoTls),
            (State::External, "success", ns::SASL) => {
                self.proven = true;
                self.out.push_back(Output::RestartStream);
                self.begin();
            }
            (State::External, "failure", ns::SASL) => {
                let condition = element
                    .children()
                    .find_map(|child| SaslCondition::parse(child.name()))
                    .unwrap_or(SaslCondition::NotAuthorized);
                if self.dialback {
                    self.show_key();
                } else {
                    self.fail(PeerError::Refused(condition));
                }
            }
            (State::Enable, _, ns::STREAM_MANAGEMENT) => {
                let enabled = matches!(SmElement::read(&element), Some(SmElement::Enabled { .. }));
                self.ready(enabled);
            }
            (State::Open, _, ns::STREAM_MANAGEMENT) => {
                if let Some(element) = SmElement::read(&element) {
                    self.out.push_back(Output::Management(element));
                }
            }
            (State::Open | State::Enable, ..) if element.kind() != Kind::Other => {
                self.stanza(element);
            }
            (State::Open, ..) => self.close(Some(StreamCondition::UnsupportedStanzaType), None),
            _ => self.fail(PeerError::Unexpected),
        }
    }

    fn stanza(&mut self, stanza: Stanza) {
        if !self.bidirectional {
            return self.close(
                Some(StreamCondition::NotAuthorized),
                Some("Nobody asked for stanzas on this stream."),
            );
        }
        match addresses(&stanza, &self.authorized, &self.config) {
            Ok((from, to)) => self.out.push_back(Output::Stanza { from, to, stanza }),
            Err((condition, text)) => self.close(Some(condition), Some(text)),
        }
    }

    /// What to do with the features.
    fn choose(&mut self, features: &Stanza) {
        if self.shown.is_none() {
            if !features.has("starttls", ns::TLS) {
                return self.fail(PeerError::NoTls);
            }
            let mut writer = Writer::with_capacity(64);
            writer.leaf("starttls", ns::TLS);
            self.send(writer.finish());
            self.state = State::Proceed;
            return;
        }
        self.dialback = features.has("dialback", ns::DIALBACK_FEATURE);
        self.stream_management =
            self.config.stream_management && features.has("sm", ns::STREAM_MANAGEMENT);
        if let Purpose::Verify(verification) = &self.purpose {
            let asked = Dialback {
                step: Step::Verify,
                from: self.local.clone(),
                to: self.remote.clone(),
                id: Some(verification.stream.clone()),
                word: Word::Key(verification.key.clone()),
            };
            self.send(asked.to_xml());
            self.state = State::Verify;
            return;
        }
        if self.proven {
            return self.enable();
        }
        // Only who has shown by its certificate who it is may speak on a stream that we opened.
        if self.config.bidirectional && self.is_shown() && features.has("bidi", ns::BIDI_FEATURE) {
            let mut writer = Writer::with_capacity(64);
            writer.leaf("bidi", ns::BIDI);
            self.send(writer.finish());
            self.bidirectional = true;
        }
        let external = features.child("mechanisms", ns::SASL).is_some_and(|child| {
            let tree = child.tree();
            tree.root()
                .children()
                .any(|child| child.text().trim() == "EXTERNAL")
        });
        if external && self.config.certificate {
            let mut writer = Writer::with_capacity(128);
            writer
                .start("auth")
                .xmlns(ns::SASL)
                .attr("mechanism", "EXTERNAL")
                .text(&encode(external_response(Some(&self.local))))
                .end();
            self.send(writer.finish());
            self.state = State::External;
        } else if self.dialback {
            self.show_key();
        } else {
            self.fail(PeerError::NoProof);
        }
    }

    fn show_key(&mut self) {
        let secret = self.config.secret.expose();
        let said = Dialback {
            step: Step::Result,
            from: self.local.clone(),
            to: self.remote.clone(),
            id: None,
            word: Word::Key(key(secret, &self.remote, &self.local, &self.id)),
        };
        self.send(said.to_xml());
        self.state = State::Dialback;
    }

    fn on_dialback(&mut self, element: &Stanza) {
        let Some(said) = Dialback::read(element) else {
            return self.fail(PeerError::Unexpected);
        };
        let ours = domain(Some(&said.from)).as_ref() == Some(&self.remote)
            && domain(Some(&said.to)).as_ref() == Some(&self.local);
        match (self.state, said.step, &said.word) {
            (State::Dialback, Step::Result, Word::Valid) if ours => self.enable(),
            (State::Dialback, Step::Result, Word::Invalid) if ours => {
                self.fail(PeerError::DialbackRefused(None));
            }
            (State::Dialback, Step::Result, Word::Error(condition)) if ours => {
                self.fail(PeerError::DialbackRefused(Some(*condition)));
            }
            (State::Verify, Step::Verify, Word::Valid | Word::Invalid) if ours => {
                let of_this = matches!(&self.purpose, Purpose::Verify(asked) if said.id.as_ref() == Some(&asked.stream));
                let good = of_this && said.word == Word::Valid;
                self.out.push_back(Output::Verified(good));
                self.close(None, None);
            }
            (State::Verify, Step::Verify, Word::Error(condition)) if ours => {
                self.fail(PeerError::DialbackRefused(Some(*condition)));
            }
            // XEP-0288 §2.2: the peer shows another domain of its own. Only a certificate can do that here.
            (State::Open, Step::Result, Word::Key(_)) if self.bidirectional => self.another(&said),
            _ => {}
        }
    }

    fn another(&mut self, said: &Dialback) {
        let remote = domain(Some(&said.from));
        let local = domain(Some(&said.to)).filter(|local| self.config.serves(local));
        let (Some(remote), Some(local)) = (remote, local) else {
            return self.send(
                said.reply(Word::Error(StanzaCondition::ItemNotFound))
                    .to_xml(),
            );
        };
        let good = self.config.peers.permits(&remote)
            && !self.config.serves(&remote)
            && self.authorized.len() < MOST_DOMAINS
            && self
                .shown
                .as_ref()
                .is_some_and(|names| names.covers(&remote));
        if !good {
            return self.send(
                said.reply(Word::Error(StanzaCondition::NotAuthorized))
                    .to_xml(),
            );
        }
        self.send(said.reply(Word::Valid).to_xml());
        self.authorize(remote, local);
    }

    fn authorize(&mut self, remote: String, local: String) {
        if !self.authorized.contains(&remote) {
            self.authorized.push(remote.clone());
        }
        self.out.push_back(Output::Authorized {
            remote,
            local,
            bidirectional: true,
        });
    }

    /// We are believed.
    fn enable(&mut self) {
        if self.bidirectional {
            self.authorize(self.remote.clone(), self.local.clone());
        }
        if self.stream_management {
            let enable = SmElement::Enable {
                resume: false,
                max: None,
            };
            self.send(enable.to_xml());
            self.state = State::Enable;
        } else {
            self.ready(false);
        }
    }

    fn ready(&mut self, stream_management: bool) {
        self.state = State::Open;
        self.out.push_back(Output::Ready { stream_management });
    }

    /// The reader found bad XML.
    pub fn unreadable(&mut self, error: XmlError) {
        if self.state != State::Open {
            self.out.push_back(Output::Failed(PeerError::Unexpected));
        }
        self.close(Some(error.condition()), Some(&error.to_string()));
    }

    fn fail(&mut self, error: PeerError) {
        if self.state == State::Ended {
            return;
        }
        self.out.push_back(Output::Failed(error));
        self.close(None, None);
    }

    /// Closes the stream from our side: with an error, or (`None`) in peace.
    pub fn close(&mut self, condition: Option<StreamCondition>, text: Option<&str>) {
        if self.state == State::Ended {
            return;
        }
        let mut bytes = condition
            .map(|condition| condition.to_xml(text, false))
            .unwrap_or_default();
        bytes.push_str("</stream:stream>");
        self.send(bytes);
        self.state = State::Ended;
        self.out.push_back(Output::Close);
    }

    fn send(&mut self, text: String) {
        self.out.push_back(Output::Send(Bytes::from(text)));
    }
}
