//! `load abuse`: what strangers and rude users do to a server, one after the other, while a normal pair goes on talking.
//!
//! For each abuse it is told how the pair fared (p99 of its messages, against calm). Disks have moods, so calm is measured
//! again before each abuse, and all calm together is what the abuses are held against. With `--assert`, what must hold in
//! any case is checked: the stream error is the right one, the server lives, its memory is bounded, the pair loses nothing.
//! Times are told, never asserted: they depend on what else the machine does.

mod attacks;
mod deaf;
mod pair;
mod stranger;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::client::{Client, Login};
use crate::histogram::Histogram;
use crate::process::Process;
use crate::servers::{DOMAIN, PASSWORD};
use attacks::Attack;
use pair::Pair;

/// Accounts: the pair, and those who misbehave.
const ACCOUNTS: [&str; 5] = ["romeo", "juliet", "rude", "deaf", "victim"];
/// Seconds that a connection may take to log in; short, so that those who do not are seen to end.
pub(crate) const PREAUTH_SECONDS: u32 = 4;
/// Output that may wait for one connection.
pub(crate) const MAILBOX_BYTES: usize = 512 * 1024;
/// Memory that one abuse may cost at most, on top of what was there before, in KiB.
const GROWTH_KIB: u64 = 192 * 1024;

/// Runs every abuse against one server.
#[derive(clap::Args)]
pub(crate) struct Abuse {
    /// Fails unless the server does what it must.
    #[arg(long)]
    assert: bool,
    /// The hauspost binary.
    #[arg(long, default_value = "target/release/hauspost")]
    hauspost: PathBuf,
    /// Folder for the server's data.
    #[arg(long, default_value = "target/load/abuse")]
    work: PathBuf,
    /// Seconds that each abuse lasts at least.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// How often all of it is done; times are of all rounds together.
    #[arg(long, default_value_t = 1)]
    rounds: u32,
    /// Messages per second of the normal pair.
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// Abuses by beginning of their name; all when left out.
    names: Vec<String>,
}

/// Whom the abuse is done to.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    /// An abuse that can be repeated is repeated until then.
    pub(crate) until: Instant,
}

impl Target {
    /// A logged-in client.
    pub(crate) async fn log_in(&self, username: &str, resource: &str) -> Result<Client> {
        Client::log_in(&Login {
            address: self.address,
            domain: DOMAIN,
            username,
            password: PASSWORD,
            resource,
            tls: None,
        })
        .await
    }

    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }
}

impl Abuse {
    fn chosen(&self) -> impl Iterator<Item = &'static Attack> {
        attacks::ALL.iter().filter(|attack| {
            let asked = |name: &String| attack.name.starts_with(name.as_str());
            self.names.is_empty() || self.names.iter().any(asked)
        })
    }
}

pub(crate) async fn run(abuse: Abuse) -> Result<()> {
    std::fs::create_dir_all(&abuse.work)?;
    let work = abuse.work.canonicalize()?;
    let mut server = Started::start(&abuse.hauspost, &work).await?;
    let target = Target {
        address: server.address,
        until: Instant::now(),
    };
    let (left, right) = (
        target.log_in("romeo", "pair").await?,
        target.log_in("juliet", "pair").await?,
    );
    let pair = Pair::start(left, right, abuse.rate)?;
    // The first second fills caches.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut calm = Histogram::new();
    let mut borne: Vec<Borne> = abuse.chosen().map(Borne::new).collect();
    for _ in 0..abuse.rounds.max(1) {
        for one in &mut borne {
            // What the last one left behind is not calm.
            tokio::time::sleep(Duration::from_millis(500)).await;
            pair.take();
            tokio::time::sleep(Duration::from_secs_f64(abuse.seconds)).await;
            calm.merge(&pair.take());
            one.bear(&mut server, &pair, abuse.seconds).await;
            server.check()?;
        }
    }
    report(&calm, &borne);
    let failures = borne.iter().filter(|one| one.outcome.is_err()).count();
    let lost = pair.stop();
    let stopped = server.stop();
    if abuse.assert {
        lost.context("the normal pair")?;
        stopped?;
        ensure!(
            failures == 0,
            "{failures} abuses were not borne as they must be"
        );
    }
    Ok(())
}

/// One abuse, and how it was borne.
struct Borne {
    attack: &'static Attack,
    /// Of the pair's messages meanwhile.
    times: Histogram,
    most_kib: u64,
    seconds: f64,
    /// The words of the last round, or of the first that failed.
    outcome: Result<String>,
}

impl Borne {
    fn new(attack: &'static Attack) -> Self {
        Self {
            attack,
            times: Histogram::new(),
            most_kib: 0,
            seconds: 0.0,
            outcome: Ok(String::new()),
        }
    }

