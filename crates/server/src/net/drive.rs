//! The drive of one connection: reads what comes, polls the machine, writes what it says, and
//! holds no buffer while nothing is under way.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use base::{Moment, Now};
use chat::{Chat, Connection, Output};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use xmpp::condition::StreamCondition;
use xmpp::stream::{Security, Transport, TransportKind};

use super::Clock;
use super::allowance::Allowance;
use super::places::Place;
use super::tls_stream::TlsStream;
use crate::tls::Resolver;

/// Bytes read at once, and plain bytes taken out of TLS at once.
const SCRATCH: usize = 32 * 1024;
/// Written bytes that may wait for a slow reader before its mailbox fills instead.
const MOST_UNSENT: usize = 128 * 1024;
/// Longest TLS handshake, and longest wait for a last write.
const HANDSHAKE: Duration = Duration::from_secs(30);
const GOODBYE: Duration = Duration::from_secs(5);
/// Rounds in which one connection may go on before others have their turn.
const ROUNDS: usize = 8;

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::new(Buffers::default());
}

/// Buffers of a worker thread, lent to whichever connection is being driven.
struct Buffers {
    received: Box<[u8]>,
    plain: Box<[u8]>,
    gathered: Vec<u8>,
}

impl Default for Buffers {
    fn default() -> Self {
        Self {
            received: vec![0; SCRATCH].into(),
            plain: vec![0; SCRATCH].into(),
            gathered: Vec::with_capacity(SCRATCH),
        }
    }
}

/// What all connections of a door share.
pub(super) struct Surroundings {
    pub(super) chat: Chat,
    pub(super) clock: Clock,
    pub(super) starttls: Option<Arc<rustls::ServerConfig>>,
    pub(super) resolver: Option<Arc<Resolver>>,
}

/// Comes when the server stops.
pub(super) type Stopping = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One connection and its socket.
pub(super) struct Drive {
    around: Arc<Surroundings>,
    socket: TcpStream,
    place: Place,
    tls: Option<Box<TlsStream>>,
    /// `None` while the first TLS handshake goes on.
    connection: Option<Box<Connection>>,
    /// Comes when the server stops; `None` once somebody is logged in, who is then told by the messenger.
    stopping: Option<Stopping>,
    /// Bytes that the socket did not take yet.
    unsent: Vec<u8>,
    sent: usize,
    /// A timer, armed when there was a deadline; it may be early.
    timer: Option<Pin<Box<Sleep>>>,
    armed: Moment,
    /// End of the handshake or of the goodbye.
    limit: Option<Moment>,
    allowance: Allowance,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Open,
    /// Write what waits, then end.
    Closing,
    /// The socket is gone.
    Gone,
}

/// What a look at the socket gave.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Look {
    /// Bytes.
    Came,
    /// Nothing; the task is woken when something comes.
    Nothing,
    /// The connection took no input, so the socket was not asked, and will wake nobody.
    NotAsked,
}

impl Drive {
    pub(super) fn new(
        around: Arc<Surroundings>,
        socket: TcpStream,
        place: Place,
        tls: Option<TlsStream>,
        seed: [u8; 32],
        stopping: Stopping,
        now: Now,
    ) -> Self {
        let connection = tls.is_none().then(|| {
            let transport = Transport {
                kind: TransportKind::Tcp,
                security: Security::Plain,
                trusted_proxy: false,
            };
            Box::new(Connection::new(
                &around.chat,
                transport,
                place.address(),
                seed,
                now,
            ))
        });
        let limit = connection.is_none().then(|| now.moment + HANDSHAKE);
        let allowance = Allowance::of_stranger(&around.chat.config().limits, now.moment);
        Self {
            around,
            socket,
            place,
            tls: tls.map(Box::new),
            connection,
            stopping: Some(stopping),
            unsent: Vec::new(),
            sent: 0,
            timer: None,
            armed: now.moment,
            limit,
            allowance,
            stage: Stage::Open,
        }
    }

