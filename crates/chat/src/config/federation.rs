//! What the messenger is told about other servers and components.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::Redacted;
use xmpp::stream::federation::Peers;
use xmpp::xep::privilege::Privileges;

/// Settings of the links to other domains.
#[derive(Clone, Debug)]
pub struct FederationSettings {
    /// Talk with other servers at all.
    pub enabled: bool,
    /// With whom.
    pub peers: Peers,
    /// Believe dialback (XEP-0220) where a certificate does not show who a server is.
    pub dialback: bool,
    /// Our certificate is shown when we connect.
    pub certificate: bool,
    /// Stanzas that may wait for one domain.
    pub queue_stanzas: usize,
    /// Bytes that may wait for one domain.
    pub queue_bytes: usize,
    /// Domains that were not reached yet to which one account may have something on its way. Services and components,
    /// which speak for many, may have ten times as many.
    pub account_domains: usize,
    /// Bytes that may wait for other domains from one account; ten times as many from a service or component.
    pub account_bytes: usize,
    /// Connections that may be made at the same time; one account has a quarter of them at most.
    pub dials: usize,
    /// Streams that the server of one domain may have open to us.
    pub domain_streams: usize,
    /// Time from a failed connection to the next attempt; it doubles with every failure.
    pub retry_first: Duration,
    /// Longest time between two attempts.
    pub retry_longest: Duration,
    /// How long a message waits before it goes back to its sender.
    pub message_lifetime: Duration,
    /// Silence after which a stream that we opened is closed.
    pub idle: Duration,
    /// External components and their secrets, by domain.
    pub components: BTreeMap<Arc<str>, Redacted<String>>,
    /// What components may do beside what all may (XEP-0356), by domain.
    pub privileges: BTreeMap<Arc<str>, Privileges>,
    /// Namespaces that components manage (XEP-0355), each with the component's domain.
    pub delegations: BTreeMap<Arc<str>, Arc<str>>,
}

impl Default for FederationSettings {
    /// Off; the bounds are those of an empty configuration.
    fn default() -> Self {
        Self {
            enabled: false,
            peers: Peers::default(),
            dialback: false,
            certificate: true,
            queue_stanzas: 10_000,
            queue_bytes: 16 * 1024 * 1024,
            account_domains: 200,
            account_bytes: 32 * 1024 * 1024,
            dials: 100,
            domain_streams: 50,
            retry_first: Duration::from_secs(15),
            retry_longest: Duration::from_secs(1800),
            message_lifetime: Duration::from_secs(48 * 3600),
            idle: Duration::from_secs(600),
            components: BTreeMap::new(),
            privileges: BTreeMap::new(),
            delegations: BTreeMap::new(),
        }
    }
}
