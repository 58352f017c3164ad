//! XEP-0114: Jabber Component Protocol, the server's side.
//!
//! The caller hands over frames and takes outputs until there is none. A component shows that it knows the secret of
//! its domain; then stanzas go both ways for as long as the stream.

use std::collections::VecDeque;
use std::fmt;

use base::{Jid, Redacted};
use bytes::Bytes;
use subtle::ConstantTimeEq;

use crate::condition::StreamCondition;
use crate::ns;
use crate::sasl::ScramHash;
use crate::stream::Seed;
use crate::xep::dialback::hexadecimal;
use crate::xml::{Frame, Kind, Stanza, StreamHeader, Writer, XmlError};

/// What to do next.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "lives for one call; a box would be an allocation for each stanza"
)]
pub enum Output {
    /// Bytes for the component.
    Send(Bytes),
    /// The component has shown that it serves `domain`.
    Established {
        /// Its domain.
        domain: String,
    },
    /// A stanza, from an address of the component's domain.
    Stanza {
        /// The sender.
        from: Jid,
        /// The recipient.
        to: Jid,
        /// The stanza.
        stanza: Stanza,
    },
    /// Send what is queued, then close the transport. Nothing comes after.
    Close,
}

/// Finds the secret of a component's domain; `None` for a domain that is none.
pub type Secrets = Box<dyn Fn(&str) -> Option<Redacted<String>> + Send>;

/// The stream of one component.
pub struct Component {
    secrets: Secrets,
    seed: Seed,
    out: VecDeque<Output>,
    state: State,
    opened: bool,
    id: String,
    domain: String,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Header,
    Handshake,
    Open,
    Ended,
}

impl Component {
    /// A stream on a transport that was just accepted. `random` must be fresh for every stream.
    pub fn new(secrets: Secrets, random: [u8; 32]) -> Component {
        Component {
            secrets,
            seed: Seed::new(random),
            out: VecDeque::new(),
            state: State::Header,
            opened: false,
            id: String::new(),
            domain: String::new(),
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

    /// Takes what the component sent.
    pub fn handle(&mut self, frame: Frame) {
        match (frame, &self.state) {
            (_, State::Ended) => {}
            (Frame::Open(header), State::Header) => self.open(&header),
            (Frame::Close, _) => self.close(None, None),
            (Frame::Element(element), State::Handshake) => self.handshake(&element),
            (Frame::Element(element), State::Open) => self.element(element),
            (Frame::Open(_) | Frame::Element(_), _) => {
                self.close(Some(StreamCondition::BadFormat), None);
            }
        }
    }

    fn open(&mut self, header: &StreamHeader) {
        let good = header.name == "stream"
            && header.namespace == ns::STREAMS
            && header.default_namespace == ns::COMPONENT_ACCEPT;
        if !good {
            return self.close(
                Some(StreamCondition::InvalidNamespace),
                Some("The content namespace must be jabber:component:accept."),
            );
        }
        let domain = header.to.as_deref().and_then(|to| Jid::parse(to).ok());
        let known = domain.filter(|to| to.is_domain() && (self.secrets)(to.domain()).is_some());
        let Some(domain) = known else {
            return self.close(
                Some(StreamCondition::HostUnknown),
                Some("That domain is no component here; add it under [components]."),
            );
        };
        self.domain = domain.domain().to_owned();
        let header = self.header();
        self.send(header);
        self.state = State::Handshake;
    }

    fn header(&mut self) -> String {
        self.opened = true;
        self.id = self.seed.text("stream");
        let mut writer = Writer::with_capacity(256);
        writer
            .raw("<?xml version='1.0'?>")
            .start("stream:stream")
            .xmlns(ns::COMPONENT_ACCEPT)
            .attr("xmlns:stream", ns::STREAMS)
            .attr_opt(
                "from",
                Some(&self.domain).filter(|domain| !domain.is_empty()),
            )
            .attr("id", &self.id);
        writer.finish_open()
    }

    /// XEP-0114 §3: SHA-1 of the stream's id and the secret, in hexadecimal.
    fn handshake(&mut self, element: &Stanza) {
        let expected = (self.secrets)(&self.domain).map(|secret| {
            let both = format!("{}{}", self.id, secret.expose());
            hexadecimal(ScramHash::Sha1.digest(both.as_bytes()).expose())
        });
        let said = element.tree().root().text().trim().to_ascii_lowercase();
        let good = element.name() == "handshake"
            && element.namespace() == ns::CLIENT
            && expected.is_some_and(|key| bool::from(key.as_bytes().ct_eq(said.as_bytes())));
        if !good {
            return self.close(
                Some(StreamCondition::NotAuthorized),
                Some("The secret is not the one under [components]."),
            );
        }
        self.send("<handshake/>".to_owned());
        self.state = State::Open;
        self.out.push_back(Output::Established {
            domain: self.domain.clone(),
        });
    }

    fn element(&mut self, stanza: Stanza) {
        if stanza.kind() == Kind::Other {
            if StreamCondition::of(&stanza).is_some() {
                return self.close(None, None);
            }
            return self.close(Some(StreamCondition::UnsupportedStanzaType), None);
        }
        let from = stanza.from().and_then(|from| Jid::parse(&from).ok());
        let Some(from) = from.filter(|from| from.domain() == self.domain) else {
            return self.close(
                Some(StreamCondition::InvalidFrom),
                Some("A component sends from addresses of its own domain."),
            );
        };
        match stanza.to().and_then(|to| Jid::parse(&to).ok()) {
            Some(to) => self.out.push_back(Output::Stanza { from, to, stanza }),
            None => self.close(
                Some(StreamCondition::ImproperAddressing),
                Some("Every stanza of a component has a valid 'to'."),
            ),
        }
    }

    /// The reader found bad XML.
    pub fn unreadable(&mut self, error: XmlError) {
        self.close(Some(error.condition()), Some(&error.to_string()));
    }

    /// Closes the stream from our side: with an error, or (`None`) in peace.
    pub fn close(&mut self, condition: Option<StreamCondition>, text: Option<&str>) {
        if self.state == State::Ended {
            return;
        }
        let mut bytes = String::new();
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

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component")
            .field("domain", &self.domain)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
