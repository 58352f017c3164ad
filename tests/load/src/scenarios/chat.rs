//! Pairs that answer each other as fast as they are served: a fixed number of messages is in flight in each pair, and
//! whoever receives one sends one back. A message counts when its receiver has it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::archive::count_archived;
use super::{Extent, Measured, address, pairs};
use crate::client::Client;
use crate::histogram::Histogram;
use crate::message::{Content, Message, Scanner, now_nanos};
use crate::servers::{Kind, Server};

/// Counts of all pairs together.
#[derive(Default)]
struct Tally {
    sent: AtomicU64,
    delivered: AtomicU64,
    stopping: AtomicBool,
    failed: AtomicBool,
}

pub(super) async fn run(
    server: &Server,
    extent: &Extent,
    archive: bool,
    window: usize,
    content: Content,
) -> Result<Measured> {
    let framed = server.kind == Kind::Forwarder;
    let ends = pairs(server, extent.pairs).await?;
    server.process.quiet(Duration::from_secs(5)).await;

    let tally = Arc::new(Tally::default());
    let (finish, finished) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let cpu = server.process.cpu_seconds();
    let start = Instant::now();
    for (number, (left, right)) in ends.into_iter().enumerate() {
        let to_right = Message::new(&address(number * 2 + 1), content, framed);
        let to_left = Message::new(&address(number * 2), content, framed);
        tasks.spawn(talk(
            left,
            to_right,
            window.div_ceil(2),
            Arc::clone(&tally),
            finished.clone(),
        ));
        tasks.spawn(talk(
            right,
            to_left,
            window / 2,
            Arc::clone(&tally),
            finished.clone(),
        ));
    }
    tokio::time::sleep(extent.duration).await;
    let in_time = tally.delivered.load(Ordering::Relaxed);
    let wall = start.elapsed().as_secs_f64();
    tally.stopping.store(true, Ordering::Relaxed);
    let patience = Instant::now() + Duration::from_secs(10);
    while tally.delivered.load(Ordering::Relaxed) < tally.sent.load(Ordering::Relaxed)
        && Instant::now() < patience
        && !tally.failed.load(Ordering::Relaxed)
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // What the server put off is part of the price.
    server.process.quiet(Duration::from_secs(10)).await;
    let cpu = server.process.cpu_seconds() - cpu;
    finish.send(true)?;

    let mut times = Histogram::new();
    while let Some(done) = tasks.join_next().await {
        times.merge(&done??);
    }
    let sent = tally.sent.load(Ordering::Relaxed);
    let delivered = tally.delivered.load(Ordering::Relaxed);
    ensure!(
        !tally.failed.load(Ordering::Relaxed),
        "the server answered with an error"
    );
    ensure!(
        delivered == sent,
        "{delivered} messages delivered of {sent}"
    );

    let mut note = String::new();
    if archive {
        let expected = delivered * 2;
        let kept = archived(server, extent.pairs).await?;
        ensure!(
            kept == expected,
            "{kept} messages archived, {expected} expected (each on both sides)"
        );
        note = format!("archive verified: {kept} of {expected}");
    }
    Ok(Measured {
        figure: delivered as f64 / cpu,
        details: BTreeMap::from([
            ("delivered", delivered as f64),
            ("per_second", in_time as f64 / wall),
            ("cpu_seconds", cpu),
            ("p50_us", times.micros(0.5)),
            ("p99_us", times.micros(0.99)),
        ]),
        note,
    })
}

/// One end: `ahead` messages at once, then one for each that comes.
async fn talk(
    mut client: Client,
    message: Message,
    ahead: usize,
    tally: Arc<Tally>,
    mut finished: watch::Receiver<bool>,
) -> Result<Histogram> {
    let mut scanner = Scanner::new();
    let mut times = Histogram::new();
    let mut input = vec![0; 64 * 1024];
    let mut output = Vec::with_capacity(message.len() * 16);
    let mut owed = ahead as u64;
    loop {
        if owed > 0 && !tally.stopping.load(Ordering::Relaxed) {
            output.clear();
            let now = now_nanos();
            for number in 0..owed {
                message.write(now + number, &mut output);
            }
            tally.sent.fetch_add(owed, Ordering::Relaxed);
            client.write(&output).await?;
        }
        let length = tokio::select! {
            biased;
            length = client.read(&mut input) => length?,
            _ = finished.changed() => {
                client.close().await;
                return Ok(times);
            }
        };
        if length == 0 {
            tally.failed.store(true, Ordering::Relaxed);
            bail!("the server closed a stream");
        }
        let now = now_nanos();
        let found = scanner.feed(&input[..length], |stamp| {
            times.record(now.saturating_sub(stamp))
        });
        if found.error {
            tally.failed.store(true, Ordering::Relaxed);
            bail!(
                "error from the server: {}",
                String::from_utf8_lossy(&input[..length.min(1_000)])
            );
        }
        tally.delivered.fetch_add(found.messages, Ordering::Relaxed);
        owed = found.messages;
    }
}

/// Messages in the archives of all accounts of `pairs` pairs.
async fn archived(server: &Server, pairs: usize) -> Result<u64> {
    let mut kept = 0;
    for number in 0..pairs * 2 {
        kept += count_archived(server, &format!("u{number}"))
            .await
            .context("counting the archive")?;
    }
    Ok(kept)
}
