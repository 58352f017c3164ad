//! TLS: where the certificate comes from, how it is swapped while running, and what a connection's handshake proved.

mod acme;
mod client;
mod dane;
mod files;
mod inspect;
mod peers;
mod resolver;
mod self_signed;
mod source;

use std::path::Path;
use std::sync::Arc;

use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

pub use acme::{Challenges, HTTP01_PREFIX};
pub use client::{ClientIdentity, client_identity};
pub use dane::{Association, Expected};
pub use files::read_pair;
pub use inspect::{CertificateFacts, certificate_facts, end_point_hash};
pub use peers::{OtherCertificate, PeerTls};
pub use resolver::Resolver;
pub use source::Source;

use crate::config::{self, Config, TlsVersion};

/// What is wrong with a certificate, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{problem}\n  mend: {mend}")]
pub struct TlsError {
    problem: String,
    mend: String,
}

impl TlsError {
    fn new(problem: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            mend: mend.into(),
        }
    }
}

/// Chooses aws-lc-rs for the whole process. Harmless when called again.
pub fn install_provider() {
    // Fails only when a provider is installed already, which then is ours.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// The TLS side of every door; one certificate behind all of them.
#[derive(Clone)]
pub struct ServerTls {
    /// The certificate in force.
    pub resolver: Arc<Resolver>,
    /// For STARTTLS: no ALPN.
    pub starttls: Arc<ServerConfig>,
    /// For direct TLS: ALPN `xmpp-client` (XEP-0368 §3).
    pub xmpp: Arc<ServerConfig>,
    /// For the web: ALPN `h2` and `http/1.1` (and `acme-tls/1` while a challenge waits).
    pub https: Arc<ServerConfig>,
}

impl ServerTls {
    /// Builds the configurations of all doors over `resolver`.
    ///
    /// # Errors
    /// When `tls.client_ca` cannot be read.
    pub fn new(config: &config::Tls, resolver: Arc<Resolver>) -> Result<Self, TlsError> {
        let build = |alpn: &[&[u8]], clients: bool| {
            server_config(config, &resolver, alpn, clients).map(Arc::new)
        };
        Ok(Self {
            starttls: build(&[], true)?,
            xmpp: build(&[b"xmpp-client"], true)?,
            https: build(&[b"h2", b"http/1.1", acme::ALPN], false)?,
            resolver,
        })
    }
}

/// One door's configuration. Small per connection: no early data, no half-RTT data, sessions in tickets, not in memory.
fn server_config(
    config: &config::Tls,
    resolver: &Arc<Resolver>,
    alpn: &[&[u8]],
    clients: bool,
) -> Result<ServerConfig, TlsError> {
    let builder = server_builder(config);
    let builder = if clients && !config.client_ca.as_os_str().is_empty() {
        let roots = files::read_roots(&config.client_ca, "tls.client_ca")?;
        let verifier = WebPkiClientVerifier::builder(Arc::new(roots))
            .allow_unauthenticated()
            .build()
            .map_err(|error| {
                TlsError::new(
                    format!(
                        "{} cannot be used for client certificates: {error}",
                        config.client_ca.display()
                    ),
                    "name a PEM file with the authority's certificates at tls.client_ca",
                )
            })?;
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let mut server = builder.with_cert_resolver(resolver.clone());
    server.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    economical(&mut server)?;
    Ok(server)
}

/// TLS with a server of another kind, which must show a certificate of an authority in the file `ca`, or of the system if that is
/// empty; `key` is where the file is named.
///
/// # Errors
/// When the file cannot be read, or there are no authorities.
pub fn client_of(ca: &Path, key: &str) -> Result<ClientConfig, TlsError> {
    let roots = if ca.as_os_str().is_empty() {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    } else {
        files::read_roots(ca, key)?
    };
    if roots.is_empty() {
        return Err(TlsError::new(
            "this system has no certificate authorities",
            format!("install ca-certificates, or name a PEM file at {key}"),
        ));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder =
        builder.map_err(|error| TlsError::new(error.to_string(), "report this as a bug"))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn versions(config: &config::Tls) -> &'static [&'static rustls::SupportedProtocolVersion] {
    static SINCE_1_2: [&rustls::SupportedProtocolVersion; 2] =
        [&rustls::version::TLS13, &rustls::version::TLS12];
    match config.minimum_version {
        TlsVersion::V12 => &SINCE_1_2,
        TlsVersion::V13 => &SINCE_1_2[..1],
    }
}

fn server_builder(
    config: &config::Tls,
) -> rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier> {
    ServerConfig::builder_with_protocol_versions(versions(config))
}

/// Small per connection.
fn economical(server: &mut ServerConfig) -> Result<(), TlsError> {
    server.send_half_rtt_data = false;
    server.max_early_data_size = 0;
    server.session_storage = Arc::new(NoServerSessionStorage {});
    server.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().map_err(|error| {
        TlsError::new(
            format!("no session ticket key could be made: {error}"),
            "see whether the system has randomness",
        )
    })?;
    server.send_tls13_tickets = 1;
    Ok(())
}

/// Opens the certificate source of `config` and the doors over it.
///
/// # Errors
/// When no certificate can be had at all; each with its mend.
pub fn open(config: &Config) -> Result<(ServerTls, Source), TlsError> {
    install_provider();
    let (source, first) = Source::open(config)?;
    let tls = ServerTls::new(&config.tls, Arc::new(Resolver::new(first)))?;
    Ok((tls, source))
}

#[cfg(test)]
mod tests;
