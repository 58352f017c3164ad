//! Many clients on bad networks, by seeds: nothing acknowledged is lost, nothing is doubled, order is
//! kept.
//!
//! `HAUSPOST_SEEDS=1000` runs so many seeds instead of the fixed ones, `HAUSPOST_SEED=7` runs one. When
//! something is lost or doubled, it tells what happened to the account; with `HAUSPOST_TRACE=9` it tells
//! all of account 9 as it happens.

#![allow(
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking and says what it has seen"
)]

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use kit::house::{DOMAIN, House};
use xmpp::ns;
use xmpp::xep::carbons;
use xmpp::xml::{Kind, Stanza};

/// Seeds that every run goes through.
const SEEDS: std::ops::Range<u64> = 0..50;
/// Things that happen in one run.
const EVENTS: usize = 600;
/// Stanzas that a mailbox holds where there is little room; twice as many wait for acknowledgement.
const LITTLE: usize = 24;
/// Times that everybody comes back in the end; more where what waits is handed over bit by bit.
const ROUNDS: usize = 3;
const MANY_ROUNDS: usize = 30;

/// SplitMix64: small, and the same everywhere.
struct Chance(u64);

impl Chance {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.number() % bound as u64) as usize
    }

    fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// A message of the simulation: who sent it, to which account, the how-manieth.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
struct Letter {
    sender: usize,
    account: usize,
    number: u32,
}

impl Letter {
    fn id(&self) -> String {
        format!("{}-{}-{}", self.sender, self.account, self.number)
    }

    fn read(id: &str) -> Option<Self> {
        let mut parts = id.split('-').map(str::parse::<u32>);
        let mut next = || parts.next()?.ok();
        Some(Self {
            sender: next()? as usize,
            account: next()? as usize,
            number: next()?,
        })
    }
}

/// What a client has sent and not seen acknowledged.
struct Pending {
    /// The count of stanzas with it.
    count: u32,
    text: String,
    letter: Option<Letter>,
}

/// One client and what it knows.
struct Peer {
    account: usize,
    managed: bool,
    /// Wants copies of what others of its account get (XEP-0280).
    copies: bool,
    pending: VecDeque<Pending>,
    /// Logged in, and all has been said that comes first.
    settled: bool,
    /// Without stream management: letters ahead of each question to the server.
    asked: VecDeque<(u32, Vec<Letter>)>,
    unasked: Vec<Letter>,
    questions: u32,
    /// Last number per sender on this session, for messages that were not delayed.
    last: HashMap<usize, u32>,
    /// Letters of this session.
    seen: HashSet<Letter>,
}

/// Something that happened.
#[derive(Debug, Eq, PartialEq)]
struct Happening {
    /// To whom; `None` for all.
    account: Option<usize>,
    what: String,
}

struct World {
    seed: u64,
    /// There is little room.
    narrow: bool,
    /// The account that is told of as things happen.
    traced: Option<usize>,
    log: Vec<Happening>,
    house: House,
    chance: Chance,
    accounts: usize,
    peers: Vec<Peer>,
    numbers: HashMap<(usize, usize), u32>,
    acknowledged: HashSet<Letter>,
    received: HashSet<Letter>,
}

impl World {
    fn new(seed: u64) -> Self {
        // A quarter of the houses.
        let narrow = seed % 4 == 3;
        let mut world = Self {
            seed,
            narrow,
            traced: variable("HAUSPOST_TRACE").map(|account| account as usize),
            log: Vec::new(),
            house: House::seeded(seed, |config| {
                if narrow {
                    config.limits.mailbox_stanzas = LITTLE;
                    config.limits.unacknowledged_stanzas = 2 * LITTLE;
                }
            }),
            chance: Chance(seed),
            accounts: 0,
            peers: Vec::new(),
            numbers: HashMap::new(),
            acknowledged: HashSet::new(),
            received: HashSet::new(),
        };
        world.accounts = 10 + world.chance.below(11);
        for account in 0..world.accounts {
            // Of some accounts nothing may be lost on the way to the client either.
            let all_managed = world.chance.percent(50);
            for resource in 0..=world.chance.below(3) {
                let managed = all_managed || world.chance.percent(50);
                let copies = world.chance.percent(40);
                let address = format!("u{account}@{DOMAIN}");
                let guest = world.house.add(&address, &format!("r{resource}"), managed);
                world.house.guests[guest].wishes.sasl2 = false;
                world.peers.push(Peer {
                    account,
                    managed,
                    copies,
                    pending: VecDeque::new(),
                    settled: false,
                    asked: VecDeque::new(),
                    unasked: Vec::new(),
                    questions: 0,
                    last: HashMap::new(),
                    seen: HashSet::new(),
                });
            }
        }
        world
    }

