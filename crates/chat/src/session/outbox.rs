//! What goes out to the client, in order, with stream management (XEP-0198) and client state
//! (XEP-0352) applied.

use std::collections::VecDeque;

use bytes::Bytes;
use xmpp::condition::StreamCondition;
use xmpp::sm::{HandledCountTooHigh, SmElement, SmLimits, StreamManagement, Weigh};

use super::client_state::{ClientState, Urgency};
use crate::delivery::Keeping;

/// The part of what may be unacknowledged up to which a client is given more of what has waited for it.
const LITTLE: usize = 4;
/// Stanzas after which an acknowledgement is asked for even in the middle of a burst.
const ASK_EVERY: u32 = 100;

/// The way out.
#[derive(Default)]
pub(crate) struct Outbox {
    ready: VecDeque<Ready>,
    /// Bytes of what is ready.
    ready_bytes: usize,
    /// Deliveries without stream management that were taken to be written.
    taken: Vec<Sent>,
    /// What the client has by now and somebody wants to know of.
    received: Vec<Keeping>,
    /// Deliveries for which there was no room behind what is not acknowledged: the session ends.
    refused: Vec<Sent>,
    inactive: Option<Box<ClientState>>,
    management: Option<Box<Management>>,
    /// Stanzas written, for the metrics.
    written: u64,
}

struct Management {
    machine: StreamManagement<Sent>,
    limits: SmLimits,
    resume_id: Option<Box<str>>,
}

/// What waits to be written.
struct Ready {
    bytes: Bytes,
    /// For a delivery without stream management: where else it is.
    delivery: Option<Keeping>,
}

impl From<Bytes> for Ready {
    fn from(bytes: Bytes) -> Self {
        Self {
            bytes,
            delivery: None,
        }
    }
}

/// A stanza that the client does not have for certain: it is not acknowledged, or not written.
pub(crate) struct Sent {
    pub(crate) stanza: Bytes,
    pub(crate) keeping: Keeping,
}

impl Sent {
    /// Where it is kept, when somebody wants to know that it has arrived.
    fn awaited(&self) -> Option<Keeping> {
        match self.keeping {
            Keeping::Waiting(_) | Keeping::Copy(_) => Some(self.keeping),
            Keeping::Nowhere | Keeping::Archive(_) => None,
        }
    }
}

impl Weigh for Sent {
    fn weight(&self) -> usize {
        self.stanza.len()
    }
}

impl Outbox {
    /// Switches stream management on (XEP-0198 §3). False when it is on already.
    pub(crate) fn enable(&mut self, resume_id: Option<Box<str>>, limits: SmLimits) -> bool {
        if self.management.is_some() {
            return false;
        }
        self.management = Some(Box::new(Management {
            machine: StreamManagement::new(limits),
            limits,
            resume_id,
        }));
        true
    }

    pub(crate) fn resume_id(&self) -> Option<&str> {
        self.management.as_ref()?.resume_id.as_deref()
    }

    /// Counts a stanza from the client.
    pub(crate) fn count_handled(&mut self) {
        if let Some(management) = &mut self.management {
            management.machine.handled(1);
        }
    }

    /// How many stanzas from the client were taken on; `None` without stream management.
    pub(crate) fn handled(&self) -> Option<u32> {
        self.management
            .as_ref()
            .map(|management| management.machine.h())
    }

    /// The client has handled `h` stanzas. An error is to be written before the stream closes.
    pub(crate) fn acknowledged(&mut self, h: u32) -> Result<(), HandledCountTooHigh> {
        let Some(management) = &mut self.management else {
            return Ok(());
        };
        let received = management.machine.acknowledge(h)?;
        self.received
            .extend(received.filter_map(|sent| sent.awaited()));
        management.machine.shrink();
        Ok(())
    }

    /// A stanza that others have delivered.
    pub(crate) fn push_delivery(
        &mut self,
        stanza: Bytes,
        keeping: Keeping,
    ) -> Result<(), StreamCondition> {
        if let Some(state) = &mut self.inactive {
            let urgency = match keeping {
                // What has waited once does not wait again.
                Keeping::Waiting(_) => Urgency::Now,
                _ => state.offer(&stanza, keeping),
            };
            match urgency {
                Urgency::Held | Urgency::Dropped => return Ok(()),
                // If that fails, so does what follows.
                Urgency::Now => drop(self.release_held()),
            }
        }
        self.send(stanza, Some(keeping))
    }

    /// An answer or push for the client itself.
    pub(crate) fn push_own(&mut self, stanza: Bytes) -> Result<(), StreamCondition> {
        self.send(stanza, None)
    }

    fn send(&mut self, stanza: Bytes, delivery: Option<Keeping>) -> Result<(), StreamCondition> {
        let managed = self.management.is_some();
        if let Some(management) = &mut self.management {
            let sent = Sent {
                stanza: stanza.clone(),
                keeping: delivery.unwrap_or(Keeping::Nowhere),
            };
            // What is smaller and would fit does not overtake.
            let refused = if self.refused.is_empty() {
                management.machine.sent(sent).err()
            } else {
                Some(sent)
            };
            if let Some(refused) = refused {
                self.refused.push(refused);
                return Err(StreamCondition::ResourceConstraint);
            }
        }
        self.written += 1;
        self.push_ready(Ready {
            bytes: stanza,
            delivery: delivery.filter(|_| !managed),
        });
        Ok(())
    }

