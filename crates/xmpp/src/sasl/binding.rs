//! Channel bindings (RFC 5056): data that both ends of one TLS connection know, and nobody between them.

use std::fmt;

/// A registered channel-binding type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BindingType {
    /// Keying material exported from this very connection (RFC 9266).
    TlsExporter,
    /// Hash of the server's certificate (RFC 5929 §4).
    TlsServerEndPoint,
    /// First Finished message of TLS 1.2 (RFC 5929 §3). Known by name, never available here.
    TlsUnique,
}

impl BindingType {
    /// The registered prefix.
    pub fn name(self) -> &'static str {
        match self {
            BindingType::TlsExporter => "tls-exporter",
            BindingType::TlsServerEndPoint => "tls-server-end-point",
            BindingType::TlsUnique => "tls-unique",
        }
    }

    /// The type with that registered prefix.
    pub fn from_name(name: &str) -> Option<BindingType> {
        [
            BindingType::TlsExporter,
            BindingType::TlsServerEndPoint,
            BindingType::TlsUnique,
        ]
        .into_iter()
        .find(|binding| binding.name() == name)
    }
}

/// What one end knows of its TLS connection for binding a login to it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ChannelBindings {
    /// `EXPORTER-Channel-Binding` with an empty context, 32 bytes (RFC 9266 §2). Only with TLS 1.3: earlier
    /// versions would need the extended master secret as well.
    pub exporter: Option<[u8; 32]>,
    /// Hash of the server's certificate in DER, by the hash of its signature algorithm, SHA-256 in place of
    /// MD5 and SHA-1 (RFC 5929 §4.1).
    pub server_end_point: Option<Vec<u8>>,
}

impl ChannelBindings {
    /// No TLS here, or TLS that ends before us.
    pub const NONE: ChannelBindings = ChannelBindings {
        exporter: None,
        server_end_point: None,
    };

    /// The data of one type, where known.
    pub fn data(&self, binding: BindingType) -> Option<&[u8]> {
        match binding {
            BindingType::TlsExporter => self.exporter.as_ref().map(<[u8; 32]>::as_slice),
            BindingType::TlsServerEndPoint => self.server_end_point.as_deref(),
            BindingType::TlsUnique => None,
        }
    }

    /// The types with data, strongest first.
    pub fn types(&self) -> impl Iterator<Item = BindingType> + '_ {
        [BindingType::TlsExporter, BindingType::TlsServerEndPoint]
            .into_iter()
            .filter(|binding| self.data(*binding).is_some())
    }

    /// Whether there is none at all.
    pub fn is_empty(&self) -> bool {
        self.types().next().is_none()
    }
}

impl fmt::Debug for ChannelBindings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.types()).finish()
    }
}
