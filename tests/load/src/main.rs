//! `load`: the same work against several servers in one run, and what it costs each of them.
//!
//! The method is described in docs/performance.md. The generator knows nothing of the project's own XMPP code: it
//! writes prepared bytes and looks for marks in what comes back.
// A program for the terminal: its output is its purpose.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod abuse;
mod client;
mod histogram;
mod message;
mod process;
mod report;
mod scenarios;
mod scram;
mod servers;
mod tls;

use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};

use crate::process::Machine;
use crate::report::{Participant, Report, number};
use crate::scenarios::{ALL, Extent, Scenario, Work};
use crate::servers::{DOMAIN, Kind, Places};
use crate::tls::Identity;

/// Runs the same work against several XMPP servers and prints what it costs each of them.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Mode>,
    #[command(flatten)]
    run: Run,
}

#[derive(clap::Args)]
struct Run {
    /// Servers, in the order in which they run.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "hauspost,prosody,ejabberd,forwarder"
    )]
    servers: Vec<Kind>,
    /// Scenarios by name or beginning of a name ("chat", "login-tls"); all when left out.
    #[arg(long, value_delimiter = ',')]
    scenarios: Vec<String>,
    /// Seconds that each timed scenario lasts.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// A look instead of a measurement: 2 s, 10 pairs, 300 idle sessions, no archive of more than 10,000 messages.
    #[arg(long)]
    quick: bool,
    /// Pairs that chat.
    #[arg(long, default_value_t = 50)]
    pairs: usize,
    /// Sessions that idle.
    #[arg(long, default_value_t = 2_000)]
    idle_sessions: usize,
    /// Messages per second for the latency scenarios, instead of half of what the better peer reaches in chat-w16
    /// (latency) and chat-off-w16 (latency-off).
    #[arg(long)]
    offered: Option<f64>,
    /// The hauspost binary.
    #[arg(long, default_value = "target/release/hauspost")]
    hauspost: PathBuf,
    /// Folder for the servers' data; on a disk that is worth measuring.
    #[arg(long, default_value = "target/load")]
    work: PathBuf,
    /// Writes all figures to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Threads of the generator.
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

#[derive(Subcommand)]
enum Mode {
    /// Lists the scenarios.
    List,
    /// Misbehaves in many ways towards hauspost, and tells how a normal pair of clients fares meanwhile.
    Abuse(abuse::Abuse),
    /// Serves as forwarder; started by the program itself.
    #[command(hide = true)]
    Forwarder { address: SocketAddr },
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.command {
        Some(Mode::List) => {
            for scenario in ALL {
                println!(
                    "{:14} {} ({})",
                    scenario.name,
                    scenario.title,
                    scenario.work.unit().0
                );
            }
            Ok(())
        }
        Some(Mode::Forwarder { address }) => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(servers::serve_forwarder(address)),
        Some(Mode::Abuse(abuse)) => {
            allow_many_sockets()?;
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()?
                .block_on(abuse::run(abuse))
        }
        None => {
            allow_many_sockets()?;
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(arguments.run.threads)
                .enable_all()
                .build()?
                .block_on(run(arguments.run))
        }
    }
}

/// Thousands of sessions need thousands of descriptors: starts this program anew under a higher limit, which the
/// servers inherit.
fn allow_many_sockets() -> Result<()> {
    const GUARD: &str = "LOAD_DESCRIPTORS";
    if std::env::var_os(GUARD).is_some() {
        return Ok(());
    }
    let error = Command::new("sh")
        .args([
            "-c",
            "ulimit -n 65536 2>/dev/null || ulimit -n $(ulimit -Hn); exec \"$0\" \"$@\"",
        ])
        .arg(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(GUARD, "1")
        .exec();
    Err(error).context("sh does not run")
}

async fn run(mut run: Run) -> Result<()> {
    if run.quick {
        run.seconds = run.seconds.min(2.0);
        run.pairs = run.pairs.min(10);
        run.idle_sessions = run.idle_sessions.min(300);
    }
    let scenarios = choose(&run)?;
    std::fs::create_dir_all(&run.work)?;
    let work = run.work.canonicalize()?;
    let identity = Identity::create(&work, DOMAIN)?;
    let places = Places {
        work: work.clone(),
        hauspost: run.hauspost.clone(),
        identity,
    };
    let mut report = Report {
        machine: Machine::look(&work),
        seconds_per_scenario: run.seconds,
        pairs: run.pairs,
        participants: Vec::new(),
        outcomes: Vec::new(),
    };
    for kind in &run.servers {
        let version = servers::version(*kind, &places)?;
        eprintln!("{}: {version}", kind.name());
        report.participants.push(Participant {
            server: *kind,
            version,
            durability: kind.durability(),
        });
    }
    let mut extent = Extent {
        duration: Duration::from_secs_f64(run.seconds),
        pairs: run.pairs,
        idle_sessions: run.idle_sessions,
        offered: [run.offered; 2],
        tls: tls::trusting_client()?,
    };
    for scenario in &scenarios {
        if let Work::Latency { archive } = scenario.work
            && run.offered.is_none()
        {
            let source = if archive { "chat-w16" } else { "chat-off-w16" };
            extent.offered[usize::from(!archive)] =
                peers_capacity(&report, source).map(|rate| rate / 2.0);
        }
        for kind in run
            .servers
            .iter()
            .filter(|kind| scenario.work.suits(**kind))
        {
            let outcome = scenarios::run(scenario, *kind, &places, &extent).await;
            let unit = scenario.work.unit().0;
            match outcome.figure {
                Some(figure) => eprintln!(
                    "{:14} {:10} {:>10} {unit}  {}",
                    scenario.name,
                    kind.name(),
                    number(figure),
                    outcome.note
                ),
                None => eprintln!("{:14} {:10} {}", scenario.name, kind.name(), outcome.note),
            }
            report.outcomes.push(outcome);
        }
    }
    println!("{}", report.markdown(&scenarios));
    if let Some(file) = &run.json {
        std::fs::write(file, serde_json::to_string_pretty(&report)?)
            .with_context(|| file.display().to_string())?;
    }
    Ok(())
}

/// Messages per second of the faster peer in `scenario`.
fn peers_capacity(report: &Report, scenario: &str) -> Option<f64> {
    report
        .outcomes
        .iter()
        .filter(|outcome| outcome.scenario == scenario && outcome.server.is_peer())
        .filter_map(|outcome| outcome.details.get("per_second").copied())
        .reduce(f64::max)
}

fn choose(run: &Run) -> Result<Vec<&'static Scenario>> {
    for name in &run.scenarios {
        if !ALL
            .iter()
            .any(|scenario| scenario.name.starts_with(name.as_str()))
        {
            bail!("no scenario {name:?}; `load list` names them all");
        }
    }
    Ok(ALL
        .iter()
        .filter(|scenario| {
            run.scenarios.is_empty()
                || run
                    .scenarios
                    .iter()
                    .any(|name| scenario.name == name || is_group(name, scenario.name))
        })
        .filter(|scenario| {
            !run.quick || !matches!(scenario.work, Work::Paging { messages } if messages > 10_000)
        })
        .collect())
}

/// Whether `name` names several scenarios, of which `scenario` is one.
fn is_group(name: &str, scenario: &str) -> bool {
    !ALL.iter().any(|other| other.name == name) && scenario.starts_with(name)
}
