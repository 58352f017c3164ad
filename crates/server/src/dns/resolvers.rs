//! Name servers, asked with DNSSEC or without.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::dnssec::TrustAnchors;
use hickory_resolver::proto::rr::{Name, Record, RecordType};
use hickory_resolver::{ResolverBuilder, TokioResolver};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::LookupError;
use crate::config::{Dnssec, Federation};

/// Time to the next question whether the name servers hand on signatures.
const RECONSIDERED: Duration = Duration::from_secs(600);

/// Asks name servers, and checks signatures where that is possible.
pub(super) struct Resolvers {
    plain: Option<TokioResolver>,
    checking: Option<TokioResolver>,
    dnssec: Dnssec,
    seen: Mutex<Seen>,
}

/// What is known of the name servers.
#[derive(Clone, Copy)]
enum Seen {
    Nothing,
    /// They hand on signatures: what is not signed right is wrong from now on.
    Signatures,
    /// They did not then.
    NoSignatures(Instant),
}

impl Resolvers {
    /// Name servers of the configuration, or those of the system.
    ///
    /// # Errors
    /// When the trust anchors cannot be read.
    pub(super) fn new(config: &Federation) -> anyhow::Result<Self> {
        let built = |builder: Option<ResolverBuilder<TokioRuntimeProvider>>| {
            let resolver = builder?.build();
            resolver.inspect_err(unusable).ok()
        };
        let checking = match config.dnssec {
            Dnssec::Off => None,
            Dnssec::Auto | Dnssec::Required => {
                let anchors = Arc::new(anchors(&config.trust_anchors)?);
                built(builder(config).map(|builder| builder.with_trust_anchor(anchors)))
            }
        };
        Ok(Self {
            plain: built(builder(config)),
            checking,
            dnssec: config.dnssec,
            seen: Mutex::new(Seen::Nothing),
        })
    }

    /// Who is to be asked now.
    ///
    /// # Errors
    /// [`LookupError::Failed`] when there is nobody.
    pub(super) async fn current(&self) -> Result<&TokioResolver, LookupError> {
        let chosen = match (self.dnssec, &self.checking) {
            (Dnssec::Required, checking) => checking.as_ref(),
            (Dnssec::Auto, Some(checking)) if self.has_signatures(checking).await => Some(checking),
            (Dnssec::Auto | Dnssec::Off, _) => self.plain.as_ref(),
        };
        chosen.ok_or_else(|| LookupError::Failed("no name server can be asked".to_owned()))
    }

    /// Whether the name servers hand on signatures. Many in routers and offices do not: then nothing is known to be
    /// signed, and all is as it was before there was DNSSEC.
    async fn has_signatures(&self, checking: &TokioResolver) -> bool {
        let seen = *self.seen.lock();
        match seen {
            Seen::Signatures => return true,
            Seen::NoSignatures(then) if then.elapsed() < RECONSIDERED => return false,
            Seen::NoSignatures(_) | Seen::Nothing => {}
        }
        let root = checking.lookup(Name::root(), RecordType::SOA).await;
        let signed = root.is_ok_and(|root| is_secure(root.answers()));
        if !signed && matches!(seen, Seen::Nothing) {
            tracing::info!(
                "the name servers hand on no DNSSEC signatures: certificates of other servers are checked without DANE"
            );
        }
        *self.seen.lock() = if signed {
            Seen::Signatures
        } else {
            Seen::NoSignatures(Instant::now())
        };
        signed
    }
}

/// Whether there are records, and all of them are signed right.
pub(super) fn is_secure(answers: &[Record]) -> bool {
    let mut records = answers
        .iter()
        .filter(|record| record.record_type() != RecordType::RRSIG)
        .peekable();
    records.peek().is_some() && records.all(|record| record.proof.is_secure())
}

/// Whether the answer is that there is nothing.
pub(super) fn is_nothing(error: &NetError) -> bool {
    // A denial that is signed in a way that need not be checked is one without signature.
    error.is_no_records_found()
        || matches!(error, NetError::Dns(DnsError::Nsec { proof, .. }) if proof.is_insecure())
}

/// Whether the answer is not what its zone has signed.
pub(super) fn is_bogus(error: &NetError) -> bool {
    matches!(
        error,
        NetError::Dns(DnsError::DnssecBogus | DnsError::Nsec { .. })
    )
}

fn builder(config: &Federation) -> Option<ResolverBuilder<TokioRuntimeProvider>> {
    let mut builder = if config.name_servers.is_empty() {
        TokioResolver::builder_tokio().inspect_err(unusable).ok()?
    } else {
        let servers = config.name_servers.iter().map(|address| {
            let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
            for connection in &mut connections {
                connection.port = address.port();
            }
            NameServerConfig::new(address.ip(), true, connections)
        });
        let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
    };
    let options: &mut ResolverOpts = builder.options_mut();
    // An alias is as good as its signature.
    options.preserve_intermediates = true;
    Some(builder)
}

fn unusable(error: &NetError) {
    tracing::warn!(%error, "no name server can be asked; see /etc/resolv.conf, or set federation.name_servers");
}

fn anchors(file: &Path) -> anyhow::Result<TrustAnchors> {
    if file.as_os_str().is_empty() {
        return Ok(TrustAnchors::default());
    }
    TrustAnchors::from_file(file).with_context(|| {
        format!(
            "federation.trust_anchors: {} holds no DNSKEY records that can be read; mend: write one a line, as in `. 3600 IN DNSKEY 257 3 8 AwEAA…`",
            file.display()
        )
    })
}
