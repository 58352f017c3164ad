//! Rooms: what it costs to fill one, and what each delivered copy of a message costs in a full one.
//!
//! Occupants enter one after the other, each when the one before has seen itself in the room. Then ten of them speak: each
//! has one message in flight and sends the next when it has got its own back. Every occupant gets every message; a copy counts
//! when an occupant has it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use memchr::memmem;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::{Extent, Measured, available_session};
use crate::client::Client;
use crate::histogram::Histogram;
use crate::message::{Content, Message, Scanner, now_nanos};
use crate::servers::{DOMAIN, Server};

/// Occupants who speak.
const SPEAKERS: usize = 10;
/// How long a room may take to fill, and what was put off to be delivered.
const PATIENCE: Duration = Duration::from_secs(600);

/// The room's address.
fn room() -> String {
    format!("square@rooms.{DOMAIN}")
}

/// Counts of all occupants together.
#[derive(Default)]
struct Tally {
    sent: AtomicU64,
    copies: AtomicU64,
    presences: AtomicU64,
    speaking: AtomicBool,
    failed: AtomicBool,
}

/// What an occupant's task is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Fill,
    Speak,
    End,
}

/// A full room, and what filling it has cost.
struct Filled {
    tasks: JoinSet<Result<Histogram>>,
    tally: Arc<Tally>,
    phase: watch::Sender<Phase>,
    cpu_seconds: f64,
    wall_seconds: f64,
}

/// What it costs to fill a room: seconds of the server's processors.
pub(super) async fn fill(server: &Server, occupants: usize) -> Result<Measured> {
    let mut filled = enter_all(server, occupants).await?;
    let presences = filled.tally.presences.load(Ordering::Relaxed);
    filled.phase.send(Phase::End)?;
    while let Some(done) = filled.tasks.join_next().await {
        done??;
    }
    Ok(Measured {
        figure: filled.cpu_seconds,
        details: BTreeMap::from([
            ("presences", presences as f64),
            ("wall_seconds", filled.wall_seconds),
        ]),
        note: String::new(),
    })
}

/// What delivered copies cost in a full room.
pub(super) async fn talk(server: &Server, extent: &Extent, occupants: usize) -> Result<Measured> {
    let mut filled = enter_all(server, occupants).await?;
    let tally = Arc::clone(&filled.tally);
    let cpu = server.process.cpu_seconds();
    let start = Instant::now();
    tally.speaking.store(true, Ordering::Relaxed);
    filled.phase.send(Phase::Speak)?;
    tokio::time::sleep(extent.duration).await;
    let in_time = tally.copies.load(Ordering::Relaxed);
    let wall = start.elapsed().as_secs_f64();
    tally.speaking.store(false, Ordering::Relaxed);
    let expected = || tally.sent.load(Ordering::Relaxed) * occupants as u64;
    let end = Instant::now() + Duration::from_secs(30);
    while tally.copies.load(Ordering::Relaxed) < expected() && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // What the server put off is part of the price.
    server.process.quiet(Duration::from_secs(10)).await;
    let cpu = server.process.cpu_seconds() - cpu;
    filled.phase.send(Phase::End)?;
    let mut times = Histogram::new();
    while let Some(done) = filled.tasks.join_next().await {
        times.merge(&done??);
    }
    let copies = tally.copies.load(Ordering::Relaxed);
    ensure!(
        !tally.failed.load(Ordering::Relaxed),
        "the server answered with an error"
    );
    ensure!(
        copies == expected(),
        "{copies} copies delivered of {}",
        expected()
    );
    Ok(Measured {
        figure: copies as f64 / cpu,
        details: BTreeMap::from([
            ("messages", tally.sent.load(Ordering::Relaxed) as f64),
            ("copies_per_second", in_time as f64 / wall),
            ("cpu_seconds", cpu),
            ("fill_cpu_seconds", filled.cpu_seconds),
            ("p50_us", times.micros(0.5)),
            ("p99_us", times.micros(0.99)),
        ]),
        note: String::new(),
    })
}

