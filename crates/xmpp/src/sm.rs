//! XEP-0198: Stream Management. The counters of one stream, and the queue of what the peer has not
//! acknowledged yet.
//!
//! The machine is the same for both roles. It counts and keeps; when to ask and when to answer is the
//! caller's. What it is given to keep is generic, so that an item may carry more than its bytes (an archive id,
//! a time, a promise).

use std::collections::VecDeque;

use bytes::Bytes;

use crate::condition::{StanzaCondition, StreamCondition};
use crate::ns;
use crate::xml::{Stanza, Writer};

/// What can be queued: it knows its weight.
pub trait Weigh {
    /// Bytes that it keeps alive.
    fn weight(&self) -> usize;
}

impl Weigh for Bytes {
    fn weight(&self) -> usize {
        self.len()
    }
}

impl<T> Weigh for (Bytes, T) {
    fn weight(&self) -> usize {
        self.0.len() + size_of::<T>()
    }
}

/// How much may wait for acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SmLimits {
    /// Items.
    pub items: usize,
    /// Bytes, as [`Weigh::weight`] says.
    pub bytes: usize,
}

/// The peer says that it handled more than it was sent (XEP-0198 §6). The stream is to be closed with
/// [`HandledCountTooHigh::to_xml`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{h} stanzas acknowledged, but only {sent} were sent")]
pub struct HandledCountTooHigh {
    /// What it said.
    pub h: u32,
    /// What was sent.
    pub sent: u32,
}

impl HandledCountTooHigh {
    /// The stream error, with `declare` for framings without a stream header.
    pub fn to_xml(self, declare: bool) -> String {
        let mut writer = Writer::with_capacity(400);
        writer.start("stream:error");
        if declare {
            writer.attr("xmlns:stream", ns::STREAMS);
        }
        writer.leaf(
            StreamCondition::UndefinedCondition.as_str(),
            ns::STREAM_ERRORS,
        );
        writer
            .start("handled-count-too-high")
            .xmlns(ns::STREAM_MANAGEMENT);
        writer
            .attr("h", self.h.to_string())
            .attr("send-count", self.sent.to_string())
            .end();
        writer
            .start("text")
            .xmlns(ns::STREAM_ERRORS)
            .attr("xml:lang", "en");
        writer
            .text(&format!(
                "You acknowledged {} stanzas, but I only sent you {} so far.",
                self.h, self.sent
            ))
            .end();
        writer.end();
        writer.finish()
    }
}

/// Both counters and the queue of one managed stream. It outlives the transport when the stream is resumed.
#[derive(Debug)]
pub struct StreamManagement<T> {
    handled: u32,
    /// Sent since the stream was enabled, modulo 2³².
    sent: u32,
    queue: VecDeque<T>,
    weight: usize,
    limits: SmLimits,
    /// `sent` when an acknowledgement was last asked for.
    asked: u32,
    awaiting: bool,
}

impl<T: Weigh> StreamManagement<T> {
    /// Counters at zero. Call it when `<enable/>` or `<enabled/>` is sent or received (XEP-0198 §4).
    pub fn new(limits: SmLimits) -> Self {
        StreamManagement {
            handled: 0,
            sent: 0,
            queue: VecDeque::new(),
            weight: 0,
            limits,
            asked: 0,
            awaiting: false,
        }
    }

    /// Counts `stanzas` received ones as handled: we answer for them from now on.
    pub fn handled(&mut self, stanzas: u32) {
        self.handled = self.handled.wrapping_add(stanzas);
    }

    /// The value of `h` for `<a/>`, `<resume/>` and `<resumed/>`.
    pub fn h(&self) -> u32 {
        self.handled
    }

    /// Keeps a stanza that is being sent. Other elements are not counted.
    ///
    /// # Errors
    /// Gives the item back when the queue is at a limit. Then the stanza must not be sent either: the peer
    /// does not acknowledge, and the stream is to be closed (`resource-constraint`).
    pub fn sent(&mut self, item: T) -> Result<(), T> {
        let weight = self.weight.saturating_add(item.weight());
        if self.queue.len() >= self.limits.items
            || (weight > self.limits.bytes && !self.queue.is_empty())
        {
            return Err(item);
        }
        self.weight = weight;
        self.sent = self.sent.wrapping_add(1);
        self.queue.push_back(item);
        Ok(())
    }