    fn fail(&self, why: &str) -> ! {
        panic!("seed {}: {why}", self.seed)
    }

    /// The same, with what happened to `account`.
    fn fail_about(&self, account: usize, why: &str) -> ! {
        for happening in &self.log {
            if happening.account.is_none_or(|about| about == account) {
                println!("{}", happening.what);
            }
        }
        self.fail(why)
    }

    /// Notes what happened to an account, or to all.
    fn note(&mut self, account: Option<usize>, what: &str) {
        let what = format!("{} {what}", self.house.clock.now().wall);
        if self.traced.is_some() && (account.is_none() || account == self.traced) {
            println!("{what}");
        }
        self.log.push(Happening { account, what });
    }

    /// Notes what happened to a client.
    fn trace(&mut self, at: usize, what: &str) {
        let Peer {
            account, managed, ..
        } = self.peers[at];
        let kind = ["unmanaged", "managed"][usize::from(managed)];
        self.note(
            Some(account),
            &format!("u{account}'s {kind} client {at} {what}"),
        );
    }

    /// A client writes whole elements; they are on their way from now on.
    fn write(&mut self, peer: usize, text: String, letter: Option<Letter>) {
        let managed = self.peers[peer].managed;
        let Some(client) = &mut self.house.guests[peer].client else {
            return;
        };
        client.sending(text.as_bytes());
        let count = client.sent;
        self.house.guests[peer].wire.extend(text.as_bytes());
        let peer = &mut self.peers[peer];
        if managed {
            peer.pending.push_back(Pending {
                count,
                text,
                letter,
            });
        } else {
            peer.unasked.extend(letter);
        }
    }

    /// Some or all of what is on the wire arrives.
    fn carry(&mut self, peer: usize, all: bool) {
        let waiting = self.house.guests[peer].wire.len();
        if waiting == 0 {
            return;
        }
        let some = if all {
            waiting
        } else {
            1 + self.chance.below(waiting)
        };
        // No two things happen in the same instant.
        self.house.clock.pass(Duration::from_micros(1));
        self.house.carry(peer, some);
    }

    /// Looks at what every client has got.
    fn look(&mut self) {
        for peer in 0..self.peers.len() {
            self.look_at(peer);
        }
    }

    fn look_at(&mut self, at: usize) {
        let Some(client) = &mut self.house.guests[at].client else {
            return;
        };
        let ready = client.is_ready();
        let (resumed, acknowledged) = (client.resumed, client.acknowledged);
        let inbox: Vec<Stanza> = client.inbox.drain(..).collect();
        if ready && !self.peers[at].settled {
            self.arrived(at, resumed);
        }
        let peer = &mut self.peers[at];
        if peer.settled && peer.managed {
            while peer
                .pending
                .front()
                .is_some_and(|pending| pending.count <= acknowledged)
            {
                let letter = peer.pending.pop_front().and_then(|pending| pending.letter);
                self.acknowledged.extend(letter);
            }
        }
        for stanza in inbox {
            self.take(at, &stanza);
        }
    }

