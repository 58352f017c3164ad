//! The way from one of our domains to one elsewhere: a queue, and who empties it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use base::{Moment, Now, Timestamp};
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use xmpp::sm::Weigh;

use super::claims::{Asker, Claim};
use crate::config::FederationSettings;

/// A stanza on its way.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    /// The whole stanza, with its addresses.
    pub(crate) stanza: Bytes,
    /// The store has it under this id, until the other side does.
    pub(crate) kept: Option<u64>,
    /// When it was taken on.
    pub(crate) at: Timestamp,
    /// Its part in what the sender has on its way.
    #[expect(dead_code, reason = "it is held for as long as the parcel is there")]
    pub(crate) claim: Option<Arc<Claim>>,
}

impl Weigh for Parcel {
    fn weight(&self) -> usize {
        self.stanza.len() + size_of::<Self>()
    }
}

/// Names a connection among those that write.
pub(crate) type Carrier = u64;

/// The way from `local` to `remote`.
pub(crate) struct Link {
    pub(crate) local: Box<str>,
    pub(crate) remote: Box<str>,
    state: Mutex<State>,
    waker: AtomicWaker,
}

struct State {
    queue: VecDeque<Parcel>,
    bytes: usize,
    path: Path,
    /// Failures in a row.
    failures: u32,
    used: Moment,
    /// For whom it is made, until it was open once.
    wanted: Option<(Box<str>, Claim)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    /// There is no connection, and nobody makes one.
    None,
    /// One is being made.
    Connecting,
    /// After a failure: the next attempt is made then.
    Waiting(Moment),
    /// This connection writes.
    Open(Carrier),
}

/// Why a link did not take a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Too much waits already.
    Full,
    /// The sender has too much on its way.
    Greedy,
    /// The other side could not be reached a moment ago, and nothing keeps the stanza.
    Unreachable,
}

impl Link {
    pub(crate) fn new(local: &str, remote: &str, now: Moment) -> Self {
        Self {
            local: local.into(),
            remote: remote.into(),
            state: Mutex::new(State {
                queue: VecDeque::new(),
                bytes: 0,
                path: Path::None,
                failures: 0,
                used: now,
                wanted: None,
            }),
            waker: AtomicWaker::new(),
        }
    }

    /// It is made for somebody, who is held to it until it was open once.
    pub(crate) fn made_for(self, asker: &Asker, claim: Claim) -> Self {
        self.state.lock().wanted = Some((asker.name.clone(), claim));
        self
    }

    /// In whose line an attempt to connect waits: of whoever wanted it, or its own if it was open before.
    pub(super) fn line(&self) -> Box<str> {
        match &self.state.lock().wanted {
            Some((name, _)) => name.clone(),
            None => self.remote.clone(),
        }
    }

    /// Whether another stanza of some bytes may wait.
    pub(crate) fn has_room(&self, bytes: usize, settings: &FederationSettings) -> bool {
        self.state.lock().has_room(bytes, settings)
    }

    /// Takes a parcel. `Ok(true)`: somebody is to connect now. What the store keeps is taken in any case: whether
    /// there is room was asked before.
    pub(crate) fn push(
        &self,
        parcel: Parcel,
        settings: &FederationSettings,
        now: Moment,
    ) -> Result<bool, Refusal> {
        let connect = {
            let mut state = self.state.lock();
            if parcel.kept.is_none() {
                if matches!(state.path, Path::Waiting(_)) {
                    return Err(Refusal::Unreachable);
                }
                if !state.has_room(parcel.stanza.len(), settings) {
                    return Err(Refusal::Full);
                }
            }
            state.bytes += parcel.stanza.len();
            state.queue.push_back(parcel);
            state.used = now;
            let connect = state.path == Path::None;
            if connect {
                state.path = Path::Connecting;
            }
            connect
        };
        self.waker.wake();
        Ok(connect)
    }

    /// A connection is there and writes from now on; it takes over from any other.
    pub(crate) fn opened(&self, carrier: Carrier) {
        let mut state = self.state.lock();
        state.path = Path::Open(carrier);
        state.failures = 0;
        let wanted = state.wanted.take();
        drop(state);
        drop(wanted);
        self.waker.wake();
    }

