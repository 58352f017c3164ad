//! One connection with the server: finds it, connects, starts TLS, and carries bytes both ways until it ends.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use client::{CloseReason, Security, TlsFacts, TransportFacts, TransportKind};
use futures_util::stream::{FuturesUnordered, StreamExt};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::names::{self, Candidate, Place};
use super::tls::{self, Tls};

/// Time to the next attempt beside one that is under way (RFC 8305 §5).
const STAGGER: Duration = Duration::from_millis(250);
/// Longest attempt, and longest handshake.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes that are read at once.
const READ_BYTES: usize = 16 * 1024;

/// What a connection is told to do.
#[derive(Debug)]
pub(crate) enum Order {
    StartTls,
    Write(Bytes),
    /// Close after what was written.
    Close,
}

/// What a connection has seen.
#[derive(Debug)]
pub(crate) enum Seen {
    Connected(TransportFacts),
    Secured(TlsFacts),
    Received(Bytes),
    Closed(CloseReason),
}

/// How connections of an account are made.
pub(crate) struct Dialer {
    /// Where to connect in place of what DNS says.
    pub(crate) place: Option<Place>,
    /// Whom to believe.
    pub(crate) tls: Tls,
    starttls: Arc<ClientConfig>,
    direct: Arc<ClientConfig>,
}

impl Dialer {
    /// # Errors
    /// When TLS cannot be used.
    pub(crate) fn new(place: Option<Place>, tls: Tls) -> anyhow::Result<Self> {
        let starttls = Arc::new(tls.config(&[])?);
        let direct = Arc::new(tls.config(&[b"xmpp-client"])?);
        Ok(Self {
            place,
            tls,
            starttls,
            direct,
        })
    }

    async fn candidates(&self, domain: &str) -> Result<VecDeque<Candidate>, String> {
        match &self.place {
            Some(place) => {
                let addresses = names::addresses(place).await?;
                Ok(addresses
                    .into_iter()
                    .map(|address| (address, place.direct))
                    .collect())
            }
            None => {
                let mut random = [0; 8];
                // Without randomness the order is that of the records.
                let _ = getrandom::fill(&mut random);
                names::candidates(domain, u64::from_le_bytes(random)).await
            }
        }
    }

    /// Does a handshake. The name is that of the domain, not of the machine (RFC 6120 §13.7.1.2, XEP-0368 §3).
    async fn handshake(
        &self,
        config: &Arc<ClientConfig>,
        domain: &str,
        socket: TcpStream,
    ) -> Result<TlsStream<TcpStream>, CloseReason> {
        let name = ascii(domain)
            .and_then(|name| ServerName::try_from(name).ok())
            .ok_or_else(|| {
                CloseReason::Certificate(format!("{domain} cannot stand in a certificate"))
            })?;
        let handshake = TlsConnector::from(Arc::clone(config)).connect(name, socket);
        match tokio::time::timeout(PATIENCE, handshake).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(
                match error.get_ref().and_then(|inner| inner.downcast_ref()) {
                    Some(rustls::Error::InvalidCertificate(_)) => CloseReason::Certificate(
                        format!("the certificate of {domain} is not to be believed"),
                    ),
                    _ => CloseReason::Unreachable(format!(
                        "the server of {domain} does not speak TLS as it should: {error}"
                    )),
                },
            ),
            Err(_) => Err(CloseReason::Unreachable(format!(
                "the server of {domain} does not go on with TLS"
            ))),
        }
    }
}

fn ascii(domain: &str) -> Option<String> {
    let literal = domain.trim_start_matches('[').trim_end_matches(']');
    if literal.parse::<std::net::IpAddr>().is_ok() {
        return Some(literal.to_owned());
    }
    let name = hickory_resolver::proto::rr::Name::from_utf8(domain).ok()?;
    Some(name.to_ascii().trim_end_matches('.').to_owned())
}

/// Runs one connection to its end. The last that is seen is [`Seen::Closed`].
pub(crate) async fn run(
    dialer: Arc<Dialer>,
    domain: String,
    mut orders: mpsc::UnboundedReceiver<Order>,
    seen: impl Fn(Seen) -> futures_util::future::BoxFuture<'static, ()>,
) {
    let reason = match live(&dialer, &domain, &mut orders, &seen).await {
        Ok(()) => CloseReason::Ended,
        Err(reason) => reason,
    };
    seen(Seen::Closed(reason)).await;
}

async fn live(
    dialer: &Dialer,
    domain: &str,
    orders: &mut mpsc::UnboundedReceiver<Order>,
    seen: &impl Fn(Seen) -> futures_util::future::BoxFuture<'static, ()>,
) -> Result<(), CloseReason> {
    let mut candidates = dialer
        .candidates(domain)
        .await
        .map_err(CloseReason::Unreachable)?;
    let mut why = CloseReason::Unreachable(format!("no server of {domain} answers"));
    loop {
        let Some((socket, direct)) = connect(&mut candidates, &mut why).await else {
            return Err(why);
        };
        if direct {
            let stream = match dialer.handshake(&dialer.direct, domain, socket).await {
                Ok(stream) => stream,
                // A certificate that is not believed is not passed over for a place that may have a better one.
                Err(reason @ CloseReason::Certificate(_)) => return Err(reason),
                Err(reason) => {
                    why = reason;
                    continue;
                }
            };
            let facts = tls::facts(stream.get_ref().1);
            seen(Seen::Connected(transport(Security::Tls(facts)))).await;
            return protected(stream, orders, seen).await;
        }
        seen(Seen::Connected(transport(Security::Plain))).await;
        let Some(socket) = plain(socket, orders, seen).await.map_err(broken)? else {
            return Ok(());
        };
        let stream = dialer.handshake(&dialer.starttls, domain, socket).await?;
        let facts = tls::facts(stream.get_ref().1);
        seen(Seen::Secured(facts)).await;
        return protected(stream, orders, seen).await;
    }
}

