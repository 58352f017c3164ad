//! Stanzas on their way to other servers: kept until the other server has them.

use bytes::Bytes;

use base::Timestamp;

use crate::batch::Write;
use crate::{Batch, Reading, Store};

/// A stanza that another server is still to get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Names the entry, and orders those of one pair of domains. The caller makes it: greater than that of every
    /// earlier entry.
    pub id: u64,
    /// Our domain that the stanza comes from.
    pub local: Box<str>,
    /// The domain it goes to.
    pub remote: Box<str>,
    /// When it was taken on.
    pub at: Timestamp,
    /// The whole stanza with its addresses, as it stands in a stream.
    pub stanza: Bytes,
}

impl Batch {
    /// Keeps a stanza for another server.
    pub fn outgoing_set(&mut self, entry: Outgoing) {
        self.push(Write::OutgoingSet(Box::new(entry)));
    }

    /// Another server has it, or it went back to its sender.
    pub fn outgoing_remove(&mut self, id: u64) {
        self.push(Write::OutgoingRemove(id));
    }
}

impl Store {
    /// At most `max` stanzas with an id above `after`, in the order of their ids.
    pub fn outgoing(&self, after: u64, max: usize) -> Reading<Vec<Outgoing>> {
        self.backend().outgoing(after, max)
    }
}