    /// A log-in is complete.
    fn arrived(&mut self, at: usize, resumed: Option<u32>) {
        self.trace(at, &format!("has arrived, resumed: {resumed:?}"));
        let peer = &mut self.peers[at];
        peer.settled = true;
        let pending = std::mem::take(&mut peer.pending);
        if let Some(h) = resumed {
            // XEP-0198 §5: what the server has not handled is sent again.
            for pending in pending {
                if pending.count <= h {
                    self.acknowledged.extend(pending.letter);
                } else {
                    self.write(at, pending.text, pending.letter);
                }
            }
        } else {
            // What was not acknowledged is of an unknown fate; these clients leave it there.
            peer.last.clear();
            peer.seen.clear();
            if peer.copies {
                let wish = "<iq type='set' id='copies'><enable xmlns='urn:xmpp:carbons:2'/></iq>";
                self.write(at, wish.into(), None);
                // It has more to ask before it says that it is there.
                self.ask(at);
                if self.chance.percent(50) {
                    return;
                }
            }
            self.write(at, "<presence/>".into(), None);
        }
    }

    fn take(&mut self, at: usize, stanza: &Stanza) {
        let id = stanza.id().unwrap_or_default().into_owned();
        if stanza.kind() == Kind::Iq {
            let peer = &mut self.peers[at];
            if let Some(number) = id.strip_prefix("q").and_then(|id| id.parse::<u32>().ok()) {
                while peer
                    .asked
                    .front()
                    .is_some_and(|(asked, _)| *asked <= number)
                {
                    let (_, letters) = peer.asked.pop_front().unwrap_or_default();
                    self.acknowledged.extend(letters);
                }
            }
            return;
        }
        if let Some((direction, forwarded)) = carbons::unwrap(stanza) {
            if direction == carbons::Direction::Received {
                self.take(at, &forwarded.stanza);
            }
            return;
        }
        if stanza.kind() != Kind::Message || !stanza.has("body", ns::CLIENT) {
            return;
        }
        if stanza.type_().as_deref() == Some("error") {
            self.fail(&format!("{} came back", stanza.text()));
        }
        let Some(letter) = Letter::read(&id) else {
            self.fail(&format!("whose is {}?", stanza.text()));
        };
        if letter.account != self.peers[at].account {
            self.fail(&format!("{} came to the wrong account", stanza.text()));
        }
        self.trace(at, &format!("gets {}", stanza.text()));
        self.received.insert(letter.clone());
        if !self.peers[at].seen.insert(letter.clone()) {
            self.fail_about(
                letter.account,
                &format!(
                    "client {at} got {letter:?} twice on one session: {}",
                    stanza.text()
                ),
            );
        }
        if stanza.has("delay", ns::DELAY) {
            return;
        }
        let last = self.peers[at].last.entry(letter.sender).or_default();
        if *last >= letter.number {
            let last = *last;
            self.fail_about(
                letter.account,
                &format!("client {at} got {letter:?} after {last}"),
            );
        }
        *last = letter.number;
    }

    /// The client's socket is gone, with all that was on it.
    fn lose(&mut self, at: usize, noticed: bool) {
        self.look_at(at);
        self.trace(at, &format!("is lost, noticed: {noticed}"));
        if noticed {
            self.house.cut(at);
        } else {
            self.house.forsake(at);
        }
        self.house.guests[at].client = None;
        self.house.guests[at].wire.clear();
        let peer = &mut self.peers[at];
        peer.settled = false;
        peer.asked.clear();
        peer.unasked.clear();
    }

    fn event(&mut self) {
        self.house.clock.pass(Duration::from_micros(1));
        let at = self.chance.below(self.peers.len());
        if !self.house.is_connected(at) {
            // The client may have been thrown out; what it got before counts.
            self.look_at(at);
            self.lose(at, true);
            if self.chance.percent(70) {
                self.house.connect(at);
            }
            return;
        }
        match self.chance.below(100) {
            0..45 => self.send(at),
            45..65 => self.carry(at, false),
            65..75 => {
                let _ = self.house.drive(at);
            }
            75..79 => self.ask(at),
            79..82 => {
                if let Some(client) = &mut self.house.guests[at].client
                    && client.is_ready()
                {
                    client.deaf = true;
                    self.trace(at, "is deaf");
                }
            }
            82..86 => self.lose(at, true),
            86..88 => self.lose(at, false),
            88..90 => {
                self.note(None, "dead sockets are found");
                self.house.reap();
            }
            90..94 if self.peers[at].settled => {
                let state = ["active", "inactive"][self.chance.below(2)];
                self.trace(at, &format!("is {state}"));
                self.write(at, format!("<{state} xmlns='{}'/>", ns::CLIENT_STATE), None);
            }
            94..96 if self.peers[at].settled => {
                let presence = [
                    "<presence/>",
                    "<presence><priority>-1</priority></presence>",
                    "<presence type='unavailable'/>",
                ][self.chance.below(3)];
                self.trace(at, presence);
                self.write(at, presence.into(), None);
            }
            94..99 => {
                let seconds = 1 + self.chance.below(30) as u64;
                self.pass(seconds);
            }
            99 if self.chance.percent(30) => {
                let seconds = 500 + self.chance.below(300) as u64;
                self.pass(seconds);
            }
            _ => self.house.settle(),
        }
        self.look();
    }

