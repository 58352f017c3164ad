//! Connecting with the server of a domain.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use chat::{Dial, DialError, PeerConnection};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::net::TcpStream;
use xmpp::stream::CertificateNames;

use super::Surroundings;
use super::drive::drive;
use super::wire::{self, Wire};
use crate::dns::LookupError;
use crate::net::places::Place;

/// Time to the next attempt beside one that is under way (RFC 8305 §5).
const STAGGER: Duration = Duration::from_millis(250);
/// Longest attempt.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest way to a connection that is protected, over all attempts.
const LONGEST: Duration = Duration::from_secs(60);
/// Attempts that are under way beside each other.
const ABREAST: usize = 4;
/// Addresses that are tried.
const MOST_ADDRESSES: usize = 20;

/// Where to connect, and whether TLS is there from the first byte.
type Candidate = (SocketAddr, bool);

/// Finds the server, connects, and drives the connection to its end.
pub(super) async fn dial(around: Arc<Surroundings>, dial: Dial, place: Place) {
    let domain = dial.remote().to_owned();
    let reached = tokio::time::timeout(LONGEST, reach(&around, &domain)).await;
    let late = || format!("no server of {domain} was ready in time");
    let (wire, shown, address) =
        match reached.unwrap_or_else(|_| Err(DialError::Unreachable(late()))) {
            Ok(reached) => reached,
            Err(error) => return dial.failed(&error, around.clock.now()),
        };
    let now = around.clock.now();
    let connection = PeerConnection::connected(&around.chat, dial, shown, address, now);
    drive(&around, connection, wire, place).await;
}

/// The first server that answers, with the names in its certificate where TLS is there from the first byte.
async fn reach(
    around: &Surroundings,
    domain: &str,
) -> Result<(Wire, Option<CertificateNames>, IpAddr), DialError> {
    let mut candidates = match candidates(around, domain).await {
        Ok(candidates) => candidates,
        Err(LookupError::NotFound(text)) => return Err(DialError::NotFound(text)),
        Err(LookupError::Failed(text)) => return Err(DialError::Unreachable(text)),
    };
    let mut why = format!("no server of {domain} answers");
    loop {
        let Some((socket, (address, direct))) = connect(&mut candidates, &mut why).await else {
            return Err(DialError::Unreachable(why));
        };
        if !direct {
            return Ok((Wire::Plain(socket), None, address.ip()));
        }
        let config = Arc::clone(&around.tls.connect_direct);
        match wire::connect(socket, config, domain, &around.tls).await {
            Ok((wire, names)) => return Ok((wire, Some(names), address.ip())),
            Err(error) => why = format!("{address} does not speak TLS as it should: {error}"),
        }
    }
}

/// Everything that is worth a try, in order.
async fn candidates(
    around: &Surroundings,
    domain: &str,
) -> Result<VecDeque<Candidate>, LookupError> {
    let mut random = [0; 8];
    // Without randomness the order is that of the records.
    let _ = getrandom::fill(&mut random);
    let targets = around
        .names
        .servers(domain, u64::from_le_bytes(random))
        .await?;
    let mut candidates = VecDeque::new();
    let mut last = None;
    for target in targets {
        match around.names.addresses(&target).await {
            Ok(addresses) => {
                let found = addresses.len();
                let permitted = addresses
                    .into_iter()
                    .filter(|address| around.names.permits(domain, address.ip()));
                let before = candidates.len();
                candidates.extend(permitted.map(|address| (address, target.direct)));
                if candidates.len() - before < found {
                    last = Some(LookupError::NotFound(format!(
                        "the server of {domain} is at an address that is not public; see federation.allowed_networks"
                    )));
                }
            }
            Err(error) => last = Some(error),
        }
        if candidates.len() >= MOST_ADDRESSES {
            break;
        }
    }
    match last {
        Some(error) if candidates.is_empty() => Err(error),
        _ => Ok(candidates),
    }
}

/// The first connection that comes about. An attempt begins when the one before has failed, or has taken a moment; those
/// that are given up are gone from the candidates.
async fn connect(
    candidates: &mut VecDeque<Candidate>,
    why: &mut String,
) -> Option<(TcpStream, Candidate)> {
    let mut attempts = FuturesUnordered::new();
    loop {
        if attempts.len() < ABREAST
            && let Some(candidate) = candidates.pop_front()
        {
            attempts.push(attempt(candidate));
        }
        if attempts.is_empty() {
            return None;
        }
        let more = !candidates.is_empty() && attempts.len() < ABREAST;
        let patience = if more { STAGGER } else { PATIENCE };
        match tokio::time::timeout(patience, attempts.next()).await {
            // What takes longer goes on beside the next one.
            Err(_) if !candidates.is_empty() => {}
            Err(_) | Ok(None) => return None,
            Ok(Some((candidate, Ok(socket)))) => return Some((socket, candidate)),
            Ok(Some(((address, _), Err(error)))) => *why = format!("{address}: {error}"),
        }
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
