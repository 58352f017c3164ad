//! The connecting side of a client stream, as steps that each take the one before by value:
//! [`Connecting`], [`Features`], [`StartingTls`], [`AwaitingTls`], [`Authenticating`], [`Settling`], [`Binding`],
//! [`Enabling`], and [`Bound`] at the end. [`Handshake`] is any of them, for those who only want to arrive.

mod bind;
mod choose;
mod config;
mod login;
mod open;

use bytes::Bytes;

use base::FullJid;

use crate::condition::{SaslCondition, StanzaError, StreamCondition};
use crate::sasl::{Mechanism, SaltedPassword, SaslError};
use crate::stream::{TlsFacts, Transport};
use crate::xep::fast::IssuedToken;
use crate::xml::{Frame, Stanza};

pub use bind::{Binding, Enabling, Settling};
pub use config::{ClientConfig, Credentials, HeldToken, TlsPolicy};
pub use login::Authenticating;
pub use open::{AwaitingTls, Connecting, Features, StartingTls};

/// Why a connection did not come about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The server closed the stream with an error.
    #[error("the server closed the stream: {0}")]
    Stream(StreamCondition),
    /// The server closed the stream.
    #[error("the server closed the stream")]
    Closed,
    /// TLS is needed and not to be had.
    #[error("the server offers no TLS, and none of ours is in place")]
    NoTls,
    /// Nothing that the server offers fits what we have.
    #[error("the server offers no way to log in that we can go")]
    NoMechanism,
    /// The server's offers contradict themselves: somebody is between us (XEP-0440 §3).
    #[error("the server's offers were tampered with")]
    Tampered,
    /// The server refused the login.
    #[error("the server refused the login: {0}")]
    Login(SaslCondition),
    /// The exchange broke a rule, or the server did not prove that it knows us.
    #[error("the login could not be completed: {0}")]
    Sasl(#[from] SaslError),
    /// No resource could be bound.
    #[error("no resource could be bound: {0}")]
    Bind(StanzaError),
    /// Something came that has no place here.
    #[error("the server sent something that has no place here")]
    Unexpected,
}

/// What the transport has to do before the next frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Start TLS, then call [`Handshake::tls_established`]. What was received in clear must be thrown away.
    StartTls,
    /// `Reader::restart` (BOSH: restart the session). Before the bytes are sent.
    RestartStream,
}

/// Any step before the end.
#[derive(Debug)]
pub enum Handshake {
    /// Waits for the server's header.
    Connecting(Connecting),
    /// Waits for the features.
    Features(Features),
    /// Waits for `<proceed/>`.
    StartingTls(StartingTls),
    /// Waits for the TLS layer.
    AwaitingTls(AwaitingTls),
    /// Logs in.
    Authenticating(Box<Authenticating>),
    /// Logged in and bound; waits for the features that follow.
    Settling(Box<Settling>),
    /// Waits for the resource, or for the former session.
    Binding(Binding),
    /// Waits for stream management.
    Enabling(Box<Enabling>),
}

/// What a frame led to.
#[derive(Debug)]
pub enum Progress {
    /// On to the next step.
    Next {
        /// The step.
        handshake: Handshake,
        /// Bytes to send, perhaps none. For WebSocket: one frame.
        send: Bytes,
        /// What to do first.
        action: Option<Action>,
    },
    /// Arrived.
    Done(Box<Bound>),
}

impl Progress {
    fn next(handshake: Handshake, send: String) -> Progress {
        Progress::Next {
            handshake,
            send: Bytes::from(send),
            action: None,
        }
    }
}

/// A stream that is ready for stanzas.
#[derive(Debug)]
pub struct Bound {
    /// Our full address. `None` after resumption: it is the former one.
    pub jid: Option<FullJid>,
    /// How we logged in.
    pub mechanism: Option<Mechanism>,
    /// Bound by Bind 2: what was asked for inline is enabled.
    pub bind2: bool,
    /// Raw children of `<bound/>`.
    pub bound: String,
    /// `<enabled/>` of stream management: SM-ID (when resumable).
    pub stream_management: Option<Option<String>>,
    /// The former session goes on; the server had handled this many of our stanzas.
    pub resumed: Option<u32>,
    /// A new token.
    pub token: Option<IssuedToken>,
    /// The mechanism that the new token is for.
    pub token_mechanism: Option<Mechanism>,
    /// Saves the stretching at the next login.
    pub salted: Option<SaltedPassword>,
    /// The features of the stream.
    pub features: Option<Stanza>,
    /// The transport with what is known of it.
    pub transport: Transport,
}

impl Handshake {
    /// Begins: gives the first step and the bytes to send. `random` is fresh.
    pub fn start(
        config: std::sync::Arc<ClientConfig>,
        transport: Transport,
        random: [u8; 32],
    ) -> (Handshake, Bytes) {
        Connecting::start(config, transport, random)
    }

    /// Takes what the server sent.
    ///
    /// # Errors
    /// [`ClientError`]; the stream is of no use then.
    pub fn handle(self, frame: &Frame) -> Result<Progress, ClientError> {
        let element = match frame {
            Frame::Close => return Err(ClientError::Closed),
            Frame::Open(header) => {
                return match self {
                    Handshake::Connecting(step) => Ok(Progress::next(
                        Handshake::Features(step.header(header)?),
                        String::new(),
                    )),
                    _ => Err(ClientError::Unexpected),
                };
            }
            Frame::Element(element) => element,
        };
        if let Some(condition) = StreamCondition::of(element) {
            return Err(ClientError::Stream(condition));
        }
        if element.name() == "close" && element.namespace() == crate::ns::FRAMING {
            return Err(ClientError::Closed);
        }
        match self {
            Handshake::Connecting(step) => Ok(Progress::next(
                Handshake::Features(step.open(element)?),
                String::new(),
            )),
            Handshake::Features(step) => step.choose(element),
            Handshake::StartingTls(step) => {
                let next = Handshake::AwaitingTls(step.handle(element)?);
                Ok(Progress::Next {
                    handshake: next,
                    send: Bytes::new(),
                    action: Some(Action::StartTls),
                })
            }
            Handshake::AwaitingTls(_) => Err(ClientError::Unexpected),
            Handshake::Authenticating(step) => step.handle(element),
            Handshake::Settling(step) => step.handle(element),
            Handshake::Binding(step) => step.handle(element),
            Handshake::Enabling(step) => step
                .handle(element)
                .map(|bound| Progress::Done(Box::new(bound))),
        }
    }

    /// TLS is up after [`Action::StartTls`].
    ///
    /// # Errors
    /// [`ClientError::Unexpected`] at any other time.
    pub fn tls_established(self, facts: TlsFacts) -> Result<(Handshake, Bytes), ClientError> {
        match self {
            Handshake::AwaitingTls(step) => Ok(step.established(facts)),
            _ => Err(ClientError::Unexpected),
        }
    }
}
