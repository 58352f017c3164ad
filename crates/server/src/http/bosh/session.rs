//! One BOSH session (XEP-0124) as a machine: requests and elements in, answers out. No I/O; time is an argument.

use std::collections::{BTreeMap, VecDeque};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base::Moment;
use bytes::Bytes;
use tokio::sync::oneshot;

use super::body::{Created, Request, Response, terminated};

/// Where the answer to a request goes.
pub(super) type Responder = oneshot::Sender<String>;

/// What the stream behind the session is to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Give these elements to the stream.
    Receive(String),
    /// Begin the stream again (XEP-0206 §5).
    Restart {
        /// `to` of the wrapper.
        to: Option<String>,
        /// `from` of the wrapper.
        from: Option<String>,
    },
    /// The client has ended the session; end the stream.
    ClientEnded,
    /// The client has broken the rules, or is gone: the session is over, the stream is cut.
    Over,
}

impl Step {
    /// What it holds of what the client has sent.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Receive(elements) => elements.len(),
            Self::Restart { .. } | Self::ClientEnded | Self::Over => 0,
        }
    }
}

/// Longest pause a client may ask for, in seconds.
pub(super) const LONGEST_PAUSE: u32 = 120;
/// Shortest interval between polls of a polling session, in seconds.
pub(super) const POLLING: u32 = 2;

struct Held {
    rid: u64,
    respond: Responder,
    until: Moment,
}

/// The machine.
pub(super) struct Session {
    created: Created,
    /// Whether the creation response is still to be given.
    fresh: bool,
    /// The next `rid` to be taken in order.
    next: u64,
    /// Requests that came before their turn.
    early: BTreeMap<u64, (Request, Responder)>,
    /// Requests without an answer, in order.
    held: VecDeque<Held>,
    /// Answers that may be asked for again, oldest first (§14.3).
    answered: VecDeque<(u64, String)>,
    /// Elements that wait for a request.
    out: VecDeque<Bytes>,
    /// Hash that the next key must give (§15).
    key: Option<String>,
    /// The client acknowledges answers.
    acknowledges: bool,
    /// When the last request came or the last answer was given, and how long silence may last since.
    idle_since: Moment,
    patience: u32,
    last_poll: Option<Moment>,
    ended: bool,
}

impl Session {
    /// Begins with the creation request; the first answer goes out when the stream says something.
    pub(super) fn new(
        created: Created,
        request: &Request,
        respond: Responder,
        now: Moment,
    ) -> Self {
        let patience = created.inactivity;
        let mut session = Self {
            acknowledges: request.ack.is_some(),
            key: request.newkey.clone(),
            created,
            fresh: true,
            next: request.rid + 1,
            early: BTreeMap::new(),
            held: VecDeque::new(),
            answered: VecDeque::new(),
            out: VecDeque::new(),
            idle_since: now,
            patience,
            last_poll: None,
            ended: false,
        };
        session.hold(request.rid, respond, now);
        session
    }

    /// A request has come that has still to be taken.
    pub(super) fn heard(&mut self, now: Moment) {
        self.idle_since = now;
    }

    /// Whether nothing more is to be done.
    pub(super) fn is_over(&self) -> bool {
        self.ended
    }

    /// Takes a request of the session. Steps come in the order in which the stream must take them.
    pub(super) fn request(
        &mut self,
        request: Request,
        respond: Responder,
        now: Moment,
    ) -> Vec<Step> {
        let rid = request.rid;
        if self.ended {
            let _ = respond.send(terminated("item-not-found"));
            return Vec::new();
        }
        if rid < self.next {
            return self.again(rid, respond, now);
        }
        if rid - self.next >= u64::from(self.created.requests) || self.early.contains_key(&rid) {
            let _ = respond.send(terminated("item-not-found"));
            return self.end(Some("item-not-found"), now);
        }
        // One that cannot be taken yet is a sign of life all the same.
        self.idle_since = now;
        self.early.insert(rid, (request, respond));
        let mut steps = Vec::new();
        while let Some((request, respond)) = self.early.remove(&self.next) {
            self.next += 1;
            steps.extend(self.in_turn(request, respond, now));
            if self.ended {
                break;
            }
        }
        steps
    }

    fn in_turn(&mut self, request: Request, respond: Responder, now: Moment) -> Vec<Step> {
        if !self.key_fits(&request) {
            self.hold(request.rid, respond, now);
            return self.end(Some("item-not-found"), now);
        }
        self.patience = self.created.inactivity;
        let empty = request.payload.is_empty()
            && !request.terminate
            && !request.restart
            && request.pause.is_none();
        if self.created.polling.is_some() && empty {
            let early = self.last_poll.is_some_and(|last| {
                now < last + std::time::Duration::from_secs(u64::from(POLLING))
            });
            if early && self.out.is_empty() {
                self.hold(request.rid, respond, now);
                return self.end(Some("policy-violation"), now);
            }
            self.last_poll = Some(now);
        }
        if let Some(ack) = request.ack.filter(|_| self.acknowledges) {
            self.answered.retain(|(rid, _)| *rid > ack);
        }
        self.hold(request.rid, respond, now);
        let mut steps = Vec::new();
        if !request.payload.is_empty() && !request.restart {
            steps.push(Step::Receive(request.payload));
        }
        if request.terminate {
            steps.push(Step::ClientEnded);
        } else if request.restart {
            steps.push(Step::Restart {
                to: request.to,
                from: request.from,
            });
        } else if let Some(pause) = request.pause {
            self.patience = pause.min(LONGEST_PAUSE);
            self.answer_all(now);
        }
        self.settle(now);
        steps
    }

