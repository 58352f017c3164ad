//! XMPP over WebSocket (RFC 7395): one message is one element.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use api::Door;
use axum::extract::FromRequestParts;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chat::{Connection, Output};
use futures_util::SinkExt;
use xmpp::stream::TransportKind;

use super::Web;
use super::element::standalone;
use super::origin::Origin;
use crate::config::Config;
use crate::net::{Allowance, Clock, Place};

/// What a message costs beside its own bytes: empty ones are not free.
const MESSAGE_BYTES: usize = 8;
/// A client that takes nothing for this long is gone.
const WRITE_PATIENCE: Duration = Duration::from_secs(60);

/// Whether scripts of the page that asks may use this server.
pub(super) fn origin_allowed(config: &Config, headers: &HeaderMap) -> bool {
    let allowed = &config.http.allowed_origins;
    match headers
        .get(header::ORIGIN)
        .and_then(|origin| origin.to_str().ok())
    {
        // Not a browser.
        None => true,
        Some(origin) => {
            allowed.iter().any(|entry| {
                entry == "*" || entry.trim_end_matches('/').eq_ignore_ascii_case(origin)
            }) || origin.eq_ignore_ascii_case(&config.public_url())
        }
    }
}

/// `/xmpp-websocket`.
pub(super) async fn upgrade(State(web): State<Web>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &web).await {
        Ok(upgrade) => upgrade,
        Err(_) => {
            let words =
                "This address speaks XMPP over WebSocket (RFC 7395); give it to an XMPP client.\n";
            return (
                StatusCode::UPGRADE_REQUIRED,
                [(header::UPGRADE, "websocket")],
                words,
            )
                .into_response();
        }
    };
    let config = web.config.load_full();
    let Some(origin) = Origin::of(&config, &parts.extensions, &parts.headers) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    if !origin_allowed(&config, &parts.headers) {
        return (
            StatusCode::FORBIDDEN,
            "Pages of this origin may not connect; see http.allowed_origins.\n",
        )
            .into_response();
    }
    if *web.stopping.borrow() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let upgrade = upgrade
        .protocols(["xmpp"])
        .max_message_size(config.limits.stanza_bytes)
        .max_frame_size(config.limits.stanza_bytes)
        .read_buffer_size(4 * 1024)
        .write_buffer_size(8 * 1024);
    if upgrade.selected_protocol().is_none() {
        let words = "The subprotocol `xmpp` must be offered (RFC 7395 §3.1).\n";
        return (StatusCode::BAD_REQUEST, words).into_response();
    }
    let Ok(seed) = fresh_seed() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let door = web.api.metrics.door(Door::WebSocket);
    let Some(place) = web.places.enter(origin.address, &web.chat.config().limits) else {
        door.refused();
        return crowded();
    };
    upgrade.on_upgrade(move |socket| async move {
        door.opened();
        let transport = origin.transport(TransportKind::WebSocket);
        let connection =
            Connection::new(&web.chat, transport, origin.address, seed, web.clock.now());
        run(socket, connection, place, &web).await;
        door.closed();
    })
}

/// Too many connections are not logged in yet.
pub(super) fn crowded() -> Response {
    (
        StatusCode::TOO_MANY_REQUESTS,
        [(header::RETRY_AFTER, "10")],
        "Too many connections from there are not logged in yet; please try again in a moment.\n",
    )
        .into_response()
}

/// Randomness for one stream.
pub(super) fn fresh_seed() -> Result<[u8; 32], getrandom::Error> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    Ok(seed)
}

/// Moves elements between the socket and the connection until one of them ends.
async fn run(mut socket: WebSocket, mut connection: Connection, mut place: Place, web: &Web) {
    let (chat, clock) = (&web.chat, web.clock);
    let mut allowance = Allowance::of_stranger(&chat.config().limits, clock.now().moment);
    let mut timer = Box::pin(tokio::time::sleep(Duration::from_secs(3600)));
    loop {
        match tokio::time::timeout(WRITE_PATIENCE, write(&mut socket, &mut connection)).await {
            Ok(Ok(Written::More)) => {}
            Ok(Ok(Written::Closed) | Err(_)) | Err(_) => break,
        }
        let config = chat.config();
        if connection.is_bound() && place.known() {
            allowance.known(&config.limits);
        }
        let wanted = connection.wants_input();
        let now = clock.now().moment;
        let reads = wanted && allowance.may_read(&config.limits, now);
        let refill = allowance.refill_at(&config.limits, now);
        if let Some(deadline) = connection.deadline().into_iter().chain(refill).min() {
            let deadline = clock.instant(deadline);
            // Later deadlines are found when the timer fires: most elements then touch no timer.
            if deadline < timer.deadline() || timer.is_elapsed() {
                timer.as_mut().reset(deadline);
            }
        }
        tokio::select! {
            biased;
            () = progress(&mut connection, clock, wanted) => {}
            message = socket.recv(), if reads => match message {
                Some(Ok(Message::Text(text))) => {
                    allowance.spend(text.len() + MESSAGE_BYTES);
                    let now = clock.now();
                    connection.receive(text.as_bytes(), now);
                    connection.message_ended(now);
                }
                Some(Ok(Message::Binary(_))) => {
                    // RFC 7395 §3.2: text only.
                    let reason = Utf8Bytes::from_static("XMPP travels in text messages");
                    let frame = CloseFrame { code: close_code::UNSUPPORTED, reason };
                    let _ = tokio::time::timeout(WRITE_PATIENCE, socket.send(Message::Close(Some(frame)))).await;
                    break;
                }
                Some(Ok(Message::Ping(bytes) | Message::Pong(bytes))) => {
                    allowance.spend(bytes.len() + MESSAGE_BYTES);
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
            },
            () = timer.as_mut() => {
                let now = clock.now();
                if connection.deadline().is_some_and(|deadline| deadline <= now.moment) {
                    connection.tick(now);
                } else if connection.deadline().is_none() {
                    timer.as_mut().reset(tokio::time::Instant::now() + Duration::from_secs(3600));
                }
            }
        }
    }
    connection.cut(clock.now()).await;
}

/// Resolves when there is something to write or when input can be taken again.
pub(super) async fn progress(connection: &mut Connection, clock: Clock, wanted: bool) {
    poll_fn(|cx| match connection.poll(cx, clock.now()) {
        Poll::Pending if wanted == connection.wants_input() => Poll::Pending,
        _ => Poll::Ready(()),
    })
    .await;
}

enum Written {
    More,
    Closed,
}

async fn write(
    socket: &mut WebSocket,
    connection: &mut Connection,
) -> Result<Written, axum::Error> {
    let mut fed = false;
    while let Some(output) = connection.next_output() {
        match output {
            Output::Send(element) => {
                socket.feed(text(element)).await?;
                fed = true;
            }
            // TLS is the business of HTTP here (RFC 7395 §3.8).
            Output::StartTls => {}
            Output::Close => {
                let frame = CloseFrame {
                    code: close_code::NORMAL,
                    reason: Utf8Bytes::default(),
                };
                socket.send(Message::Close(Some(frame))).await?;
                connection.all_written();
                return Ok(Written::Closed);
            }
        }
    }
    if fed {
        socket.flush().await?;
        connection.all_written();
    }
    Ok(Written::More)
}

fn text(element: Bytes) -> Message {
    match Utf8Bytes::try_from(standalone(element)) {
        Ok(text) => Message::Text(text),
        // Elements are text by construction; an empty message is ignored by clients.
        Err(_) => Message::Text(Utf8Bytes::default()),
    }
}
