//! What the messenger is told by its roof.

mod directory;
mod encryption;
mod federation;
mod push;
mod registration;
mod relays;
mod uploads;

use std::sync::Arc;
use std::time::Duration;

use base::Limits;
use xmpp::xml::ReaderLimits;

pub use directory::DirectorySettings;
pub use encryption::{EncryptionPolicy, EncryptionRule};
pub use federation::FederationSettings;
pub use push::PushConfig;
pub use registration::{Registration, RegistrationMode};
pub use relays::RelayConfig;
pub use uploads::{UploadConfig, upload_base};

use crate::throttle::ThrottleConfig;

/// Runs a piece of work away from the connections (a thread pool), or at once in tests.
pub type Offload = Arc<dyn Fn(Box<dyn FnOnce() + Send>) + Send + Sync>;

/// Settings of the messenger; everything has a default.
#[derive(Clone, Debug)]
pub struct ChatConfig {
    /// The part after the @.
    pub domain: Arc<str>,
    /// Secret of this server: fake salts and stream ids come from it. 32 random bytes, kept.
    pub secret: [u8; 32],
    /// Mechanisms offered, strongest first, by their registered names (without `-PLUS`).
    pub mechanisms: Vec<String>,
    /// PBKDF2 iterations of keys made by this server.
    pub scram_iterations: u32,
    /// Lets clients log in over unencrypted TCP when they come from the loopback interface.
    pub plaintext_on_loopback: bool,
    /// Whether STARTTLS is to be had (a certificate is there).
    pub starttls: bool,
    /// What strangers, connections and accounts may cost.
    pub limits: Limits,
    /// Whether new accounts archive their messages.
    pub archive: bool,
    /// What must be end-to-end encrypted.
    pub encryption: EncryptionPolicy,
    /// Whether accounts get only the keys of their own devices with an OMEMO message (XEP-0384).
    pub own_keys_only: bool,
    /// Whether clients may log in again by token (XEP-0484).
    pub tokens: bool,
    /// How long a token lasts that is not used.
    pub token_lifetime: Duration,
    /// Guessing limits.
    pub throttle: ThrottleConfig,
    /// Whom to write to about this server (XEP-0157).
    pub contact: Vec<Contact>,
    /// Whether the server tells everyone its domain, software and federation (XEP-0485).
    pub publish_server_information: bool,
    /// Other servers and components.
    pub federation: FederationSettings,
    /// Version shown by XEP-0092.
    pub version: Arc<str>,
    /// What may be uploaded, and where to (XEP-0363); `None` is nothing.
    pub uploads: Option<UploadConfig>,
    /// How sleeping devices are told that something has come (XEP-0357).
    pub push: PushConfig,
    /// Relays for calls (XEP-0215).
    pub relays: RelayConfig,
    /// House rules for accounts.
    pub registration: Registration,
    /// A directory keeps people and their passwords.
    pub directory: Option<DirectorySettings>,
}

/// One kind of contact addresses (XEP-0157 §3).
#[derive(Clone, Debug)]
pub struct Contact {
    /// `abuse-addresses`, `admin-addresses`, `feedback-addresses`, `sales-addresses`,
    /// `security-addresses`, `status-addresses` or `support-addresses`.
    pub kind: String,
    /// URIs.
    pub addresses: Vec<String>,
}

impl ChatConfig {
    /// The defaults for a domain; `secret` is 32 random bytes that the server keeps.
    #[must_use]
    pub fn new(domain: &str, secret: [u8; 32]) -> Self {
        Self {
            domain: domain.into(),
            secret,
            mechanisms: ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"]
                .map(str::to_owned)
                .to_vec(),
            scram_iterations: 10_000,
            plaintext_on_loopback: false,
            starttls: true,
            limits: Limits::default(),
            archive: true,
            encryption: EncryptionPolicy::default(),
            own_keys_only: true,
            tokens: true,
            token_lifetime: Duration::from_secs(21 * 24 * 3600),
            throttle: ThrottleConfig::default(),
            contact: Vec::new(),
            publish_server_information: false,
            federation: FederationSettings::default(),
            version: env!("CARGO_PKG_VERSION").into(),
            uploads: Some(UploadConfig::new(upload_base(&format!("https://{domain}")))),
            push: PushConfig::default(),
            relays: RelayConfig::default(),
            registration: Registration::default(),
            directory: None,
        }
    }

    /// What is read from somebody who has not logged in yet.
    pub(crate) fn limits_of_strangers(&self) -> ReaderLimits {
        ReaderLimits {
            element_bytes: self.limits.preauth_stanza_bytes,
            depth: self.limits.preauth_depth,
            attributes: self.limits.attributes,
            ..ReaderLimits::default()
        }
    }
}
