//! Accepting HTTP connections, with bounded patience.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use api::Door;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;
use xmpp::stream::TlsVersion;

use super::Web;
use super::origin::{Socket, SocketTls, is_proxy};
use crate::net::Place;

/// How connections of one listener are secured.
#[derive(Clone)]
pub enum Accept {
    /// Not at all.
    Plain,
    /// TLS.
    Tls(Arc<rustls::ServerConfig>),
}

/// Accepts for as long as the server runs.
pub async fn serve(listener: TcpListener, accept: Accept, router: Router, web: Web) {
    let door = web.api.metrics.door(match accept {
        Accept::Plain => Door::Http,
        Accept::Tls(_) => Door::Https,
    });
    let mut stopping = web.stopping.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.wait_for(|stopping| *stopping) => return,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of file descriptors: others will close theirs.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let config = web.config.load();
        if door.open() >= i64::from(config.limits.connections) {
            door.refused();
            continue;
        }
        let patience = Duration::from_secs(u64::from(config.limits.http_header_seconds.max(1)));
        // Whoever has not asked for anything yet is bounded by address, as before a login; a proxy speaks for many.
        let address = match peer.ip().to_canonical() {
            address if is_proxy(&config, address) => IpAddr::from([127, 0, 0, 1]),
            address => address,
        };
        drop(config);
        let Some(place) = web.requests.enter(address, &web.chat.config().limits) else {
            door.refused();
            continue;
        };
        let (accept, router, web, door) =
            (accept.clone(), router.clone(), web.clone(), door.clone());
        tokio::spawn(async move {
            door.opened();
            let _ = stream.set_nodelay(true);
            let from = From { peer, place };
            connection(stream, from, accept, router, &web, patience).await;
            door.closed();
        });
    }
}

/// Where a connection comes from.
struct From {
    peer: SocketAddr,
    /// Its place among those that have asked for nothing yet.
    place: Place,
}

async fn connection(
    stream: TcpStream,
    from: From,
    accept: Accept,
    router: Router,
    web: &Web,
    patience: Duration,
) {
    match accept {
        Accept::Plain => talk(stream, from, None, router, web.stopping.clone(), patience).await,
        Accept::Tls(config) => {
            let Ok(Ok(stream)) =
                tokio::time::timeout(patience, TlsAcceptor::from(config).accept(stream)).await
            else {
                return;
            };
            let session = stream.get_ref().1;
            if session.alpn_protocol() == Some(b"acme-tls/1") {
                return;
            }
            let version = match session.protocol_version() {
                Some(rustls::ProtocolVersion::TLSv1_3) => TlsVersion::V1_3,
                _ => TlsVersion::V1_2,
            };
            let tls = Some(SocketTls {
                version,
                end_point: web.resolver.end_point(),
            });
            talk(stream, from, tls, router, web.stopping.clone(), patience).await;
        }
    }
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    from: From,
    tls: Option<SocketTls>,
    router: Router,
    mut stopping: watch::Receiver<bool>,
    patience: Duration,
) {
    let socket = Socket {
        peer: from.peer,
        tls,
    };
    let place = Mutex::new(from.place);
    let service = service_fn(move |mut request: Request<Incoming>| {
        place.lock().known();
        request.extensions_mut().insert(socket.clone());
        router.clone().oneshot(request.map(Body::new))
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(16 * 1024)
        .half_close(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .enable_connect_protocol()
        .max_concurrent_streams(64)
        .max_header_list_size(16 * 1024)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(patience);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopping.wait_for(|stopping| *stopping) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
