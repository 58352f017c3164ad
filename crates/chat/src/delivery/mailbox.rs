//! The bounded mailbox between those who deliver and the connection that writes.

use std::collections::VecDeque;
use std::task::Waker;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use store::ArchiveId;
use xmpp::condition::StreamCondition;

use super::Keeping;

/// What a mailbox carries.
pub(crate) enum Parcel {
    /// A stanza to write, counted by stream management.
    Stanza {
        /// The whole stanza.
        stanza: Bytes,
        /// Where else it is.
        keeping: Keeping,
    },
    /// A message that has waited and is in no archive: it waits on until the client has it.
    Waiting {
        /// The whole stanza.
        stanza: Bytes,
        /// Under which the store keeps it.
        id: ArchiveId,
    },
    /// Another connection wants to resume this session: hand it over and end (XEP-0198 §5).
    Handover,
    /// End the stream with this condition.
    Close(StreamCondition),
}

impl Parcel {
    /// What it counts for in a mailbox.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Stanza { stanza, .. } | Self::Waiting { stanza, .. } => stanza.len(),
            Self::Handover | Self::Close(_) => 0,
        }
    }
}

/// A queue bounded in stanzas and bytes. A push that does not fit closes the session with
/// `resource-constraint`: a reader that never reads costs a bounded amount and nobody else.
pub struct Mailbox {
    state: Mutex<State>,
    waker: AtomicWaker,
    bounds: Bounds,
}

/// How much a mailbox holds.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Stanzas.
    pub stanzas: usize,
    /// Bytes of their text.
    pub bytes: usize,
}

#[derive(Default)]
struct State {
    parcels: VecDeque<Parcel>,
    bytes: usize,
    overflowed: bool,
    held: bool,
    /// How many parcels at the front were put there.
    first: usize,
    rest: Rest,
    /// More than stanzas is in it.
    urgent: bool,
    /// Its session is gone.
    closed: bool,
}

/// Whether more is to be put ahead of what comes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Rest {
    /// No.
    #[default]
    None,
    /// Once what was put there is taken.
    Due,
    /// Somebody brings it.
    Coming,
}

