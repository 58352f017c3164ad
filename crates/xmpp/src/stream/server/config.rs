//! What a server offers, the same for all its streams.

use base::Redacted;

use super::RegistrationOffer;
use crate::sasl::ScramHash;

/// What is offered where the passwords of some accounts are kept in a directory (LDAP). It takes a password as it is, so
/// SCRAM leads nowhere for those accounts: they are offered PLAIN, inside TLS, as far as the stream says whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirectoryOffer {
    /// Offer SCRAM on streams that do not say whose they are; else PLAIN is all that they are offered.
    pub scram_for_unnamed: bool,
}

/// How the password of whom a stream is for may be shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Passwords {
    /// By every mechanism that is configured: keys are kept here.
    #[default]
    Here,
    /// By PLAIN alone: a directory is asked.
    Elsewhere,
}

/// Settings of the accepting side, shared by all streams.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The domain served, in the form of [`base::Jid::domain`]. A stream to another host is refused.
    pub domain: String,
    /// SCRAM hashes that accounts have keys for. Offered strongest first.
    pub scram: Vec<ScramHash>,
    /// Offer PLAIN (never outside TLS).
    pub plain: bool,
    /// Passwords of some accounts are kept in a directory elsewhere.
    pub directory: Option<DirectoryOffer>,
    /// Offer XEP-0388 beside RFC 6120's SASL, and with it everything inline.
    pub sasl2: bool,
    /// Offer tokens (XEP-0484).
    pub tokens: bool,
    /// Hashes for which XEP-0480 tasks are offered.
    pub upgrades: Vec<ScramHash>,
    /// Offer STARTTLS on plain TCP (a certificate is there).
    pub starttls: bool,
    /// Offer authentication without TLS. For tests and for benchmarks on one machine; never for people.
    pub allow_unprotected: bool,
    /// Iterations that unknown accounts pretend to have and that upgrades ask for: those of real accounts.
    pub iterations: u32,
    /// Secret of this server: fake salts, stable resources and tokens come from it. 32 random bytes, kept.
    pub secret: Redacted<[u8; 32]>,
    /// Failed logins on one stream before it is closed with `policy-violation` (RFC 6120 §6.4.4: 2 to 5).
    pub attempts: u8,
    /// Accounts that may be made before login (XEP-0077).
    pub registration: RegistrationOffer,
    /// Stream management can be had (inline and before binding).
    pub stream_management: bool,
    /// Raw XML of features offered before authentication, each a whole element (limits of XEP-0478 …).
    pub features_pre_auth: Vec<String>,
    /// Raw XML of features offered after authentication (roster versioning, `<sub/>`, csi, caps …), without
    /// bind, session and sm, which come from here.
    pub features_post_auth: Vec<String>,
    /// `var`s of what can be enabled within Bind 2 (XEP-0386 §3.1): carbons, csi … (sm comes from here).
    pub bind2_features: Vec<String>,
}

impl ServerConfig {
    /// Defaults for a domain: SCRAM with all hashes, PLAIN off, tokens and SASL2 on, five attempts.
    pub fn new(domain: impl Into<String>, secret: [u8; 32]) -> ServerConfig {
        ServerConfig {
            domain: domain.into(),
            scram: ScramHash::ALL.to_vec(),
            plain: false,
            directory: None,
            sasl2: true,
            tokens: true,
            upgrades: vec![ScramHash::Sha256, ScramHash::Sha512],
            starttls: true,
            allow_unprotected: false,
            iterations: 10_000,
            secret: Redacted::new(secret),
            attempts: 5,
            registration: RegistrationOffer::Off,
            stream_management: true,
            features_pre_auth: Vec::new(),
            features_post_auth: Vec::new(),
            bind2_features: vec!["urn:xmpp:carbons:2".into(), "urn:xmpp:csi:0".into()],
        }
    }
}
