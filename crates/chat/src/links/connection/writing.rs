//! The way out of one connection: the links it writes for, and what the other side has not acknowledged.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use base::{Moment, Now, Timestamp};
use bytes::Bytes;
use xmpp::condition::StanzaCondition;
use xmpp::sm::{HandledCountTooHigh, SmElement, SmLimits, StreamManagement, Weigh};
use xmpp::xml::{Kind, Stanza};

use crate::links::link::{Carrier, Link, Parcel};
use crate::modules::offline;
use crate::{Chat, Output};

/// Stanzas after which an acknowledgement is asked for even in the middle of a burst.
const ASK_EVERY: u32 = 50;
/// Stanzas that may wait for acknowledgement before the queue must.
const MOST_UNACKNOWLEDGED: usize = 1_000;
/// What has waited longer says so (XEP-0203).
const LATE: Duration = Duration::from_secs(60);

/// A parcel and the link that it is of.
struct Sent(Arc<Link>, Parcel);

impl Weigh for Sent {
    fn weight(&self) -> usize {
        self.1.weight()
    }
}

/// The way out.
#[derive(Default)]
pub(super) struct Writing {
    carrier: Carrier,
    links: Vec<Arc<Link>>,
    ready: VecDeque<Sent>,
    management: Option<StreamManagement<Sent>>,
    /// Kept stanzas that were written without stream management since the last [`Writing::settle`].
    written: Vec<u64>,
    moment: Moment,
    wall: Option<Timestamp>,
}

impl Writing {
    pub(super) fn new(carrier: Carrier, now: Now) -> Self {
        Self {
            carrier,
            moment: now.moment,
            wall: Some(now.wall),
            ..Self::default()
        }
    }

    /// Writes for a link from now on.
    pub(super) fn carry(&mut self, link: Arc<Link>) {
        if !self.links.iter().any(|other| Arc::ptr_eq(other, &link)) {
            link.opened(self.carrier);
            self.links.push(link);
        }
    }

    /// Switches stream management on. False when it is on already.
    pub(super) fn enable(&mut self, chat: &Chat) -> bool {
        if self.management.is_some() {
            return false;
        }
        let limits = &chat.config().limits;
        self.management = Some(StreamManagement::new(SmLimits {
            items: limits.unacknowledged_stanzas,
            bytes: limits.unacknowledged_bytes,
        }));
        true
    }

    pub(super) fn count_handled(&mut self) {
        if let Some(management) = &mut self.management {
            management.handled(1);
        }
    }

    pub(super) fn handled(&self) -> Option<u32> {
        self.management.as_ref().map(StreamManagement::h)
    }

    /// The other side has handled `h` stanzas.
    pub(super) fn acknowledged(&mut self, h: u32, chat: &Chat) -> Result<(), HandledCountTooHigh> {
        let Some(management) = &mut self.management else {
            return Ok(());
        };
        let ids: Vec<u64> = management
            .acknowledge(h)?
            .filter_map(|sent| sent.1.kept)
            .collect();
        management.shrink();
        chat.links().delivered(chat, ids);
        Ok(())
    }

    /// Asks what the other side has handled. False without stream management.
    pub(super) fn ask(&mut self, out: &mut VecDeque<Output>) -> bool {
        let Some(management) = &mut self.management else {
            return false;
        };
        management.requested();
        out.push_back(Output::Send(SmElement::Request.to_xml().into()));
        true
    }

    /// Who is woken when something is to be written.
    pub(super) fn register(&self, waker: &Waker) {
        for link in &self.links {
            link.register(self.carrier, waker);
        }
    }

    /// What was written without stream management is delivered, as far as can be known.
    pub(super) fn settle(&mut self, chat: &Chat) {
        if !self.written.is_empty() {
            chat.links()
                .delivered(chat, std::mem::take(&mut self.written));
        }
    }

