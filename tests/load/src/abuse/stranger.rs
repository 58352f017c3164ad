//! One connection that misbehaves: what it writes, and what the server says to that.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::servers::DOMAIN;

/// Longer than any answer needs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Header of a stream.
pub(super) fn header() -> String {
    format!(
        "<?xml version='1.0'?><stream:stream to='{DOMAIN}' version='1.0' xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams'>"
    )
}

/// What the server did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// A stream error with this condition came, and then the end.
    Error(String),
    /// The connection ended without one: a reset overtakes the error where the server closes while much is under way.
    Cut,
    /// It goes on.
    Open,
}

/// A connection from a loopback address of its own choice.
pub(super) async fn connect_from(source: Ipv4Addr, address: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((source, 0)))?;
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Writes `pieces` while it listens, until the server ends the connection, or `mark` has come after all was written.
/// Returns the end and all that came.
pub(super) async fn provoke(
    stream: TcpStream,
    pieces: impl Iterator<Item = Vec<u8>> + Send,
    mark: Option<&str>,
) -> Result<(End, String)> {
    let (mut read, mut write) = stream.into_split();
    let listening = async {
        let mut came = Vec::new();
        let mut buffer = vec![0; 16 * 1024];
        loop {
            match read.read(&mut buffer).await {
                Ok(0) | Err(_) => break (true, came),
                Ok(length) => came.extend_from_slice(&buffer[..length]),
            }
            if let Some(mark) = mark
                && memchr::memmem::find(&came, mark.as_bytes()).is_some()
            {
                break (false, came);
            }
            // What is not an answer but a flood is not kept.
            if came.len() > 1 << 20 {
                came.drain(..came.len() - 4096);
            }
        }
    };
    let writing = async {
        for piece in pieces {
            if write.write_all(&piece).await.is_err() {
                break;
            }
        }
        // Listening decides when it is over.
        std::future::pending::<()>().await;
    };
    let (ended, came) = tokio::time::timeout(PATIENCE, async {
        tokio::select! {
            heard = listening => heard,
            () = writing => (false, Vec::new()),
        }
    })
    .await
    .context("the server neither answers nor ends the connection")?;
    let text = String::from_utf8_lossy(&came).into_owned();
    Ok((
        match (condition(&text), ended) {
            (Some(condition), _) => End::Error(condition),
            (None, true) => End::Cut,
            (None, false) => End::Open,
        },
        text,
    ))
}

/// As [`provoke`] from the first byte on: an error must stand in a stream then (RFC 6120 §4.9.1.1).
pub(super) async fn provoke_from_start(
    stream: TcpStream,
    pieces: impl Iterator<Item = Vec<u8>> + Send,
) -> Result<End> {
    let (end, text) = provoke(stream, pieces, None).await?;
    if let Some((before, _)) = text.split_once("<stream:error")
        && !before.contains("<stream:stream")
    {
        bail!("an error without a stream: {text}");
    }
    Ok(end)
}

/// The condition of a stream error in what came.
fn condition(text: &str) -> Option<String> {
    let error = &text[text.find("<stream:error")?..];
    let before = error.find("urn:ietf:params:xml:ns:xmpp-streams")?;
    let start = error[..before].rfind('<')? + 1;
    let name = error[start..].split([' ', '/', '>']).next()?;
    Some(name.to_owned())
}

/// Takes what one abuser saw; fails when it is none of `allowed`.
pub(super) fn expect(end: &End, allowed: &[&str]) -> Result<bool> {
    match end {
        End::Error(condition) if allowed.contains(&condition.as_str()) => Ok(true),
        End::Cut => Ok(false),
        other => bail!("{other:?} instead of one of {allowed:?}"),
    }
}
