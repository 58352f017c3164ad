//! TLS: whom to believe that they are the server. Authorities of the system and of `--ca`; else one certificate that
//! the person has looked at, by its fingerprint.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail};
use aws_lc_rs::digest;
use client::{ChannelBindings, TlsFacts, TlsVersion};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, ProtocolVersion,
    RootCertStore, SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use x509_parser::prelude::{FromDer, X509Certificate};

/// SHA-256 of a certificate in DER.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    fn of(certificate: &CertificateDer<'_>) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, certificate).as_ref());
        Self(bytes)
    }
}

/// As `openssl x509 -fingerprint -sha256` writes it.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(":")?;
            }
            write!(f, "{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Fingerprint {
    type Err = &'static str;

    /// 64 hexadecimal digits; colons and blanks between them do not matter.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "a fingerprint (SHA-256) has 64 hexadecimal digits";
        let digits: Vec<u8> = text
            .bytes()
            .filter(|byte| !matches!(byte, b':' | b' '))
            .collect();
        let mut bytes = [0; 32];
        if digits.len() != 64 {
            return Err(FORM);
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| FORM)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| FORM)?;
        }
        Ok(Self(bytes))
    }
}

/// A certificate that was not believed.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    /// Which.
    pub(crate) fingerprint: Fingerprint,
    /// Another one is believed, and this is not it.
    pub(crate) changed: bool,
    /// What is wrong with it, for the person.
    pub(crate) reason: String,
}

/// The configuration of all TLS connections of an account.
pub(crate) struct Tls {
    verifier: Arc<Verifier>,
}

impl Tls {
    /// Believes the authorities of the system, those in the file `ca`, and the certificate `trusted`.
    ///
    /// # Errors
    /// When `ca` cannot be read.
    pub(crate) fn new(ca: Option<&Path>, trusted: Option<Fingerprint>) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(file) = ca {
            let certificates = CertificateDer::pem_file_iter(file)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .with_context(|| {
                    format!(
                        "{} cannot be read as certificates; name a PEM file with --ca",
                        file.display()
                    )
                })?;
            let (taken, _) = roots.add_parsable_certificates(certificates);
            if taken == 0 {
                bail!(
                    "{} holds no certificate of an authority; name a PEM file with --ca",
                    file.display()
                );
            }
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let authorities = if roots.is_empty() {
            None
        } else {
            let builder =
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
            Some(
                builder
                    .build()
                    .context("the certificates of the system cannot be used")?,
            )
        };
        let verifier = Verifier {
            authorities,
            trusted: Mutex::new(trusted),
            refused: Mutex::new(None),
            provider,
        };
        Ok(Self {
            verifier: Arc::new(verifier),
        })
    }

    /// Believes this certificate from now on.
    pub(crate) fn trust(&self, fingerprint: Fingerprint) {
        *lock(&self.verifier.trusted) = Some(fingerprint);
    }

    /// The certificate that was refused last; asking takes it.
    pub(crate) fn take_refused(&self) -> Option<Refused> {
        lock(&self.verifier.refused).take()
    }

    /// A configuration that offers these protocols by ALPN.
    ///
    /// # Errors
    /// When the cryptography is not there; never with what is built in.
    pub(crate) fn config(&self, alpn: &[&[u8]]) -> anyhow::Result<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.verifier.provider));
        let mut config = builder
            .with_safe_default_protocol_versions()
            .context("TLS 1.2 and 1.3 are not available")?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&self.verifier) as Arc<_>)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        Ok(config)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Asks the authorities first, then the person's own decision.
#[derive(Debug)]
struct Verifier {
    authorities: Option<Arc<WebPkiServerVerifier>>,
    trusted: Mutex<Option<Fingerprint>>,
    refused: Mutex<Option<Refused>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = match &self.authorities {
            Some(authorities) => {
                authorities.verify_server_cert(certificate, intermediates, name, ocsp, now)
            }
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        let Err(error) = verdict else {
            return verdict;
        };
        let fingerprint = Fingerprint::of(certificate);
        let trusted = *lock(&self.trusted);
        if trusted == Some(fingerprint) {
            return Ok(ServerCertVerified::assertion());
        }
        *lock(&self.refused) = Some(Refused {
            fingerprint,
            changed: trusted.is_some(),
            reason: in_words(&error, name),
        });
        Err(error)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn in_words(error: &rustls::Error, name: &ServerName<'_>) -> String {
    let name = name.to_str();
    match error {
        rustls::Error::InvalidCertificate(error) => match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "it has expired".to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "it is not valid yet; is the clock of this machine right?".to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!("it is not for {name}")
            }
            CertificateError::UnknownIssuer => {
                "no authority that this machine believes has signed it".to_owned()
            }
            other => other.to_string(),
        },
        other => other.to_string(),
    }
}

/// What a finished handshake tells the engine.
pub(crate) fn facts(connection: &ClientConnection) -> TlsFacts {
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => TlsVersion::V1_3,
        _ => TlsVersion::V1_2,
    };
    // RFC 9266 §2: before TLS 1.3 the exporter needs more than we look at.
    let exporter = (version == TlsVersion::V1_3)
        .then(|| {
            connection
                .export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b""))
                .ok()
        })
        .flatten();
    let certificate = connection
        .peer_certificates()
        .and_then(|chain| chain.first());
    TlsFacts {
        version,
        bindings: ChannelBindings {
            exporter,
            server_end_point: certificate.and_then(|certificate| end_point_hash(certificate)),
        },
        client_addresses: Vec::new(),
    }
}

/// `tls-server-end-point` (RFC 5929 §4.1): the certificate hashed with the hash of its signature, at least SHA-256.
fn end_point_hash(der: &[u8]) -> Option<Vec<u8>> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let oid = certificate.signature_algorithm.algorithm.to_id_string();
    let hash = match oid.as_str() {
        // sha384WithRSAEncryption, ecdsa-with-SHA384.
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => &digest::SHA384,
        // sha512WithRSAEncryption, ecdsa-with-SHA512.
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => &digest::SHA512,
        // MD5, SHA-1 and SHA-256 with RSA, SHA-1 and SHA-256 with ECDSA.
        "1.2.840.113549.1.1.4"
        | "1.2.840.113549.1.1.5"
        | "1.2.840.113549.1.1.11"
        | "1.2.840.10045.4.1"
        | "1.2.840.10045.4.3.2" => &digest::SHA256,
        _ => return None,
    };
    Some(digest::digest(hash, der).as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_as_they_are_written() {
        let fingerprint = Fingerprint([0xab; 32]);
        let text = fingerprint.to_string();
        assert!(text.starts_with("AB:AB:"));
        assert_eq!(text.parse(), Ok(fingerprint));
        assert_eq!(
            text.replace(':', "").to_lowercase().parse(),
            Ok(fingerprint)
        );
        assert!("AB:CD".parse::<Fingerprint>().is_err());
        assert!("zz".repeat(32).parse::<Fingerprint>().is_err());
    }
}
