//! TLS with other servers. A handshake takes any certificate whose key the peer has; what the certificate is good for is
//! judged afterwards, since policy may take other proof (RFC 6120 §13.7.2, XEP-0220).

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::{
    ClientConfig, DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig,
    SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::asn1_rs::oid;
use x509_parser::prelude::{FromDer, X509Certificate};
use xmpp::stream::CertificateNames;

use super::client::{explicit_ia5, explicit_utf8};
use super::dane::Expected;
use super::{Resolver, TlsError, files, server_builder};
use crate::config;

/// TLS with other servers, in both roles.
#[derive(Clone)]
pub struct PeerTls {
    roots: Arc<RootCertStore>,
    /// Accepting, after STARTTLS.
    pub accept: Arc<ServerConfig>,
    /// Accepting, from the first byte: ALPN `xmpp-server` (XEP-0368 §3).
    pub accept_direct: Arc<ServerConfig>,
    /// Connecting, after STARTTLS.
    pub connect: Arc<ClientConfig>,
    /// Connecting, from the first byte.
    pub connect_direct: Arc<ClientConfig>,
}

impl PeerTls {
    /// Both roles over our certificate in `resolver`. Authorities are those of the system, and those in the file
    /// `extra` if it is not empty.
    ///
    /// # Errors
    /// When `extra` cannot be read.
    pub fn new(
        config: &config::Tls,
        extra: &Path,
        resolver: &Arc<Resolver>,
    ) -> Result<Self, TlsError> {
        let mut roots = if extra.as_os_str().is_empty() {
            RootCertStore::empty()
        } else {
            files::read_roots(extra, "federation.ca")?
        };
        let system = rustls_native_certs::load_native_certs();
        for error in &system.errors {
            tracing::warn!(%error, "some authorities of the system cannot be read");
        }
        // Old systems hold a few that no longer count as authorities.
        roots.add_parsable_certificates(system.certs);
        if roots.is_empty() {
            tracing::warn!(
                "this system has no certificate authorities: no other server can be trusted; install ca-certificates"
            );
        }
        let accept = |alpn: &[&[u8]]| -> Result<Arc<ServerConfig>, TlsError> {
            let any = Arc::new(AnyCertificate::new());
            let builder = server_builder(config).with_client_cert_verifier(any);
            let mut server = builder.with_cert_resolver(resolver.clone());
            server.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
            super::economical(&mut server)?;
            Ok(Arc::new(server))
        };
        let connect = |alpn: &[&[u8]]| {
            let mut client = ClientConfig::builder_with_protocol_versions(super::versions(config))
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyCertificate::new()))
                .with_client_cert_resolver(Arc::new(OwnCertificate(resolver.clone())));
            client.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
            // A resumed session would show no certificate.
            client.resumption = rustls::client::Resumption::disabled();
            Arc::new(client)
        };
        Ok(Self {
            accept: accept(&[])?,
            accept_direct: accept(&[b"xmpp-server"])?,
            connect: connect(&[]),
            connect_direct: connect(&[b"xmpp-server"]),
            roots: Arc::new(roots),
        })
    }

    /// The names in a peer's certificate, if its chain leads to an authority that we trust; else none.
    pub fn names(&self, chain: Option<&[CertificateDer<'_>]>) -> CertificateNames {
        let Some([own, others @ ..]) = chain else {
            return CertificateNames::default();
        };
        if let Err(error) = with_path(own, others, &self.roots.roots, |_| ()) {
            tracing::info!(%error, "the certificate of a server is not trusted");
            return CertificateNames::default();
        }
        names(own).unwrap_or_default()
    }

    /// The names that a server of `domain` has shown to be its own, given what signed records say of it. Where they name
    /// certificates, those count and no authority makes up for them.
    ///
    /// # Errors
    /// When it shows another certificate than the records name.
    pub fn names_of(
        &self,
        chain: Option<&[CertificateDer<'_>]>,
        domain: &str,
        expected: &Expected,
    ) -> Result<CertificateNames, OtherCertificate> {
        let mut shown = match (&expected.associations[..], chain) {
            ([], _) => self.names(chain),
            (_, Some([own, others @ ..])) => {
                let by_path =
                    |path: &VerifiedPath<'_>| expected.is_met(domain, own, others, Some(path));
                let trusted = with_path(own, others, &self.roots.roots, by_path).ok();
                if !trusted.unwrap_or_else(|| expected.is_met(domain, own, others, None)) {
                    return Err(OtherCertificate);
                }
                let mut shown = match trusted {
                    Some(_) => names(own).unwrap_or_default(),
                    None => CertificateNames::default(),
                };
                shown.dns.push(domain.to_owned());
                shown
            }
            (_, None | Some([])) => return Err(OtherCertificate),
        };
        if expected.covers_host(&shown) {
            shown.dns.push(domain.to_owned());
        }
        Ok(shown)
    }
}

/// The server shows a certificate that its TLSA records do not name.
#[derive(Debug, thiserror::Error)]
#[error("its certificate is none of those that its TLSA records in DNS name")]
pub struct OtherCertificate;

/// What `look` finds on the path from a server's certificate to one of these authorities.
///
/// # Errors
/// Why there is none.
pub(super) fn with_path<T>(
    own: &CertificateDer<'_>,
    others: &[CertificateDer<'_>],
    anchors: &[TrustAnchor<'_>],
    look: impl FnOnce(&VerifiedPath<'_>) -> T,
) -> Result<T, webpki::Error> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let algorithms = aws_lc_rs::default_provider()
        .signature_verification_algorithms
        .all;
    let own = EndEntityCert::try_from(own)?;
    let path = own.verify_for_usage(
        algorithms,
        anchors,
        others,
        UnixTime::since_unix_epoch(now),
        // Authorities issue certificates for servers; few still allow them for clients.
        KeyUsage::server_auth(),
        None,
        None,
    )?;
    Ok(look(&path))
}

/// The names that a certificate gives to a server.
pub(super) fn names(der: &[u8]) -> Option<CertificateNames> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let mut names = CertificateNames::default();
    let alternatives = certificate.subject_alternative_name().ok()??;
    for name in &alternatives.value.general_names {
        match name {
            GeneralName::DNSName(name) => names.dns.push((*name).to_owned()),
            GeneralName::OtherName(kind, value) if *kind == oid!(1.3.6.1.5.5.7.8.5) => {
                names.xmpp.extend(explicit_utf8(value));
            }
            GeneralName::OtherName(kind, value) if *kind == oid!(1.3.6.1.5.5.7.8.7) => {
                names.srv.extend(explicit_ia5(value));
            }
            _ => {}
        }
    }
    Some(names)
}

/// Takes every certificate whose key the peer has.
#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl AnyCertificate {
    fn new() -> Self {
        let provider: CryptoProvider = aws_lc_rs::default_provider();
        Self(provider.signature_verification_algorithms)
    }
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _own: &CertificateDer<'_>,
        _others: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, own, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, own, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

impl ClientCertVerifier for AnyCertificate {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _own: &CertificateDer<'_>,
        _others: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, own, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, own, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

/// Shows our certificate in force.
struct OwnCertificate(Arc<Resolver>);

impl fmt::Debug for OwnCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnCertificate")
    }
}

impl ResolvesClientCert for OwnCertificate {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.current())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
