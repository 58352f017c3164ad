//! The certificate in force: swapped whole, read without a lock.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::acme::{ALPN, Challenges};
use super::inspect::end_point_hash;

/// A certificate with what connections ask of it.
#[derive(Debug)]
struct Served {
    key: Arc<CertifiedKey>,
    end_point: Option<Arc<[u8]>>,
}

impl Served {
    fn new(key: Arc<CertifiedKey>) -> Self {
        let end_point = key
            .cert
            .first()
            .and_then(|leaf| end_point_hash(leaf))
            .map(Arc::from);
        Self { key, end_point }
    }
}

/// Gives each handshake the certificate in force.
pub struct Resolver {
    served: ArcSwap<Served>,
    challenges: Arc<Challenges>,
}

impl Resolver {
    /// Starts with one certificate.
    pub fn new(first: Arc<CertifiedKey>) -> Self {
        Self {
            served: ArcSwap::from_pointee(Served::new(first)),
            challenges: Arc::default(),
        }
    }

    /// Serves another certificate from the next handshake on.
    pub fn replace(&self, key: Arc<CertifiedKey>) {
        self.served.store(Arc::new(Served::new(key)));
    }

    /// The certificate in force.
    pub fn current(&self) -> Arc<CertifiedKey> {
        self.served.load().key.clone()
    }

    /// `tls-server-end-point` channel binding (RFC 5929 §4) of the certificate in force; `None` where that is undefined.
    pub fn end_point(&self) -> Option<Arc<[u8]>> {
        self.served.load().end_point.clone()
    }

    /// ACME challenges that wait to be asked for.
    pub fn challenges(&self) -> &Arc<Challenges> {
        &self.challenges
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // RFC 8737 §3: a validation offers `acme-tls/1` and nothing else.
        if hello
            .alpn()
            .is_some_and(|mut names| names.any(|name| name == ALPN))
        {
            return self.challenges.certificate(hello.server_name()?);
        }
        Some(self.current())
    }
}