    async fn bear(&mut self, server: &mut Started, pair: &Pair, seconds: f64) {
        let begin = Instant::now();
        let before = server.resident_kib();
        let watch = MemoryWatch::start(server.id());
        let target = Target {
            address: server.address,
            until: begin + Duration::from_secs_f64(seconds),
        };
        let outcome = tokio::time::timeout(Duration::from_secs(90), self.attack.run(target))
            .await
            .unwrap_or_else(|_| Err(anyhow::anyhow!("not over within 90 s")));
        self.times.merge(&pair.take());
        let most = watch.stop();
        self.most_kib = self.most_kib.max(most);
        self.seconds += begin.elapsed().as_secs_f64();
        let outcome = outcome.and_then(|words| {
            server.check()?;
            pair.check()?;
            ensure!(
                most < before + GROWTH_KIB,
                "memory grew from {} to {} MiB",
                before / 1024,
                most / 1024
            );
            Ok(words)
        });
        if self.outcome.is_ok() {
            self.outcome = outcome;
        }
    }
}

fn report(calm: &Histogram, borne: &[Borne]) {
    let line = |name: &str, times: &Histogram, most: &str, seconds: &str, result: &str| {
        let p99 = times.micros(0.99);
        let factor = p99 / calm.micros(0.99).max(1.0);
        println!(
            "{name:<28} {p99:>9.0} {factor:>7.2} {:>9} {most:>9} {seconds:>8}  {result}",
            times.count()
        );
    };
    println!(
        "{:<28} {:>9} {:>7} {:>9} {:>9} {:>8}  result",
        "abuse", "p99 µs", "factor", "messages", "MiB RSS", "s"
    );
    line("(calm)", calm, "", "", "");
    let mut all = Histogram::new();
    for one in borne {
        all.merge(&one.times);
        let result = match &one.outcome {
            Ok(words) => format!("ok: {words}"),
            Err(error) => format!("FAILED: {error:#}"),
        };
        let (most, seconds) = (
            (one.most_kib / 1024).to_string(),
            format!("{:.1}", one.seconds),
        );
        line(one.attack.name, &one.times, &most, &seconds, &result);
    }
    line("(all abuses)", &all, "", "", "");
}

/// Watches how much memory a process takes at most.
struct MemoryWatch {
    most: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

impl MemoryWatch {
    fn start(id: u32) -> Self {
        let (most, over) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let watch = Self {
            most: Arc::clone(&most),
            over: Arc::clone(&over),
        };
        std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                most.fetch_max(resident_kib(id), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        watch
    }

    /// The most that was seen, in KiB.
    fn stop(self) -> u64 {
        self.over.store(true, Ordering::Relaxed);
        self.most.load(Ordering::Relaxed)
    }
}

/// VmRSS of a process, in KiB; 0 when it is gone.
fn resident_kib(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// The server under abuse, with its default limits but those named above.
struct Started {
    process: Process,
    address: SocketAddr,
}

impl Started {
    async fn start(binary: &Path, work: &Path) -> Result<Self> {
        let folder = work.join("server");
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let configuration = folder.join("hauspost.toml");
        std::fs::write(
            &configuration,
            format!(
                "domain = \"{DOMAIN}\"\n[listen]\nxmpp = [\"{address}\"]\nxmpp_tls = []\nfederation = []\n\
                 federation_tls = []\nhttp = []\nmedia = []\n[auth]\nplaintext_on_loopback = true\n\
                 [limits]\npreauth_seconds = {PREAUTH_SECONDS}\nmailbox_bytes = {MAILBOX_BYTES}\n\
                 [policy.encryption]\ndirect = \"default\"\ngroups = \"default\"\n"
            ),
        )?;
        let list = folder.join("accounts.csv");
        let accounts: String = ACCOUNTS
            .iter()
            .map(|name| format!("{name},{PASSWORD}\n"))
            .collect();
        std::fs::write(&list, accounts)?;
        let command = || {
            let mut command = std::process::Command::new(binary);
            command
                .arg("--config")
                .arg(&configuration)
                .stdin(std::process::Stdio::null());
            command
        };
        let imported = command().args(["user", "import"]).arg(&list).output()?;
        ensure!(
            imported.status.success(),
            "hauspost user import failed: {}",
            String::from_utf8_lossy(&imported.stderr)
        );
        let log = std::fs::File::create(folder.join("log"))?;
        let process = Process::start(
            "hauspost",
            command()
                .arg("serve")
                .stdout(std::process::Stdio::null())
                .stderr(log),
        )?;
        let mut started = Self { process, address };
        let end = Instant::now() + Duration::from_secs(30);
        while tokio::net::TcpStream::connect(address).await.is_err() {
            started
                .check()
                .with_context(|| format!("see {}", folder.display()))?;
            ensure!(Instant::now() < end, "the server does not open its door");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(started)
    }

    fn id(&self) -> u32 {
        self.process.id()
    }

    fn resident_kib(&self) -> u64 {
        resident_kib(self.id())
    }

    /// Fails when the server is not there any more.
    fn check(&mut self) -> Result<()> {
        self.process.check()
    }

    fn stop(mut self) -> Result<()> {
        self.check()?;
        self.process.stop();
        Ok(())
    }
}
