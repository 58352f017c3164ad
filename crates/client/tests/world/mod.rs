//! Devices with clients, and the whole messenger in memory, on a virtual clock.
//!
//! Nothing waits: [`World::settle`] lets everything happen that can happen now, [`World::pass`] lets time go by.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "each test file uses a part, and a test fails by panicking"
)]

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::task::{Context, Waker};
use std::time::Duration;

use chat::{Connection, Output as ServerOutput};
use client::views::{Body, Delivery, Message, Notice, Protection, Timeline, TimelineItem, Window};
use client::{
    BareJid, Client, CloseReason, Command, CommandError, ConversationId, Credentials, Done, Draft,
    Event, Input, MemoryStorage, MessageKey, Now, Output, Redacted, Security, Settings,
    TransportFacts, TransportKind,
};
use futures_util::FutureExt;
use kit::house::House;
use xmpp::stream::Transport;

/// Random bytes that come again with the seed.
#[derive(Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def0)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let next = self.next().to_le_bytes();
            chunk.copy_from_slice(&next[..chunk.len()]);
        }
    }
}

/// A device of somebody.
pub(crate) struct Device {
    pub(crate) client: Option<Client<MemoryStorage>>,
    settings: Settings,
    connection: Option<Connection>,
    /// It cannot reach the server.
    pub(crate) offline: bool,
    pub(crate) events: Vec<Event>,
    pub(crate) dice: Dice,
    /// What the client has written and the server has not got yet.
    wire: VecDeque<u8>,
    /// Somebody on the way changes what comes from the server.
    pub(crate) tamper: Option<Tamper>,
}

/// Makes something else of what the server has sent.
pub(crate) type Tamper = Box<dyn FnMut(String) -> String>;

pub(crate) struct World {
    pub(crate) house: House,
    pub(crate) devices: Vec<Device>,
    /// Where files are put, by their addresses.
    pub(crate) files: std::collections::BTreeMap<String, bytes::Bytes>,
    /// Whoever keeps the files changes them.
    pub(crate) spoils_files: bool,
    seeds: u64,
    now: Now,
}

pub(crate) fn jid(text: &str) -> BareJid {
    BareJid::parse(text).unwrap()
}

