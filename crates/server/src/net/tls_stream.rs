//! TLS of one connection: records in, records out, and what the login may be bound to.

use std::io::{Read, Write};
use std::sync::Arc;

use base::BareJid;
use rustls::ServerConnection;
use xmpp::sasl::ChannelBindings;
use xmpp::stream::{TlsFacts, TlsVersion};

use crate::tls::{Resolver, client_identity};

/// The server side of one TLS connection. It keeps no buffer while nothing is under way.
pub(super) struct TlsStream {
    inner: ServerConnection,
}

/// The peer broke TLS. What is left to send (an alert) was written.
#[derive(Debug)]
pub(super) struct Broken;

impl TlsStream {
    pub(super) fn new(config: Arc<rustls::ServerConfig>) -> Option<Self> {
        ServerConnection::new(config)
            .ok()
            .map(|inner| Self { inner })
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.inner.is_handshaking()
    }

    /// Takes some of the received records and appends what is to be sent to `out`. False when the
    /// peer has closed its side (`close_notify`). Call it until `records` is empty, and
    /// [`TlsStream::plain`] after each call.
    pub(super) fn receive(
        &mut self,
        records: &mut &[u8],
        out: &mut Vec<u8>,
    ) -> Result<bool, Broken> {
        self.inner.read_tls(records).map_err(|_| Broken)?;
        let processed = self.inner.process_new_packets();
        self.take_records(out);
        processed
            .map(|state| !state.peer_has_closed())
            .map_err(|_| Broken)
    }

    /// The next plain bytes, in `scratch`; how many, 0 for none.
    pub(super) fn plain(&mut self, scratch: &mut [u8]) -> usize {
        // Errors say that nothing is there yet, or that the peer has closed: both are no bytes.
        self.inner.reader().read(scratch).unwrap_or_default()
    }

    /// Encrypts `plain` and appends the records to `out`.
    pub(super) fn send(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        // Writing to the connection's own buffer cannot fail; its limit does not apply to what is
        // taken out at once.
        for part in plain.chunks(16 * 1024) {
            let _ = self.inner.writer().write_all(part);
            self.take_records(out);
        }
    }

    /// Says that nothing more will be sent.
    pub(super) fn close(&mut self, out: &mut Vec<u8>) {
        self.inner.send_close_notify();
        self.take_records(out);
    }

    pub(super) fn take_records(&mut self, out: &mut Vec<u8>) {
        while self.inner.wants_write() {
            if self.inner.write_tls(out).is_err() {
                return;
            }
        }
    }

    /// What is known once the handshake is complete.
    pub(super) fn facts(&self, resolver: &Resolver) -> TlsFacts {
        let version = match self.inner.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => TlsVersion::V1_3,
            _ => TlsVersion::V1_2,
        };
        // RFC 9266 §3: with TLS 1.2 the exporter binds only with the extended master secret.
        let exporter = (version == TlsVersion::V1_3)
            .then(|| {
                self.inner
                    .export_keying_material([0_u8; 32], b"EXPORTER-Channel-Binding", Some(b""))
                    .ok()
            })
            .flatten();
        let server_end_point = resolver.end_point().map(|hash| hash.to_vec());
        // Only a chain that the verifier has accepted is here.
        let client_addresses = self
            .inner
            .peer_certificates()
            .and_then(|chain| client_identity(chain.first()?))
            .map(|identity| identity.addresses())
            .unwrap_or_default()
            .iter()
            .filter_map(|address| BareJid::parse(address).ok())
            .collect();
        TlsFacts {
            version,
            bindings: ChannelBindings {
                exporter,
                server_end_point,
            },
            client_addresses,
        }
    }
}
