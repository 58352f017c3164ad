//! The numbers that bound what one stranger, one connection or one account may cost.

use std::net::{IpAddr, Ipv6Addr};

/// Numeric limits, each with its unit in its name.
///
/// The defaults are those of an empty configuration; `[limits]` in `hauspost.toml` overrides single
/// ones. Bounds that RFCs give are cited at the field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest stanza or nonza of a logged-in client, in bytes as they come over the wire
    /// (RFC 6120 §13.12 demands at least 10,000).
    pub stanza_bytes: usize,
    /// Largest first-level element before login, in bytes (RFC 6120 §13.12's minimum).
    pub preauth_stanza_bytes: usize,
    /// Deepest nesting of elements inside a stanza, the stanza itself being depth 1.
    pub depth: usize,
    /// Deepest nesting before login.
    pub preauth_depth: usize,
    /// Attributes of one element, namespace declarations included.
    pub attributes: usize,
    /// White space between elements that is swallowed on one stream before login, in bytes.
    pub whitespace_bytes: usize,
    /// Time from accepted socket to a bound or resumed stream, in seconds.
    pub preauth_seconds: u32,
    /// Failed logins on one stream before it is closed (RFC 6120 §6.4.5 says 2 to 5).
    pub login_attempts: u32,
    /// Connections that are not logged in yet, from one address (an IPv6 /64 counts as one), over all transports. This
    /// machine itself is not bounded.
    pub preauth_connections_per_address: u32,
    /// Connections that are not logged in yet, from everywhere.
    pub preauth_connections: u32,
    /// Streams that may end by their client's fault, sustained, per second; four times as many at once. Before login
    /// they are counted by address, and those above hear later why theirs has ended; after login by account, and its
    /// next login is answered later. After five seconds at most.
    pub stream_faults_per_second: u32,
    /// Connections in all.
    pub connections: u32,
    /// Sessions (bound resources) of one account, those waiting for resumption included.
    pub sessions_per_account: u32,
    /// Input of one logged-in connection, sustained, in bytes per second.
    pub input_bytes_per_second: u32,
    /// Input of one logged-in connection that may come at once above the rate, in bytes.
    pub input_burst_bytes: u32,
    /// Input of one connection before login, sustained, in bytes per second.
    pub preauth_input_bytes_per_second: u32,
    /// Output that may wait for one connection before its stream is ended, in bytes.
    pub mailbox_bytes: usize,
    /// Stanzas that may wait for one connection before its stream is ended.
    pub mailbox_stanzas: usize,
    /// Stanzas sent but not yet acknowledged (XEP-0198) that are kept for resumption, in bytes.
    pub unacknowledged_bytes: usize,
    /// Stanzas sent but not yet acknowledged that are kept for resumption.
    pub unacknowledged_stanzas: usize,
    /// How long a cut session waits for its client to resume (XEP-0198 `max`), in seconds.
    pub resumption_seconds: u32,
    /// Silence after which the server asks whether the client is still there, in seconds.
    pub idle_ping_seconds: u32,
    /// Silence after that question until the connection is cut, in seconds.
    pub ping_timeout_seconds: u32,
    /// Stanzas held back for an inactive client (XEP-0352) before they go out all the same.
    pub inactive_stanzas: usize,
    /// Contacts in one roster.
    pub roster_items: usize,
    /// Bytes of a contact's name or of one group's name in a roster.
    pub roster_text_bytes: usize,
    /// Addresses in one block list.
    pub blocked_addresses: usize,
    /// Subscription requests that wait for one account.
    pub pending_requests: usize,
    /// Messages kept for an account that is away, whether it has an archive or not.
    pub offline_messages: usize,
    /// Messages of one archive page at most (XEP-0059 `max`).
    pub archive_page: usize,
    /// Messages of one archive page when the client names no number.
    pub archive_page_default: usize,
    /// Bytes of one private XML fragment (XEP-0049) or vCard (XEP-0054).
    pub private_xml_bytes: usize,
    /// Private XML fragments of one account.
    pub private_xml_items: usize,
    /// Nodes of one account (XEP-0060, XEP-0163).
    pub pubsub_nodes: usize,
    /// Items of one node: what `max` means (XEP-0060 `pubsub#max_items`).
    pub pubsub_node_items: usize,
    /// Items in all nodes of one account.
    pub pubsub_items: usize,
    /// Bytes of all items of one account.
    pub pubsub_bytes: usize,
    /// Items of one answer at most (XEP-0059 `max`).
    pub pubsub_page: usize,
    /// Subscriptions, and also affiliations, of one node.
    pub pubsub_subscriptions: usize,
    /// Bytes of the configuration of one node.
    pub pubsub_configuration_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            stanza_bytes: 256 * 1024,
            preauth_stanza_bytes: 10_000,
            depth: 64,
            preauth_depth: 16,
            attributes: 64,
            whitespace_bytes: 4 * 1024,
            preauth_seconds: 30,
            login_attempts: 5,
            preauth_connections_per_address: 100,
            preauth_connections: 2_000,
            stream_faults_per_second: 10,
            connections: 100_000,
            sessions_per_account: 20,
            input_bytes_per_second: 1024 * 1024,
            input_burst_bytes: 8 * 1024 * 1024,
            preauth_input_bytes_per_second: 16 * 1024,
            mailbox_bytes: 4 * 1024 * 1024,
            mailbox_stanzas: 10_000,
            unacknowledged_bytes: 4 * 1024 * 1024,
            unacknowledged_stanzas: 10_000,
            resumption_seconds: 600,
            idle_ping_seconds: 600,
            ping_timeout_seconds: 60,
            inactive_stanzas: 200,
            roster_items: 10_000,
            roster_text_bytes: 1_023,
            blocked_addresses: 10_000,
            pending_requests: 1_000,
            offline_messages: 10_000,
            archive_page: 250,
            archive_page_default: 50,
            private_xml_bytes: 256 * 1024,
            private_xml_items: 200,
            pubsub_nodes: 1_000,
            pubsub_node_items: 10_000,
            pubsub_items: 20_000,
            pubsub_bytes: 32 * 1024 * 1024,
            pubsub_page: 1_000,
            pubsub_subscriptions: 1_000,
            pubsub_configuration_bytes: 8 * 1024,
        }
    }
}

/// What stands for one subscriber where strangers are counted by address: an IPv4 address, or the /64 of an IPv6
/// address, since whoever has one has all of it.
#[must_use]
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::{Limits, subscriber};

    #[test]
    fn a_subscriber_has_a_whole_network_of_version_6() {
        let of = |text: &str| subscriber(text.parse().expect("an address")).to_string();
        assert_eq!(of("2001:db8:1:2:3::4"), "2001:db8:1:2::");
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
    }

    #[test]
    fn defaults_hold_the_rfc_minimum_and_fit_together() {
        let limits = Limits::default();
        assert!(limits.preauth_stanza_bytes >= 10_000);
        assert!(limits.stanza_bytes >= limits.preauth_stanza_bytes);
        assert!(limits.mailbox_bytes >= limits.stanza_bytes);
        assert!(limits.unacknowledged_bytes >= limits.stanza_bytes);
        assert!(limits.private_xml_bytes <= limits.stanza_bytes);
        assert!(limits.pubsub_node_items <= limits.pubsub_items);
        assert!(limits.pubsub_bytes >= limits.stanza_bytes);
        assert!(limits.archive_page_default <= limits.archive_page);
    }
}