    fn push_ready(&mut self, ready: Ready) {
        self.ready_bytes += ready.bytes.len();
        self.ready.push_back(ready);
    }

    /// Takes the first of what is ready.
    fn take_ready(&mut self) -> Option<Bytes> {
        let Ready { bytes, delivery } = self.ready.pop_front()?;
        self.ready_bytes -= bytes.len();
        if let Some(keeping) = delivery {
            self.taken.push(Sent {
                stanza: bytes.clone(),
                keeping,
            });
        }
        Some(bytes)
    }

    /// All that was taken is written.
    pub(crate) fn all_written(&mut self) {
        self.received
            .extend(self.taken.drain(..).filter_map(|sent| sent.awaited()));
        // An idle session holds next to nothing.
        if self.taken.capacity() > 4 {
            self.taken = Vec::new();
        }
    }

    /// What the client has of what has waited and of copies: each is told once.
    pub(crate) fn take_received(&mut self) -> Vec<Keeping> {
        std::mem::take(&mut self.received)
    }

    fn release_held(&mut self) -> Result<(), StreamCondition> {
        let held = match &mut self.inactive {
            Some(state) => state.take(),
            None => return Ok(()),
        };
        // All of them: what has no room is left, not lost.
        let mut all = Ok(());
        for held in held {
            all = all.and(self.send(held.sent.stanza, Some(held.sent.keeping)));
        }
        all
    }

    /// XEP-0352 §4.1.
    pub(crate) fn set_inactive(&mut self, most_held: usize) {
        if self.inactive.is_none() {
            self.inactive = Some(Box::new(ClientState::new(most_held)));
        }
    }

    /// XEP-0352 §4.1: what waited goes out now.
    pub(crate) fn set_active(&mut self) -> Result<(), StreamCondition> {
        let released = self.release_held();
        self.inactive = None;
        released
    }

    /// Something that is no stanza: written as it is, and not counted.
    pub(crate) fn push_control(&mut self, element: impl Into<Bytes>) {
        self.push_ready(element.into().into());
    }

    /// Asks the client what it has handled (XEP-0198 §4). False without stream management.
    pub(crate) fn ask(&mut self) -> bool {
        let Some(management) = &mut self.management else {
            return false;
        };
        management.machine.requested();
        self.push_control(SmElement::Request.to_xml());
        true
    }

    /// Whether there was no room for a delivery.
    pub(crate) fn is_full(&self) -> bool {
        !self.refused.is_empty()
    }

    /// Whether elements wait to be written.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Bytes that wait to be written.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.ready_bytes
    }

    /// Whether the client has next to all that was sent, as far as can be known.
    pub(crate) fn is_caught_up(&self) -> bool {
        let little = |management: &Management| {
            let (machine, limits) = (&management.machine, management.limits);
            machine.len() <= limits.items / LITTLE && machine.bytes() <= limits.bytes / LITTLE
        };
        self.ready.is_empty()
            && self.taken.is_empty()
            && self.management.as_deref().is_none_or(little)
    }

    /// The next element that waits to be written.
    pub(crate) fn next_ready(&mut self) -> Option<Bytes> {
        self.take_ready()
    }

    /// The next element to write. When the last one of a batch is taken, an acknowledgement is
    /// asked for if it is time.
    pub(crate) fn next(&mut self) -> Option<Bytes> {
        if let Some(element) = self.take_ready() {
            return Some(element);
        }
        if self.ready.capacity() > 0 {
            self.ready = VecDeque::new();
        }
        let management = self.management.as_mut()?;
        let every = if management.machine.awaits_answer() {
            ASK_EVERY
        } else {
            1
        };
        management
            .machine
            .wants_request(every)
            .then(|| SmElement::Request.to_xml().into())
    }

    /// Stanzas written since the last call.
    pub(crate) fn take_written(&mut self) -> u64 {
        std::mem::take(&mut self.written)
    }

    /// The client is back and has `h` (XEP-0198 §5): everything later goes out again.
    pub(crate) fn resume(&mut self, h: u32) -> Result<(), HandledCountTooHigh> {
        let Some(management) = &mut self.management else {
            return Ok(());
        };
        self.ready = management
            .machine
            .resume(h, |sent| self.received.extend(sent.awaited()))?
            .map(|sent| sent.stanza.clone().into())
            .collect();
        self.ready_bytes = self.ready.iter().map(|ready| ready.bytes.len()).sum();
        // The former stream's client state does not carry over (XEP-0352 §5.1).
        let _ = self.set_active();
        Ok(())
    }

    /// Whether the client was asked what it has handled, and has not answered.
    pub(crate) fn awaits_answer(&self) -> bool {
        self.management
            .as_ref()
            .is_some_and(|management| management.machine.awaits_answer())
    }

    /// Deliveries that the client has not acknowledged, or, without stream management, that were not written.
    pub(crate) fn take_left(&mut self) -> Vec<Sent> {
        self.ready_bytes = 0;
        let mut left = std::mem::take(&mut self.taken);
        left.extend(self.ready.drain(..).filter_map(|ready| {
            ready.delivery.map(|keeping| Sent {
                stanza: ready.bytes,
                keeping,
            })
        }));
        if let Some(management) = self.management.take() {
            left.extend(management.machine.into_unacknowledged());
        }
        if let Some(state) = &mut self.inactive {
            left.extend(state.take().into_iter().map(|held| held.sent));
        }
        left.append(&mut self.refused);
        left
    }
}
