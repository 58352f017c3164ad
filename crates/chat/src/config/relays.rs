//! Relays for calls (XEP-0215).

use std::time::Duration;

use base::Redacted;
use xmpp::xep::external_services::Service;

/// Relays for calls and the like.
#[derive(Clone, Debug)]
pub struct RelayConfig {
    /// The services, without credentials.
    pub services: Vec<Service>,
    /// Secret shared with those that are restricted.
    pub secret: Redacted<String>,
    /// How long credentials work.
    pub lifetime: Duration,
}

impl Default for RelayConfig {
    fn default() -> Self {
        Self {
            services: Vec::new(),
            secret: Redacted::new(String::new()),
            lifetime: Duration::from_secs(12 * 3600),
        }
    }
}
