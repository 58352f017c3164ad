//! Streams from the first byte to the bound resource, for both roles and all transports, without I/O.
//!
//! [`server::Negotiation`] speaks for the accepting side: RFC 6120 §4 to §7, RFC 7395 and XEP-0206 framing,
//! SASL (RFC 6120 §6), XEP-0388 with all that happens inline, XEP-0480 tasks, binding and early resumption.
//! [`client::Handshake`] is the other role. Both take frames and answer with bytes and questions; whoever owns
//! the socket, the clock and the store moves those. [`federation`] has both roles between servers, [`component`]
//! the side that external components connect to.

mod certificate;
mod seed;
mod transport;

pub mod client;
pub mod component;
pub mod federation;
pub mod server;

pub use crate::xep::sasl2::ClientAgent;
pub use certificate::CertificateNames;
pub use seed::Seed;
pub use transport::{Security, TlsFacts, TlsVersion, Transport, TransportKind};

#[cfg(test)]
mod tests;
