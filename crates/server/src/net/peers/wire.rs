//! A socket with or without TLS, in either role.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::{ClientConfig, ServerConfig};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};
use xmpp::stream::CertificateNames;

use super::{Surroundings, dane};
use crate::tls::{Expected, PeerTls};

/// Longest TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(30);

/// A transport.
pub(super) enum Wire {
    Plain(TcpStream),
    Accepted(Box<server::TlsStream<TcpStream>>),
    Connected(Box<client::TlsStream<TcpStream>>),
}

/// Does the accepting side of a TLS handshake with a server that says that it is the one of `claimed`.
pub(super) async fn accept(
    socket: TcpStream,
    config: Arc<ServerConfig>,
    claimed: Option<&str>,
    around: &Surroundings,
) -> io::Result<(Wire, CertificateNames)> {
    let handshake = TlsAcceptor::from(config).accept(socket);
    let stream = tokio::time::timeout(HANDSHAKE, handshake).await??;
    let chain = stream.get_ref().1.peer_certificates();
    let mut shown = around.tls.names(chain);
    if let Some(domain) = claimed
        && !shown.covers(domain)
        && chain.is_some()
    {
        let signed = dane::shown(around, domain, chain);
        let signed = tokio::time::timeout(HANDSHAKE, signed).await;
        shown = signed.ok().flatten().unwrap_or(shown);
    }
    Ok((Wire::Accepted(Box::new(stream)), shown))
}

/// Does the connecting side of a TLS handshake with the server of `domain`, of whose certificate is known what is
/// `expected`.
pub(super) async fn connect(
    socket: TcpStream,
    config: Arc<ClientConfig>,
    domain: &str,
    expected: &Expected,
    tls: &PeerTls,
) -> io::Result<(Wire, CertificateNames)> {
    // RFC 6120 §13.7.1.2, XEP-0368 §3: the name is that of the domain, not of the machine.
    let name = ascii(domain)
        .and_then(|name| ServerName::try_from(name).ok())
        .ok_or_else(|| io::Error::other(format!("{domain} cannot stand in a certificate")))?;
    let handshake = TlsConnector::from(config).connect(name, socket);
    let stream = tokio::time::timeout(HANDSHAKE, handshake).await??;
    let chain = stream.get_ref().1.peer_certificates();
    let shown = tls
        .names_of(chain, domain, expected)
        .map_err(io::Error::other)?;
    Ok((Wire::Connected(Box::new(stream)), shown))
}

fn ascii(domain: &str) -> Option<String> {
    let name = hickory_resolver::proto::rr::Name::from_utf8(domain).ok()?;
    Some(name.to_ascii().trim_end_matches('.').to_owned())
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(wire) => Pin::new(wire).poll_read(cx, space),
            Self::Accepted(wire) => Pin::new(wire).poll_read(cx, space),
            Self::Connected(wire) => Pin::new(wire).poll_read(cx, space),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(wire) => Pin::new(wire).poll_write(cx, bytes),
            Self::Accepted(wire) => Pin::new(wire).poll_write(cx, bytes),
            Self::Connected(wire) => Pin::new(wire).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(wire) => Pin::new(wire).poll_flush(cx),
            Self::Accepted(wire) => Pin::new(wire).poll_flush(cx),
            Self::Connected(wire) => Pin::new(wire).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(wire) => Pin::new(wire).poll_shutdown(cx),
            Self::Accepted(wire) => Pin::new(wire).poll_shutdown(cx),
            Self::Connected(wire) => Pin::new(wire).poll_shutdown(cx),
        }
    }
}
