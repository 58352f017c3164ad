//! A whole messenger in memory on a virtual clock: the same code as in the binary, without sockets.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use base::{Moment, Now, Timestamp};
use chat::config::EncryptionPolicy;
use chat::{Chat, ChatConfig, Connection, Output};
use futures_util::FutureExt;
use store::{NewAccount, ScramRecord, Store, StoreConfig};
use xmpp::sasl::{Password, SaltedPassword, ScramHash, ScramKeys};
use xmpp::stream::{Security, Transport, TransportKind};

use crate::client::{Client, Wishes};

/// The domain of all tests.
pub const DOMAIN: &str = "example.org";
/// The password of all accounts, unless a test says otherwise.
const PASSWORD: &str = "secret";
/// 2026-11-23T00:00:00Z.
const EPOCH: i64 = 1_795_392_000_000_000;
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The clock of a simulated house; clones show the same time.
#[derive(Clone, Default)]
pub struct VirtualClock(Arc<AtomicU64>);

impl VirtualClock {
    /// This moment.
    #[must_use]
    pub fn now(&self) -> Now {
        let micros = self.0.load(Ordering::Relaxed);
        Now::new(
            Moment::from_micros(micros),
            Timestamp::from_micros(EPOCH + micros as i64),
        )
    }

    /// Time passes.
    pub fn pass(&self, duration: Duration) {
        self.0
            .fetch_add(duration.as_micros() as u64, Ordering::Relaxed);
    }
}

/// A party in a house: its client and its connection.
pub struct Guest {
    /// How it logs in.
    pub wishes: Wishes,
    /// The client, once it has connected.
    pub client: Option<Client>,
    /// Bytes on the way to the server, for tests that carry them there themselves. What the client
    /// answers of its own accord queues up behind them.
    pub wire: VecDeque<u8>,
    connection: Option<Connection>,
}

impl Guest {
    /// Notes how to resume the session that is being left, if it can be.
    fn remember(&mut self) {
        if let Some(client) = &self.client {
            self.wishes.remember(client);
        }
    }
}

/// Work that belongs to no connection: sessions that end.
type Chore = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Goes on with a chore; `None` when it is done.
fn go_on(mut chore: Chore) -> Option<Chore> {
    let done = chore.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    done.is_pending().then_some(chore)
}

/// The server learns that a socket is gone. What is left to do waits for another session.
fn end(connection: Connection, now: Now) -> Option<Chore> {
    go_on(Box::pin(connection.cut(now)))
}

/// The house.
pub struct House {
    /// The messenger.
    pub chat: Chat,
    /// Its time.
    pub clock: VirtualClock,
    /// Its parties.
    pub guests: Vec<Guest>,
    /// Connections whose clients are gone without the server's knowing.
    forsaken: Vec<Connection>,
    chores: Vec<Chore>,
    /// All passwords are the same, and so are their salts.
    salted: Option<SaltedPassword>,
    seeds: u64,
}

impl House {
    /// Lets an account administer the server.
    pub fn make_admin(&self, account: &str) {
        let account = base::BareJid::parse(account).unwrap();
        let by = chat::accounts::Authority::console();
        let made = self
            .chat
            .set_role(&account, store::Role::Owner, &by, self.clock.now());
        made.now_or_never().unwrap().unwrap();
    }

    /// An empty house with what `change` makes of the default configuration.
    #[must_use]
    pub fn new(change: impl FnOnce(&mut ChatConfig)) -> Self {
        Self::seeded(0, change)
    }

    /// The same with randomness of its own: the same seed gives the same run.
    #[must_use]
    pub fn seeded(seed: u64, change: impl FnOnce(&mut ChatConfig)) -> Self {
        let clock = VirtualClock::default();
        let time = clock.clone();
        let store = Store::open(StoreConfig::inline(move || time.now().wall)).unwrap();
        Self::with(store, clock, seed, change)
    }

    /// A house over a store that has been in use.
    #[must_use]
    pub fn over(store: Store, clock: VirtualClock, change: impl FnOnce(&mut ChatConfig)) -> Self {
        Self::with(store, clock, 0, change)
    }

