//! What must go out, as requests; and what is fetched.
//!
//! Nothing is queued that could be lost: what is due follows from the records and from what the caller has asked for,
//! and is due again until it was answered or marked as sent.

use base::{BareJid, Timestamp};
use bytes::Bytes;
use xmpp::xep::omemo::Form;
use xmpp::xml::Writer;
use xmpp::{iq, ns};

use super::publications::{Node, node_name};
use super::{MAX_REMEMBERED, Machine, Peer};
use crate::crypto::Randomness;
use crate::error::Error;
use crate::store::{Draft, KeyStore};

/// How many fetches are under way at once.
const MAX_FETCHES: usize = 32;

/// Names a request within its machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub(super) u64);

/// What is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// By what it is answered ([`Machine::answered`]) or marked as sent ([`Machine::mark_sent`]).
    pub id: RequestId,
    /// To whom; `None` is the own account.
    pub to: Option<BareJid>,
    /// What.
    pub kind: RequestKind,
}

/// What kind of stanza a request is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestKind {
    /// An `iq` of type `get` with this payload, as XML text. It wants an answer.
    Get(String),
    /// An `iq` of type `set` with this payload, as XML text. It wants an answer.
    Set(String),
    /// A `message` of type `chat` with these children, as XML text. It wants to be marked as sent.
    Message(String),
}

impl Request {
    /// Whether it is answered; otherwise it is to be marked as sent.
    #[must_use]
    pub const fn wants_answer(&self) -> bool {
        !matches!(self.kind, RequestKind::Message(_))
    }

    /// The stanza, with this id.
    #[must_use]
    pub fn stanza(&self, id: &str) -> Bytes {
        let to = self.to.as_ref().map(|to| to.as_str());
        match &self.kind {
            RequestKind::Get(payload) => iq::get(id, None, to, payload),
            RequestKind::Set(payload) => iq::set(id, None, to, payload),
            RequestKind::Message(children) => {
                let mut writer = Writer::with_capacity(children.len() + 96);
                writer
                    .start("message")
                    .attr_opt("to", to)
                    .attr("id", id)
                    .attr("type", "chat")
                    .raw(children)
                    .end();
                writer.into_bytes()
            }
        }
    }
}

/// Something to be fetched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Want {
    List(BareJid, Form),
    Bundle(Peer),
}

/// What a request is for.
#[derive(Debug, Clone)]
pub(super) enum Task {
    Fetch(Want),
    /// With the generation of the keys that were published.
    Publish(Node, Form, u64),
    Configure(Node, Form),
    Withdraw(Form),
    Empty(Peer),
    Letter(u32),
}

fn fetch(want: &Want) -> (BareJid, String) {
    let (account, node, item) = match want {
        Want::List(account, form) => (account, form.device_list_node().to_owned(), None),
        Want::Bundle((account, device, form)) => (
            account,
            node_name(Node::Bundle, *form, *device),
            (*form == Form::Current).then_some(*device),
        ),
    };
    let mut writer = Writer::new();
    writer
        .start("pubsub")
        .xmlns(ns::PUBSUB)
        .start("items")
        .attr("node", node);
    match item {
        Some(device) => {
            writer.start("item").attr("id", device.to_string()).end();
        }
        // Some servers keep old items of a node that should have one.
        None => {
            writer.attr("max_items", "1");
        }
    }
    writer.end().end();
    (account.clone(), writer.finish())
}

impl<S: KeyStore> Machine<S> {
    /// What is to be sent now. Each request is given once for a connection, until it was answered or marked; what was
    /// lost with a stream is given again after [`Machine::connected`]. Without a stream there is nothing.
    ///
    /// # Errors
    /// [`Error`], when the store fails; then nothing is to be sent.
    pub fn requests(
        &mut self,
        now: Timestamp,
        random: &mut dyn Randomness,
    ) -> Result<Vec<Request>, Error<S::Error>> {
        if !self.connected {
            return Ok(Vec::new());
        }
        let mut requests = Vec::new();
        let messages = self.messages(now, random)?;
        self.publications(&mut requests)?;
        self.fetches(&mut requests);
        requests.extend(messages);
        Ok(requests)
    }

    pub(super) fn request(
        &mut self,
        task: Task,
        to: Option<BareJid>,
        kind: RequestKind,
    ) -> Request {
        let id = RequestId(self.next_request);
        self.next_request += 1;
        self.in_flight.insert(id, task);
        Request { id, to, kind }
    }

    fn fetches(&mut self, requests: &mut Vec<Request>) {
        let mut under_way = self
            .in_flight
            .values()
            .filter(|task| matches!(task, Task::Fetch(_)))
            .count();
        while under_way < MAX_FETCHES
            && let Some(want) = self.wanted.pop_first()
        {
            under_way += 1;
            let (account, payload) = fetch(&want);
            let to = (account != self.own).then_some(account);
            let request = self.request(Task::Fetch(want), to, RequestKind::Get(payload));
            requests.push(request);
        }
    }

    /// Asks for something unless it is being asked for.
    pub(super) fn want(&mut self, want: Want) {
        let in_flight = self
            .in_flight
            .values()
            .any(|task| matches!(task, Task::Fetch(other) if *other == want));
        if !in_flight && self.wanted.len() < MAX_REMEMBERED {
            self.wanted.insert(want);
        }
    }

    /// A request that wants no answer has gone out, or is in the queue of a stream that can be resumed.
    ///
    /// # Errors
    /// [`Error`], when the store fails; then the message will be made again.
    pub fn mark_sent(&mut self, id: RequestId) -> Result<(), Error<S::Error>> {
        let mut draft = Draft::new(&self.store);
        match self.in_flight.get(&id) {
            Some(Task::Empty((account, device, form))) => {
                draft.put_owed(account, *device, *form, None);
            }
            Some(Task::Letter(number)) => draft.put_letter(*number, None),
            // An answer is still to come.
            Some(Task::Fetch(_) | Task::Publish(..) | Task::Configure(..) | Task::Withdraw(_))
            | None => return Ok(()),
        }
        let changes = draft.finish();
        self.commit(&changes)?;
        self.in_flight.remove(&id);
        Ok(())
    }
}