async fn enter_all(server: &Server, occupants: usize) -> Result<Filled> {
    let mut clients = Vec::with_capacity(occupants);
    for number in 0..occupants {
        let mut client = available_session(server, &format!("u{number}"), None).await?;
        client.take_received();
        clients.push(client);
    }
    server.process.quiet(Duration::from_secs(10)).await;
    let tally = Arc::new(Tally::default());
    let (phase, phases) = watch::channel(Phase::Fill);
    let (entered, mut arrivals) = mpsc::unbounded_channel();
    let mut tasks = JoinSet::new();
    let cpu = server.process.cpu_seconds();
    let start = Instant::now();
    for (number, mut client) in clients.into_iter().enumerate() {
        client
            .send(&format!(
                "<presence to='{}/u{number}'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>",
                room()
            ))
            .await?;
        let occupant = Occupant {
            client,
            number,
            speaks: number < SPEAKERS,
            tally: Arc::clone(&tally),
            entered: entered.clone(),
        };
        tasks.spawn(occupant.stay(phases.clone()));
        tokio::time::timeout(Duration::from_secs(30), arrivals.recv())
            .await
            .with_context(|| format!("u{number} did not get into the room"))?;
    }
    // Everyone has been told of everyone.
    let wanted = (occupants * occupants) as u64;
    let end = Instant::now() + PATIENCE;
    while tally.presences.load(Ordering::Relaxed) < wanted {
        ensure!(
            Instant::now() < end && !tally.failed.load(Ordering::Relaxed),
            "{} presences of {wanted}",
            tally.presences.load(Ordering::Relaxed)
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let wall_seconds = start.elapsed().as_secs_f64();
    server.process.quiet(Duration::from_secs(10)).await;
    Ok(Filled {
        tasks,
        tally,
        phase,
        cpu_seconds: server.process.cpu_seconds() - cpu,
        wall_seconds,
    })
}

struct Occupant {
    client: Client,
    number: usize,
    speaks: bool,
    tally: Arc<Tally>,
    entered: mpsc::UnboundedSender<usize>,
}

impl Occupant {
    async fn stay(mut self, mut phases: watch::Receiver<Phase>) -> Result<Histogram> {
        let mut input = vec![0; 64 * 1024];
        let mut times = Histogram::new();
        let mut scanner = Scanner::new();
        let mut presences = Presences::default();
        let message = Message::to_room(&room(), Content::Text);
        let mut output = Vec::with_capacity(message.len());
        let mut flying = None;
        loop {
            let length = tokio::select! {
                biased;
                length = self.client.read(&mut input) => length?,
                _ = phases.changed() => {
                    let phase = *phases.borrow_and_update();
                    match phase {
                        Phase::Fill => {}
                        Phase::Speak if self.speaks => {
                            flying = Some(self.speak(&message, &mut output).await?);
                        }
                        Phase::Speak => {}
                        Phase::End => {
                            self.client.close().await;
                            return Ok(times);
                        }
                    }
                    continue;
                }
            };
            if length == 0 {
                self.tally.failed.store(true, Ordering::Relaxed);
                anyhow::bail!("the server closed the stream of u{}", self.number);
            }
            let bytes = input.get(..length).unwrap_or_default();
            let (seen, myself) = presences.feed(bytes);
            self.tally.presences.fetch_add(seen, Ordering::Relaxed);
            if myself {
                let created = self.number == 0;
                if created {
                    self.client
                        .send(&format!(
                            "<iq to='{}' type='set' id='instant'><query xmlns='http://jabber.org/protocol/muc#owner'>\
                             <x xmlns='jabber:x:data' type='submit'/></query></iq>",
                            room()
                        ))
                        .await?;
                } else {
                    let _ = self.entered.send(self.number);
                }
            }
            if self.number == 0 && presences.take_unlocked() {
                let _ = self.entered.send(0);
            }
            let now = now_nanos();
            let mut back = false;
            let found = scanner.feed(bytes, |stamp| {
                times.record(now.saturating_sub(stamp));
                back |= flying == Some(stamp);
            });
            if found.error {
                self.tally.failed.store(true, Ordering::Relaxed);
                anyhow::bail!(
                    "error from the server: {}",
                    String::from_utf8_lossy(bytes.get(..1_000).unwrap_or(bytes))
                );
            }
            self.tally
                .copies
                .fetch_add(found.messages, Ordering::Relaxed);
            if back && self.tally.speaking.load(Ordering::Relaxed) {
                flying = Some(self.speak(&message, &mut output).await?);
            }
        }
    }

    async fn speak(&mut self, message: &Message, output: &mut Vec<u8>) -> Result<u64> {
        output.clear();
        // The lowest digits tell the speakers apart.
        let stamp = now_nanos() / 100 * 100 + self.number as u64;
        message.write(stamp, output);
        self.tally.sent.fetch_add(1, Ordering::Relaxed);
        self.client.write(output).await?;
        Ok(stamp)
    }
}

/// Counts presences in bytes that may be cut anywhere, and looks for one's own and for the answer to the room's set-up.
#[derive(Default)]
struct Presences {
    rest: Vec<u8>,
    seen_myself: bool,
    unlocked: bool,
}

impl Presences {
    /// How many begin in what has come, and whether one's own is among it for the first time.
    fn feed(&mut self, input: &[u8]) -> (u64, bool) {
        const LONGEST: usize = 24;
        let joined;
        let (text, old) = if self.rest.is_empty() {
            (input, 0)
        } else {
            joined = [self.rest.as_slice(), input].concat();
            (joined.as_slice(), self.rest.len())
        };
        let end_of = |needle: &[u8]| {
            memmem::find_iter(text, needle)
                .filter(|at| at + needle.len() > old)
                .count() as u64
        };
        let seen = end_of(b"<presence ");
        let own = end_of(b"code='110'") + end_of(b"code=\"110\"") > 0;
        self.unlocked |= end_of(b"id='instant'") + end_of(b"id=\"instant\"") > 0;
        let first = own && !self.seen_myself;
        self.seen_myself |= own;
        self.rest = text
            .get(text.len().saturating_sub(LONGEST)..)
            .unwrap_or_default()
            .to_vec();
        (seen, first)
    }

    fn take_unlocked(&mut self) -> bool {
        std::mem::take(&mut self.unlocked)
    }
}
