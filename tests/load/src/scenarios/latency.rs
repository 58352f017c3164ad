//! Latency at a load that does not wait for the server (open loop): messages are due at fixed times, and the clock of
//! each runs from when it was due, so that a stall shows in all that it delays.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::{Extent, Measured, address, pairs};
use crate::histogram::Histogram;
use crate::message::{Content, Message, Scanner, now_nanos};
use crate::servers::{Kind, Server};

/// One sender: its socket, what it says, and what the socket had no room for yet.
struct Sender {
    stream: Arc<TcpStream>,
    message: Message,
    backlog: Vec<u8>,
}

pub(super) async fn run(server: &Server, extent: &Extent, archive: bool) -> Result<Measured> {
    let offered = extent.offered[usize::from(!archive)].context(
        "no load known: let a peer run in chat-w16 / chat-off-w16 too, or give --offered",
    )?;
    let framed = server.kind == Kind::Forwarder;
    let mut senders = Vec::new();
    let mut receivers = JoinSet::new();
    let delivered = Arc::new(AtomicU64::new(0));
    let failed = Arc::new(AtomicBool::new(false));
    let times = Arc::new(Mutex::new(Histogram::new()));
    for (number, (left, right)) in pairs(server, extent.pairs).await?.into_iter().enumerate() {
        for (client, to) in [(left, number * 2 + 1), (right, number * 2)] {
            let stream = Arc::new(client.into_tcp().context("a plain connection")?);
            let message = Message::new(&address(to), Content::Text, framed);
            senders.push(Sender {
                stream: Arc::clone(&stream),
                message,
                backlog: Vec::new(),
            });
            receivers.spawn(receive(
                stream,
                Arc::clone(&delivered),
                Arc::clone(&failed),
                Arc::clone(&times),
            ));
        }
    }
    server.process.quiet(Duration::from_secs(5)).await;
    let cpu = server.process.cpu_seconds();
    let duration = extent.duration;
    let (sent, lag, senders) =
        tokio::task::spawn_blocking(move || pace(senders, offered, duration)).await??;
    let patience = Instant::now() + Duration::from_secs(10);
    while delivered.load(Ordering::Relaxed) < sent && Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let cpu = server.process.cpu_seconds() - cpu;
    receivers.shutdown().await;
    drop(senders);
    let delivered = delivered.load(Ordering::Relaxed);
    ensure!(
        !failed.load(Ordering::Relaxed),
        "the server answered with an error or closed a stream"
    );
    ensure!(
        delivered == sent,
        "{delivered} messages delivered of {sent}"
    );
    let times = times.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Measured {
        figure: times.micros(0.99),
        details: BTreeMap::from([
            ("offered_per_second", offered),
            ("delivered", delivered as f64),
            ("cpu_seconds", cpu),
            ("p50_us", times.micros(0.5)),
            ("p99_us", times.micros(0.99)),
            ("max_us", times.micros(1.0)),
            ("generator_lag_p99_us", lag.micros(0.99)),
        ]),
        note: format!("{offered:.0} messages/s offered"),
    })
}

/// Sends each message when it is due, on a thread of its own: a timer of the runtime would be a millisecond coarse.
fn pace(
    mut senders: Vec<Sender>,
    offered: f64,
    duration: Duration,
) -> Result<(u64, Histogram, Vec<Sender>)> {
    let total = (offered * duration.as_secs_f64()) as u64;
    let gap = 1e9 / offered;
    let start = now_nanos() + 1_000_000;
    let mut lag = Histogram::new();
    let mut bytes = Vec::new();
    let mut blocked: Vec<usize> = Vec::new();
    let count = senders.len();
    // A stride without common divisor spreads neighbours in time over distant pairs.
    for number in 0..total {
        let due = start + (number as f64 * gap) as u64;
        loop {
            blocked.retain(|at| flush(&mut senders[*at]).unwrap_or(false));
            let now = now_nanos();
            if now >= due {
                lag.record(now - due);
                break;
            }
            let pause = if blocked.is_empty() {
                due - now
            } else {
                (due - now).min(200_000)
            };
            std::thread::sleep(Duration::from_nanos(pause));
        }
        let at = (number as usize).wrapping_mul(37) % count;
        bytes.clear();
        let sender = &mut senders[at];
        sender.message.write(due, &mut bytes);
        sender.backlog.extend_from_slice(&bytes);
        if flush(sender)? && !blocked.contains(&at) {
            blocked.push(at);
        }
    }
    let patience = Instant::now() + Duration::from_secs(10);
    while !blocked.is_empty() && Instant::now() < patience {
        blocked.retain(|at| flush(&mut senders[*at]).unwrap_or(false));
        std::thread::sleep(Duration::from_micros(200));
    }
    Ok((total, lag, senders))
}

/// Writes what waits; true when some still does.
fn flush(sender: &mut Sender) -> io::Result<bool> {
    while !sender.backlog.is_empty() {
        match sender.stream.try_write(&sender.backlog) {
            Ok(length) => drop(sender.backlog.drain(..length)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

async fn receive(
    stream: Arc<TcpStream>,
    delivered: Arc<AtomicU64>,
    failed: Arc<AtomicBool>,
    times: Arc<Mutex<Histogram>>,
) {
    let mut scanner = Scanner::new();
    let mut input = vec![0; 64 * 1024];
    loop {
        if stream.readable().await.is_err() {
            failed.store(true, Ordering::Relaxed);
            return;
        }
        match stream.try_read(&mut input) {
            Ok(length) if length > 0 => {
                let now = now_nanos();
                let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
                let found = scanner.feed(&input[..length], |stamp| {
                    times.record(now.saturating_sub(stamp))
                });
                delivered.fetch_add(found.messages, Ordering::Relaxed);
                if found.error {
                    failed.store(true, Ordering::Relaxed);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(_) | Err(_) => {
                failed.store(true, Ordering::Relaxed);
                return;
            }
        }
    }
}
