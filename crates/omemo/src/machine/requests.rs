//! What must go out: fetches, publications, empty messages, trust messages.
//!
//! Nothing is queued that could be lost: what is due follows from the records and from what the caller has asked for,
//! and is due again until it was answered or marked as sent.

use base::{BareJid, Timestamp};
use bytes::Bytes;
use xmpp::xep::omemo::{DeviceId, Form};
use xmpp::xml::Writer;
use xmpp::{iq, ns};

use super::{MAX_REMEMBERED, Machine, Peer, slot};
use crate::crypto::Randomness;
use crate::device_list::{DeviceList, ListedDevice};
use crate::envelope::Envelope;
use crate::error::Error;
use crate::payload::SealedPayload;
use crate::records::{Letter, Owed};
use crate::session::initiate;
use crate::store::{Draft, KeyStore};
use crate::wire::element::{KeyFor, write, write_hint};

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

/// Something of ours that is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Node {
    Devices,
    Bundle,
}

/// What a request is for.
#[derive(Debug, Clone)]
pub(super) enum Task {
    Fetch(Want),
    /// With the generation of the keys that were published.
    Publish(Node, Form, u64),
    Configure(Node, Form),
    Empty(Peer),
    Letter(u32),
}

pub(super) fn node_name(node: Node, form: Form, device: DeviceId) -> String {
    match (node, form) {
        (Node::Devices, form) => form.device_list_node().to_owned(),
        (Node::Bundle, Form::Current) => "urn:xmpp:omemo:2:bundles".to_owned(),
        (Node::Bundle, Form::Legacy) => {
            format!("eu.siacs.conversations.axolotl.bundles:{device}")
        }
    }
}

fn field(writer: &mut Writer, var: &str, value: &str) {
    writer.start("field").attr("var", var);
    if var == "FORM_TYPE" {
        writer.attr("type", "hidden");
    }
    writer.leaf_text("value", None, value).end();
}

