//! The task of one BOSH session: between its requests and its stream.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
use crate::net::{Allowance, Place};

/// How long a stream may take to end after its client has ended the session.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What a client may send ahead of what its stream takes, in stanzas of the largest size: one that does not fetch what
/// there is for it, and goes on sending, is put out.
const AHEAD: usize = 4;

/// The requests of a session, as they come.
pub(super) struct Requests {
    pub(super) receiver: mpsc::Receiver<Incoming>,
    /// Set once the client is logged in.
    pub(super) bound: Arc<AtomicBool>,
}

/// Steps that the stream has not taken yet, in order.
#[derive(Default)]
struct Pending {
    steps: VecDeque<Step>,
    bytes: usize,
}

impl Pending {
    fn add(&mut self, step: Step) {
        self.bytes += step.bytes();
        self.steps.push_back(step);
    }

    /// The next step, if the stream takes it: what comes from the client it takes only when it `takes_input`.
    fn next(&mut self, takes_input: bool) -> Option<Step> {
        let step = self
            .steps
            .pop_front_if(|step| takes_input || !matches!(step, Step::Receive(_)))?;
        self.bytes -= step.bytes();
        Some(step)
    }
}

/// Runs until the session is over.
pub(super) async fn run(
    web: Web,
    origin: Origin,
    mut place: Place,
    created: Created,
    request: body::Request,
    respond: Responder,
    mut requests: Requests,
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
            let mut pending = Pending::default();
            if !request.payload.is_empty() {
                pending.add(Step::Receive(request.payload));
            }
            talk(
                &web,
                &mut place,
                &mut session,
                &mut connection,
                &mut requests,
                pending,
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
    requests.receiver.close();
    while let Some(late) = requests.receiver.recv().await {
        let _ = late.respond.send(terminated("item-not-found"));
    }
}

async fn talk(
    web: &Web,
    place: &mut Place,
    session: &mut Session,
    connection: &mut Connection,
    requests: &mut Requests,
    mut pending: Pending,
) {
    let config = web.config.load_full();
    let most = config.limits.mailbox_bytes;
    let limits = &web.chat.config().limits;
    let mut allowance = Allowance::of_stranger(limits, web.clock.now().moment);
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
        if connection.is_bound() && place.known() {
            allowance.known(limits);
            requests.bound.store(true, Ordering::Relaxed);
        }
        let wanted = connection.wants_input();
        let allowed = allowance.may_read(limits, now.moment);
        if let Some(step) = pending.next(wanted && allowed) {
            match step {
                Step::Receive(elements) => connection.receive(elements.as_bytes(), now),
                Step::Restart { to, from } => {
                    connection.bosh_start(to.as_deref(), from.as_deref(), now);
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
            continue;
        }
        let has_room = session.waiting_bytes() < most;
        let refill = allowance.refill_at(limits, now.moment);
        // What it would say at its deadline could not be taken from it while the client fetches nothing.
        let others = connection.deadline().filter(|_| has_room);
        let deadline = [others, refill, leaving]
            .into_iter()
            .flatten()
            .fold(session.deadline(), base::Moment::min);
        if leaving.is_some_and(|until| until <= now.moment) {
            session.end(None, now.moment);
            return;
        }
        // One request's words may wait for their turn. More are taken only from who is to fetch what stands in the way.
        let takes = (pending.steps.is_empty() && allowed) || !has_room;
        tokio::select! {
            biased;
            () = progress(connection, web.clock, wanted), if has_room => {}
            incoming = requests.receiver.recv(), if takes => {
                let Some(Incoming { request, respond, bytes }) = incoming else { return };
                allowance.spend(bytes);
                let now = web.clock.now().moment;
                for step in session.request(request, respond, now) {
                    pending.add(step);
                }
                if pending.bytes > AHEAD * config.limits.stanza_bytes {
                    session.end(Some("policy-violation"), now);
                }
            }
            () = tokio::time::sleep_until(web.clock.instant(deadline)) => {
                let now = web.clock.now();
                if has_room && connection.deadline().is_some_and(|deadline| deadline <= now.moment) {
                    connection.tick(now);
                }
                // Who waits for us is not silent.
                if !requests.receiver.is_empty() {
                    session.heard(now.moment);
                }
                if session.tick(now.moment).contains(&Step::Over) {
                    return;
                }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_stream_does_not_take_waits_in_order() {
        let mut pending = Pending::default();
        for step in [
            Step::Receive("<a/>".to_owned()),
            Step::ClientEnded,
            Step::Receive("<b/>".to_owned()),
        ] {
            pending.add(step);
        }
        assert_eq!(pending.next(false), None);
        assert_eq!(pending.bytes, 8);
        assert_eq!(pending.next(true), Some(Step::Receive("<a/>".to_owned())));
        assert_eq!(pending.next(false), Some(Step::ClientEnded));
        assert_eq!((pending.next(false), pending.bytes), (None, 4));
    }
}