    /// What waits, for the connection that writes.
    pub(crate) fn take(&self, carrier: Carrier) -> VecDeque<Parcel> {
        let mut state = self.state.lock();
        if state.path != Path::Open(carrier) || state.queue.is_empty() {
            return VecDeque::new();
        }
        state.bytes = 0;
        std::mem::take(&mut state.queue)
    }

    /// Whether something waits for this connection.
    pub(crate) fn waits_for(&self, carrier: Carrier) -> bool {
        let state = self.state.lock();
        state.path == Path::Open(carrier) && !state.queue.is_empty()
    }

    /// Who is woken when something comes. One connection at a time writes.
    pub(crate) fn register(&self, carrier: Carrier, waker: &Waker) {
        if self.state.lock().path == Path::Open(carrier) {
            self.waker.register(waker);
        }
    }

    /// A connection has ended. What it leaves (oldest first) goes ahead of what waits. True: somebody is to connect
    /// now.
    pub(crate) fn closed(&self, carrier: Carrier, left: Vec<Parcel>) -> bool {
        let mut state = self.state.lock();
        state.bytes += left.iter().map(|parcel| parcel.stanza.len()).sum::<usize>();
        for parcel in left.into_iter().rev() {
            state.queue.push_front(parcel);
        }
        if state.path == Path::Open(carrier) {
            state.path = Path::None;
        }
        state.wants_path()
    }

    /// No connection came about. Gives what is not to wait for another attempt, oldest first: everything when it
    /// is `final_`, else what nothing keeps, and what has waited too long.
    pub(crate) fn failed(
        &self,
        final_: bool,
        settings: &FederationSettings,
        now: Now,
    ) -> Vec<Parcel> {
        let mut state = self.state.lock();
        if matches!(state.path, Path::Open(_)) {
            // Meanwhile the other side has connected to us, and takes what waits.
            return Vec::new();
        }
        let outlived = |parcel: &Parcel| now.wall.since(parcel.at) >= settings.message_lifetime;
        let (back, rest): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut state.queue)
            .into_iter()
            .partition(|parcel| final_ || parcel.kept.is_none() || outlived(parcel));
        state.bytes = rest.iter().map(|parcel| parcel.stanza.len()).sum();
        state.queue = rest;
        state.failures = state.failures.saturating_add(1);
        state.path = if state.queue.is_empty() && final_ {
            state.failures = 0;
            Path::None
        } else {
            Path::Waiting(now.moment + pause(state.failures, settings))
        };
        back.into()
    }

    /// Nobody makes a connection after all.
    pub(crate) fn abandoned(&self) {
        let mut state = self.state.lock();
        if state.path == Path::Connecting {
            state.path = Path::Waiting(Moment::START);
        }
    }

    /// The time has come for another attempt: true once.
    pub(crate) fn is_due(&self, now: Moment) -> bool {
        let mut state = self.state.lock();
        match state.path {
            Path::Waiting(until) if until <= now => {
                state.path = Path::None;
                state.wants_path()
            }
            _ => false,
        }
    }

    /// Nothing waits, and nobody has used it for a while, or it was never open.
    pub(crate) fn is_idle(&self, now: Moment) -> bool {
        let state = self.state.lock();
        state.queue.is_empty()
            && state.path == Path::None
            && (state.wanted.is_some() || now.since(state.used) > Duration::from_secs(600))
    }
}

impl State {
    fn has_room(&self, bytes: usize, settings: &FederationSettings) -> bool {
        self.queue.len() < settings.queue_stanzas
            && self.bytes.saturating_add(bytes) <= settings.queue_bytes
    }

    /// Makes it known that a path is being made, when one is needed.
    fn wants_path(&mut self) -> bool {
        let wants = self.path == Path::None && !self.queue.is_empty();
        if wants {
            self.path = Path::Connecting;
        }
        wants
    }
}