pub(crate) fn with(text: &str) -> ConversationId {
    ConversationId::parse(text).unwrap()
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut chat::ChatConfig)) -> Self {
        let house = House::new(|config| {
            config.own_keys_only = true;
            change(config);
        });
        let now = house.clock.now();
        Self {
            house,
            devices: Vec::new(),
            files: std::collections::BTreeMap::new(),
            spoils_files: false,
            seeds: 0,
            now,
        }
    }

    fn now(&self) -> Now {
        self.house.clock.now()
    }

    /// A new device of an account, which is made when it is not there; it logs in.
    pub(crate) fn device(&mut self, account: &str, name: &str) -> usize {
        let at = self.new_device(account, name);
        self.log_in(at);
        self.settle();
        at
    }

    pub(crate) fn new_device(&mut self, account: &str, name: &str) -> usize {
        let address = format!("{account}@example.org");
        self.house.add(&address, name, false);
        self.stranger(account, name)
    }

    /// A device of an account that may not be there.
    pub(crate) fn stranger(&mut self, account: &str, name: &str) -> usize {
        let address = format!("{account}@example.org");
        let mut settings = Settings::new(jid(&address), format!("{account}'s {name}"));
        settings.without_tls = true;
        let mut dice = Dice::new(self.devices.len() as u64 + 1);
        let client = Client::open(
            MemoryStorage::new(),
            settings.clone(),
            self.now(),
            &mut |bytes: &mut [u8]| dice.fill(bytes),
        );
        self.devices.push(Device {
            client: Some(client.unwrap()),
            settings,
            connection: None,
            offline: false,
            events: Vec::new(),
            dice,
            wire: VecDeque::new(),
            tamper: None,
        });
        self.devices.len() - 1
    }

    pub(crate) fn log_in(&mut self, at: usize) {
        let password = Credentials::Password(Redacted::new("secret".to_owned()));
        self.log_in_with(at, password);
    }

    pub(crate) fn log_in_with(&mut self, at: usize, credentials: Credentials) {
        let now = self.now();
        let Device { client, dice, .. } = &mut self.devices[at];
        let client = client.as_mut().unwrap();
        client
            .login(credentials, now, &mut |bytes: &mut [u8]| dice.fill(bytes))
            .unwrap();
    }

    pub(crate) fn client(&self, at: usize) -> &Client<MemoryStorage> {
        self.devices[at].client.as_ref().unwrap()
    }

    pub(crate) fn try_command(
        &mut self,
        at: usize,
        command: Command,
    ) -> Result<Done, CommandError> {
        let now = self.now();
        let Device { client, dice, .. } = &mut self.devices[at];
        let client = client.as_mut().unwrap();
        client.command(command, now, &mut |bytes: &mut [u8]| dice.fill(bytes))
    }

    /// Does something and lets everything happen.
    pub(crate) fn command(&mut self, at: usize, command: Command) -> Done {
        let done = self.try_command(at, command).unwrap();
        self.settle();
        done
    }

    /// Says something to an account of the house.
    pub(crate) fn say(&mut self, at: usize, to: &str, text: &str) -> MessageKey {
        let to = with(to);
        if self.client(at).conversation(&to).is_none() {
            let with = to.jid().clone();
            self.command(at, Command::OpenChat { with });
        }
        let message = Draft::text(text);
        let send = Command::Send {
            conversation: to,
            message,
        };
        match self.command(at, send) {
            Done::Message(key) => key,
            other => panic!("{other:?}"),
        }
    }

    /// The network is gone; both sides know.
    pub(crate) fn cut(&mut self, at: usize) {
        let now = self.now();
        self.devices[at].wire.clear();
        if let Some(connection) = self.devices[at].connection.take() {
            let chore = connection.cut(now).now_or_never();
            assert!(chore.is_some(), "the store answers at once");
        }
        self.input(at, Input::Closed(CloseReason::Ended));
    }

    pub(crate) fn set_offline(&mut self, at: usize, offline: bool) {
        self.devices[at].offline = offline;
        if offline {
            self.cut(at);
        } else {
            self.input(at, Input::Online(true));
        }
        self.settle();
    }

    /// The program ends without warning, and is started again on what is on the disk.
    pub(crate) fn crash(&mut self, at: usize) {
        let now = self.now();
        let device = &mut self.devices[at];
        let disk = device
            .client
            .take()
            .unwrap()
            .with_storage(MemoryStorage::clone);
        device.wire.clear();
        if let Some(connection) = device.connection.take() {
            let chore = connection.cut(now).now_or_never();
            assert!(chore.is_some(), "the store answers at once");
        }
        self.restore(at, disk);
    }

    /// The program is started on what once was on the disk.
    pub(crate) fn restore(&mut self, at: usize, disk: MemoryStorage) {
        let now = self.now();
        let device = &mut self.devices[at];
        device.client = None;
        self.seeds += 1;
        device.dice = Dice::new(1_000 * self.seeds + at as u64);
        let dice = &mut device.dice;
        let client = Client::open(
            disk,
            device.settings.clone(),
            now,
            &mut |bytes: &mut [u8]| {
                dice.fill(bytes);
            },
        );
        device.client = Some(client.unwrap());
        let _ = self.try_command(at, Command::Connect).unwrap();
    }

    pub(crate) fn input(&mut self, at: usize, input: Input) {
        let now = self.now();
        let Device { client, dice, .. } = &mut self.devices[at];
        let client = client.as_mut().unwrap();
        client
            .input(input, now, &mut |bytes: &mut [u8]| dice.fill(bytes))
            .unwrap();
    }

    /// Does what a client wants to be done. True when something moved.
    fn drain(&mut self, at: usize) -> bool {
        let mut moved = false;
        while let Some(output) = self.devices[at].client.as_mut().unwrap().output() {
            moved = true;
            match output {
                Output::Connect { domain } => {
                    assert_eq!(domain, "example.org");
                    self.connect(at);
                }
                Output::Write(bytes) => self.devices[at].wire.extend(bytes),
                Output::Disconnect => {
                    self.carry(at, usize::MAX);
                    let now = self.now();
                    self.devices[at].wire.clear();
                    if let Some(connection) = self.devices[at].connection.take() {
                        let chore = connection.cut(now).now_or_never();
                        assert!(chore.is_some(), "the store answers at once");
                    }
                }
                Output::Event(event) => self.devices[at].events.push(event),
                Output::StartTls => panic!("no TLS in memory"),
                Output::UploadChunk { slot, bytes } => {
                    self.files.insert(slot.get.into_inner(), bytes);
                    let upload = slot.upload;
                    let success = true;
                    let done = Command::FileUploaded { upload, success };
                    let _ = self.try_command(at, done).unwrap();
                }
                Output::FetchChunk(order) => {
                    let mut bytes = self.files.get(order.url.expose()).cloned();
                    if self.spoils_files {
                        bytes = bytes.map(|bytes| [&bytes[1..], b"x"].concat().into());
                    }
                    let download = order.download;
                    let fetched = Command::ChunkFetched { download, bytes };
                    let _ = self.try_command(at, fetched).unwrap();
                }
                _ => {}
            }
        }
        moved
    }

    fn connect(&mut self, at: usize) {
        if self.devices[at].offline {
            let text = "no network".to_owned();
            self.input(at, Input::Closed(CloseReason::Unreachable(text)));
            return;
        }
        self.seeds += 1;
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.seeds.to_le_bytes());
        let transport = Transport {
            kind: TransportKind::Tcp,
            security: Security::Plain,
            trusted_proxy: false,
        };
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let now = self.now();
        self.devices[at].wire.clear();
        if let Some(connection) = self.devices[at].connection.take() {
            let _ = connection.cut(now).now_or_never();
        }
        self.devices[at].connection = Some(Connection::new(
            &self.house.chat,
            transport,
            peer,
            seed,
            now,
        ));
        let facts = TransportFacts {
            kind: TransportKind::Tcp,
            security: Security::Plain,
            trusted_proxy: true,
        };
        self.input(at, Input::Connected(facts));
    }

    /// So many bytes of what a client has written arrive.
    pub(crate) fn carry(&mut self, at: usize, bytes: usize) -> bool {
        let now = self.now();
        let device = &mut self.devices[at];
        let Some(connection) = &mut device.connection else {
            device.wire.clear();
            return false;
        };
        if device.wire.is_empty() || !connection.wants_input() {
            return false;
        }
        let bytes = bytes.min(device.wire.len());
        let piece: Vec<u8> = device.wire.drain(..bytes).collect();
        connection.receive(&piece, now);
        true
    }

    /// One round of one connection. True when something moved.
    fn poll(&mut self, at: usize) -> bool {
        let now = self.now();
        let Some(connection) = &mut self.devices[at].connection else {
            return false;
        };
        if connection
            .deadline()
            .is_some_and(|deadline| deadline <= now.moment)
        {
            connection.tick(now);
        }
        let _ = connection.poll(&mut Context::from_waker(Waker::noop()), now);
        let mut received = Vec::new();
        let mut closed = false;
        while let Some(output) = connection.next_output() {
            match output {
                ServerOutput::Send(bytes) => received.push(bytes),
                ServerOutput::Close => {
                    closed = true;
                    break;
                }
                ServerOutput::StartTls => panic!("no TLS in memory"),
            }
        }
        if !received.is_empty() {
            connection.all_written();
        }
        let moved = !received.is_empty() || closed;
        for bytes in received {
            let bytes = match &mut self.devices[at].tamper {
                Some(tamper) => tamper(String::from_utf8(bytes.to_vec()).unwrap()).into(),
                None => bytes,
            };
            self.input(at, Input::Received(bytes));
        }
        if closed {
            self.cut(at);
        }
        moved
    }

    /// One step of one device. True when something moved.
    pub(crate) fn step(&mut self, at: usize) -> bool {
        let now = self.now();
        let device = &mut self.devices[at];
        let due = device
            .client
            .as_ref()
            .and_then(Client::deadline)
            .is_some_and(|deadline| deadline <= now.moment);
        let mut moved = false;
        if due {
            let Device { client, dice, .. } = device;
            let client = client.as_mut().unwrap();
            client
                .tick(now, &mut |bytes: &mut [u8]| dice.fill(bytes))
                .unwrap();
            let again = client.deadline().is_some_and(|next| next <= now.moment);
            moved |= again;
        }
        moved |= self.drain(at);
        moved |= self.carry(at, usize::MAX);
        moved |= self.poll(at);
        moved |= self.drain(at);
        moved
    }

    /// Lets everything happen that can happen now.
    pub(crate) fn settle(&mut self) {
        for round in 0.. {
            let mut moved = false;
            for at in 0..self.devices.len() {
                moved |= self.step(at);
            }
            self.house.settle();
            if !moved {
                return;
            }
            assert!(round < 20_000, "it never comes to an end");
        }
    }

    /// Time passes.
    pub(crate) fn pass(&mut self, duration: Duration) {
        self.house.pass(duration);
        self.now = self.house.clock.now();
        self.settle();
    }

    pub(crate) fn timeline(&self, at: usize, conversation: &str) -> Timeline {
        let window = Window::Latest(10_000);
        self.client(at)
            .timeline(&with(conversation), window)
            .unwrap()
    }

    pub(crate) fn messages(&self, at: usize, conversation: &str) -> Vec<std::sync::Arc<Message>> {
        let items = self.timeline(at, conversation).items;
        items
            .into_iter()
            .filter_map(|item| match item {
                TimelineItem::Message(message) => Some(message),
                _ => None,
            })
            .collect()
    }

    /// A timeline in words: `me: Hi` or `name: Hi`, with what else there is about it.
    pub(crate) fn read(&self, at: usize, conversation: &str) -> Vec<String> {
        let items = self.timeline(at, conversation).items;
        items.iter().filter_map(words).collect()
    }

    pub(crate) fn took_events(&mut self, at: usize) -> Vec<Event> {
        std::mem::take(&mut self.devices[at].events)
    }
}

