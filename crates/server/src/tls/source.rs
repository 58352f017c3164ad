//! Where the certificate comes from, and what makes it new.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::sign::CertifiedKey;
use tokio::sync::Notify;

use super::resolver::Resolver;
use super::{TlsError, acme, read_pair, self_signed};
use crate::config::{Config, TlsMode};

/// How often certificate files are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// A certificate source that keeps its resolver fresh.
pub enum Source {
    /// Our own certificate.
    SelfSigned {
        /// Folder it is kept in.
        folder: PathBuf,
        /// Names it must be good for.
        hosts: Vec<String>,
    },
    /// Files of the administrator.
    Files {
        /// Chain.
        certificate: PathBuf,
        /// Key.
        key: PathBuf,
    },
    /// An authority.
    Acme(Box<acme::Acme>),
}

impl Source {
    /// The source of `config` and the certificate to start with.
    ///
    /// # Errors
    /// When there is none to start with.
    pub fn open(config: &Config) -> Result<(Self, Arc<CertifiedKey>), TlsError> {
        let folder = config.data_dir.join("tls");
        match config.tls.mode {
            TlsMode::SelfSigned => {
                let hosts = config.hosts();
                let first = self_signed::open(&folder, &hosts)?;
                Ok((Self::SelfSigned { folder, hosts }, first))
            }
            TlsMode::Files => {
                let first = read_pair(&config.tls.certificate, &config.tls.key)?;
                let (certificate, key) = (config.tls.certificate.clone(), config.tls.key.clone());
                Ok((Self::Files { certificate, key }, first))
            }
            TlsMode::Acme => {
                let acme = acme::Acme::new(config, &folder);
                let first = match acme.kept() {
                    Some(kept) => kept,
                    None => self_signed::open(&folder, &config.hosts())?,
                };
                Ok((Self::Acme(Box::new(acme)), first))
            }
        }
    }

    /// Keeps the certificate of `resolver` fresh for as long as the server runs; `reload` asks for a look now (SIGHUP).
    pub async fn keep(self, resolver: Arc<Resolver>, reload: Arc<Notify>) {
        match self {
            Self::SelfSigned { folder, hosts } => loop {
                let day = Duration::from_secs(24 * 3600);
                let _ = tokio::time::timeout(day, reload.notified()).await;
                match self_signed::open(&folder, &hosts) {
                    Ok(key) => resolver.replace(key),
                    Err(error) => {
                        tracing::error!(%error, "the certificate could not be made new; the old one stays")
                    }
                }
            },
            Self::Files { certificate, key } => {
                let mut files = Watched::new(certificate, key);
                loop {
                    let asked = tokio::time::timeout(LOOK, reload.notified()).await.is_ok();
                    files.look(&resolver, asked);
                }
            }
            Self::Acme(acme) => acme.keep(&resolver, &reload).await,
        }
    }
}

/// What tells one state of the files from another.
fn state(certificate: &Path, key: &Path) -> [Option<(SystemTime, u64)>; 2] {
    [certificate, key].map(|path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    })
}

/// Certificate files and the state they were last read in.
pub(super) struct Watched {
    certificate: PathBuf,
    key: PathBuf,
    seen: [Option<(SystemTime, u64)>; 2],
}

impl Watched {
    pub(super) fn new(certificate: PathBuf, key: PathBuf) -> Self {
        let seen = state(&certificate, &key);
        Self {
            certificate,
            key,
            seen,
        }
    }

    /// Reads the files if they changed or if `asked` to; files that cannot be used change nothing.
    pub(super) fn look(&mut self, resolver: &Resolver, asked: bool) {
        let now = state(&self.certificate, &self.key);
        if !asked && now == self.seen {
            return;
        }
        // A pair that is half written now will look different at the next look.
        self.seen = now;
        match read_pair(&self.certificate, &self.key) {
            Ok(pair) => {
                resolver.replace(pair);
                tracing::info!(certificate = %self.certificate.display(), "certificate read again");
            }
            Err(error) => {
                tracing::error!(%error, "the new certificate cannot be used; the old one stays")
            }
        }
    }
}
