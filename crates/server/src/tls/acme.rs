//! Certificates from an authority by ACME (RFC 8555), shown by HTTP-01 (RFC 8555 §8.3) or TLS-ALPN-01 (RFC 8737).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Identifier, NewAccount,
    NewOrder, OrderStatus, RetryPolicy,
};
use parking_lot::RwLock;
use rustls::sign::CertifiedKey;
use rustls_pki_types::PrivateKeyDer;
use tokio::sync::Notify;

use super::files::{pair_from_pem, read_pair, write_private};
use super::inspect::certificate_facts;
use super::resolver::Resolver;
use crate::config::{AcmeChallenge, Config};

/// ALPN name of TLS-ALPN-01 (RFC 8737 §6.2).
pub(super) const ALPN: &[u8] = b"acme-tls/1";
/// Path under which HTTP-01 is answered (RFC 8555 §8.3).
pub const HTTP01_PREFIX: &str = "/.well-known/acme-challenge/";

/// Challenges that wait to be asked for, shared by the web doors and the handshakes.
#[derive(Default)]
pub struct Challenges {
    http: RwLock<HashMap<String, String>>,
    tls: RwLock<HashMap<String, Arc<CertifiedKey>>>,
}

impl Challenges {
    /// Answer to HTTP-01 for a token.
    pub fn http(&self, token: &str) -> Option<String> {
        self.http.read().get(token).cloned()
    }

    /// Certificate for TLS-ALPN-01 of a name.
    pub(super) fn certificate(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.tls.read().get(name).cloned()
    }

    fn clear(&self) {
        self.http.write().clear();
        self.tls.write().clear();
    }
}

/// The authority and where its answers are kept.
pub struct Acme {
    directory: String,
    contact: Vec<String>,
    names: Vec<String>,
    challenge: AcmeChallenge,
    root_ca: Option<PathBuf>,
    folder: PathBuf,
}

impl Acme {
    /// From `[tls.acme]`; everything is kept in `folder`.
    pub(super) fn new(config: &Config, folder: &Path) -> Self {
        let acme = &config.tls.acme;
        Self {
            directory: acme.directory.clone(),
            contact: acme
                .contact
                .iter()
                .map(|mail| {
                    if mail.contains(':') {
                        mail.clone()
                    } else {
                        format!("mailto:{mail}")
                    }
                })
                .collect(),
            names: if acme.names.is_empty() {
                config.hosts()
            } else {
                acme.names.clone()
            },
            challenge: acme.challenge,
            root_ca: (!acme.root_ca.as_os_str().is_empty()).then(|| acme.root_ca.clone()),
            folder: folder.to_path_buf(),
        }
    }

    fn certificate_file(&self) -> PathBuf {
        self.folder.join("acme.crt")
    }

    fn account_file(&self) -> PathBuf {
        self.folder.join("acme-account.json")
    }

    fn key_file(&self) -> PathBuf {
        self.folder.join("acme.key")
    }

    /// The certificate of an earlier run, if it can still be used.
    pub(super) fn kept(&self) -> Option<Arc<CertifiedKey>> {
        let kept = read_pair(&self.certificate_file(), &self.key_file()).ok()?;
        let facts = certificate_facts(kept.cert.first()?)?;
        (facts.not_after > SystemTime::now()).then_some(kept)
    }

    /// Gets a certificate when there is none, and a new one after two thirds of each one's life.
    pub(super) async fn keep(&self, resolver: &Resolver, reload: &Notify) {
        let mut failures: u32 = 0;
        loop {
            let wait = self.wait();
            if !wait.is_zero() && failures == 0 {
                let _ = tokio::time::timeout(wait, reload.notified()).await;
                if !self.wait().is_zero() {
                    continue;
                }
            }
            match self.order(resolver).await {
                Ok(key) => {
                    failures = 0;
                    resolver.replace(key);
                    tracing::info!(names = %self.names.join(", "), "certificate issued");
                }
                Err(error) => {
                    failures += 1;
                    // Authorities limit failed validations per hour: 1, 2, 4 … up to 6 hours apart.
                    let pause = Duration::from_secs(60 << failures.min(9))
                        .min(Duration::from_secs(6 * 3600));
                    tracing::error!(
                        error = format!("{error:#}"),
                        "no certificate from the authority; trying again in {} minutes. \
                         See that the names point here and that the port for the challenge reaches this server",
                        pause.as_secs() / 60
                    );
                    let _ = tokio::time::timeout(jitter(pause), reload.notified()).await;
                }
            }
            resolver.challenges().clear();
        }
    }

    /// Time until the next order; zero when one is due.
    fn wait(&self) -> Duration {
        let Ok(kept) = read_pair(&self.certificate_file(), &self.key_file()) else {
            return Duration::ZERO;
        };
        let Some(facts) = kept.cert.first().and_then(|leaf| certificate_facts(leaf)) else {
            return Duration::ZERO;
        };
        if !self.names.iter().all(|name| facts.covers(name)) {
            return Duration::ZERO;
        }
        match facts.renewal().duration_since(SystemTime::now()) {
            Ok(rest) => jitter(rest),
            Err(_) => Duration::ZERO,
        }
    }

