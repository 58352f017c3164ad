//! The servers under test: how each is configured, filled and started, on loopback with a folder of its own.

mod ejabberd;
mod forwarder;
mod hauspost;
mod prosody;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::client::{Client, Login};
use crate::process::Process;
use crate::tls::Identity;

pub(crate) use forwarder::serve as serve_forwarder;

/// The domain that every server serves.
pub(crate) const DOMAIN: &str = "localhost";
/// The password of every account.
pub(crate) const PASSWORD: &str = "correct-horse-battery";
/// The account whose archive is filled before the start.
pub(crate) const ARCHIVIST: &str = "archivist";

/// Whom to measure.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, clap::ValueEnum, serde::Serialize,
)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Hauspost,
    Prosody,
    Ejabberd,
    /// No XMPP at all: forwards frames between pairs of connections. The machine's ceiling.
    Forwarder,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hauspost => "hauspost",
            Self::Prosody => "prosody",
            Self::Ejabberd => "ejabberd",
            Self::Forwarder => "forwarder",
        }
    }

    /// What has happened to a message when it is delivered, in the configuration used here.
    pub(crate) fn durability(self) -> &'static str {
        match self {
            Self::Hauspost => {
                "fsync: one per group commit, before anyone is told (SQLite WAL, synchronous=FULL)"
            }
            Self::Prosody => {
                "no fsync: written to a file per account (internal storage), kept by the kernel until it writes"
            }
            Self::Ejabberd => {
                "no fsync: written to Mnesia disc_only_copies (dets), buffered in the process and the kernel"
            }
            Self::Forwarder => "keeps nothing",
        }
    }

    pub(crate) fn is_peer(self) -> bool {
        matches!(self, Self::Prosody | Self::Ejabberd)
    }
}

/// What a server is started with.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// Accounts `u0`, `u1`, … with [`PASSWORD`].
    pub(crate) accounts: usize,
    /// Keep every message in the archive of both sides.
    pub(crate) archive: bool,
    /// Messages in the archive of [`ARCHIVIST`] that are to be there at the start. The server may start with fewer
    /// (see [`Server::prefilled`]); the rest must be sent to it.
    pub(crate) archived: usize,
}

/// Where programs and folders are.
#[derive(Clone)]
pub(crate) struct Places {
    /// Each server gets a fresh folder in here.
    pub(crate) work: PathBuf,
    pub(crate) hauspost: PathBuf,
    pub(crate) identity: Identity,
}

/// A running server.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) address: SocketAddr,
    pub(crate) process: Process,
    /// From process start to the first finished login; for the forwarder to the first connection.
    pub(crate) start: Duration,
    /// Messages that were put into the archive of [`ARCHIVIST`] without the server.
    pub(crate) prefilled: usize,
    folder: PathBuf,
}

/// A started process that may not be ready yet.
struct Started {
    process: Process,
    address: SocketAddr,
    at: Instant,
    prefilled: usize,
}

impl Server {
    /// Configures and starts `kind`, and waits until it lets somebody in.
    pub(crate) async fn start(kind: Kind, places: &Places, setup: &Setup) -> Result<Self> {
        let folder = places.work.join(kind.name());
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        let started = match kind {
            Kind::Hauspost => hauspost::start(places, &folder, setup)?,
            Kind::Prosody => prosody::start(places, &folder, setup)?,
            Kind::Ejabberd => ejabberd::start(places, &folder, setup)?,
            Kind::Forwarder => forwarder::start()?,
        };
        let Started {
            mut process,
            address,
            at,
            prefilled,
        } = started;
        let end = at + Duration::from_secs(120);
        let start = loop {
            process
                .check()
                .with_context(|| format!("see {}", folder.display()))?;
            let attempt = async {
                if kind == Kind::Forwarder {
                    Client::connect(address).await.map(drop)
                } else {
                    let login = Login {
                        address,
                        domain: DOMAIN,
                        username: "u0",
                        password: PASSWORD,
                        resource: "first",
                        tls: None,
                    };
                    Client::log_in(&login).await?.close().await;
                    Ok(())
                }
            };
            match tokio::time::timeout(Duration::from_secs(5), attempt).await {
                Ok(Ok(())) => break at.elapsed(),
                Ok(Err(error)) if Instant::now() > end => {
                    return Err(error.context(format!("{} lets nobody in", kind.name())));
                }
                Err(_) if Instant::now() > end => bail!("{} answers nobody", kind.name()),
                Ok(Err(_)) | Err(_) => tokio::time::sleep(Duration::from_millis(2)).await,
            }
        };
        let server = Self {
            kind,
            address,
            process,
            start,
            prefilled,
            folder,
        };
        if kind == Kind::Ejabberd && setup.archived > 0 {
            ejabberd::wait_until_filled(&server.folder).await?;
        }
        server.process.quiet(Duration::from_secs(10)).await;
        Ok(server)
    }

    /// Stops the server and removes its data.
    pub(crate) fn stop(mut self) {
        self.process.stop();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// One line that says which program this is, or why it is not there.
pub(crate) fn version(kind: Kind, places: &Places) -> Result<String> {
    match kind {
        Kind::Forwarder => Ok(format!("built in, load {}", env!("CARGO_PKG_VERSION"))),
        Kind::Hauspost => {
            let output = Command::new(&places.hauspost)
                .arg("--version")
                .output()
                .with_context(|| {
                    format!(
                        "{} does not run: build it with `cargo build --release --bin hauspost`",
                        places.hauspost.display()
                    )
                })?;
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        }
        Kind::Prosody | Kind::Ejabberd => {
            let output = Command::new("dpkg-query")
                .args([
                    "--showformat",
                    "${Package} ${Version}",
                    "--show",
                    kind.name(),
                ])
                .output()
                .context("dpkg-query does not run: the peers are taken from Debian's packages")?;
            if !output.status.success() {
                bail!(
                    "{0} is not installed: apt-get install --no-install-recommends {0}",
                    kind.name()
                );
            }
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        }
    }
}

/// A loopback address that nobody listens on.
fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?)
}

fn log_file(folder: &Path) -> Result<std::fs::File> {
    Ok(std::fs::File::create(folder.join("output.log"))?)
}

/// Names of all accounts.
fn usernames(setup: &Setup) -> impl Iterator<Item = String> {
    (0..setup.accounts)
        .map(|number| format!("u{number}"))
        .chain([ARCHIVIST.to_owned()])
}

/// Text of the messages that fill an archive: as long as those of the chat scenarios.
fn archived_body(number: usize) -> String {
    format!(
        "{:0<200}",
        format!("message {number} of somebody who has a lot to say ")
    )
}
