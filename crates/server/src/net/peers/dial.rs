//! Connecting with the server of a domain.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chat::{Dial, DialError, PeerConnection};
use tokio::net::TcpStream;
use xmpp::stream::CertificateNames;

use super::Surroundings;
use super::drive::drive;
use super::race::race;
use super::wire::{self, Wire};
use crate::dns::LookupError;
use crate::net::places::Place;
use crate::tls::Expected;

/// Longest attempt.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest way to a connection that is protected, over all attempts.
const LONGEST: Duration = Duration::from_secs(60);
/// Addresses that are tried.
const MOST_ADDRESSES: usize = 20;

/// Where to connect, and how.
#[derive(Clone)]
struct Candidate {
    address: SocketAddr,
    /// TLS is there from the first byte.
    direct: bool,
    /// What is known of its certificate.
    expected: Arc<Expected>,
}

/// A server that has answered.
struct Reached {
    wire: Wire,
    /// The names in its certificate, where TLS is there from the first byte.
    shown: Option<CertificateNames>,
    candidate: Candidate,
}

/// Finds the server, connects, and drives the connection to its end.
pub(super) async fn dial(around: Arc<Surroundings>, dial: Dial, place: Place) {
    let domain = dial.remote().to_owned();
    let reached = tokio::time::timeout(LONGEST, reach(&around, &domain)).await;
    let late = || format!("no server of {domain} was ready in time");
    let Reached {
        wire,
        shown,
        candidate,
    } = match reached.unwrap_or_else(|_| Err(DialError::Unreachable(late()))) {
        Ok(reached) => reached,
        Err(error) => return dial.failed(&error, around.clock.now()),
    };
    let now = around.clock.now();
    let address = candidate.address.ip();
    let connection = PeerConnection::connected(&around.chat, dial, shown, address, now);
    drive(&around, connection, wire, place, &candidate.expected).await;
}

/// The first server that answers.
async fn reach(around: &Surroundings, domain: &str) -> Result<Reached, DialError> {
    let mut candidates = match candidates(around, domain).await {
        Ok(candidates) => candidates,
        Err(LookupError::NotFound(text)) => return Err(DialError::NotFound(text)),
        Err(LookupError::Failed(text)) => return Err(DialError::Unreachable(text)),
    };
    let mut why = format!("no server of {domain} answers");
    loop {
        let failed = |candidate: &Candidate, error: io::Error| {
            why = format!("{}: {error}", candidate.address);
        };
        let Some((socket, candidate)) =
            race(&mut candidates, attempt, tokio::time::sleep, failed).await
        else {
            return Err(DialError::Unreachable(why));
        };
        if !candidate.direct {
            return Ok(Reached {
                wire: Wire::Plain(socket),
                shown: None,
                candidate,
            });
        }
        let config = Arc::clone(&around.tls.connect_direct);
        match wire::connect(socket, config, domain, &candidate.expected, &around.tls).await {
            Ok((wire, names)) => {
                return Ok(Reached {
                    wire,
                    shown: Some(names),
                    candidate,
                });
            }
            Err(error) => {
                why = format!(
                    "{} does not speak TLS as it should: {error}",
                    candidate.address
                );
            }
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
                let permitted: Vec<SocketAddr> = addresses
                    .list
                    .iter()
                    .copied()
                    .filter(|address| around.names.permits(domain, address.ip()))
                    .collect();
                let is_inside = permitted.len() < addresses.list.len();
                if !permitted.is_empty() {
                    match around.names.expected(&target, &addresses).await {
                        Ok(expected) => {
                            let expected = Arc::new(expected);
                            candidates.extend(permitted.into_iter().map(|address| Candidate {
                                address,
                                direct: target.direct,
                                expected: Arc::clone(&expected),
                            }));
                        }
                        Err(error) => last = Some(error),
                    }
                }
                if is_inside {
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

async fn attempt(candidate: Candidate) -> io::Result<TcpStream> {
    let socket = tokio::time::timeout(PATIENCE, TcpStream::connect(candidate.address)).await??;
    socket.set_nodelay(true)?;
    Ok(socket)
}