    /// Takes `<a h=…/>`: gives the items that the peer has now handled, oldest first. They leave the queue
    /// even if the iterator is dropped early.
    ///
    /// # Errors
    /// [`HandledCountTooHigh`]; nothing has changed then.
    pub fn acknowledge(
        &mut self,
        h: u32,
    ) -> Result<impl Iterator<Item = T> + '_, HandledCountTooHigh> {
        let count = self.newly(h)?;
        self.awaiting = false;
        let freed: usize = self.queue.iter().take(count).map(Weigh::weight).sum();
        self.weight = self.weight.saturating_sub(freed);
        Ok(self.queue.drain(..count))
    }

    /// Takes `h` of `<resume/>` or `<resumed/>`: what the peer has is dropped and given to `handled`, the rest
    /// is to be sent again, in this order, and stays queued (XEP-0198 §5).
    ///
    /// # Errors
    /// [`HandledCountTooHigh`]; nothing has changed then.
    pub fn resume(
        &mut self,
        h: u32,
        handled: impl FnMut(T),
    ) -> Result<impl Iterator<Item = &T> + '_, HandledCountTooHigh> {
        self.acknowledge(h)?.for_each(handled);
        Ok(self.queue.iter())
    }

    /// How many items `h` acknowledges that were not before.
    fn newly(&self, h: u32) -> Result<usize, HandledCountTooHigh> {
        // Unacknowledged items end at `sent`: how far `h` lies behind it, modulo 2³², tells how many remain.
        // An `h` before the last one shows as a distance beyond the queue. It cannot be told from one that is
        // too high, and is as wrong.
        let open = self.sent.wrapping_sub(h) as usize;
        self.queue
            .len()
            .checked_sub(open)
            .ok_or(HandledCountTooHigh { h, sent: self.sent })
    }

    /// What the peer has not acknowledged, oldest first.
    pub fn unacknowledged(&self) -> impl ExactSizeIterator<Item = &T> + '_ {
        self.queue.iter()
    }

    /// Ends: what the peer has not acknowledged goes another way (XEP-0198 §4).
    pub fn into_unacknowledged(self) -> impl ExactSizeIterator<Item = T> {
        self.queue.into_iter()
    }

    /// Number of items that wait for acknowledgement.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Bytes that wait for acknowledgement.
    pub fn bytes(&self) -> usize {
        self.weight
    }

    /// Whether to send `<r/>` now: `every` stanzas went out since the last one and none is open, or the queue
    /// is half full. Says yes once, and counts it as asked.
    pub fn wants_request(&mut self, every: u32) -> bool {
        if self.queue.is_empty() {
            return false;
        }
        let since = self.sent.wrapping_sub(self.asked);
        let half =
            self.queue.len() * 2 >= self.limits.items || self.weight * 2 >= self.limits.bytes;
        let wants = if self.awaiting {
            half && since >= every
        } else {
            since >= every || half
        };
        if wants {
            self.requested();
        }
        wants
    }

    /// Notes that `<r/>` is sent for another reason (idle, before sleep).
    pub fn requested(&mut self) {
        self.asked = self.sent;
        self.awaiting = true;
    }

    /// Whether an `<r/>` is unanswered.
    pub fn awaits_answer(&self) -> bool {
        self.awaiting
    }

    /// Gives back memory that a long queue has left behind.
    pub fn shrink(&mut self) {
        if self.queue.capacity() > 8 && self.queue.len() * 4 < self.queue.capacity() {
            self.queue.shrink_to(self.queue.len());
        }
    }
}

/// An element of XEP-0198 as received. Values of `h` are already numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SmElement {
    /// `<r/>`
    Request,
    /// `<a h=…/>`
    Answer {
        /// Stanzas the sender has handled.
        h: u32,
    },
    /// `<enable/>`
    Enable {
        /// To be resumable.
        resume: bool,
        /// Longest wait for resumption, seconds.
        max: Option<u32>,
    },
    /// `<enabled/>`
    Enabled {
        /// The SM-ID.
        id: Option<String>,
        /// May be resumed.
        resume: bool,
        /// Longest wait for resumption, seconds.
        max: Option<u32>,
        /// Where to reconnect to.
        location: Option<String>,
    },
    /// `<resume/>`
    Resume {
        /// SM-ID of the former stream.
        previous: String,
        /// Stanzas the sender has handled.
        h: u32,
    },
    /// `<resumed/>`
    Resumed {
        /// SM-ID of the former stream.
        previous: String,
        /// Stanzas the sender has handled.
        h: u32,
    },
    /// `<failed/>`
    Failed {
        /// Stanzas the sender had handled.
        h: Option<u32>,
        /// Why.
        condition: StanzaCondition,
    },
}

