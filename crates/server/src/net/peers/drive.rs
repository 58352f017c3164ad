//! The drive of one connection with a server or a component.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use chat::{Output, PeerConnection};
use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::Sleep;
use xmpp::condition::StreamCondition;

use super::Surroundings;
use super::wire::{self, Wire};
use crate::net::places::Place;
use crate::tls::Expected;

/// Bytes read at once.
const READ: usize = 16 * 1024;
/// Written bytes that may wait for a slow reader.
const MOST_UNSENT: usize = 128 * 1024;
/// Longest wait for a last write.
const GOODBYE: Duration = Duration::from_secs(5);
/// Rounds in which one connection may go on before others have their turn.
const ROUNDS: usize = 16;

/// Why a drive stops.
enum Stop {
    StartTls,
    Gone,
}

/// Drives a connection to its end. What is `expected` of the certificate of a server that was connected with counts when
/// TLS is yet to come.
pub(super) async fn drive(
    around: &Arc<Surroundings>,
    mut connection: PeerConnection,
    mut wire: Wire,
    mut place: Place,
    expected: &Expected,
) {
    loop {
        let moving = Moving {
            around,
            connection: &mut connection,
            wire: &mut wire,
            place: &mut place,
            stopping: Some(Box::pin(around.stopped())),
            unsent: Vec::new(),
            sent: 0,
            after: None,
            timer: None,
        };
        // A fault costs the connection; what it carries is still brought to its end.
        let stop = AssertUnwindSafe(moving.run()).catch_unwind().await;
        if !matches!(stop, Ok(Stop::StartTls)) {
            break;
        }
        let Wire::Plain(socket) = wire else { break };
        let secured = match connection.dialled().map(str::to_owned) {
            Some(domain) => {
                let config = Arc::clone(&around.tls.connect);
                wire::connect(socket, config, &domain, expected, &around.tls).await
            }
            None => {
                let claimed = connection.claimed().map(str::to_owned);
                let config = Arc::clone(&around.tls.accept);
                wire::accept(socket, config, claimed.as_deref(), around).await
            }
        };
        let now = around.clock.now();
        match secured {
            Ok((secured, names)) => {
                wire = secured;
                connection.tls_established(names, now);
            }
            Err(error) => {
                connection.tls_failed(&format!("TLS could not be started: {error}"), now);
                return connection.cut(now).await;
            }
        }
    }
    let _ = tokio::time::timeout(GOODBYE, wire.shutdown()).await;
    connection.cut(around.clock.now()).await;
}

/// Bytes on the move.
struct Moving<'a> {
    around: &'a Surroundings,
    connection: &'a mut PeerConnection,
    wire: &'a mut Wire,
    place: &'a mut Place,
    stopping: Option<Pin<Box<dyn Future<Output = ()> + Send + 'a>>>,
    unsent: Vec<u8>,
    sent: usize,
    /// What is to happen once all is sent.
    after: Option<Stop>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Moving<'_> {
    async fn run(mut self) -> Stop {
        let mut buffer = vec![0; READ];
        let moving = std::future::poll_fn(|cx| self.poll(cx, &mut buffer));
        pin!(moving).await
    }

    fn poll(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Stop> {
        for _ in 0..ROUNDS {
            let now = self.around.clock.now();
            if self
                .connection
                .deadline()
                .is_some_and(|deadline| deadline <= now.moment)
            {
                self.connection.tick(now);
            }
            if let Some(stopping) = &mut self.stopping
                && stopping.as_mut().poll(cx).is_ready()
            {
                self.stopping = None;
                self.connection
                    .turn_away(StreamCondition::SystemShutdown, now);
            }
            let _ = self.connection.poll(cx, now);
            if self.connection.is_known() {
                self.place.known();
            }
            self.gather();
            let wrote = match self.write(cx) {
                Ok(wrote) => wrote,
                Err(()) => return Poll::Ready(Stop::Gone),
            };
            if self.unsent.is_empty()
                && let Some(after) = self.after.take()
            {
                return Poll::Ready(after);
            }
            let read = match self.read(cx, buffer) {
                Ok(read) => read,
                Err(()) => return Poll::Ready(Stop::Gone),
            };
            if !wrote && !read && self.watch(cx).is_pending() {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn gather(&mut self) {
        while self.after.is_none() && self.unsent.len() - self.sent < MOST_UNSENT {
            match self.connection.next_output() {
                Some(Output::Send(bytes)) => self.unsent.extend_from_slice(&bytes),
                Some(Output::StartTls) => self.after = Some(Stop::StartTls),
                Some(Output::Close) => self.after = Some(Stop::Gone),
                None => return,
            }
        }
    }

    /// Sends what it can. True when something went out.
    fn write(&mut self, cx: &mut Context<'_>) -> Result<bool, ()> {
        let mut wrote = false;
        while self.sent < self.unsent.len() {
            let unsent = &self.unsent[self.sent..];
            match Pin::new(&mut *self.wire).poll_write(cx, unsent) {
                Poll::Pending => return Ok(wrote),
                Poll::Ready(Ok(0) | Err(_)) => return Err(()),
                Poll::Ready(Ok(length)) => {
                    self.sent += length;
                    wrote = true;
                }
            }
        }
        if self.sent > 0 {
            (self.unsent, self.sent) = (Vec::new(), 0);
        }
        match Pin::new(&mut *self.wire).poll_flush(cx) {
            Poll::Ready(Err(_)) => Err(()),
            Poll::Ready(Ok(())) | Poll::Pending => Ok(wrote),
        }
    }

    /// Reads once, if the connection takes something. True when something came.
    fn read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Result<bool, ()> {
        if self.after.is_some() || !self.connection.wants_input() {
            return Ok(false);
        }
        let mut space = ReadBuf::new(buffer);
        match Pin::new(&mut *self.wire).poll_read(cx, &mut space) {
            Poll::Pending => Ok(false),
            Poll::Ready(Err(_)) => Err(()),
            Poll::Ready(Ok(())) if space.filled().is_empty() => Err(()),
            Poll::Ready(Ok(())) => {
                let now = self.around.clock.now();
                self.connection.receive(space.filled(), now);
                Ok(true)
            }
        }
    }

    /// Waits for the deadline. Ready when it has come.
    fn watch(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = self.around.clock.now();
        let deadline = match (&self.after, self.connection.deadline()) {
            // Who does not read is not waited for.
            (Some(_), _) => now.moment + GOODBYE,
            (None, Some(deadline)) => deadline,
            (None, None) => return Poll::Pending,
        };
        if self.after.is_some() && self.timer.is_some() {
            // The goodbye has begun.
        } else {
            let instant = self.around.clock.instant(deadline);
            self.timer = Some(Box::pin(tokio::time::sleep_until(instant)));
        }
        match &mut self.timer {
            Some(timer) => match timer.as_mut().poll(cx) {
                Poll::Ready(()) => {
                    self.timer = None;
                    if self.after.is_some() {
                        (self.unsent, self.sent) = (Vec::new(), 0);
                    }
                    Poll::Ready(())
                }
                Poll::Pending => Poll::Pending,
            },
            None => Poll::Pending,
        }
    }
}