    fn with(
        store: Store,
        clock: VirtualClock,
        seed: u64,
        change: impl FnOnce(&mut ChatConfig),
    ) -> Self {
        let mut config = ChatConfig::new(DOMAIN, [7; 32]);
        config.plaintext_on_loopback = true;
        config.starttls = false;
        config.scram_iterations = 4096;
        // Parties say what they say in words; a script about the rules switches them on.
        config.encryption = EncryptionPolicy::LENIENT;
        change(&mut config);
        let mut secret = [9; 32];
        secret[..8].copy_from_slice(&seed.to_le_bytes());
        let chat = Chat::new(config, store, Arc::new(|work| work()), secret, clock.now());
        Self {
            chat,
            clock,
            guests: Vec::new(),
            forsaken: Vec::new(),
            chores: Vec::new(),
            salted: None,
            seeds: 0,
        }
    }

    /// Adds a party and, if it is new, its account. Gives its index.
    pub fn add(&mut self, account: &str, resource: &str, managed: bool) -> usize {
        let account = base::BareJid::parse(account).unwrap();
        let local = account.local().unwrap();
        let known = self
            .chat
            .store()
            .account_find(local)
            .now_or_never()
            .unwrap()
            .unwrap();
        if known.is_none() {
            let account = NewAccount {
                localpart: local.into(),
                keys: keys_of_secret(),
                ..NewAccount::default()
            };
            self.chat
                .store()
                .account_create(account)
                .now_or_never()
                .unwrap()
                .unwrap();
        }
        let wishes = Wishes {
            account,
            resource: resource.to_owned(),
            password: PASSWORD.to_owned(),
            managed,
            sasl2: false,
            resume: None,
            salted: self.salted.clone(),
        };
        self.guests.push(Guest {
            wishes,
            client: None,
            wire: VecDeque::new(),
            connection: None,
        });
        self.guests.len() - 1
    }