    /// Whether something can be written.
    pub(super) fn wants(&mut self, now: Now) -> bool {
        (self.moment, self.wall) = (now.moment, Some(now.wall));
        self.has_room()
            && (!self.ready.is_empty()
                || self.links.iter().any(|link| link.waits_for(self.carrier)))
    }

    /// When [`Writing::wants`] was last asked.
    pub(super) fn now(&self) -> Moment {
        self.moment
    }

    /// Nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty()
            && self
                .management
                .as_ref()
                .is_none_or(StreamManagement::is_empty)
    }

    /// Another stanza may be written before the next acknowledgement.
    fn has_room(&self) -> bool {
        self.management
            .as_ref()
            .is_none_or(|management| management.len() < MOST_UNACKNOWLEDGED)
    }

    /// The next bytes. When the last of a batch is taken, an acknowledgement is asked for if it is time.
    pub(super) fn next(&mut self, chat: &Chat) -> Option<Bytes> {
        if self.ready.is_empty() && self.has_room() {
            for link in &self.links {
                let taken = link.take(self.carrier);
                self.ready.extend(
                    taken
                        .into_iter()
                        .map(|parcel| Sent(Arc::clone(link), parcel)),
                );
            }
        }
        if !self.has_room() || self.ready.is_empty() {
            let management = self.management.as_mut()?;
            let every = if management.awaits_answer() {
                ASK_EVERY
            } else {
                1
            };
            return management
                .wants_request(every)
                .then(|| SmElement::Request.to_xml().into());
        }
        let sent = self.ready.pop_front()?;
        let stanza = self.text(&sent, chat);
        chat.metrics().stanzas_out.add(1);
        match &mut self.management {
            Some(management) => {
                if let Err(sent) = management.sent(sent) {
                    // As much waits as may wait: later.
                    self.ready.push_front(sent);
                    return None;
                }
            }
            None => self.written.extend(sent.1.kept),
        }
        Some(stanza)
    }

    /// The stanza as it goes out: one that has waited says since when.
    fn text(&self, sent: &Sent, chat: &Chat) -> Bytes {
        let Sent(link, parcel) = sent;
        let late = parcel.kept.is_some()
            && parcel.stanza.starts_with(b"<message")
            && self.wall.is_some_and(|wall| wall.since(parcel.at) >= LATE);
        if !late {
            return parcel.stanza.clone();
        }
        let domain = chat.domain();
        let by = if link.local.is_empty() {
            &domain
        } else {
            &*link.local
        };
        offline::with_delay(&parcel.stanza, by, parcel.at)
    }

    /// The connection is gone: what the store keeps goes another way, requests come back, the rest is lost with the
    /// connection (it may have arrived).
    pub(super) fn end(mut self, chat: &Chat, now: Now) {
        self.settle(chat);
        let mut unacknowledged = Vec::new();
        if let Some(management) = self.management.take() {
            unacknowledged.extend(management.into_unacknowledged());
        }
        let mut lost = Vec::new();
        let mut left: Vec<Sent> = Vec::new();
        for sent in unacknowledged {
            if sent.1.kept.is_some() {
                left.push(sent);
            } else if is_request(&sent.1.stanza) {
                lost.push(sent.1);
            }
        }
        left.extend(self.ready);
        for link in &self.links {
            let (own, others): (Vec<Sent>, Vec<Sent>) = left
                .into_iter()
                .partition(|sent| Arc::ptr_eq(&sent.0, link));
            left = others;
            let own = own.into_iter().map(|sent| sent.1).collect();
            chat.links().closed(chat, link, self.carrier, own, now);
        }
        let why = "the connection with that server was lost";
        chat.links()
            .undelivered(chat, lost, StanzaCondition::RemoteServerTimeout, why, now);
    }
}

fn is_request(stanza: &Bytes) -> bool {
    let stanza = std::str::from_utf8(stanza)
        .ok()
        .and_then(|text| Stanza::parse(text).ok());
    stanza.is_some_and(|stanza| {
        stanza.kind() == Kind::Iq && matches!(stanza.type_().as_deref(), Some("get" | "set"))
    })
}
