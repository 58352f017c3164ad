//! The doors for XMPP over TCP: STARTTLS, and TLS from the first byte (XEP-0368).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use chat::Chat;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

use super::Clock;
use super::drive::{Drive, Surroundings};
use super::places::Open;
use super::tls_stream::TlsStream;
use crate::tls::ServerTls;

const BACKLOG: u32 = 4096;

/// How a door begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Door {
    /// In clear, with STARTTLS.
    StartTls,
    /// With TLS.
    Tls,
}

/// What all doors share.
#[derive(Clone)]
pub struct Doors {
    around: Arc<Surroundings>,
    tls: ServerTls,
    open: Arc<Open>,
}

impl Doors {
    /// The doors of a messenger.
    #[must_use]
    pub fn new(chat: &Chat, clock: Clock, tls: &ServerTls) -> Self {
        let around = Surroundings {
            chat: chat.clone(),
            clock,
            starttls: Some(Arc::clone(&tls.starttls)),
            resolver: Some(Arc::clone(&tls.resolver)),
        };
        Self {
            around: Arc::new(around),
            tls: tls.clone(),
            open: Arc::default(),
        }
    }

    /// How many connections are open.
    #[must_use]
    pub fn open(&self) -> u32 {
        self.open.count()
    }

    /// The places of connections, for doors of other kinds.
    #[must_use]
    pub fn places(&self) -> Arc<Open> {
        Arc::clone(&self.open)
    }

    /// The messenger behind them.
    #[must_use]
    pub fn chat(&self) -> &Chat {
        &self.around.chat
    }

    /// The clock of their connections.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.around.clock
    }
}

/// Opens a listening socket.
///
/// # Errors
/// When the address is taken or not ours.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv6() {
        TcpSocket::new_v6()?
    } else {
        TcpSocket::new_v4()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Accepts connections until `stop` says so; those that are open go on.
pub async fn serve(
    listener: TcpListener,
    door: Door,
    doors: Doors,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match accepted {
            Ok((socket, address)) => {
                doors.take_in(door, socket, address.ip().to_canonical(), stop.clone());
            }
            // Out of descriptors, or a connection that ended before it was accepted.
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

impl Doors {
    fn take_in(
        &self,
        door: Door,
        socket: TcpStream,
        address: IpAddr,
        mut stop: watch::Receiver<bool>,
    ) {
        let Some(place) = self.open.enter(address, &self.around.chat.config().limits) else {
            return;
        };
        let mut seed = [0; 32];
        if socket.set_nodelay(true).is_err() || getrandom::fill(&mut seed).is_err() {
            return;
        }
        let tls = match door {
            Door::StartTls => None,
            Door::Tls => match TlsStream::new(Arc::clone(&self.tls.xmpp)) {
                Some(tls) => Some(tls),
                None => return,
            },
        };
        let now = self.around.clock.now();
        let stopping = Box::pin(async move {
            let _ = stop.wait_for(|stop| *stop).await;
        });
        let around = Arc::clone(&self.around);
        let drive = Drive::new(around, socket, place, tls, seed, stopping, now);
        tokio::spawn(drive.run());
    }
}
