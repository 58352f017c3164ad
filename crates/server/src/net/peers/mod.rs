//! Other servers and components: their doors, and connections that the messenger asks for.

mod dane;
mod dial;
mod drive;
mod race;
mod wire;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use chat::{Chat, DialError, PeerConnection};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::Clock;
use super::places::Open;
use crate::dns::Names;
use crate::tls::{Expected, PeerTls};
use drive::drive;
use wire::Wire;

/// How a door for servers or components begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PeerDoor {
    /// Other servers, with STARTTLS.
    Server,
    /// Other servers, with TLS.
    ServerTls,
    /// Components (XEP-0114), without TLS: on this machine or in a trusted network.
    Component,
}

/// What all connections with servers and components share.
#[derive(Clone)]
pub struct Peers {
    around: Arc<Surroundings>,
}

pub(super) struct Surroundings {
    pub(super) chat: Chat,
    pub(super) clock: Clock,
    pub(super) tls: PeerTls,
    pub(super) names: Names,
    open: Arc<Open>,
    /// Connections that may be open.
    most: u32,
    stop: watch::Sender<bool>,
}

impl Surroundings {
    /// Comes when the server stops.
    async fn stopped(&self) {
        let mut stop = self.stop.subscribe();
        let _ = stop.wait_for(|stop| *stop).await;
    }
}

impl Peers {
    /// Peers of a messenger, with at most so many connections, of which a quarter is kept for those that the messenger
    /// asks for.
    #[must_use]
    pub fn new(chat: &Chat, clock: Clock, tls: PeerTls, names: Names, most: u32) -> Self {
        Self {
            around: Arc::new(Surroundings {
                chat: chat.clone(),
                clock,
                tls,
                names,
                open: Arc::default(),
                most,
                stop: watch::Sender::new(false),
            }),
        }
    }

    /// How many connections with servers and components are open.
    #[must_use]
    pub fn open(&self) -> u32 {
        self.around.open.count()
    }

    /// Accepts connections until the server stops.
    pub async fn serve(self, listener: TcpListener, door: PeerDoor) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.around.stopped() => return,
            };
            match accepted {
                Ok((socket, address)) => self.take_in(door, socket, address.ip().to_canonical()),
                // Out of descriptors, or a connection that ended before it was accepted.
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }

    fn take_in(&self, door: PeerDoor, socket: TcpStream, address: IpAddr) {
        let mut limits = self.around.chat.config().limits.clone();
        let most = self.around.most;
        let (all, from_there) = match door {
            // Whoever can reach that door is trusted.
            PeerDoor::Component => (most, most),
            PeerDoor::Server | PeerDoor::ServerTls => (most / 4 * 3, most / 4),
        };
        limits.connections = limits.connections.min(all);
        let Some(place) = self.around.open.enter_among(address, &limits, from_there) else {
            tracing::debug!(%address, "a connection of a server was turned away: there are too many");
            return;
        };
        let mut seed = [0; 32];
        if socket.set_nodelay(true).is_err() || getrandom::fill(&mut seed).is_err() {
            return;
        }
        let around = Arc::clone(&self.around);
        tokio::spawn(async move {
            let (chat, now) = (&around.chat, around.clock.now());
            let nothing = Expected::default();
            match door {
                PeerDoor::Component => {
                    let connection = PeerConnection::component(chat, address, seed, now);
                    let wire = Wire::Plain(socket);
                    drive(&around, connection, wire, place, &nothing).await;
                }
                PeerDoor::Server => {
                    let connection = PeerConnection::accepted(chat, None, address, seed, now);
                    let wire = Wire::Plain(socket);
                    drive(&around, connection, wire, place, &nothing).await;
                }
                PeerDoor::ServerTls => {
                    let config = Arc::clone(&around.tls.accept_direct);
                    // Who it says that it is comes later.
                    let Ok((wire, names)) = wire::accept(socket, config, None, &around).await
                    else {
                        return;
                    };
                    let now = around.clock.now();
                    let connection =
                        PeerConnection::accepted(chat, Some(names), address, seed, now);
                    drive(&around, connection, wire, place, &nothing).await;
                }
            }
        });
    }

    /// Makes the connections that the messenger asks for, until the server stops.
    pub async fn connect(self) {
        loop {
            let dial = tokio::select! {
                dial = self.around.chat.next_dial() => dial,
                () = self.around.stopped() => return,
            };
            let Some(place) = self.around.open.leave(self.around.most) else {
                let why =
                    "too many connections with other servers are open; see federation.connections";
                dial.failed(
                    &DialError::Unreachable(why.to_owned()),
                    self.around.clock.now(),
                );
                continue;
            };
            let around = Arc::clone(&self.around);
            tokio::spawn(async move { dial::dial(around, dial, place).await });
        }
    }

    /// Ends all streams, and waits until they are gone.
    pub async fn stop(&self) {
        self.around.stop.send_replace(true);
        while self.open() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