    fn pass(&mut self, seconds: u64) {
        self.note(None, &format!("{seconds} seconds pass"));
        self.house.pass(Duration::from_secs(seconds));
    }

    fn send(&mut self, at: usize) {
        if !self.peers[at].settled || !self.house.is_connected(at) {
            return;
        }
        for _ in 0..=self.chance.below(4) {
            let mut to = self.chance.below(self.peers.len());
            while self.peers[to].account == self.peers[at].account {
                to = self.chance.below(self.peers.len());
            }
            let account = self.peers[to].account;
            let mut address = format!("u{account}@{DOMAIN}");
            if self.chance.percent(20) {
                address = format!("{address}/{}", self.house.guests[to].wishes.resource);
            }
            let number = self.numbers.entry((at, account)).or_default();
            *number += 1;
            let letter = Letter {
                sender: at,
                account,
                number: *number,
            };
            let id = letter.id();
            self.note(Some(account), &format!("{id} is sent to {address}"));
            self.write(
                at,
                format!(
                    "<message to='{address}' type='chat' id='{id}'><body>{id}</body></message>"
                ),
                Some(letter),
            );
        }
    }

    /// Asks for an acknowledgement, or what comes near to it without stream management.
    fn ask(&mut self, at: usize) {
        if !self.peers[at].settled {
            return;
        }
        if self.peers[at].managed {
            self.house.guests[at]
                .wire
                .extend(format!("<r xmlns='{}'/>", ns::STREAM_MANAGEMENT).as_bytes());
            return;
        }
        let peer = &mut self.peers[at];
        peer.questions += 1;
        let letters = std::mem::take(&mut peer.unasked);
        peer.asked.push_back((peer.questions, letters));
        let question = format!(
            "<iq type='get' to='{DOMAIN}' id='q{}'><ping xmlns='{}'/></iq>",
            peer.questions,
            ns::PING
        );
        self.write(at, question, None);
    }

    /// Everybody comes back, and everything that is on its way arrives.
    fn finish(&mut self) {
        for at in 0..self.peers.len() {
            if self.chance.percent(50) || !self.peers[at].settled {
                self.lose(at, true);
            }
        }
        let rounds = if self.narrow { MANY_ROUNDS } else { ROUNDS };
        for _ in 0..rounds {
            for at in 0..self.peers.len() {
                let deaf = self.house.guests[at]
                    .client
                    .as_ref()
                    .is_some_and(|client| client.deaf);
                if deaf || !self.house.is_connected(at) {
                    self.lose(at, true);
                    self.house.connect(at);
                }
            }
            self.house.reap();
            self.house.settle();
            self.look();
            for at in 0..self.peers.len() {
                let here = format!("<active xmlns='{}'/><presence/>", ns::CLIENT_STATE);
                self.write(at, here, None);
                self.ask(at);
                self.carry(at, true);
                self.house.drive(at);
            }
            self.house.settle();
            self.look();
        }
        for at in 0..self.peers.len() {
            if !self.peers[at].settled {
                self.fail(&format!("client {at} could not come back"));
            }
            if !self.peers[at]
                .pending
                .iter()
                .all(|pending| pending.letter.is_none())
            {
                self.fail(&format!("client {at} waits for acknowledgements"));
            }
        }
    }