/// What is sent and not acknowledged shows a `…`, what was delivered `✓`, what was seen `✓✓`.
fn words(item: &TimelineItem) -> Option<String> {
    match item {
        TimelineItem::Message(message) => {
            let body = match &message.body {
                Body::Text { text, .. } => text.expose().to_string(),
                Body::Waiting => "(waiting)".to_owned(),
                Body::Unreadable { reason, suspicious } => {
                    format!("({reason}{})", if *suspicious { "!" } else { "" })
                }
                Body::Removed(removal) => match &removal.by {
                    Some(by) => format!("(removed by {by})"),
                    None => "(removed)".to_owned(),
                },
                other => format!("{other:?}"),
            };
            let who = if message.sender.own {
                "me"
            } else {
                &message.sender.name
            };
            let mut line = format!("{who}: {body}");
            if message.edited.is_some() {
                line.push_str(" (edited)");
            }
            if let Some(reply) = &message.reply {
                line.push_str(&format!(" (to {}: {})", reply.sender, reply.text.expose()));
            }
            for reaction in &message.reactions {
                line.push_str(&format!(" {}{}", reaction.emoji, reaction.senders.len()));
            }
            match &message.delivery {
                Delivery::Waiting => line.push_str(" …"),
                Delivery::Delivered => line.push_str(" ✓"),
                Delivery::Displayed => line.push_str(" ✓✓"),
                Delivery::Failed(text) => line.push_str(&format!(" failed: {text}")),
                Delivery::Received | Delivery::Kept => {}
            }
            if message.protection == Protection::Readable {
                line.push_str(" (open)");
            }
            if let Some(with) = &message.private {
                line.push_str(&format!(" (only {with})"));
            }
            Some(line)
        }
        TimelineItem::Unread => Some("--- new ---".to_owned()),
        TimelineItem::Notice { notice, .. } => Some(match notice {
            Notice::Subject { by, subject } => format!("* {by}: {}", subject.expose()),
            other => format!("* {other:?}"),
        }),
        TimelineItem::Missing => Some("(missing)".to_owned()),
        _ => None,
    }
}
