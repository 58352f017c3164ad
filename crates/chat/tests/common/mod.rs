//! A messenger in memory, and clients that log in to it and see what comes.
//!
//! Everything happens on one thread: the store answers at once, and a stanza that was sent has done
//! all its work when [`House::send`] returns.

#![allow(dead_code, reason = "each test file uses a part")]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use base::{Moment, Now, Timestamp};
use chat::config::EncryptionPolicy;
use chat::{Chat, ChatConfig, Connection, Output};
use futures_util::FutureExt;
use store::{NewAccount, ScramRecord, Store, StoreConfig};
use xmpp::ns;
use xmpp::sasl::{Password, ScramHash, ScramKeys};
use xmpp::stream::{Security, TlsFacts, TlsVersion, Transport, TransportKind};
use xmpp::xml::{Frame, Framing, Kind, Reader, ReaderLimits, Stanza};

/// 2026-11-23T00:00:00Z.
const BEGINNING: i64 = 1_795_392_000_000_000;

/// The messenger and its clients.
pub(crate) struct House {
    pub(crate) chat: Chat,
    clock: Arc<AtomicI64>,
    clients: Vec<Client>,
}

struct Client {
    address: String,
    connection: Option<Connection>,
    reader: Reader,
    received: Vec<Stanza>,
    closed: bool,
    /// The socket takes nothing more: what is written now is not with the client.
    stuck: bool,
    asked: usize,
}

/// Names a client of the house.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Who(usize);

impl House {
    /// A house with these accounts, all with the password `secret`.
    pub(crate) fn new(accounts: &[&str]) -> Self {
        Self::with(accounts, |_| {})
    }

    /// The same with a changed configuration.
    pub(crate) fn with(accounts: &[&str], change: impl FnOnce(&mut ChatConfig)) -> Self {
        let clock = Arc::new(AtomicI64::new(0));
        let time = Arc::clone(&clock);
        let wall = move || Timestamp::from_micros(BEGINNING + time.load(Ordering::Relaxed));
        let store = Store::open(StoreConfig::inline(wall)).expect("a store in memory");
        Self::over(store, clock, accounts, change)
    }

    /// The same over a store that works in its own threads; see [`House::settle_until`].
    pub(crate) fn over(
        store: Store,
        clock: Arc<AtomicI64>,
        accounts: &[&str],
        change: impl FnOnce(&mut ChatConfig),
    ) -> Self {
        let mut config = ChatConfig::new("example.org", [7; 32]);
        config.scram_iterations = 4096;
        // Clients say what they say in words; a test about the rules switches them on.
        config.encryption = EncryptionPolicy::LENIENT;
        change(&mut config);
        let start = Now::new(Moment::START, Timestamp::from_micros(BEGINNING));
        let chat = Chat::new(config, store, Arc::new(|work| work()), [9; 32], start);
        let house = Self {
            chat,
            clock,
            clients: Vec::new(),
        };
        accounts.iter().for_each(|name| house.add_account(name));
        house
    }

    pub(crate) fn add_account(&self, name: &str) {
        let keys = ScramKeys::derive(
            &Password::new("secret".to_owned()),
            b"salt and pepper",
            4096,
            ScramHash::Sha256,
        )
        .expect("a good password");
        let record = ScramRecord {
            hash: keys.hash.name().into(),
            iterations: keys.iterations,
            salt: keys.salt.clone(),
            stored_key: keys.stored_key.expose().to_vec(),
            server_key: keys.server_key.expose().to_vec(),
        };
        let account = NewAccount {
            localpart: name.into(),
            keys: vec![record],
            ..NewAccount::default()
        };
        store::wait(self.chat.store().account_create(account)).expect("a new account");
    }

    /// What time it is.
    pub(crate) fn now(&self) -> Now {
        let micros = self.clock.load(Ordering::Relaxed);
        Now::new(
            Moment::from_micros(micros.unsigned_abs()),
            Timestamp::from_micros(BEGINNING + micros),
        )
    }

    /// Time passes.
    pub(crate) fn pass(&self, duration: Duration) {
        self.clock
            .fetch_add(duration.as_micros() as i64, Ordering::Relaxed);
    }

