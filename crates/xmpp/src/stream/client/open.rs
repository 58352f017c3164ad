//! Opening the stream, and TLS.

use std::sync::Arc;

use bytes::Bytes;

use super::{ClientConfig, ClientError, Handshake};
use crate::ns;
use crate::sasl::Mechanism;
use crate::stream::{Security, Seed, TlsFacts, Transport, TransportKind};
use crate::xml::{Stanza, StreamHeader, Writer};

/// What all steps carry along.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) config: Arc<ClientConfig>,
    pub(super) transport: Transport,
    pub(super) seed: Seed,
    /// How we logged in, once we did.
    pub(super) mechanism: Option<Mechanism>,
    pub(super) salted: Option<crate::sasl::SaltedPassword>,
    /// The server did not take our token.
    pub(super) token_refused: bool,
    /// The mechanism of the token that was asked for.
    pub(super) token_wanted: Option<Mechanism>,
}

impl Core {
    /// Our header or `<open/>`, and the step that waits for the server's.
    pub(super) fn open(self: Box<Self>) -> (Handshake, String) {
        let mut writer = Writer::with_capacity(320);
        match self.transport.kind {
            TransportKind::Bosh => {
                return (Handshake::Features(Features { core: self }), String::new());
            }
            TransportKind::Tcp => {
                writer
                    .raw("<?xml version='1.0'?>")
                    .start("stream:stream")
                    .xmlns(ns::CLIENT);
                writer.attr("xmlns:stream", ns::STREAMS);
            }
            TransportKind::WebSocket => {
                writer.start("open").xmlns(ns::FRAMING);
            }
        }
        // Our address is nobody's business before TLS (RFC 6120 §4.7.1).
        let from = self
            .transport
            .is_protected()
            .then(|| self.config.account.as_str());
        writer
            .attr("to", self.config.account.domain())
            .attr_opt("from", from)
            .attr("version", "1.0");
        let text = match self.transport.kind {
            TransportKind::Tcp => writer.finish_open(),
            _ => {
                writer.end();
                writer.finish()
            }
        };
        (Handshake::Connecting(Connecting { core: self }), text)
    }
}

/// Our header is out.
#[derive(Debug)]
pub struct Connecting {
    core: Box<Core>,
}

impl Connecting {
    /// Makes the first step and its bytes. For BOSH that is [`Features`] already: the body carries the header.
    pub fn start(
        config: Arc<ClientConfig>,
        transport: Transport,
        random: [u8; 32],
    ) -> (Handshake, Bytes) {
        let seed = Seed::new(random);
        let core = Box::new(Core {
            config,
            transport,
            seed,
            mechanism: None,
            salted: None,
            token_refused: false,
            token_wanted: None,
        });
        let (step, text) = core.open();
        (step, Bytes::from(text))
    }

    /// Takes the server's header.
    ///
    /// # Errors
    /// [`ClientError::Unexpected`] when it is none of XMPP 1.0.
    pub fn header(self, header: &StreamHeader) -> Result<Features, ClientError> {
        let good = header.name == "stream"
            && header.namespace == ns::STREAMS
            && header.default_namespace == ns::CLIENT;
        good.then_some(Features { core: self.core })
            .ok_or(ClientError::Unexpected)
    }

    /// Takes the server's `<open/>`.
    ///
    /// # Errors
    /// [`ClientError::Unexpected`] when it is none.
    pub fn open(self, element: &Stanza) -> Result<Features, ClientError> {
        let good = element.name() == "open" && element.namespace() == ns::FRAMING;
        good.then_some(Features { core: self.core })
            .ok_or(ClientError::Unexpected)
    }
}

/// The stream is open; the features come.
#[derive(Debug)]
pub struct Features {
    pub(super) core: Box<Core>,
}

/// STARTTLS is asked for.
#[derive(Debug)]
pub struct StartingTls {
    pub(super) core: Box<Core>,
}

impl StartingTls {
    /// Takes `<proceed/>`.
    ///
    /// # Errors
    /// [`ClientError::NoTls`] for `<failure/>`, [`ClientError::Unexpected`] for anything else.
    pub fn handle(self, element: &Stanza) -> Result<AwaitingTls, ClientError> {
        match (element.name(), element.namespace()) {
            ("proceed", ns::TLS) => Ok(AwaitingTls { core: self.core }),
            ("failure", ns::TLS) => Err(ClientError::NoTls),
            _ => Err(ClientError::Unexpected),
        }
    }
}

/// The TLS layer works.
#[derive(Debug)]
pub struct AwaitingTls {
    core: Box<Core>,
}

impl AwaitingTls {
    /// TLS is up: the stream begins anew, with a new reader.
    pub fn established(mut self, facts: TlsFacts) -> (Handshake, Bytes) {
        self.core.transport.security = Security::Tls(facts);
        let (step, text) = self.core.open();
        (step, Bytes::from(text))
    }
}