    /// The messages in an account's archive, page by page.
    fn archive(&mut self, account: usize) -> Vec<Letter> {
        let reader = self
            .house
            .add(&format!("u{account}@{DOMAIN}"), "reader", false);
        self.house.connect(reader);
        self.house.settle();
        let mut letters = Vec::new();
        let mut after = String::new();
        loop {
            let page = format!(
                "<iq type='set' id='page'><query xmlns='{}'><set xmlns='{}'><max>40</max>{after}</set></query></iq>",
                ns::ARCHIVE,
                ns::RSM
            );
            self.house.send(reader, page.as_bytes());
            self.house.settle();
            let inbox = self.house.guests[reader]
                .client
                .as_mut()
                .map(|client| std::mem::take(&mut client.inbox))
                .unwrap_or_default();
            let mut complete = None;
            for stanza in inbox {
                if let Some(result) = stanza.child("result", ns::ARCHIVE) {
                    let tree = result.tree();
                    let message = tree
                        .root()
                        .child("forwarded", ns::FORWARD)
                        .and_then(|forwarded| forwarded.child("message", ns::CLIENT));
                    let letter = message
                        .and_then(|message| message.attr("id"))
                        .and_then(Letter::read);
                    self.note(Some(account), &format!("is kept: {}", stanza.text()));
                    letters.extend(letter);
                } else if let Some(fin) = stanza.child("fin", ns::ARCHIVE) {
                    let tree = fin.tree();
                    complete = Some(tree.root().attr("complete") == Some("true"));
                    if let Some(last) = tree
                        .root()
                        .child("set", ns::RSM)
                        .and_then(|set| set.child("last", ns::RSM))
                    {
                        after = format!("<after>{}</after>", last.text());
                    }
                }
            }
            match complete {
                Some(true) => return letters,
                Some(false) => {}
                None => self.fail("an archive page did not come"),
            }
        }
    }

    fn check(&mut self) {
        for account in 0..self.accounts {
            let letters = self.archive(account);
            let mut last: HashMap<(usize, usize), u32> = HashMap::new();
            for letter in &letters {
                let last = last.entry((letter.sender, letter.account)).or_default();
                if *last >= letter.number {
                    self.fail_about(
                        account,
                        &format!("u{account} keeps {letter:?} after {last}"),
                    );
                }
                *last = letter.number;
            }
            let kept: HashSet<&Letter> = letters.iter().collect();
            for letter in &self.acknowledged {
                let concerned =
                    letter.account == account || self.peers[letter.sender].account == account;
                if concerned && !kept.contains(letter) {
                    self.fail_about(account, &format!("u{account} has lost {letter:?}"));
                }
            }
        }
        // Where all clients use stream management, each message has reached one.
        let mut acknowledged: Vec<&Letter> = self.acknowledged.iter().collect();
        acknowledged.sort_unstable();
        for letter in acknowledged {
            let managed = self
                .peers
                .iter()
                .filter(|peer| peer.account == letter.account)
                .all(|peer| peer.managed);
            if managed && !self.received.contains(letter) {
                self.fail_about(letter.account, &format!("nobody has got {letter:?}"));
            }
        }
    }
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn run(seed: u64) -> World {
    println!("seed {seed}");
    let mut world = World::new(seed);
    for at in 0..world.peers.len() {
        world.house.connect(at);
    }
    world.house.settle();
    world.look();
    for _ in 0..EVENTS {
        world.event();
    }
    world.finish();
    world.check();
    world
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..4 {
        let (once, again) = (run(seed), run(seed));
        let differs = once.log.iter().zip(&again.log).find(|(a, b)| a != b);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(once.log.len(), again.log.len(), "seed {seed}");
    }
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled_whatever_the_network_does() {
    let seeds = match (variable("HAUSPOST_SEED"), variable("HAUSPOST_SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, Some(count)) => 0..count,
        (None, None) => SEEDS,
    };
    let acknowledged: usize = seeds.map(|seed| run(seed).acknowledged.len()).sum();
    assert!(acknowledged > 0, "the simulation has done nothing");
    println!("{acknowledged} messages were acknowledged, and all are there");
}