    /// Logs a client in; `address` is full.
    pub(crate) fn log_in(&mut self, address: &str) -> Who {
        let who = Who(self.clients.len());
        let transport = Transport {
            kind: TransportKind::Tcp,
            security: Security::Tls(TlsFacts::bare(TlsVersion::V1_3)),
            trusted_proxy: false,
        };
        let seed = [who.0 as u8; 32];
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        self.clients.push(Client {
            address: address.to_owned(),
            connection: Some(Connection::new(
                &self.chat,
                transport,
                peer,
                seed,
                self.now(),
            )),
            reader: Reader::new(Framing::Stream, ReaderLimits::default()),
            received: Vec::new(),
            closed: false,
            stuck: false,
            asked: 0,
        });
        let (bare, resource) = address.split_once('/').expect("a full address");
        let (local, domain) = bare.split_once('@').expect("an address of an account");
        let header = format!(
            "<?xml version='1.0'?><stream:stream to='{domain}' version='1.0' xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams'>"
        );
        self.send(who, &header);
        self.await_element(who, "features");
        let plain = base64(format!("\0{local}\0secret").as_bytes());
        let sasl = "urn:ietf:params:xml:ns:xmpp-sasl";
        self.send(
            who,
            &format!("<auth xmlns='{sasl}' mechanism='PLAIN'>{plain}</auth>"),
        );
        self.await_element(who, "success");
        self.clients[who.0].reader.restart();
        self.send(who, &header);
        self.await_element(who, "features");
        self.send(
            who,
            &format!(
                "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
                 <resource>{resource}</resource></bind></iq>"
            ),
        );
        let bound = self.await_element(who, "iq");
        assert!(
            bound.text().contains(address),
            "{address} could not bind: {}",
            bound.text()
        );
        who
    }

    /// Lets everything happen until this element has come; it and what came before is taken.
    fn await_element(&mut self, who: Who, name: &str) -> Stanza {
        let is_it = |element: &Stanza| element.name() == name;
        self.settle_until(|house| house.clients[who.0].received.iter().any(is_it));
        self.take(who).into_iter().find(is_it).expect("it has come")
    }

    /// Logs in, asks for the roster and becomes available; what came with that is forgotten.
    pub(crate) fn come(&mut self, address: &str) -> Who {
        let who = self.log_in(address);
        self.ask(who, "get", None, "<query xmlns='jabber:iq:roster'/>");
        self.send(who, "<presence/>");
        self.forget();
        who
    }

    /// Everyone forgets what came so far.
    pub(crate) fn forget(&mut self) {
        self.clients
            .iter_mut()
            .for_each(|client| client.received.clear());
    }

    /// Sends and lets everything happen.
    pub(crate) fn send(&mut self, who: Who, xml: &str) {
        let now = self.now();
        let client = &mut self.clients[who.0];
        client
            .connection
            .as_mut()
            .expect("it is connected")
            .receive(xml.as_bytes(), now);
        self.settle();
    }

    /// Sends, and gives how many bytes came back; nobody reads them. For benchmarks.
    pub(crate) fn send_unread(&mut self, who: Who, xml: &str) -> usize {
        let now = self.now();
        let connection = self.clients[who.0]
            .connection
            .as_mut()
            .expect("it is connected");
        connection.receive(xml.as_bytes(), now);
        let mut context = Context::from_waker(Waker::noop());
        let mut bytes = 0;
        while connection.poll(&mut context, now).is_ready() {
            while let Some(output) = connection.next_output() {
                if let Output::Send(sent) = output {
                    bytes += sent.len();
                }
            }
            connection.all_written();
        }
        bytes
    }

    /// Sends a request and gives its answer.
    pub(crate) fn ask(&mut self, who: Who, kind: &str, to: Option<&str>, payload: &str) -> Stanza {
        let client = &mut self.clients[who.0];
        client.asked += 1;
        let id = format!("ask-{}", client.asked);
        let to = to.map(|to| format!(" to='{to}'")).unwrap_or_default();
        self.send(
            who,
            &format!("<iq type='{kind}' id='{id}'{to}>{payload}</iq>"),
        );
        let received = &mut self.clients[who.0].received;
        let at = received
            .iter()
            .position(|stanza| stanza.kind() == Kind::Iq && stanza.id().as_deref() == Some(&*id));
        assert!(at.is_some(), "no answer to {payload}");
        received.remove(at.unwrap_or_default())
    }

    /// The socket takes nothing more, and nobody knows yet.
    pub(crate) fn get_stuck(&mut self, who: Who) {
        self.clients[who.0].stuck = true;
    }

    /// The socket takes everything again.
    pub(crate) fn get_unstuck(&mut self, who: Who) {
        self.clients[who.0].stuck = false;
        self.settle();
    }

    /// Whether the server takes more from the client.
    pub(crate) fn is_heard(&self, who: Who) -> bool {
        let connection = self.clients[who.0].connection.as_ref();
        connection.is_some_and(Connection::wants_input)
    }

    /// Lets everything happen that happens although this client reads nothing; gives how many bytes wait for it then.
    pub(crate) fn settle_unread(&mut self, who: Who) -> usize {
        let now = self.now();
        let mut context = Context::from_waker(Waker::noop());
        let Some(connection) = &mut self.clients[who.0].connection else {
            return 0;
        };
        for _ in 0..100 {
            let _ = connection.poll(&mut context, now);
        }
        connection.waiting_bytes()
    }

    /// The socket is gone.
    pub(crate) fn cut(&mut self, who: Who) {
        let now = self.now();
        if let Some(connection) = self.clients[who.0].connection.take() {
            connection
                .cut(now)
                .now_or_never()
                .expect("the store answers at once");
        }
        self.settle();
    }