    /// A request that came before (§14.3): its kept answer, or the place of the one that waits.
    fn again(&mut self, rid: u64, respond: Responder, now: Moment) -> Vec<Step> {
        if let Some((_, text)) = self.answered.iter().find(|(answered, _)| *answered == rid) {
            let _ = respond.send(text.clone());
            return Vec::new();
        }
        if let Some(held) = self.held.iter_mut().find(|held| held.rid == rid) {
            let former = std::mem::replace(&mut held.respond, respond);
            let _ = former.send(Response::default().text());
            return Vec::new();
        }
        let _ = respond.send(terminated("item-not-found"));
        self.end(Some("item-not-found"), now)
    }

    /// Checks the key sequence (§15): each key's hash is the key before.
    fn key_fits(&mut self, request: &Request) -> bool {
        if let Some(expected) = &self.key {
            let fits = request.key.as_ref().is_some_and(|key| {
                hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes()).as_ref()) == *expected
            });
            if !fits {
                return false;
            }
            self.key.clone_from(&request.key);
        }
        if request.newkey.is_some() {
            self.key.clone_from(&request.newkey);
        }
        true
    }

    fn hold(&mut self, rid: u64, respond: Responder, now: Moment) {
        // The first answer brings the features, which come soon: worth a moment even to who would not wait.
        let wait = if self.fresh {
            self.created.wait.max(5)
        } else {
            self.created.wait
        };
        let until = now + std::time::Duration::from_secs(u64::from(wait));
        self.held.push_back(Held {
            rid,
            respond,
            until,
        });
    }

    /// An element of the stream for the client.
    pub(super) fn send(&mut self, element: Bytes) {
        self.out.push_back(element);
    }

    /// Bytes of elements that wait for a request.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.out.iter().map(Bytes::len).sum()
    }

    /// Gives the answers that are due: call after each batch of steps and elements.
    pub(super) fn settle(&mut self, now: Moment) {
        if !self.out.is_empty() && !self.held.is_empty() {
            let payload: Vec<Bytes> = self.out.drain(..).collect();
            self.answer(&payload, None, now);
        }
        while self.held.len() > self.created.hold as usize && !self.fresh {
            self.answer(&[], None, now);
        }
    }

    /// Does what the clock asks for.
    pub(super) fn tick(&mut self, now: Moment) -> Vec<Step> {
        if self.ended {
            return Vec::new();
        }
        while self.held.front().is_some_and(|held| held.until <= now) {
            self.answer(&[], None, now);
        }
        if self.held.is_empty() && now >= self.silence_ends() {
            // Requests that wait for a missing one do not wait for ever.
            return self.end(Some("item-not-found"), now);
        }
        Vec::new()
    }

    fn silence_ends(&self) -> Moment {
        self.idle_since + std::time::Duration::from_secs(u64::from(self.patience))
    }

    /// When to call [`Session::tick`].
    pub(super) fn deadline(&self) -> Moment {
        match self.held.front() {
            Some(held) => held.until,
            None => self.silence_ends(),
        }
    }

    fn answer_all(&mut self, now: Moment) {
        while !self.held.is_empty() {
            self.answer(&[], None, now);
        }
    }

    /// Answers the oldest request.
    fn answer(&mut self, payload: &[Bytes], terminate: Option<Option<&'static str>>, now: Moment) {
        let Some(held) = self.held.pop_front() else {
            return;
        };
        let highest = self.next - 1;
        let created = std::mem::take(&mut self.fresh).then_some(&self.created);
        let ack = match created {
            Some(created) => created.ack,
            None => (self.created.ack.is_some() && highest != held.rid).then_some(highest),
        };
        let text = Response {
            created,
            ack,
            terminate,
            payload,
        }
        .text();
        self.answered.push_back((held.rid, text.clone()));
        while self.answered.len() > self.created.requests as usize {
            self.answered.pop_front();
        }
        self.idle_since = now;
        let _ = held.respond.send(text);
    }

    /// Ends the session: every waiting request is answered, the first with what is left for the client.
    pub(super) fn end(&mut self, condition: Option<&'static str>, now: Moment) -> Vec<Step> {
        if self.ended {
            return Vec::new();
        }
        self.ended = true;
        let payload: Vec<Bytes> = self.out.drain(..).collect();
        let mut payload = payload.as_slice();
        while !self.held.is_empty() {
            self.answer(payload, Some(condition), now);
            payload = &[];
        }
        for (_, (_, respond)) in std::mem::take(&mut self.early) {
            let _ = respond.send(terminated(condition.unwrap_or("item-not-found")));
        }
        vec![Step::Over]
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests;
