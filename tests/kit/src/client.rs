//! A client without a socket: logs in, and sorts what comes.

use std::collections::VecDeque;
use std::sync::Arc;

use base::{BareJid, FullJid};
use bytes::Bytes;
use xmpp::sasl::{Password, SaltedPassword};
use xmpp::sm::SmElement;
use xmpp::stream::client::{Action, ClientConfig, ClientError, Handshake, Progress, TlsPolicy};
use xmpp::stream::{Security, Transport, TransportKind};
use xmpp::xep::bind2::{Inline, SmRequest};
use xmpp::xml::{Frame, Framing, Reader, ReaderLimits, Stanza};

/// How a client logs in.
#[derive(Clone, Debug)]
pub struct Wishes {
    /// Its account.
    pub account: BareJid,
    /// Its resource.
    pub resource: String,
    /// Its password.
    pub password: String,
    /// Stream management with resumption.
    pub managed: bool,
    /// Log in by SASL2 and Bind 2 (XEP-0388, XEP-0386); the resource begins with the wished one.
    pub sasl2: bool,
    /// The stream to resume, and how many stanzas were received on it.
    pub resume: Option<(String, u32)>,
    /// The stretched password of an earlier login.
    pub salted: Option<SaltedPassword>,
}

impl Wishes {
    /// A plain log-in: SASL and resource binding, without stream management.
    #[must_use]
    pub fn new(account: BareJid, resource: &str, password: &str) -> Self {
        Self {
            account,
            resource: resource.to_owned(),
            password: password.to_owned(),
            managed: false,
            sasl2: false,
            resume: None,
            salted: None,
        }
    }

    /// Notes how to resume the session that `client` has.
    pub(crate) fn remember(&mut self, client: &Client) {
        if client.jid.is_none() && client.resumed.is_none() {
            // The login was cut short: what was known before holds.
            return;
        }
        let former = self.resume.take().filter(|_| client.resumed.is_some());
        self.resume = client
            .resume_id
            .clone()
            .or_else(|| former.map(|(id, _)| id))
            .map(|id| (id, client.handled));
    }
}

/// The client's side of one stream.
pub struct Client {
    reader: Reader,
    handshake: Option<Handshake>,
    /// What had been received of the session that it resumes.
    received: u32,
    /// Its full address, once bound.
    pub jid: Option<FullJid>,
    /// The id to resume the stream by.
    pub resume_id: Option<String>,
    /// True when the former session goes on.
    pub resumed: Option<u32>,
    /// Stanzas received and counted on this session.
    pub handled: u32,
    /// Stanzas of ours that the server has acknowledged (XEP-0198 §4).
    pub acknowledged: u32,
    /// Stanzas that were sent and counted on this session; see [`Client::sending`].
    pub sent: u32,
    /// How many acknowledgements came.
    pub acknowledgements: u32,
    managed: bool,
    /// Answer requests for acknowledgement.
    pub answers: bool,
    /// What is sent to the client is lost on the way.
    pub deaf: bool,
    /// The stream features after login.
    pub features: Option<Stanza>,
    /// The stretched password, which saves the stretching at the next login.
    pub salted: Option<SaltedPassword>,
    /// What was received and not yet looked at.
    pub inbox: VecDeque<Stanza>,
    /// Why it ended.
    pub ended: Option<String>,
}

impl Client {
    /// Begins a stream: the client and its first bytes.
    #[must_use]
    pub fn begin(wishes: &Wishes, seed: [u8; 32]) -> (Self, Bytes) {
        let mut config =
            ClientConfig::new(wishes.account.clone(), Password::new(&*wishes.password));
        config.tls = TlsPolicy::Never;
        config.sasl2 = wishes.sasl2;
        config.bind2 = wishes.sasl2;
        config.tag = wishes.sasl2.then(|| wishes.resource.clone());
        config.resource = Some(wishes.resource.clone());
        config.enable = Inline {
            stream_management: wishes.managed.then_some(SmRequest {
                resume: true,
                max: None,
            }),
            ..Inline::default()
        };
        config.resume.clone_from(&wishes.resume);
        config.credentials.salted.extend(wishes.salted.clone());
        let transport = Transport {
            kind: TransportKind::Tcp,
            security: Security::Plain,
            trusted_proxy: true,
        };
        let (handshake, first) = Handshake::start(Arc::new(config), transport, seed);
        let client = Self {
            reader: Reader::new(Framing::Stream, ReaderLimits::default()),
            handshake: Some(handshake),
            jid: None,
            resume_id: None,
            resumed: None,
            handled: 0,
            acknowledged: 0,
            sent: 0,
            acknowledgements: 0,
            managed: false,
            answers: true,
            deaf: false,
            features: None,
            salted: None,
            received: wishes.resume.as_ref().map_or(0, |(_, received)| *received),
            inbox: VecDeque::new(),
            ended: None,
        };
        (client, first)
    }

