//! What a client wants.

use base::BareJid;

use crate::sasl::{Mechanism, Password, SaltedPassword, Token};
use crate::stream::ClientAgent;
use crate::xep::bind2::Inline;

/// What opens the account. Give all that is there; the best that the server takes is used.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// The password.
    pub password: Option<Password>,
    /// Stretched passwords of earlier logins ([`super::Bound::salted`]); they save the stretching.
    pub salted: Vec<SaltedPassword>,
    /// A token of an earlier login.
    pub token: Option<HeldToken>,
    /// The TLS layer presents a client certificate.
    pub certificate: bool,
}

/// A token as its device keeps it.
#[derive(Debug, Clone)]
pub struct HeldToken {
    /// The secret.
    pub token: Token,
    /// The mechanism it was asked for.
    pub mechanism: Mechanism,
    /// Attempts made with it so far, this one included; sent when given.
    pub count: Option<u64>,
    /// End the token with this login.
    pub invalidate: bool,
}

/// Whether the stream must be inside TLS before anything is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsPolicy {
    /// No login without.
    #[default]
    Required,
    /// STARTTLS is taken where offered.
    WhereOffered,
    /// STARTTLS is not used. For tests and for benchmarks on one machine.
    Never,
}

/// Settings of one connection.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Who logs in.
    pub account: BareJid,
    /// With what.
    pub credentials: Credentials,
    /// Protection.
    pub tls: TlsPolicy,
    /// Mechanisms to use, the one to prefer first. PLAIN must be named to be used, and is not by default.
    pub mechanisms: Vec<Mechanism>,
    /// Use XEP-0388 where offered.
    pub sasl2: bool,
    /// Use Bind 2 where offered.
    pub bind2: bool,
    /// Names the program in the resource (Bind 2).
    pub tag: Option<String>,
    /// Resource to ask for (legacy bind); `None` lets the server choose.
    pub resource: Option<String>,
    /// What to enable. Stream management is enabled after a legacy bind as well, the others inline only.
    pub enable: Inline,
    /// Who we are.
    pub agent: ClientAgent,
    /// A session to resume: SM-ID and what was handled.
    pub resume: Option<(String, u32)>,
    /// Ask for a token by the first of these that is offered and that the connection can be bound to. Before STARTTLS nobody
    /// knows which one that is.
    pub request_token: Vec<Mechanism>,
    /// Be ready for XEP-0480's tasks. Needs the password.
    pub upgrades: bool,
}

impl ClientConfig {
    /// Log in by password, everything at its safe default.
    pub fn new(account: BareJid, password: Password) -> ClientConfig {
        let mechanisms = Mechanism::PREFERENCE
            .into_iter()
            .filter(|mechanism| *mechanism != Mechanism::Plain);
        ClientConfig {
            account,
            credentials: Credentials {
                password: Some(password),
                ..Credentials::default()
            },
            tls: TlsPolicy::Required,
            mechanisms: mechanisms.collect(),
            sasl2: true,
            bind2: true,
            tag: None,
            resource: None,
            enable: Inline::default(),
            agent: ClientAgent::default(),
            resume: None,
            request_token: Vec::new(),
            upgrades: false,
        }
    }
}