    fn seed(&mut self) -> [u8; 32] {
        self.seeds += 1;
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.seeds.to_le_bytes());
        seed
    }

    /// Opens the party's stream; settle to see it through.
    pub fn connect(&mut self, guest: usize) {
        let transport = Transport {
            kind: TransportKind::Tcp,
            security: Security::Plain,
            trusted_proxy: false,
        };
        let now = self.clock.now();
        let seed = self.seed();
        let mut connection = Connection::new(&self.chat, transport, HERE, seed, now);
        let seed = self.seed();
        let guest = &mut self.guests[guest];
        if guest.wishes.salted.is_none() && guest.wishes.password == PASSWORD {
            guest.wishes.salted.clone_from(&self.salted);
        }
        let (client, first) = Client::begin(&guest.wishes, seed);
        connection.receive(&first, now);
        guest.client = Some(client);
        guest.wire.clear();
        guest.connection = Some(connection);
    }

    /// Sends bytes as the party.
    pub fn send(&mut self, guest: usize, bytes: &[u8]) {
        let now = self.clock.now();
        let guest = &mut self.guests[guest];
        if let Some(connection) = &mut guest.connection {
            if let Some(client) = &mut guest.client {
                client.sending(bytes);
            }
            connection.receive(bytes, now);
        }
    }

    /// The first `bytes` of the party's wire arrive, be they whole elements or not.
    pub fn carry(&mut self, guest: usize, bytes: usize) {
        let now = self.clock.now();
        let guest = &mut self.guests[guest];
        let bytes = bytes.min(guest.wire.len());
        let piece: Vec<u8> = guest.wire.drain(..bytes).collect();
        if let Some(connection) = &mut guest.connection {
            connection.receive(&piece, now);
        }
    }

    /// Whether the party has a connection, be it logged in or not.
    #[must_use]
    pub fn is_connected(&self, guest: usize) -> bool {
        self.guests[guest].connection.is_some()
    }

    /// Whether the server takes more bytes from the party now.
    #[must_use]
    pub fn takes_input(&self, guest: usize) -> bool {
        self.guests[guest]
            .connection
            .as_ref()
            .is_some_and(Connection::wants_input)
    }

    /// The party's socket is cut; its client remembers how to resume.
    pub fn cut(&mut self, guest: usize) {
        let now = self.clock.now();
        let guest = &mut self.guests[guest];
        guest.remember();
        if let Some(connection) = guest.connection.take() {
            self.chores.extend(end(connection, now));
        }
    }

    /// The party's socket is gone; its client knows, the server does not.
    pub fn forsake(&mut self, guest: usize) {
        let guest = &mut self.guests[guest];
        guest.remember();
        self.forsaken.extend(guest.connection.take());
    }

    /// The server finds out that forsaken sockets are gone.
    pub fn reap(&mut self) {
        let now = self.clock.now();
        for connection in std::mem::take(&mut self.forsaken) {
            self.chores.extend(end(connection, now));
        }
    }

    /// What is written to forsaken sockets goes nowhere. True when something moved.
    fn drive_forsaken(&mut self) -> bool {
        let now = self.clock.now();
        let mut moved = false;
        for mut connection in std::mem::take(&mut self.forsaken) {
            if connection
                .deadline()
                .is_some_and(|deadline| deadline <= now.moment)
            {
                connection.tick(now);
            }
            let _ = connection.poll(&mut Context::from_waker(Waker::noop()), now);
            let mut closed = false;
            while let Some(output) = connection.next_output() {
                moved = true;
                closed |= matches!(output, Output::Close);
            }
            connection.all_written();
            if closed {
                self.chores.extend(end(connection, now));
            } else {
                self.forsaken.push(connection);
            }
        }
        moved
    }

    /// Lets everything that can happen now happen.
    pub fn settle(&mut self) {
        let mut again = true;
        while again {
            again = false;
            for guest in 0..self.guests.len() {
                again |= self.drive(guest);
            }
            again |= self.drive_forsaken();
            let chores = std::mem::take(&mut self.chores);
            let before = chores.len();
            self.chores.extend(chores.into_iter().filter_map(go_on));
            again |= self.chores.len() < before;
        }
    }

    /// One round of one party. True when something moved.
    pub fn drive(&mut self, guest: usize) -> bool {
        let now = self.clock.now();
        let guest = &mut self.guests[guest];
        let Some(connection) = &mut guest.connection else {
            return false;
        };
        if connection
            .deadline()
            .is_some_and(|deadline| deadline <= now.moment)
        {
            connection.tick(now);
        }
        let _ = connection.poll(&mut Context::from_waker(Waker::noop()), now);
        let mut moved = false;
        let mut closed = false;
        while let Some(output) = connection.next_output() {
            moved = true;
            match output {
                Output::Send(bytes) => {
                    let reply = guest
                        .client
                        .as_mut()
                        .map(|client| client.receive(&bytes))
                        .unwrap_or_default();
                    if !guest.wire.is_empty() {
                        guest.wire.extend(&reply);
                    } else if !reply.is_empty() {
                        connection.receive(&reply, now);
                    }
                }
                Output::StartTls => panic!("no TLS in memory"),
                Output::Close => {
                    closed = true;
                    break;
                }
            }
        }
        if moved {
            connection.all_written();
        }
        if self.salted.is_none() && guest.wishes.password == PASSWORD {
            self.salted = guest
                .client
                .as_ref()
                .and_then(|client| client.salted.clone());
        }
        if closed && let Some(connection) = guest.connection.take() {
            guest.remember();
            self.chores.extend(end(connection, now));
            if let Some(client) = &mut guest.client {
                client.ended.get_or_insert_with(|| "cut".into());
            }
        }
        moved
    }

    /// What the connection would write to the party's socket, in bytes; its client sees nothing of
    /// it. For measurements.
    pub fn take_bytes(&mut self, guest: usize) -> usize {
        let now = self.clock.now();
        let Some(connection) = &mut self.guests[guest].connection else {
            return 0;
        };
        let _ = connection.poll(&mut Context::from_waker(Waker::noop()), now);
        let mut taken = 0;
        while let Some(Output::Send(bytes)) = connection.next_output() {
            taken += bytes.len();
        }
        connection.all_written();
        taken
    }

    /// Time passes, chores run, and everything settles.
    pub fn pass(&mut self, duration: Duration) {
        self.clock.pass(duration);
        let (chat, now) = (self.chat.clone(), self.clock.now());
        self.chores
            .extend(go_on(Box::pin(async move { chat.tick(now).await })));
        self.settle();
    }
}

/// Keys of the password `secret`, made once.
#[must_use]
pub fn keys_of_secret() -> Vec<ScramRecord> {
    static KEYS: std::sync::OnceLock<Vec<ScramRecord>> = std::sync::OnceLock::new();
    KEYS.get_or_init(|| {
        ScramHash::ALL
            .iter()
            .map(|hash| {
                let keys =
                    ScramKeys::derive(&Password::new("secret"), b"salt and pepper!", 4096, *hash)
                        .unwrap();
                ScramRecord {
                    hash: hash.name().into(),
                    iterations: keys.iterations,
                    salt: keys.salt.clone(),
                    stored_key: keys.stored_key.expose().to_vec(),
                    server_key: keys.server_key.expose().to_vec(),
                }
            })
            .collect()
    })
    .clone()
}