    /// True when stanzas can be sent.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.handshake.is_none() && self.ended.is_none()
    }

    /// True while the server has an answer to what was sent last: neither ended nor deaf.
    #[must_use]
    pub fn listens(&self) -> bool {
        self.ended.is_none() && !self.deaf
    }

    /// Counts stanzas that go out. `bytes` are whole elements.
    pub fn sending(&mut self, bytes: &[u8]) {
        self.sent += stanzas(bytes);
    }

    /// Takes bytes from the server; gives bytes for it.
    pub fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        if self.deaf {
            return out;
        }
        self.reader.feed(bytes);
        while self.ended.is_none() {
            match self.reader.next() {
                Ok(Some(frame)) => self.frame(frame, &mut out),
                Ok(None) => break,
                Err(error) => self.ended = Some(format!("unreadable: {error:?}")),
            }
        }
        out
    }

    fn frame(&mut self, frame: Frame, out: &mut Vec<u8>) {
        if let Some(handshake) = self.handshake.take() {
            match handshake.handle(&frame) {
                Ok(Progress::Next {
                    handshake,
                    send,
                    action,
                }) => {
                    if action == Some(Action::RestartStream) {
                        self.reader.restart();
                    }
                    self.handshake = Some(handshake);
                    out.extend_from_slice(&send);
                }
                Ok(Progress::Done(bound)) => {
                    self.jid = bound.jid;
                    self.resumed = bound.resumed;
                    if let Some(h) = bound.resumed {
                        self.handled = self.received;
                        self.sent = h;
                        self.acknowledged = h;
                    }
                    self.features = bound.features;
                    self.salted = bound.salted;
                    self.managed = bound.stream_management.is_some() || bound.resumed.is_some();
                    self.resume_id = bound.stream_management.flatten();
                }
                Err(ClientError::Closed) => self.ended = Some("closed".into()),
                Err(error) => self.ended = Some(error.to_string()),
            }
            return;
        }
        let Frame::Element(element) = frame else {
            self.ended.get_or_insert_with(|| "closed".into());
            return;
        };
        match SmElement::read(&element) {
            Some(SmElement::Request) => {
                if self.answers {
                    out.extend_from_slice(
                        SmElement::Answer { h: self.handled }.to_xml().as_bytes(),
                    );
                }
            }
            Some(SmElement::Answer { h }) => {
                self.acknowledged = h;
                self.acknowledgements += 1;
            }
            _ => {
                if let Some(condition) = xmpp::condition::StreamCondition::of(&element) {
                    self.ended = Some(condition.to_string());
                }
                if self.managed && element.kind() != xmpp::xml::Kind::Other {
                    self.handled += 1;
                }
                // The server asks whether an unmanaged client is still there (XEP-0199 §4.1).
                if element.id().as_deref() == Some("hauspost-ping") && self.answers {
                    out.extend_from_slice(b"<iq type='result' id='hauspost-ping'/>");
                    return;
                }
                self.inbox.push_back(element);
            }
        }
    }
}

/// How many stanzas there are among whole elements.
fn stanzas(bytes: &[u8]) -> u32 {
    let mut reader = Reader::new(Framing::Frames, ReaderLimits::default());
    reader.feed(bytes);
    let mut count = 0;
    while let Ok(Some(frame)) = reader.next() {
        if let Frame::Element(element) = frame
            && ["message", "presence", "iq"].contains(&element.name())
        {
            count += 1;
        }
    }
    count
}