/// How long to wait after so many failures in a row.
fn pause(failures: u32, settings: &FederationSettings) -> Duration {
    let doubled = 1_u32 << failures.saturating_sub(1).min(20);
    settings
        .retry_first
        .saturating_mul(doubled)
        .min(settings.retry_longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn parcel(text: &'static str, kept: Option<u64>) -> Parcel {
        Parcel {
            stanza: Bytes::from_static(text.as_bytes()),
            kept,
            at: START,
            claim: None,
        }
    }

    fn at(seconds: u64) -> Now {
        Now::new(
            Moment::from_micros(seconds * 1_000_000),
            START + Duration::from_secs(seconds),
        )
    }

    fn texts(parcels: impl IntoIterator<Item = Parcel>) -> Vec<Bytes> {
        parcels.into_iter().map(|parcel| parcel.stanza).collect()
    }

    #[test]
    fn what_is_kept_waits_for_the_next_attempt_and_the_rest_goes_back() {
        let settings = FederationSettings::default();
        let link = Link::new("a.example", "b.example", Moment::START);
        assert_eq!(
            link.push(parcel("one", Some(1)), &settings, Moment::START),
            Ok(true)
        );
        assert_eq!(
            link.push(parcel("two", None), &settings, Moment::START),
            Ok(false)
        );
        assert_eq!(texts(link.failed(false, &settings, at(0))), ["two"]);
        assert_eq!(
            link.push(parcel("three", None), &settings, Moment::START),
            Err(Refusal::Unreachable)
        );
        assert_eq!(
            link.push(parcel("four", Some(2)), &settings, Moment::START),
            Ok(false)
        );
        assert!(!link.is_due(at(14).moment));
        assert!(link.is_due(at(15).moment) && !link.is_due(at(15).moment));
        assert!(link.failed(false, &settings, at(15)).is_empty());
        assert!(
            !link.is_due(at(44).moment) && link.is_due(at(45).moment),
            "it doubles"
        );
        link.opened(7);
        assert_eq!(texts(link.take(6)), [""; 0]);
        assert_eq!(texts(link.take(7)), ["one", "four"]);
        assert!(link.closed(7, vec![parcel("four", Some(2))]));
        let late = at(settings.message_lifetime.as_secs());
        assert_eq!(texts(link.failed(false, &settings, late)), ["four"]);
    }

    #[test]
    fn a_domain_that_is_not_there_keeps_nothing() {
        let settings = FederationSettings::default();
        let link = Link::new("a.example", "b.example", Moment::START);
        assert_eq!(
            link.push(parcel("one", Some(1)), &settings, Moment::START),
            Ok(true)
        );
        assert_eq!(texts(link.failed(true, &settings, at(0))), ["one"]);
        assert_eq!(
            link.push(parcel("two", None), &settings, Moment::START),
            Ok(true)
        );
    }

    #[test]
    fn the_queue_is_bounded_and_what_comes_back_goes_first() {
        let settings = FederationSettings {
            queue_stanzas: 2,
            ..FederationSettings::default()
        };
        let link = Link::new("a.example", "b.example", Moment::START);
        for text in ["one", "two"] {
            link.push(parcel(text, None), &settings, Moment::START)
                .expect("room");
        }
        assert!(!link.has_room(1, &settings));
        assert_eq!(
            link.push(parcel("three", None), &settings, Moment::START),
            Err(Refusal::Full)
        );
        link.opened(1);
        let mut taken = link.take(1);
        link.push(parcel("three", None), &settings, Moment::START)
            .expect("room");
        taken.pop_front();
        assert!(link.closed(1, taken.into()));
        link.opened(2);
        assert_eq!(texts(link.take(2)), ["two", "three"]);
    }

    #[test]
    fn a_later_connection_takes_over_and_the_end_of_the_former_changes_nothing() {
        let settings = FederationSettings::default();
        let link = Link::new("a.example", "b.example", Moment::START);
        link.opened(1);
        link.opened(2);
        assert_eq!(
            link.push(parcel("one", None), &settings, Moment::START),
            Ok(false)
        );
        assert!(!link.closed(1, Vec::new()));
        assert!(link.waits_for(2) && !link.waits_for(1));
        assert!(link.failed(true, &settings, at(0)).is_empty());
    }
}
