//! The task of one BOSH session: between its requests and its stream.

use std::time::Duration;

use api::Door;
use chat::{Connection, Output};
use tokio::sync::mpsc;
use xmpp::stream::TransportKind;

use super::Incoming;
use super::body::{self, Created, terminated};
use super::session::{Responder, Session, Step};
use crate::http::Web;
use crate::http::origin::Origin;
use crate::http::websocket::{fresh_seed, progress};
use crate::net::Place;

/// How long a stream may take to end after its client has ended the session.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Runs until the session is over.
pub(super) async fn run(
    web: Web,
    origin: Origin,
    mut place: Place,
    created: Created,
    request: body::Request,
    respond: Responder,
    mut requests: mpsc::Receiver<Incoming>,
) {
    let sid = created.sid.clone();
    match fresh_seed() {
        Ok(seed) => {
            let door = web.api.metrics.door(Door::Bosh);
            door.opened();
            let transport = origin.transport(TransportKind::Bosh);
            let mut connection =
                Connection::new(&web.chat, transport, origin.address, seed, web.clock.now());
            let now = web.clock.now();
            let mut session = Session::new(created, &request, respond, now.moment);
            connection.bosh_start(request.to.as_deref(), request.from.as_deref(), now);
            if !request.payload.is_empty() {
                connection.receive(request.payload.as_bytes(), now);
            }
            talk(
                &web,
                &mut place,
                &mut session,
                &mut connection,
                &mut requests,
            )
            .await;
            web.bosh.remove(&sid);
            connection.cut(web.clock.now()).await;
            door.closed();
        }
        Err(_) => {
            let _ = respond.send(terminated("internal-server-error"));
        }
    }
    web.bosh.remove(&sid);
    // Requests that slipped in meanwhile.
    requests.close();
    while let Some(late) = requests.recv().await {
        let _ = late.respond.send(terminated("item-not-found"));
    }
}

async fn talk(
    web: &Web,
    place: &mut Place,
    session: &mut Session,
    connection: &mut Connection,
    requests: &mut mpsc::Receiver<Incoming>,
) {
    let most = web.config.load().limits.mailbox_bytes;
    let mut failed = false;
    let mut leaving: Option<base::Moment> = None;
    while !session.is_over() {
        let now = web.clock.now();
        // What the client does not fetch stays in the connection's own bounded mailbox.
        while session.waiting_bytes() < most {
            match connection.next_output() {
                Some(Output::Send(element)) => {
                    failed |= is_stream_error(&element);
                    session.send(element);
                }
                Some(Output::StartTls) => {}
                Some(Output::Close) => {
                    session.end(failed.then_some("remote-stream-error"), now.moment);
                    return;
                }
                None => break,
            }
        }
        session.settle(now.moment);
        if session.waiting_bytes() == 0 {
            connection.all_written();
        }
        if connection.is_bound() {
            place.known();
        }
        let wanted = connection.wants_input();
        let mut deadline = session.deadline();
        if let Some(other) = connection.deadline() {
            deadline = deadline.min(other);
        }
        if let Some(until) = leaving {
            if until <= now.moment {
                session.end(None, now.moment);
                return;
            }
            deadline = deadline.min(until);
        }
        let steps = tokio::select! {
            biased;
            () = progress(connection, web.clock, wanted), if session.waiting_bytes() < most => Vec::new(),
            incoming = requests.recv() => match incoming {
                Some(Incoming { request, respond }) => session.request(request, respond, web.clock.now().moment),
                None => return,
            },
            () = tokio::time::sleep_until(web.clock.instant(deadline)) => {
                let now = web.clock.now();
                if connection.deadline().is_some_and(|deadline| deadline <= now.moment) {
                    connection.tick(now);
                }
                session.tick(now.moment)
            }
        };
        for step in steps {
            let now = web.clock.now();
            match step {
                Step::Receive(elements) => connection.receive(elements.as_bytes(), now),
                Step::Restart { to, from } => {
                    connection.bosh_start(to.as_deref(), from.as_deref(), now)
                }
                Step::ClientEnded => {
                    if !connection.is_bound() {
                        session.end(None, now.moment);
                        return;
                    }
                    // As `</stream:stream>` would: the stream says what it has to say and ends.
                    leaving = Some(now.moment + LAST_WORDS);
                    connection
                        .receive(b"<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>", now);
                }
                Step::Over => return,
            }
        }
    }
}

fn is_stream_error(element: &[u8]) -> bool {
    element.starts_with(b"<stream:error")
        || (element.starts_with(b"<error")
            && element
                .windows(xmpp::ns::STREAMS.len())
                .any(|part| part == xmpp::ns::STREAMS.as_bytes()))
}
