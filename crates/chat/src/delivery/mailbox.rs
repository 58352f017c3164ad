//! The bounded mailbox between those who deliver and the connection that writes.

use std::collections::VecDeque;
use std::task::Waker;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use store::ArchiveId;
use xmpp::condition::StreamCondition;

use crate::session::Handover;

/// What a mailbox carries.
pub(crate) enum Parcel {
    /// A stanza to write, counted by stream management.
    Stanza {
        /// The whole stanza.
        stanza: Bytes,
        /// Where the owner's archive keeps it.
        kept: Option<ArchiveId>,
    },
    /// A message that has waited and is in no archive: it waits on until the client has it.
    Waiting {
        /// The whole stanza.
        stanza: Bytes,
        /// Under which the store keeps it.
        id: ArchiveId,
    },
    /// Another connection resumes this session: hand it over and end (XEP-0198 §5).
    Handover(Handover),
    /// End the stream with this condition.
    Close(StreamCondition),
}

impl Parcel {
    /// What it counts for in a mailbox.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Stanza { stanza, .. } | Self::Waiting { stanza, .. } => stanza.len(),
            Self::Handover(_) | Self::Close(_) => 0,
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
    /// More than stanzas is in it.
    urgent: bool,
    /// Its session is gone.
    closed: bool,
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
        drop(self.put_first(first.into_iter().collect()));
    }

    /// Puts parcels ahead of all that waits; whoever gives them bounds them. Gives them back when the session is gone.
    pub(crate) fn put_first(&self, first: Vec<Parcel>) -> Vec<Parcel> {
        {
            let mut state = self.state.lock();
            if state.closed {
                return first;
            }
            let waiting = std::mem::take(&mut state.parcels);
            state.parcels.extend(first);
            let added = state.parcels.iter().map(Parcel::bytes).sum::<usize>();
            state.bytes += added;
            state.parcels.extend(waiting);
        }
        self.waker.wake();
        Vec::new()
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

    /// Takes all that waits; an emptied mailbox holds no buffer.
    #[must_use]
    pub(crate) fn take(&self) -> VecDeque<Parcel> {
        let mut state = self.state.lock();
        if state.held {
            return VecDeque::new();
        }
        state.bytes = 0;
        state.urgent = false;
        std::mem::take(&mut state.parcels)
    }

    /// Takes out the first request for the session, whatever is ahead of it.
    #[must_use]
    pub(crate) fn take_handover(&self) -> Option<Handover> {
        let mut state = self.state.lock();
        let at = state
            .parcels
            .iter()
            .position(|parcel| matches!(parcel, Parcel::Handover(_)))?;
        match state.parcels.remove(at) {
            Some(Parcel::Handover(handover)) => Some(handover),
            _ => None,
        }
    }

    /// Takes all that is left, held or not: the session is gone, and nothing comes in any more.
    #[must_use]
    pub(crate) fn take_last(&self) -> VecDeque<Parcel> {
        let mut state = self.state.lock();
        state.closed = true;
        state.bytes = 0;
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
        state.held || state.parcels.is_empty()
    }
}
