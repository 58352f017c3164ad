//! A small world of devices around a server that keeps device lists and bundles, for the tests of the machine.
#![allow(
    dead_code,
    clippy::panic,
    clippy::unwrap_used,
    reason = "each test uses a part of it, and fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use base::{BareJid, Timestamp};
use omemo::{
    Answer, Audience, Config, Content, Decrypted, Encrypted, Incoming, Machine, MemoryStore,
    Outgoing, Preparation, Randomness, Received, Request, RequestKind,
};
use xmpp::condition::StanzaCondition;
use xmpp::ns;
use xmpp::xml::{Stanza, Tree};

/// Randomness from a seed: the same in every run.
pub(crate) struct Seeded(u64);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

impl Randomness for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let word = self.next().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}

pub(crate) fn jid(text: &str) -> BareJid {
    BareJid::parse(text).unwrap()
}

/// A message on its way to a device.
#[derive(Clone)]
pub(crate) struct Post {
    pub(crate) reference: String,
    pub(crate) from: BareJid,
    pub(crate) to: BareJid,
    pub(crate) group: bool,
    pub(crate) xml: String,
}

/// A device.
pub(crate) struct Party {
    pub(crate) account: BareJid,
    pub(crate) machine: Option<Machine<MemoryStore>>,
    pub(crate) queue: VecDeque<Post>,
    /// Texts that were read, with how often.
    pub(crate) read: BTreeMap<String, usize>,
    pub(crate) outcomes: Vec<Received>,
}

impl Party {
    pub(crate) fn machine(&mut self) -> &mut Machine<MemoryStore> {
        self.machine.as_mut().unwrap()
    }
}

pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) random: Seeded,
    pub(crate) config: Config,
    pub(crate) parties: Vec<Party>,
    /// Items by account, node and id.
    pub(crate) nodes: BTreeMap<(BareJid, String), BTreeMap<String, String>>,
    pub(crate) unreachable: BTreeSet<BareJid>,
    /// How many requests the server has seen, by what they are.
    pub(crate) seen: BTreeMap<&'static str, usize>,
    /// Accounts whose server wants nodes to be configured before they are published to.
    pub(crate) strict: BTreeSet<BareJid>,
    /// Accounts whose devices nobody sees but in the legacy form.
    pub(crate) legacy_only: BTreeSet<BareJid>,
    /// Accounts whose server keeps nothing.
    pub(crate) closed: BTreeSet<BareJid>,
    /// Accounts whose device lists come to nobody but themselves.
    pub(crate) silent: BTreeSet<BareJid>,
    posts: usize,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            now: Timestamp::from_seconds(1_800_000_000),
            random: Seeded::new(seed),
            config: Config::default(),
            parties: Vec::new(),
            nodes: BTreeMap::new(),
            unreachable: BTreeSet::new(),
            seen: BTreeMap::new(),
            strict: BTreeSet::new(),
            legacy_only: BTreeSet::new(),
            silent: BTreeSet::new(),
            closed: BTreeSet::new(),
            posts: 0,
        }
    }

    /// A new device of an account, announced.
    pub(crate) fn device(&mut self, account: &str) -> usize {
        let account = jid(account);
        let machine = Machine::open(
            MemoryStore::new(),
            account.clone(),
            self.config.clone(),
            self.now,
            &mut self.random,
        )
        .unwrap();
        self.parties.push(Party {
            account,
            machine: Some(machine),
            queue: VecDeque::new(),
            read: BTreeMap::new(),
            outcomes: Vec::new(),
        });
        let index = self.parties.len() - 1;
        self.parties[index].machine().connected();
        self.pump(index);
        index
    }

    /// Opens a device again from what was committed.
    pub(crate) fn crash(&mut self, index: usize) {
        let party = &mut self.parties[index];
        let store = party.machine.take().unwrap().into_store();
        let mut machine = Machine::open(
            store,
            party.account.clone(),
            self.config.clone(),
            self.now,
            &mut self.random,
        )
        .unwrap();
        machine.connected();
        let undelivered = machine.undelivered().unwrap();
        party.machine = Some(machine);
        for (reference, message) in undelivered {
            self.keep(index, &reference, &message);
        }
        self.pump(index);
    }

    fn keep(&mut self, index: usize, reference: &str, message: &Decrypted) {
        let party = &mut self.parties[index];
        *party.read.entry(text_of(message)).or_default() += 1;
        party.machine().taken(reference).unwrap();
    }

    /// Sends what a device wants to send, until there is nothing more.
    pub(crate) fn pump(&mut self, index: usize) {
        for _ in 0..200 {
            let (now, party) = (self.now, &mut self.parties[index]);
            let requests = party
                .machine
                .as_mut()
                .unwrap()
                .requests(now, &mut self.random)
                .unwrap();
            if requests.is_empty() {
                return;
            }
            for request in requests {
                self.serve(index, &request);
            }
        }
        panic!("a device asks for ever");
    }

    fn serve(&mut self, index: usize, request: &Request) {
        let from = self.parties[index].account.clone();
        let to = request.to.clone().unwrap_or_else(|| from.clone());
        match &request.kind {
            RequestKind::Message(elements) => {
                *self.seen.entry("message").or_default() += 1;
                self.send(index, &to, false, elements);
                self.parties[index].machine().mark_sent(request.id).unwrap();
            }
            RequestKind::Get(payload) | RequestKind::Set(payload) => {
                let answer = self.answer(&to, payload);
                let tree = answer
                    .as_ref()
                    .ok()
                    .filter(|text| !text.is_empty())
                    .map(|text| Tree::parse(text).unwrap());
                let answer = match (&answer, &tree) {
                    (Err(condition), _) => Answer::Error(*condition),
                    (Ok(_), Some(tree)) => Answer::Result(Some(tree.root())),
                    (Ok(_), None) => Answer::Result(None),
                };
                let now = self.now;
                let party = &mut self.parties[index];
                party
                    .machine
                    .as_mut()
                    .unwrap()
                    .answered(request.id, answer, now, &mut self.random)
                    .unwrap();
                if let RequestKind::Set(payload) = &request.kind {
                    self.notify(&from, payload);
                }
            }
        }
    }

    fn answer(&mut self, to: &BareJid, payload: &str) -> Result<String, StanzaCondition> {
        if self.unreachable.contains(to) {
            return Err(StanzaCondition::RemoteServerTimeout);
        }
        let tree = Tree::parse(payload).unwrap();
        let root = tree.root();
        if let Some(configure) = root.child("configure", ns::PUBSUB_OWNER) {
            *self.seen.entry("configure").or_default() += 1;
            assert!(configure.attr("node").is_some());
            return Ok(String::new());
        }
        let retract = root.child("retract", ns::PUBSUB);
        let delete = root.child("delete", ns::PUBSUB_OWNER);
        if let Some(gone) = retract.or(delete) {
            let node = (to.clone(), gone.attr("node").unwrap().to_owned());
            match gone.child("item", ns::PUBSUB) {
                Some(item) => {
                    let items = self.nodes.get_mut(&node).unwrap();
                    items.remove(item.attr("id").unwrap()).unwrap();
                }
                None => {
                    self.nodes.remove(&node).unwrap();
                }
            }
            return Ok(String::new());
        }
        if let Some(publish) = root.child("publish", ns::PUBSUB) {
            let options = root.child("publish-options", ns::PUBSUB);
            if self.strict.contains(to) && options.is_some() {
                return Err(StanzaCondition::Conflict);
            }
            if self.closed.contains(to) {
                return Err(StanzaCondition::NotAllowed);
            }
            let node = publish.attr("node").unwrap().to_owned();
            *self
                .seen
                .entry(if node.contains("bundle") {
                    "bundle"
                } else {
                    "devices"
                })
                .or_default() += 1;
            if self.legacy_only.contains(to) && node.starts_with("urn:xmpp:omemo:2") {
                return Ok(String::new());
            }
            let item = publish.child("item", ns::PUBSUB).unwrap();
            self.nodes.entry((to.clone(), node)).or_default().insert(
                item.attr("id").unwrap().to_owned(),
                item.children().next().unwrap().raw().into_owned(),
            );
            return Ok(String::new());
        }
        let items = root.child("items", ns::PUBSUB).unwrap();
        *self.seen.entry("fetch").or_default() += 1;
        let node = items.attr("node").unwrap();
        let found = self
            .nodes
            .get(&(to.clone(), node.to_owned()))
            .ok_or(StanzaCondition::ItemNotFound)?;
        let wanted = items
            .child("item", ns::PUBSUB)
            .map(|item| item.attr("id").unwrap().to_owned());
        let items: String = found
            .iter()
            .filter(|(id, _)| wanted.as_ref().is_none_or(|wanted| wanted == *id))
            .map(|(id, payload)| format!("<item id='{id}'>{payload}</item>"))
            .collect();
        Ok(format!(
            "<pubsub xmlns='{}'><items node='{node}'>{items}</items></pubsub>",
            ns::PUBSUB
        ))
    }

    /// Tells every device of a changed device list, as if all had subscribed to it.
    fn notify(&mut self, from: &BareJid, payload: &str) {
        let tree = Tree::parse(payload).unwrap();
        let Some(publish) = tree.root().child("publish", ns::PUBSUB) else {
            return;
        };
        let node = publish.attr("node").unwrap();
        if node.contains("bundle") {
            return;
        }
        let Some(items) = self.nodes.get(&(from.clone(), node.to_owned())) else {
            return;
        };
        let payload = items.values().next().unwrap();
        let event = format!(
            "<message from='{from}'><event xmlns='{}'><items node='{node}'><item id='current'>{payload}</item></items></event></message>",
            ns::PUBSUB_EVENT
        );
        let event = Stanza::parse(&event).unwrap();
        let now = self.now;
        let silent = self.silent.contains(from);
        for party in &mut self.parties {
            if let Some(machine) = &mut party.machine
                && (!silent || party.account == *from)
            {
                assert!(
                    machine
                        .notified(from, &event, now, &mut self.random)
                        .unwrap()
                );
            }
        }
    }

    /// Puts a message into the queues of all devices that get a copy, but for the one that sent it.
    fn send(&mut self, index: usize, to: &BareJid, group: bool, elements: &str) -> String {
        let members: Vec<BareJid> = if group {
            self.parties
                .iter()
                .map(|party| party.account.clone())
                .collect()
        } else {
            vec![to.clone()]
        };
        self.posts += 1;
        let reference = format!("post-{}", self.posts);
        let from = self.parties[index].account.clone();
        let post = Post {
            reference: reference.clone(),
            from: from.clone(),
            to: to.clone(),
            group,
            xml: format!("<message from='{from}/x' to='{to}' type='chat'>{elements}</message>"),
        };
        for (at, party) in self.parties.iter_mut().enumerate() {
            if at != index && (members.contains(&party.account) || party.account == from) {
                party.queue.push_back(post.clone());
            }
        }
        reference
    }

    /// Fetches what is missing, encrypts a text and sends it.
    pub(crate) fn say(&mut self, index: usize, audience: &Audience, text: &str) -> Encrypted {
        let encrypted = self.encrypt(index, audience, text);
        if encrypted.reaches_somebody() {
            self.send(index, &audience.chat, audience.group, &encrypted.elements);
        }
        encrypted
    }

    pub(crate) fn encrypt(&mut self, index: usize, audience: &Audience, text: &str) -> Encrypted {
        for _ in 0..20 {
            let now = self.now;
            if self.parties[index]
                .machine()
                .prepare(audience, now)
                .unwrap()
                == Preparation::Ready
            {
                break;
            }
            self.pump(index);
        }
        let now = self.now;
        let elements = format!("<body xmlns='jabber:client'>{text}</body>");
        self.parties[index]
            .machine
            .as_mut()
            .unwrap()
            .encrypt(
                audience,
                Outgoing {
                    elements: &elements,
                    text: Some(text),
                },
                now,
                &mut self.random,
            )
            .unwrap()
    }

    /// Hands one message to a device, without keeping what it says.
    pub(crate) fn give(&mut self, index: usize, post: &Post) -> Received {
        let stanza = Stanza::parse(&post.xml).unwrap();
        let now = self.now;
        self.parties[index]
            .machine
            .as_mut()
            .unwrap()
            .decrypt(
                Incoming {
                    reference: &post.reference,
                    from: &post.from,
                    to: &post.to,
                    group: post.group,
                    sent: now,
                    message: &stanza,
                },
                now,
                &mut self.random,
            )
            .unwrap()
    }

    /// Hands the message at a place of its queue to a device, which keeps what it says.
    pub(crate) fn deliver_at(&mut self, index: usize, place: usize) -> Option<Received> {
        let post = self.parties[index].queue.remove(place)?;
        let received = self.give(index, &post);
        if let Received::Message(message) = &received {
            self.keep(index, &post.reference, message);
        }
        self.parties[index].outcomes.push(received.clone());
        Some(received)
    }

    /// Delivers everything, and what comes of it, until all is quiet.
    pub(crate) fn settle(&mut self) {
        for _ in 0..1_000 {
            let mut quiet = true;
            for index in 0..self.parties.len() {
                if self.parties[index].machine.is_none() {
                    continue;
                }
                while self.deliver_at(index, 0).is_some() {
                    quiet = false;
                }
                let before = self.seen.clone();
                self.pump(index);
                quiet &= before == self.seen;
            }
            if quiet {
                return;
            }
        }
        panic!("it never gets quiet");
    }

    pub(crate) fn later(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
    }

    pub(crate) fn read(&self, index: usize) -> Vec<&str> {
        self.parties[index]
            .read
            .keys()
            .map(String::as_str)
            .collect()
    }
}

/// The text of a message of either form.
pub(crate) fn text_of(message: &Decrypted) -> String {
    match &message.content {
        Content::Text(text) => text.expose().clone(),
        Content::Elements(elements) => {
            let tree = Tree::parse(&format!("<content>{}</content>", elements.expose())).unwrap();
            let body = tree.root().child("body", ns::CLIENT);
            body.map(|body| body.text().into_owned())
                .unwrap_or_default()
        }
    }
}