    async fn account(&self) -> anyhow::Result<Account> {
        let builder = match &self.root_ca {
            Some(root) => {
                Account::builder_with_root(root).with_context(|| format!("{}", root.display()))?
            }
            None => Account::builder()?,
        };
        let file = self.account_file();
        if let Ok(text) = std::fs::read_to_string(&file) {
            let kept: KeptAccount = serde_json::from_str(&text)
                .with_context(|| format!("{} cannot be read; remove it", file.display()))?;
            if kept.directory == self.directory {
                return Ok(builder.from_credentials(kept.credentials).await?);
            }
        }
        let contact: Vec<&str> = self.contact.iter().map(String::as_str).collect();
        let (account, credentials) = builder
            .create(
                &NewAccount {
                    contact: &contact,
                    terms_of_service_agreed: true,
                    only_return_existing: false,
                },
                self.directory.clone(),
                None,
            )
            .await
            .context("the authority gave no account")?;
        let kept = KeptAccount {
            directory: self.directory.clone(),
            credentials,
        };
        write_private(&file, &serde_json::to_string(&kept)?)?;
        Ok(account)
    }

    async fn order(&self, resolver: &Resolver) -> anyhow::Result<Arc<CertifiedKey>> {
        let account = self.account().await?;
        let identifiers: Vec<Identifier> =
            self.names.iter().cloned().map(Identifier::Dns).collect();
        let ordered = account.new_order(&NewOrder::new(&identifiers)).await;
        if let Err(instant_acme::Error::Api(problem)) = &ordered
            && problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:accountDoesNotExist")
        {
            // The authority has forgotten us: the next try makes a new account.
            let _ = std::fs::remove_file(self.account_file());
        }
        let mut order = ordered.context("the authority took no order")?;
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            match authorization.status {
                AuthorizationStatus::Pending => {}
                AuthorizationStatus::Valid => continue,
                status => bail!(
                    "the authority will not validate {}: {status:?}",
                    authorization.identifier()
                ),
            }
            let name = authorization.identifier().to_string();
            let kind = match self.challenge {
                AcmeChallenge::Http01 => ChallengeType::Http01,
                AcmeChallenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
            };
            let mut challenge = authorization.challenge(kind).with_context(|| {
                format!("the authority offers no such challenge for {name}; set tls.acme.challenge")
            })?;
            let answer = challenge.key_authorization();
            match self.challenge {
                AcmeChallenge::Http01 => {
                    let (token, answer) = (challenge.token.clone(), answer.as_str().to_owned());
                    resolver.challenges().http.write().insert(token, answer);
                }
                AcmeChallenge::TlsAlpn01 => {
                    let certificate = challenge_certificate(&name, answer.digest().as_ref())?;
                    resolver.challenges().tls.write().insert(name, certificate);
                }
            }
            challenge.set_ready().await?;
        }
        let status = order.poll_ready(&RetryPolicy::default()).await?;
        if status != OrderStatus::Ready {
            let mut reasons = Vec::new();
            let mut authorizations = order.authorizations();
            while let Some(Ok(authorization)) = authorizations.next().await {
                for challenge in &authorization.challenges {
                    if let Some(error) = &challenge.error {
                        reasons.push(format!("{}: {error}", authorization.identifier()));
                    }
                }
            }
            bail!("the order is {status:?}: {}", reasons.join("; "));
        }
        let key = order
            .finalize()
            .await
            .context("the order could not be finished")?;
        let chain = order
            .poll_certificate(&RetryPolicy::default())
            .await
            .context("the certificate did not come")?;
        let certified = pair_from_pem(&chain, &key)?;
        write_private(&self.key_file(), &key)?;
        write_private(&self.certificate_file(), &chain)?;
        Ok(certified)
    }
}

/// Account of an authority, as kept.
#[derive(serde::Serialize, serde::Deserialize)]
struct KeptAccount {
    directory: String,
    credentials: AccountCredentials,
}

/// Certificate that answers TLS-ALPN-01 (RFC 8737 §3).
fn challenge_certificate(name: &str, digest: &[u8]) -> anyhow::Result<Arc<CertifiedKey>> {
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()])?;
    params.custom_extensions = vec![rcgen::CustomExtension::new_acme_identifier(digest)];
    let key = rcgen::KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let private = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
    // Not `pair`: its check that key and certificate fit refuses the critical extension that RFC 8737 demands.
    let signing = rustls::crypto::aws_lc_rs::sign::any_supported_type(&private)?;
    Ok(Arc::new(CertifiedKey::new(
        vec![certificate.der().clone()],
        signing,
    )))
}

/// A little later than asked, so that many servers do not come at once: up to a twentieth.
fn jitter(wait: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or_default();
    wait + wait.mul_f64(f64::from(random) / f64::from(u32::MAX) / 20.0)
}
