//! What the runtime decides when it opens a client.

use base::{BareJid, Redacted};
use omemo::Policy;
use xmpp::stream::client::TlsPolicy;

/// Settings of one client.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The account.
    pub account: BareJid,
    /// What this device is called, for the person's other devices: `Juliet's laptop`.
    pub device_name: String,
    /// What the program is called, for the server and for others: `Hauspost`.
    pub software: String,
    /// The language of the person, such as `de`.
    pub language: String,
    /// By how many minutes the person's time is ahead of UTC, for day lines.
    pub utc_offset_minutes: i32,
    /// Which devices are written to.
    pub policy: Policy,
    /// The connection is protected by other means: a test without TLS.
    pub without_tls: bool,
}

impl Settings {
    /// All at its default.
    #[must_use]
    pub fn new(account: BareJid, device_name: impl Into<String>) -> Self {
        Self {
            account,
            device_name: device_name.into(),
            software: "Hauspost".to_owned(),
            language: "en".to_owned(),
            utc_offset_minutes: 0,
            policy: Policy::FirstUse,
            without_tls: false,
        }
    }

    pub(crate) const fn tls_policy(&self) -> TlsPolicy {
        if self.without_tls {
            TlsPolicy::Never
        } else {
            TlsPolicy::Required
        }
    }
}

/// What opens the account.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Credentials {
    /// The password. It is not kept: with the first login the server gives a token in its place (XEP-0484), where it
    /// can; where it cannot, the password is needed whenever the client was opened anew.
    Password(Redacted<String>),
    /// An invitation (XEP-0401): the account of the settings is made with it, and gets this password. After that it is like
    /// the password alone. See [`Invitation`](crate::Invitation).
    Invitation {
        /// The token of the invitation.
        token: Redacted<String>,
        /// The password to have.
        password: Redacted<String>,
    },
}