/// The options without which others could not read what we publish (XEP-0384 §5.3).
fn options(writer: &mut Writer, node: Node, form: Form, form_type: &str) {
    writer
        .start("x")
        .xmlns(ns::DATA_FORMS)
        .attr("type", "submit");
    field(writer, "FORM_TYPE", form_type);
    field(writer, "pubsub#access_model", "open");
    field(writer, "pubsub#persist_items", "true");
    if (node, form) == (Node::Bundle, Form::Current) {
        field(writer, "pubsub#max_items", "max");
    }
    writer.end();
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

    fn request(&mut self, task: Task, to: Option<BareJid>, kind: RequestKind) -> Request {
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

    fn is_busy(&self, node: Node, form: Form) -> bool {
        self.refused.contains(&(node, form))
            || self.in_flight.values().any(|task| {
                matches!(task, Task::Publish(n, f, _) | Task::Configure(n, f) if (*n, *f) == (node, form))
            })
    }

    fn publications(&mut self, requests: &mut Vec<Request>) -> Result<(), Error<S::Error>> {
        // Until both lists were seen, our number may yet be that of another device, whose keys we would overwrite.
        if !self.own_lists_seen.iter().all(|seen| *seen) {
            return Ok(());
        }
        for form in Form::ALL {
            let mut due = Vec::new();
            if self.account.form(form).unpublished {
                due.push(Node::Bundle);
            } else if let Some(list) = self.list_to_publish(form)? {
                let mut writer = Writer::new();
                list.write(form, &mut writer);
                due.push(Node::Devices);
            }
            for node in due {
                if self.is_busy(node, form) {
                    continue;
                }
                let (task, payload) = if self.configure.contains(&(node, form)) {
                    (Task::Configure(node, form), self.configuration(node, form))
                } else {
                    (
                        Task::Publish(node, form, self.generations[slot(form)]),
                        self.publication(node, form)?,
                    )
                };
                let request = self.request(task, None, RequestKind::Set(payload));
                requests.push(request);
            }
        }
        Ok(())
    }

    /// Our device list as it should be, when it is not so.
    pub(super) fn list_to_publish(
        &self,
        form: Form,
    ) -> Result<Option<DeviceList>, Error<S::Error>> {
        if !self.own_lists_seen[slot(form)] {
            return Ok(None);
        }
        let draft = Draft::new(&self.store);
        let seen = draft.list(&self.own, form)?.unwrap_or_default();
        let label = self.config.label.as_ref().filter(|_| form == Form::Current);
        let own = ListedDevice {
            id: self.account.device,
            label: label.map(|label| {
                let signature = self.account.identity.sign(label.as_bytes());
                (label.clone(), signature)
            }),
        };
        let mut wanted = seen.clone();
        wanted
            .devices
            .retain(|device| !self.revoked.contains(&device.id));
        match wanted.devices.iter_mut().find(|device| device.id == own.id) {
            Some(device) => *device = own,
            None => wanted.devices.push(own),
        }
        Ok((wanted != seen).then_some(wanted))
    }

    fn publication(&self, node: Node, form: Form) -> Result<String, Error<S::Error>> {
        let item = match (node, form) {
            (Node::Bundle, Form::Current) => self.account.device.to_string(),
            _ => "current".to_owned(),
        };
        let mut writer = Writer::with_capacity(8_192);
        writer
            .start("pubsub")
            .xmlns(ns::PUBSUB)
            .start("publish")
            .attr("node", node_name(node, form, self.account.device))
            .start("item")
            .attr("id", item);
        match node {
            Node::Devices => {
                let list = match self.list_to_publish(form)? {
                    Some(list) => list,
                    None => Draft::new(&self.store)
                        .list(&self.own, form)?
                        .unwrap_or_default(),
                };
                list.write(form, &mut writer);
            }
            Node::Bundle => {
                let prekeys = Draft::new(&self.store).prekeys(form)?;
                self.account.bundle(form, &prekeys).write(&mut writer);
            }
        }
        writer.end().end();
        if !self.configured.contains(&(node, form)) {
            writer.start("publish-options");
            options(&mut writer, node, form, ns::PUBSUB_PUBLISH_OPTIONS);
            writer.end();
        }
        writer.end();
        Ok(writer.finish())
    }

    fn configuration(&self, node: Node, form: Form) -> String {
        let mut writer = Writer::new();
        writer
            .start("pubsub")
            .xmlns(ns::PUBSUB_OWNER)
            .start("configure")
            .attr("node", node_name(node, form, self.account.device));
        options(
            &mut writer,
            node,
            form,
            "http://jabber.org/protocol/pubsub#node_config",
        );
        writer.end().end();
        writer.finish()
    }

    /// Empty messages and trust messages. All of them are committed at once.
    fn messages(
        &mut self,
        now: Timestamp,
        random: &mut dyn Randomness,
    ) -> Result<Vec<Request>, Error<S::Error>> {
        let mut draft = Draft::new(&self.store);
        let mut ready: Vec<(Task, BareJid, String)> = Vec::new();
        let mut wants = Vec::new();
        let mut used = Vec::new();
        for (peer, owed) in draft.owed()? {
            let busy = self
                .in_flight
                .values()
                .any(|task| matches!(task, Task::Empty(other) if *other == peer));
            if !busy {
                let written =
                    self.empty(&mut draft, &peer, owed, now, &mut wants, &mut used, random)?;
                if let Some(text) = written {
                    ready.push((Task::Empty(peer.clone()), peer.0, text));
                }
            }
        }
        for (number, letter) in draft.letters()? {
            let busy = self
                .in_flight
                .values()
                .any(|task| matches!(task, Task::Letter(other) if *other == number));
            if !busy {
                let written = self.letter(
                    &mut draft, number, &letter, now, &mut wants, &mut used, random,
                )?;
                if let Some(text) = written {
                    ready.push((Task::Letter(number), letter.to, text));
                }
            }
        }
        let changes = draft.finish();
        self.commit(&changes)?;
        for peer in used {
            self.bundles.remove(&peer);
        }
        for want in wants {
            self.want(want);
        }
        Ok(ready
            .into_iter()
            .map(|(task, to, text)| self.request(task, Some(to), RequestKind::Message(text)))
            .collect())
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "what one operation gathers goes through here"
    )]
    fn empty(
        &self,
        draft: &mut Draft<'_, S>,
        peer: &Peer,
        owed: Owed,
        now: Timestamp,
        wants: &mut Vec<Want>,
        used: &mut Vec<Peer>,
        random: &mut dyn Randomness,
    ) -> Result<Option<String>, Error<S::Error>> {
        let (account, device, form) = peer;
        let mut sessions = draft.sessions(account, *device, *form)?;
        match owed {
            Owed::NewSession if self.account.catching_up => return Ok(None),
            Owed::NewSession => {
                let listed = draft
                    .list(account, *form)?
                    .is_none_or(|list| list.contains(*device));
                let Some(bundle) = self.bundles.get(peer) else {
                    let hopeless = self
                        .troubles
                        .get(peer)
                        .is_some_and(|trouble| now.since(trouble.since) < self.config.retry_after);
                    if hopeless || !listed {
                        draft.put_owed(account, *device, *form, None);
                    } else {
                        wants.push(Want::Bundle(peer.clone()));
                    }
                    return Ok(None);
                };
                used.push(peer.clone());
                let Ok(session) = initiate(&self.account.identity, bundle, random) else {
                    draft.put_owed(account, *device, *form, None);
                    return Ok(None);
                };
                sessions.put_first(session);
                // Should this be lost on the way, the session that was started is the one to be told of.
                draft.put_owed(account, *device, *form, Some(Owed::Answer));
            }
            Owed::Answer => {}
        }
        let payload = SealedPayload::empty(*form, random);
        let own = self.account.identity.public();
        let Some((key, exchange)) = sessions.seal(*form, own, self.account.device, &payload.secret)
        else {
            draft.put_owed(account, *device, *form, None);
            return Ok(None);
        };
        draft.put_sessions(account, *device, *form, &sessions);
        let keys = [(
            account.clone(),
            vec![KeyFor {
                device: *device,
                exchange,
                key,
            }],
        )];
        let mut writer = Writer::with_capacity(1_024);
        write(&mut writer, *form, self.account.device, &keys, &payload);
        writer.leaf("store", ns::HINTS);
        Ok(Some(writer.finish()))
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "what one operation gathers goes through here"
    )]
    fn letter(
        &self,
        draft: &mut Draft<'_, S>,
        number: u32,
        letter: &Letter,
        now: Timestamp,
        wants: &mut Vec<Want>,
        used: &mut Vec<Peer>,
        random: &mut dyn Randomness,
    ) -> Result<Option<String>, Error<S::Error>> {
        let Some(list) = draft.list(&letter.to, Form::Current)? else {
            wants.push(Want::List(letter.to.clone(), Form::Current));
            return Ok(None);
        };
        let mut peers = Vec::new();
        for device in list.ids() {
            if letter.to == self.own && device == self.account.device {
                continue;
            }
            let Some(record) = draft.device(&letter.to, device)? else {
                continue;
            };
            let verified = draft
                .trust(&letter.to, &record.identity)?
                .is_some_and(|trust| trust.trust.is_verified());
            let meant = letter.only.is_none_or(|only| only == record.identity);
            if !verified || !meant {
                continue;
            }
            let peer = (letter.to.clone(), device, Form::Current);
            let sessions = draft.sessions(&letter.to, device, Form::Current)?;
            if sessions.is_ready() || self.bundles.contains_key(&peer) {
                peers.push(peer);
            } else if self
                .troubles
                .get(&peer)
                .is_none_or(|trouble| now.since(trouble.since) >= self.config.retry_after)
            {
                wants.push(Want::Bundle(peer));
                return Ok(None);
            }
        }
        if peers.is_empty() {
            draft.put_letter(number, None);
            return Ok(None);
        }
        let envelope = Envelope::write(&letter.content, &self.own, &letter.to, now, random);
        let payload = SealedPayload::seal(Form::Current, envelope.as_bytes(), random);
        let keys = self.seal(draft, Form::Current, peers, &payload, used, random)?;
        if keys.is_empty() {
            draft.put_letter(number, None);
            return Ok(None);
        }
        let mut writer = Writer::with_capacity(2_048);
        write(
            &mut writer,
            Form::Current,
            self.account.device,
            &keys,
            &payload,
        );
        write_hint(&mut writer, Form::Current);
        writer.leaf("store", ns::HINTS);
        Ok(Some(writer.finish()))
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
            Some(Task::Fetch(_) | Task::Publish(..) | Task::Configure(..)) | None => return Ok(()),
        }
        let changes = draft.finish();
        self.commit(&changes)?;
        self.in_flight.remove(&id);
        Ok(())
    }
}
