//! Two who talk normally: a message every few milliseconds, each way, and how long each took.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::client::Client;
use crate::histogram::Histogram;
use crate::message::{Content, Message, Scanner, now_nanos};
use crate::servers::DOMAIN;

/// The pair, at work until it is stopped.
pub(super) struct Pair {
    shared: Arc<Shared>,
    senders: Vec<JoinHandle<()>>,
    sockets: Vec<TcpStream>,
}

#[derive(Default)]
struct Shared {
    over: AtomicBool,
    failed: AtomicBool,
    sent: AtomicU64,
    heard: AtomicU64,
    times: Mutex<Option<Histogram>>,
}

impl Pair {
    /// Both must be logged in as `romeo/pair` and `juliet/pair`, over plain TCP. Threads of their own: the tasks of the
    /// abusers must not hold them up.
    pub(super) fn start(left: Client, right: Client, rate: u32) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let mut pair = Self {
            shared: Arc::clone(&shared),
            senders: Vec::new(),
            sockets: Vec::new(),
        };
        for (client, to) in [(left, "juliet"), (right, "romeo")] {
            let socket = client
                .into_tcp()
                .context("a plain connection")?
                .into_std()?;
            socket.set_nonblocking(false)?;
            let message = Message::new(&format!("{to}@{DOMAIN}/pair"), Content::Text, false);
            let (reader, writer) = (socket.try_clone()?, socket.try_clone()?);
            pair.sockets.push(socket);
            let its = Arc::clone(&shared);
            std::thread::spawn(move || hear(reader, &its));
            let its = Arc::clone(&shared);
            pair.senders.push(std::thread::spawn(move || {
                say(writer, &message, rate, &its)
            }));
        }
        Ok(pair)
    }

    /// Times since the last call.
    pub(super) fn take(&self) -> Histogram {
        let mut times = self
            .shared
            .times
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        times.take().unwrap_or_else(Histogram::new)
    }

    /// Fails when a stream of the pair has ended, or an error came.
    pub(super) fn check(&self) -> Result<()> {
        ensure!(
            !self.shared.failed.load(Ordering::Relaxed),
            "the normal pair got an error, or was cut"
        );
        Ok(())
    }

    /// Ends it; fails when a message was lost.
    pub(super) fn stop(mut self) -> Result<()> {
        self.shared.over.store(true, Ordering::Relaxed);
        for sender in self.senders.drain(..) {
            sender
                .join()
                .map_err(|_| anyhow::anyhow!("a sender panicked"))?;
        }
        let sent = self.shared.sent.load(Ordering::Relaxed);
        let end = Instant::now() + Duration::from_secs(10);
        while self.shared.heard.load(Ordering::Relaxed) < sent && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.check()?;
        let heard = self.shared.heard.load(Ordering::Relaxed);
        for socket in self.sockets {
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
        ensure!(heard == sent, "{heard} of {sent} messages were heard");
        Ok(())
    }
}

fn say(mut socket: TcpStream, message: &Message, rate: u32, shared: &Shared) {
    let gap = Duration::from_secs(1) / rate.max(1);
    let mut due = Instant::now();
    let mut bytes = Vec::new();
    while !shared.over.load(Ordering::Relaxed) {
        let now = Instant::now();
        if due > now {
            std::thread::sleep(due - now);
        }
        due += gap;
        bytes.clear();
        message.write(now_nanos(), &mut bytes);
        if socket.write_all(&bytes).is_err() {
            shared.failed.store(true, Ordering::Relaxed);
            return;
        }
        shared.sent.fetch_add(1, Ordering::Relaxed);
    }
}

fn hear(mut socket: TcpStream, shared: &Shared) {
    let mut scanner = Scanner::new();
    let mut input = vec![0; 64 * 1024];
    loop {
        let length = socket.read(&mut input).unwrap_or(0);
        if length == 0 {
            if !shared.over.load(Ordering::Relaxed) {
                shared.failed.store(true, Ordering::Relaxed);
            }
            return;
        }
        let now = now_nanos();
        let mut times = shared.times.lock().unwrap_or_else(PoisonError::into_inner);
        let times = times.get_or_insert_with(Histogram::new);
        let found = scanner.feed(&input[..length], |stamp| {
            times.record(now.saturating_sub(stamp))
        });
        shared.heard.fetch_add(found.messages, Ordering::Relaxed);
        if found.error {
            shared.failed.store(true, Ordering::Relaxed);
        }
    }
}
