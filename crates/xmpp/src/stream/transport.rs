//! What carries a stream, and what is known of its protection.

use base::BareJid;

use crate::sasl::ChannelBindings;

/// What carries the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportKind {
    /// TCP with RFC 6120 framing: one open `<stream:stream>`.
    Tcp,
    /// WebSocket, RFC 7395: `<open/>` and `<close/>`, every frame whole.
    WebSocket,
    /// BOSH, XEP-0124 and XEP-0206: `<body/>` carries the header's attributes; see `Negotiation::bosh_start`.
    Bosh,
}

/// The TLS version of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

/// What the TLS layer knows about its connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFacts {
    /// The version that was negotiated.
    pub version: TlsVersion,
    /// Data for channel binding; `ChannelBindings::exporter` only for TLS 1.3.
    pub bindings: ChannelBindings,
    /// The accounts named in a client certificate that was verified against an authority we trust
    /// (XEP-0178: `id-on-xmppAddr`). Empty without such a certificate; then EXTERNAL is not offered.
    pub client_addresses: Vec<BareJid>,
}

impl TlsFacts {
    /// TLS without anything to bind to and without a client certificate.
    pub fn bare(version: TlsVersion) -> TlsFacts {
        TlsFacts {
            version,
            bindings: ChannelBindings::NONE,
            client_addresses: Vec::new(),
        }
    }
}

/// How the connection is protected, as far as this server sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Security {
    /// Nothing, so far.
    Plain,
    /// TLS that ends in this process.
    Tls(TlsFacts),
}

/// An accepted transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transport {
    /// What carries the stream.
    pub kind: TransportKind,
    /// Its protection.
    pub security: Security,
    /// The connection comes from a loopback address or a reverse proxy that was configured as trusted and
    /// ends TLS: secrets may pass although we see no TLS, but there is nothing to bind a login to.
    pub trusted_proxy: bool,
}

impl Transport {
    /// Whether secrets may pass.
    pub fn is_protected(&self) -> bool {
        self.trusted_proxy || matches!(self.security, Security::Tls(_))
    }

    /// The data for channel binding.
    pub fn bindings(&self) -> &ChannelBindings {
        match &self.security {
            Security::Tls(facts) => &facts.bindings,
            Security::Plain => &ChannelBindings::NONE,
        }
    }
}