impl SmElement {
    /// Reads a first-level element. `None` when it is not of XEP-0198 or lacks a mandatory attribute.
    pub fn read(element: &Stanza) -> Option<SmElement> {
        if element.namespace() != ns::STREAM_MANAGEMENT {
            return None;
        }
        let tree = element.tree();
        Self::of(tree.root())
    }

    /// Reads an element wherever it stands (also inside SASL2 and Bind 2).
    pub fn of(element: crate::xml::Element<'_>) -> Option<SmElement> {
        if element.namespace() != ns::STREAM_MANAGEMENT {
            return None;
        }
        let h = || {
            element
                .attr("h")
                .and_then(|h| h.trim_ascii().parse::<u32>().ok())
        };
        let max = || {
            element
                .attr("max")
                .and_then(|max| max.trim_ascii().parse::<u32>().ok())
        };
        let resume = || {
            matches!(
                element.attr("resume").map(str::trim_ascii),
                Some("true" | "1")
            )
        };
        let own = |name: &str| element.attr(name).map(str::to_owned);
        Some(match element.name() {
            "r" => SmElement::Request,
            "a" => SmElement::Answer { h: h()? },
            "enable" => SmElement::Enable {
                resume: resume(),
                max: max(),
            },
            "enabled" => SmElement::Enabled {
                id: own("id"),
                resume: resume(),
                max: max(),
                location: own("location"),
            },
            "resume" => SmElement::Resume {
                previous: own("previd")?,
                h: h()?,
            },
            "resumed" => SmElement::Resumed {
                previous: own("previd")?,
                h: h()?,
            },
            "failed" => {
                let condition = element
                    .children()
                    .filter(|child| child.namespace() == ns::STANZA_ERRORS)
                    .find_map(|child| StanzaCondition::parse(child.name()));
                SmElement::Failed {
                    h: h(),
                    condition: condition.unwrap_or(StanzaCondition::UndefinedCondition),
                }
            }
            _ => return None,
        })
    }

    /// Writes the element.
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::with_capacity(128);
        match self {
            SmElement::Request => {
                writer.leaf("r", ns::STREAM_MANAGEMENT);
            }
            SmElement::Answer { h } => {
                writer
                    .start("a")
                    .xmlns(ns::STREAM_MANAGEMENT)
                    .attr("h", h.to_string())
                    .end();
            }
            SmElement::Enable { resume, max } => {
                writer.start("enable").xmlns(ns::STREAM_MANAGEMENT);
                writer.attr_opt("resume", resume.then_some("true"));
                writer.attr_opt("max", max.map(|max| max.to_string())).end();
            }
            SmElement::Enabled {
                id,
                resume,
                max,
                location,
            } => {
                writer.start("enabled").xmlns(ns::STREAM_MANAGEMENT);
                writer
                    .attr_opt("id", id.as_deref())
                    .attr_opt("resume", resume.then_some("true"));
                writer.attr_opt("max", max.map(|max| max.to_string()));
                writer.attr_opt("location", location.as_deref()).end();
            }
            SmElement::Resume { previous, h } => {
                writer
                    .start("resume")
                    .xmlns(ns::STREAM_MANAGEMENT)
                    .attr("h", h.to_string())
                    .attr("previd", previous)
                    .end();
            }
            SmElement::Resumed { previous, h } => {
                writer
                    .start("resumed")
                    .xmlns(ns::STREAM_MANAGEMENT)
                    .attr("h", h.to_string())
                    .attr("previd", previous)
                    .end();
            }
            SmElement::Failed { h, condition } => {
                writer
                    .start("failed")
                    .xmlns(ns::STREAM_MANAGEMENT)
                    .attr_opt("h", h.map(|h| h.to_string()));
                writer.leaf(condition.as_str(), ns::STANZA_ERRORS).end();
            }
        }
        writer.finish()
    }
}

#[cfg(test)]
mod tests;