fn transport(security: Security) -> TransportFacts {
    TransportFacts {
        kind: TransportKind::Tcp,
        security,
        trusted_proxy: false,
    }
}

#[allow(clippy::needless_pass_by_value, reason = "an adapter for map_err")]
fn broken(error: io::Error) -> CloseReason {
    CloseReason::Unreachable(format!("the connection broke: {error}"))
}

/// Carries bytes until TLS is to start; `None` when the connection has ended before.
async fn plain(
    mut socket: TcpStream,
    orders: &mut mpsc::UnboundedReceiver<Order>,
    seen: &impl Fn(Seen) -> futures_util::future::BoxFuture<'static, ()>,
) -> io::Result<Option<TcpStream>> {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(READ_BYTES);
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Write(bytes)) => socket.write_all(&bytes).await?,
                Some(Order::StartTls) => return Ok(Some(socket)),
                Some(Order::Close) | None => {
                    socket.shutdown().await?;
                    return Ok(None);
                }
            },
            read = socket.read_buf(&mut buffer) => {
                if read? == 0 {
                    return Ok(None);
                }
                seen(Seen::Received(buffer.split().freeze())).await;
            }
        }
    }
}

/// Carries bytes over TLS until the end.
async fn protected(
    stream: TlsStream<TcpStream>,
    orders: &mut mpsc::UnboundedReceiver<Order>,
    seen: &impl Fn(Seen) -> futures_util::future::BoxFuture<'static, ()>,
) -> Result<(), CloseReason> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let reading = async {
        let mut buffer = BytesMut::new();
        loop {
            buffer.reserve(READ_BYTES);
            match reader.read_buf(&mut buffer).await {
                Ok(0) => return Ok(()),
                Ok(_) => seen(Seen::Received(buffer.split().freeze())).await,
                // Servers that hang up without TLS's good-bye: the stream's own end counts.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                Err(error) => return Err(broken(error)),
            }
        }
    };
    let writing = async {
        write_orders(&mut writer, orders).await.map_err(broken)?;
        let _ = writer.shutdown().await;
        Ok::<(), CloseReason>(())
    };
    tokio::pin!(reading, writing);
    tokio::select! {
        ended = &mut reading => ended,
        written = &mut writing => {
            written?;
            // What the server still says, for a moment: its own good-bye.
            tokio::time::timeout(Duration::from_secs(2), reading).await.unwrap_or(Ok(()))
        }
    }
}

/// Writes what is ordered, many orders with one flush, until the connection is to be closed.
async fn write_orders(
    writer: &mut (impl AsyncWrite + Unpin),
    orders: &mut mpsc::UnboundedReceiver<Order>,
) -> io::Result<()> {
    while let Some(order) = orders.recv().await {
        let mut next = Some(order);
        while let Some(order) = next {
            match order {
                Order::Write(bytes) => writer.write_all(&bytes).await?,
                Order::Close => return writer.flush().await,
                Order::StartTls => {}
            }
            next = orders.try_recv().ok();
        }
        writer.flush().await?;
    }
    Ok(())
}

/// The first connection that comes about. An attempt begins when the one before has failed, or has taken a moment.
async fn connect(
    candidates: &mut VecDeque<Candidate>,
    why: &mut CloseReason,
) -> Option<(TcpStream, bool)> {
    let mut attempts = FuturesUnordered::new();
    loop {
        if let Some(candidate) = candidates.pop_front() {
            attempts.push(attempt(candidate));
        } else if attempts.is_empty() {
            return None;
        }
        let patience = if candidates.is_empty() {
            PATIENCE
        } else {
            STAGGER
        };
        match tokio::time::timeout(patience, attempts.next()).await {
            // What takes longer goes on beside the next one.
            Err(_) if !candidates.is_empty() => {}
            Err(_) | Ok(None) => return None,
            Ok(Some(((_, direct), Ok(socket)))) => return Some((socket, direct)),
            Ok(Some(((address, _), Err(error)))) => {
                *why = CloseReason::Unreachable(unanswered(address, &error));
            }
        }
    }
}

fn unanswered(address: SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            format!("nobody listens at {address}: is the server running?")
        }
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            format!("there is no way to {address}: check your network")
        }
        _ => format!("{address} does not answer: {error}"),
    }
}

async fn attempt(candidate: Candidate) -> (Candidate, io::Result<TcpStream>) {
    let connecting = async {
        let socket = tokio::time::timeout(PATIENCE, TcpStream::connect(candidate.0)).await??;
        socket.set_nodelay(true)?;
        Ok(socket)
    };
    (candidate, connecting.await)
}