    /// Drives the connection to its end.
    pub(super) async fn run(mut self) {
        // A fault below a session costs the connection; its session is still ended in order.
        std::future::poll_fn(|cx| {
            catch_unwind(AssertUnwindSafe(|| self.poll(cx))).unwrap_or(Poll::Ready(()))
        })
        .await;
        let now = self.around.clock.now();
        let Self {
            connection,
            socket,
            unsent,
            tls,
            timer,
            place,
            ..
        } = self;
        drop((socket, unsent, tls, timer, place));
        if let Some(connection) = connection {
            // Boxed: the end of a session is large and rare, every connection carries its future.
            Box::pin(connection.cut(now)).await;
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        BUFFERS.with_borrow_mut(|buffers| {
            if buffers.received.is_empty() {
                // A fault has left with them.
                *buffers = Buffers::default();
            }
            for _ in 0..ROUNDS {
                let now = self.around.clock.now();
                let mut look = self.read(cx, buffers, now);
                if look == Look::Came {
                    // The second look finds nothing, as a rule; it costs no call to the system, and asks to
                    // be woken.
                    look = self.read(cx, buffers, now);
                }
                let more = self.advance(cx, buffers, now);
                if self.stage == Stage::Gone {
                    return Poll::Ready(());
                }
                if self.stage == Stage::Closing && self.unsent.is_empty() {
                    return Poll::Ready(());
                }
                // Nobody is woken for what was not asked for: a connection that takes input again by now must look
                // before it sleeps.
                let again = match look {
                    Look::Came => true,
                    Look::Nothing => more,
                    Look::NotAsked => more || (self.takes_input() && self.may_read(now)),
                };
                if !again && self.watch(cx, now).is_pending() {
                    return Poll::Pending;
                }
            }
            // Others have their turn first.
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    }

    /// Whether the connection can take more now.
    fn takes_input(&self) -> bool {
        let wants = match &self.connection {
            Some(connection) => connection.wants_input() && self.unsent.len() < MOST_UNSENT,
            None => true,
        };
        wants && self.stage == Stage::Open
    }

    /// Reads once.
    fn read(&mut self, cx: &mut Context<'_>, buffers: &mut Buffers, now: Now) -> Look {
        if !self.takes_input() || !self.may_read(now) {
            return Look::NotAsked;
        }
        let mut space = ReadBuf::new(&mut buffers.received);
        let read = match Pin::new(&mut self.socket).poll_read(cx, &mut space) {
            Poll::Pending => return Look::Nothing,
            Poll::Ready(Ok(())) => space.filled().len(),
            Poll::Ready(Err(_)) => 0,
        };
        if read == 0 {
            self.stage = Stage::Gone;
            return Look::Nothing;
        }
        self.allowance.spend(read);
        if self.tls.is_some() {
            self.decrypt(read, buffers, now);
        } else if let Some(connection) = &mut self.connection {
            connection.receive(&buffers.received[..read], now);
        }
        Look::Came
    }

    /// Takes TLS records that were read.
    fn decrypt(&mut self, read: usize, buffers: &mut Buffers, now: Now) {
        let received = std::mem::take(&mut buffers.received);
        let mut records = &received[..read];
        buffers.gathered.clear();
        while !records.is_empty() && self.stage == Stage::Open {
            let Some(tls) = &mut self.tls else { break };
            let handshaking = tls.is_handshaking();
            let result = tls.receive(&mut records, &mut buffers.gathered);
            let done = handshaking && !tls.is_handshaking();
            // The machine must know that TLS is there before it sees what came inside.
            if done && result.is_ok() {
                self.secured(now);
            }
            let open = matches!(result, Ok(true));
            while let Some(tls) = &mut self.tls {
                let length = tls.plain(&mut buffers.plain);
                if length == 0 {
                    break;
                }
                if let Some(connection) = &mut self.connection {
                    connection.receive(&buffers.plain[..length], now);
                }
            }
            if !open {
                self.write(buffers);
                buffers.gathered.clear();
                self.close(now);
            }
        }
        buffers.received = received;
        self.write(buffers);
    }

    /// The TLS handshake is complete.
    fn secured(&mut self, now: Now) {
        self.limit = None;
        let (Some(tls), Some(resolver)) = (&self.tls, &self.around.resolver) else {
            return;
        };
        let facts = tls.facts(resolver);
        if let Some(connection) = &mut self.connection {
            connection.tls_established(facts, now);
            return;
        }
        let transport = Transport {
            kind: TransportKind::Tcp,
            security: Security::Tls(facts),
            trusted_proxy: false,
        };
        let mut seed = [0; 32];
        if getrandom::fill(&mut seed).is_err() {
            return self.close(now);
        }
        self.connection = Some(Box::new(Connection::new(
            &self.around.chat,
            transport,
            self.place.address(),
            seed,
            now,
        )));
    }

    /// Polls the machine and writes what it says. True when the machine has more to say and the socket has taken all so
    /// far: nobody would be woken for the rest.
    fn advance(&mut self, cx: &mut Context<'_>, buffers: &mut Buffers, now: Now) -> bool {
        if self.connection.is_none() && self.limit.is_some_and(|limit| now.moment >= limit) {
            self.stage = Stage::Gone;
        }
        let Some(connection) = &mut self.connection else {
            // In the middle of a handshake there is nobody to be told.
            if let Some(stopping) = &mut self.stopping
                && stopping.as_mut().poll(cx).is_ready()
            {
                self.stage = Stage::Gone;
            }
            return false;
        };
        if connection
            .deadline()
            .is_some_and(|deadline| deadline <= now.moment)
        {
            connection.tick(now);
        }
        let _ = connection.poll(cx, now);
        let bound = connection.is_bound();
        if bound && self.place.known() {
            self.allowance.known(&self.around.chat.config().limits);
        }
        if let Some(stopping) = &mut self.stopping {
            let stops = stopping.as_mut().poll(cx).is_ready();
            if stops {
                connection.turn_away(StreamCondition::SystemShutdown, now);
                let _ = connection.poll(cx, now);
            }
            if stops || bound {
                self.stopping = None;
            }
        }
        if connection.is_ending() && self.stage == Stage::Open {
            // Who does not read is not waited for: its goodbye begins behind what it has not taken.
            let limit = *self.limit.get_or_insert(now.moment + GOODBYE);
            if now.moment >= limit {
                self.stage = Stage::Gone;
                return false;
            }
        }
        if self.unsent.len() >= MOST_UNSENT || self.stage != Stage::Open {
            return false;
        }
        buffers.gathered.clear();
        let mut start_tls = false;
        let mut close = false;
        while buffers.gathered.len() < MOST_UNSENT {
            match connection.next_output() {
                Some(Output::Send(bytes)) => buffers.gathered.extend_from_slice(&bytes),
                Some(Output::StartTls) => start_tls = true,
                Some(Output::Close) => {
                    close = true;
                    break;
                }
                None => break,
            }
        }
        let full = buffers.gathered.len() >= MOST_UNSENT;
        if !buffers.gathered.is_empty() {
            if let Some(tls) = self.tls.as_deref_mut() {
                let plain = std::mem::take(&mut buffers.gathered);
                let mut records = std::mem::take(&mut self.unsent);
                if records.is_empty() {
                    records = Vec::with_capacity(plain.len() + 64);
                }
                tls.send(&plain, &mut records);
                self.unsent = records;
                buffers.gathered = plain;
                buffers.gathered.clear();
                self.flush();
            } else {
                self.write(buffers);
            }
        }
        if start_tls {
            match self.around.starttls.clone().and_then(TlsStream::new) {
                Some(tls) => {
                    self.tls = Some(Box::new(tls));
                    self.limit = Some(now.moment + HANDSHAKE);
                }
                None => self.close(now),
            }
        }
        self.tell_written();
        if close {
            self.close(now);
        }
        full && self.unsent.is_empty() && self.stage == Stage::Open
    }

    /// Says so when the socket has taken everything.
    fn tell_written(&mut self) {
        if self.unsent.is_empty()
            && self.stage != Stage::Gone
            && let Some(connection) = &mut self.connection
        {
            connection.all_written();
        }
    }

    /// Sends what is gathered, and keeps what the socket does not take.
    fn write(&mut self, buffers: &mut Buffers) {
        let mut gathered = &buffers.gathered[..];
        if self.unsent.is_empty() {
            while !gathered.is_empty() {
                match self.socket.try_write(gathered) {
                    Ok(written) => gathered = &gathered[written..],
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(_) => {
                        self.stage = Stage::Gone;
                        return;
                    }
                }
            }
        }
        self.unsent.extend_from_slice(gathered);
    }

    /// Sends what the socket did not take before. A sent-out buffer is given back.
    fn flush(&mut self) {
        while self.sent < self.unsent.len() {
            match self.socket.try_write(&self.unsent[self.sent..]) {
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.stage = Stage::Gone;
                    return;
                }
            }
        }
        self.unsent = Vec::new();
        self.sent = 0;
    }

    fn close(&mut self, now: Now) {
        if self.stage != Stage::Open {
            return;
        }
        self.stage = Stage::Closing;
        self.limit = Some(now.moment + GOODBYE);
        if let Some(tls) = &mut self.tls {
            tls.close(&mut self.unsent);
        }
        self.flush();
    }

    /// Waits for the socket and the clock. Ready when there is reason to go round again.
    fn watch(&mut self, cx: &mut Context<'_>, now: Now) -> Poll<()> {
        if !self.unsent.is_empty() {
            match self.socket.poll_write_ready(cx) {
                Poll::Pending => {}
                Poll::Ready(Err(_)) => {
                    self.stage = Stage::Gone;
                    return Poll::Ready(());
                }
                Poll::Ready(Ok(())) => {
                    self.flush();
                    self.tell_written();
                    return Poll::Ready(());
                }
            }
            if self.stage == Stage::Closing && self.limit.is_some_and(|limit| now.moment >= limit) {
                self.stage = Stage::Gone;
                return Poll::Ready(());
            }
        }
        let machine = self
            .connection
            .as_ref()
            .and_then(|connection| connection.deadline());
        let refill = self.refill_at(now);
        let Some(deadline) = [machine, self.limit, refill].into_iter().flatten().min() else {
            return Poll::Pending;
        };
        // Deadlines move later with every sign of life; the timer stays and is asked again then.
        if self.timer.is_none() || deadline < self.armed {
            self.arm(deadline);
        }
        while let Some(timer) = &mut self.timer {
            ready!(timer.as_mut().poll(cx));
            if deadline <= self.around.clock.now().moment {
                self.timer = None;
                return Poll::Ready(());
            }
            self.arm(deadline);
        }
        Poll::Pending
    }

    fn arm(&mut self, deadline: Moment) {
        let instant = self.around.clock.instant(deadline);
        self.armed = deadline;
        match &mut self.timer {
            Some(timer) => timer.as_mut().reset(instant),
            None => self.timer = Some(Box::pin(tokio::time::sleep_until(instant))),
        }
    }

    /// False while more has come than may.
    fn may_read(&mut self, now: Now) -> bool {
        let limits = &self.around.chat.config().limits;
        self.allowance.may_read(limits, now.moment)
    }

    /// When more may come again.
    fn refill_at(&self, now: Now) -> Option<Moment> {
        if self.stage != Stage::Open {
            return None;
        }
        let limits = &self.around.chat.config().limits;
        self.allowance.refill_at(limits, now.moment)
    }
}
