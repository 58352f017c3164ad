//! Where the connection stands.

use base::{Moment, Redacted};
use xmpp::sasl::SaltedPassword;
use xmpp::stream::TransportKind;
use xmpp::stream::client::Handshake;
use xmpp::xml::Reader;

use super::invitation::{Pending, Registering};
use super::leaving::Leaving;
use super::login::KeptToken;
use crate::event::ConnectionState;

/// Where the connection stands.
#[derive(Debug, Default)]
#[expect(clippy::large_enum_variant, reason = "there is one for each client")]
pub(crate) enum Link {
    /// Nobody tries.
    #[default]
    Offline,
    /// The next attempt is due then.
    Waiting { until: Moment },
    /// The runtime connects.
    Connecting { since: Moment },
    /// Logging in.
    Handshaking {
        reader: Reader,
        handshake: Handshake,
        kind: TransportKind,
        since: Moment,
    },
    /// Stanzas go both ways.
    Online(Box<Session>),
}

/// A stream that is up.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) reader: Reader,
    pub(crate) kind: TransportKind,
    /// When something was heard last.
    pub(crate) heard: Moment,
    /// When it was asked whether the server is still there.
    pub(crate) asked: Option<Moment>,
}

/// The connection, and what outlives it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) link: Link,
    /// The person wants to be online.
    pub(crate) wanted: bool,
    /// The machine has a network.
    pub(crate) network: bool,
    /// How many attempts have failed.
    pub(crate) attempts: u32,
    pub(crate) password: Option<Redacted<String>>,
    pub(crate) salted: Option<SaltedPassword>,
    pub(crate) token: Option<KeptToken>,
    /// The account is to be made first.
    pub(crate) invitation: Option<Pending>,
    pub(crate) registering: Option<Registering>,
    /// Secrets may go over the connection that is being made.
    pub(crate) secured: bool,
    pub(crate) leaving: Option<Leaving>,
    /// What was said last of the state.
    pub(crate) told: ConnectionState,
}

impl Connection {
    pub(crate) const fn new(token: Option<KeptToken>) -> Self {
        Self {
            link: Link::Offline,
            wanted: false,
            network: true,
            attempts: 0,
            password: None,
            salted: None,
            token,
            invitation: None,
            registering: None,
            secured: false,
            leaving: None,
            told: ConnectionState::Offline,
        }
    }

    pub(crate) const fn has_credentials(&self) -> bool {
        self.password.is_some() || self.token.is_some()
    }

    pub(crate) const fn is_online(&self) -> bool {
        matches!(self.link, Link::Online(_))
    }
}