    /// The client says good-bye.
    pub(crate) fn log_out(&mut self, who: Who) {
        self.send(who, "</stream:stream>");
        self.cut(who);
    }

    /// What came since the last call.
    pub(crate) fn take(&mut self, who: Who) -> Vec<Stanza> {
        std::mem::take(&mut self.clients[who.0].received)
    }

    /// What came since the last call, in short; see [`short`].
    pub(crate) fn seen(&mut self, who: Who) -> Vec<String> {
        self.take(who).iter().map(short).collect()
    }

    /// Whether the server has ended the stream.
    pub(crate) fn is_closed(&self, who: Who) -> bool {
        self.clients[who.0].closed
    }

    /// Sends without letting anything happen.
    pub(crate) fn put(&mut self, who: Who, xml: &str) {
        let now = self.now();
        let connection = self.clients[who.0].connection.as_mut();
        connection
            .expect("it is connected")
            .receive(xml.as_bytes(), now);
    }

    /// How many stanzas have come that are `kind` in the words of [`short`].
    pub(crate) fn count(&self, who: Who, kind: &str) -> usize {
        let received = &self.clients[who.0].received;
        received
            .iter()
            .filter(|stanza| short(stanza).starts_with(kind))
            .count()
    }

    /// Polls everyone until `done`, however often the store must be waited for.
    pub(crate) fn settle_until(&mut self, done: impl Fn(&Self) -> bool) {
        let began = std::time::Instant::now();
        while !done(self) {
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "it takes too long"
            );
            self.settle();
            std::thread::yield_now();
        }
    }

    /// Polls everyone until nobody has anything to do.
    pub(crate) fn settle(&mut self) {
        let now = self.now();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        loop {
            let mut moved = false;
            for client in &mut self.clients {
                let Some(connection) = &mut client.connection else {
                    continue;
                };
                moved |= connection.poll(&mut context, now).is_ready() && !client.closed;
                while let Some(output) = connection.next_output() {
                    match output {
                        Output::Send(bytes) => client.reader.feed(&bytes),
                        Output::Close => client.closed = true,
                        Output::StartTls => assert!(client.closed, "nobody asked for TLS"),
                    }
                }
                if !client.stuck {
                    connection.all_written();
                }
                while let Some(frame) = client
                    .reader
                    .next()
                    .expect("the server writes well-formed XML")
                {
                    if let Frame::Element(element) = frame {
                        client.received.push(element);
                    }
                }
            }
            if !moved && !woken.0.swap(false, Ordering::Relaxed) {
                return;
            }
        }
    }
}

/// Somebody has something to do again.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A stanza in a few words: `presence[type] from`, `push contact subscription …`, `result`,
/// `error condition`, `message from`.
pub(crate) fn short(stanza: &Stanza) -> String {
    let from = stanza.from().unwrap_or_default().into_owned();
    let from = from
        .strip_suffix("@example.org")
        .map_or_else(|| from.replace("@example.org/", "/"), str::to_owned);
    let kind = stanza.type_().unwrap_or_default().into_owned();
    if kind == "error" {
        let error = xmpp::condition::StanzaError::of(stanza).expect("an error says what is wrong");
        return format!("error {} {}", stanza.name(), error.condition);
    }
    match stanza.kind() {
        Kind::Presence if kind.is_empty() => format!("presence {from}"),
        Kind::Presence => format!("{kind} {from}"),
        Kind::Iq if kind == "set" => match stanza.child("query", ns::ROSTER) {
            Some(query) => {
                let tree = query.tree();
                let item = tree.root().children().next().expect("a push has an item");
                format!("push {}", item_words(item))
            }
            None => "set".to_owned(),
        },
        Kind::Iq => kind,
        Kind::Message => format!("message {from}"),
        Kind::Other => stanza.name().to_owned(),
    }
}

/// A roster item in a few words.
fn item_words(item: xmpp::xml::Element<'_>) -> String {
    let mut words = item
        .attr("jid")
        .unwrap_or_default()
        .replace("@example.org", "");
    for part in [
        item.attr("name"),
        item.attr("subscription"),
        item.attr("ask"),
    ]
    .into_iter()
    .flatten()
    {
        words.push(' ');
        words.push_str(part);
    }
    if item.attr("approved") == Some("true") {
        words.push_str(" approved");
    }
    for group in item.children() {
        words.push_str(" @");
        words.push_str(&group.text());
    }
    words
}

/// The items of a roster result.
pub(crate) fn items(result: &Stanza) -> Vec<String> {
    let Some(query) = result.child("query", ns::ROSTER) else {
        return Vec::new();
    };
    query.tree().root().children().map(item_words).collect()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let bits = group
            .iter()
            .fold(0u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - group.len()));
        for at in 0..4 {
            out.push(if at <= group.len() {
                DIGITS[(bits >> (18 - 6 * at) & 63) as usize] as char
            } else {
                '='
            });
        }
    }
    out
}