impl Mailbox {
    /// An empty mailbox.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self {
            state: Mutex::default(),
            waker: AtomicWaker::new(),
            bounds,
        }
    }

    /// Adds a parcel and wakes the connection. One that it does not take goes nowhere.
    pub(crate) fn push(&self, parcel: Parcel) {
        drop(self.offer(parcel));
    }

    /// The same; gives the parcel back when the session is gone, or when it does not fit.
    pub(crate) fn offer(&self, parcel: Parcel) -> Option<Parcel> {
        {
            let mut state = self.state.lock();
            if state.closed {
                return Some(parcel);
            }
            if let Parcel::Stanza { stanza, .. } = &parcel {
                if state.overflowed {
                    return Some(parcel);
                }
                if state.parcels.len() >= self.bounds.stanzas
                    || state.bytes + stanza.len() > self.bounds.bytes
                {
                    state.overflowed = true;
                    state.urgent = true;
                    state
                        .parcels
                        .push_back(Parcel::Close(StreamCondition::ResourceConstraint));
                    drop(state);
                    self.waker.wake();
                    return Some(parcel);
                }
                state.bytes += stanza.len();
                state.parcels.push_back(parcel);
            } else {
                state.urgent = true;
                state.parcels.push_back(parcel);
            }
        }
        self.waker.wake();
        None
    }

    /// Wakes the connection without a parcel.
    pub(crate) fn wake(&self) {
        self.waker.wake();
    }

    /// Nothing is taken out until [`Mailbox::release`]; what comes meanwhile waits in order.
    pub(crate) fn hold(&self) {
        self.state.lock().held = true;
    }

    /// Ends a hold. `first` goes ahead of all that waits; whoever gives it bounds it.
    pub(crate) fn release(&self, first: impl IntoIterator<Item = Parcel>) {
        self.state.lock().held = false;
        drop(self.insert(first.into_iter().collect(), None));
    }

    /// Puts parcels ahead of all that waits; whoever gives them bounds them. When there is `more` to be put there, nothing
    /// behind them is taken until it is: see [`Mailbox::wants_rest`]. Gives them back when the session is gone.
    pub(crate) fn put_first(&self, first: Vec<Parcel>, more: bool) -> Vec<Parcel> {
        let rest = if more { Rest::Due } else { Rest::None };
        self.insert(first, Some(rest))
    }

    fn insert(&self, first: Vec<Parcel>, rest: Option<Rest>) -> Vec<Parcel> {
        {
            let mut state = self.state.lock();
            if state.closed {
                return first;
            }
            state.rest = rest.unwrap_or(state.rest);
            state.first += first.len();
            let waiting = std::mem::take(&mut state.parcels);
            state.parcels.extend(first);
            let added = state.parcels.iter().map(Parcel::bytes).sum::<usize>();
            state.bytes += added;
            state.parcels.extend(waiting);
        }
        self.waker.wake();
        Vec::new()
    }

    /// True when what was put first is taken and more is to be put there.
    #[must_use]
    pub(crate) fn wants_rest(&self) -> bool {
        let state = self.state.lock();
        state.rest == Rest::Due && state.first == 0 && !state.held
    }

    /// Somebody brings the rest now.
    pub(crate) fn rest_comes(&self) {
        self.state.lock().rest = Rest::Coming;
    }

    /// The rest does not come: what waited behind it goes on.
    pub(crate) fn without_rest(&self) {
        self.state.lock().rest = Rest::None;
        self.waker.wake();
    }

    /// False once its session is gone, or is to end because something did not fit.
    #[must_use]
    pub(crate) fn takes_stanzas(&self) -> bool {
        let state = self.state.lock();
        !state.closed && !state.overflowed
    }

    /// Asks the session to end with `condition`.
    pub fn close(&self, condition: StreamCondition) {
        self.push(Parcel::Close(condition));
    }

    /// Who is woken by the next push.
    pub fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// Takes all that waits, but nothing that something is still to be put ahead of. An emptied mailbox holds no buffer.
    #[must_use]
    pub(crate) fn take(&self) -> VecDeque<Parcel> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        if state.held {
            return VecDeque::new();
        }
        let urgent = std::mem::take(&mut state.urgent);
        let first = std::mem::take(&mut state.first).min(state.parcels.len());
        if state.rest == Rest::None {
            state.bytes = 0;
            return std::mem::take(&mut state.parcels);
        }
        let behind = state.parcels.split_off(first);
        let mut taken = std::mem::replace(&mut state.parcels, behind);
        if urgent {
            let stanza =
                |parcel: &Parcel| matches!(parcel, Parcel::Stanza { .. } | Parcel::Waiting { .. });
            let (stay, mut go): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut state.parcels)
                .into_iter()
                .partition(stanza);
            state.parcels = stay;
            taken.append(&mut go);
        }
        state.bytes = state.parcels.iter().map(Parcel::bytes).sum();
        taken
    }

    /// Takes all that is left, held or not: the session is gone, and nothing comes in any more.
    #[must_use]
    pub(crate) fn take_last(&self) -> VecDeque<Parcel> {
        let mut state = self.state.lock();
        state.closed = true;
        state.bytes = 0;
        state.rest = Rest::None;
        std::mem::take(&mut state.parcels)
    }

    /// True when what waits must be seen even by a connection that cannot write: an end, a handover.
    #[must_use]
    pub(crate) fn is_urgent(&self) -> bool {
        let state = self.state.lock();
        state.urgent && !state.held
    }

    /// True when nothing can be taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let state = self.state.lock();
        let takes_all = state.rest == Rest::None || state.urgent;
        state.held || state.parcels.is_empty() || (state.first == 0 && !takes_all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parcel(text: &'static str) -> Parcel {
        Parcel::Stanza {
            stanza: Bytes::from_static(text.as_bytes()),
            keeping: Keeping::Nowhere,
        }
    }

    fn taken(mailbox: &Mailbox) -> Vec<Bytes> {
        let parcels = mailbox.take().into_iter();
        parcels
            .filter_map(|parcel| match parcel {
                Parcel::Stanza { stanza, .. } => Some(stanza),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn nothing_overtakes_what_is_still_to_be_put_first() {
        let mailbox = Mailbox::new(Bounds {
            stanzas: 10,
            bytes: 100,
        });
        mailbox.push(parcel("live"));
        assert!(mailbox.put_first(vec![parcel("one")], true).is_empty());
        assert!(!mailbox.is_empty() && !mailbox.wants_rest());
        assert_eq!(taken(&mailbox), ["one"]);
        assert!(mailbox.is_empty() && mailbox.wants_rest());
        mailbox.rest_comes();
        mailbox.push(parcel("later"));
        assert!(mailbox.is_empty() && !mailbox.wants_rest());
        assert!(mailbox.put_first(vec![parcel("two")], false).is_empty());
        assert_eq!(taken(&mailbox), ["two", "live", "later"]);
        assert!(mailbox.put_first(vec![parcel("three")], true).is_empty());
        mailbox.push(parcel("four"));
        mailbox.close(StreamCondition::Conflict);
        // An end is seen at once; what came is left for those who return it.
        assert_eq!(taken(&mailbox), ["three"]);
        assert_eq!(mailbox.take_last().len(), 1);
    }
}
