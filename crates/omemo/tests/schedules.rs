//! Random schedules of many devices with loss, reordering, duplicates and crashes: every message is read on every device
//! that it was for, exactly once, and whoever has been removed reads nothing later.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod world;

use std::collections::{BTreeMap, BTreeSet};

use omemo::{Audience, Failure, Incoming, Outgoing, Received};
use proptest::prelude::*;
use world::{Post, World, jid, text_of};
use xmpp::xml::Stanza;

const ACCOUNTS: [&str; 3] = ["a@one.example", "b@two.example", "c@two.example"];
const MAX_DEVICES: usize = 9;

/// What may happen. Numbers choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    /// A device writes into the room, or to one account.
    Say(u8, Option<u8>),
    /// Several in a row, without anybody reading in between.
    Burst(u8, u8),
    /// A device reads a message, the next or a later one.
    Read(u8, u8),
    ReadAll(u8),
    /// A device gets a message a second time.
    Repeat(u8, u8),
    /// A message never arrives.
    Lose(u8, u8),
    /// A device stops between two operations.
    Crash(u8),
    /// A device stops after a message was decrypted and before anybody kept what it says.
    CrashUnkept(u8, u8),
    /// The disk is full while a message is read.
    FullWhileReading(u8, u8),
    /// The disk is full while a message is written.
    FullWhileWriting(u8),
    NewDevice(u8),
    RemoveDevice(u8),
    RemoveMember,
    /// The one who was removed is in again.
    AddMember,
    /// Days go by, and keys are changed for new ones. No message waits for longer than old keys are kept.
    Days(u8),
    /// All read all.
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    use Step::*;
    let n = any::<u8>;
    prop_oneof![
        12 => (n(), proptest::option::of(n())).prop_map(|(a, b)| Say(a, b)),
        2 => (n(), 2..9u8).prop_map(|(a, b)| Burst(a, b)),
        14 => (n(), n()).prop_map(|(a, b)| Read(a, b)),
        3 => n().prop_map(ReadAll),
        3 => (n(), n()).prop_map(|(a, b)| Repeat(a, b)),
        2 => (n(), n()).prop_map(|(a, b)| Lose(a, b)),
        2 => n().prop_map(Crash),
        3 => (n(), n()).prop_map(|(a, b)| CrashUnkept(a, b)),
        2 => (n(), n()).prop_map(|(a, b)| FullWhileReading(a, b)),
        1 => n().prop_map(FullWhileWriting),
        2 => n().prop_map(NewDevice),
        1 => n().prop_map(RemoveDevice),
        1 => Just(RemoveMember),
        1 => Just(AddMember),
        1 => (1..5u8).prop_map(Days),
        1 => Just(Settle),
    ]
}

struct Run {
    world: World,
    members: Vec<usize>,
    removed: BTreeSet<usize>,
    /// Texts by the devices that must read them.
    expected: BTreeMap<String, BTreeSet<usize>>,
    said: usize,
    days: u8,
}

impl Run {
    fn new(seed: u64, legacy: Option<usize>) -> Self {
        let mut run = Self {
            world: World::new(seed),
            members: vec![0, 1, 2],
            removed: BTreeSet::new(),
            expected: BTreeMap::new(),
            said: 0,
            days: 0,
        };
        let legacy = legacy.map(|account| jid(ACCOUNTS[account]));
        run.world.legacy_only.extend(legacy);
        for account in [0, 1, 0, 2] {
            run.new_device(account);
        }
        run
    }

    fn new_device(&mut self, account: usize) {
        self.world.device(ACCOUNTS[account]);
    }

    /// A device that is not removed.
    fn alive(&self, choice: u8) -> usize {
        let alive: Vec<usize> = (0..self.world.parties.len())
            .filter(|index| !self.removed.contains(index))
            .collect();
        alive[usize::from(choice) % alive.len()]
    }

    fn any(&self, choice: u8) -> usize {
        usize::from(choice) % self.world.parties.len()
    }

    fn place(&self, index: usize, choice: u8) -> usize {
        usize::from(choice) % self.world.parties[index].queue.len().max(1)
    }

    fn audience(&self, to: Option<u8>) -> Audience {
        match to {
            Some(to) => Audience::direct(jid(ACCOUNTS[usize::from(to) % 3])),
            None => Audience::group(
                jid("room@rooms.example"),
                self.members
                    .iter()
                    .map(|member| jid(ACCOUNTS[*member]))
                    .collect(),
            ),
        }
    }

    fn say(&mut self, from: usize, to: Option<u8>) {
        self.said += 1;
        let text = format!("text {}", self.said);
        let audience = self.audience(to);
        let said = self.world.say(from, &audience, &text);
        let parties = &mut self.world.parties;
        let sender = parties[from].account.clone();
        let readers: BTreeSet<(String, u32)> = said
            .readers
            .iter()
            .map(|reader| (reader.account.to_string(), reader.device))
            .collect();
        let mut meant = BTreeSet::new();
        let mut reached = BTreeSet::new();
        for (index, party) in parties.iter_mut().enumerate() {
            let account = party.account.clone();
            if index != from
                && !self.removed.contains(&index)
                && (audience.members.contains(&account) || account == sender)
            {
                meant.insert(index);
            }
            let device = party.machine().device();
            if readers.contains(&(account.to_string(), device)) {
                reached.insert(index);
            }
        }
        // Where nobody but the sender's own devices would read, nothing is sent.
        let alone = audience.members.iter().all(|member| *member == sender);
        if alone || meant.iter().any(|index| parties[*index].account != sender) {
            assert_eq!(said.unreached, []);
            assert_eq!(reached, meant, "entitled devices");
            self.expected.insert(text, meant);
        }
    }

    fn check(&self, received: &Received) {
        match received {
            Received::Message(_)
            | Received::KeysOnly
            | Received::Duplicate
            | Received::Failed(Failure::NotForThisDevice) => {}
            other => panic!("{other:?}"),
        }
    }

    fn read(&mut self, index: usize, place: usize) {
        if let Some(received) = self.world.deliver_at(index, place) {
            self.check(&received);
            self.world.pump(index);
        }
    }

    fn with_full_disk(&mut self, index: usize, full: bool) {
        let party = &mut self.world.parties[index];
        let account = party.account.clone();
        let mut store = party.machine.take().unwrap().into_store();
        store.fail_after(full.then_some(0));
        let (config, now) = (self.world.config.clone(), self.world.now);
        let mut machine =
            omemo::Machine::open(store, account, config, now, &mut self.world.random).unwrap();
        if !full {
            machine.connected();
        }
        self.world.parties[index].machine = Some(machine);
        if !full {
            self.world.pump(index);
        }
    }

    /// Tries to read a message; the outcome is of no interest.
    fn try_read(&mut self, index: usize, post: &Post) -> Result<Received, ()> {
        let stanza = Stanza::parse(&post.xml).unwrap();
        let now = self.world.now;
        let incoming = Incoming {
            reference: &post.reference,
            from: &post.from,
            to: &post.to,
            group: post.group,
            sent: now,
            message: &stanza,
        };
        let machine = self.world.parties[index].machine.as_mut().unwrap();
        machine
            .decrypt(incoming, now, &mut self.world.random)
            .map_err(|_| ())
    }

    fn settle(&mut self) {
        self.world.settle();
        for index in 0..self.world.parties.len() {
            for received in &self.world.parties[index].outcomes {
                self.check(received);
            }
        }
    }

    fn step(&mut self, step: &Step) {
        self.world.later(1);
        match *step {
            Step::Say(from, to) => {
                let from = self.alive(from);
                self.say(from, to);
            }
            Step::Burst(from, count) => {
                let from = self.alive(from);
                for _ in 0..count {
                    self.say(from, None);
                }
            }
            Step::Read(index, place) => {
                let index = self.any(index);
                self.read(index, self.place(index, place));
            }
            Step::ReadAll(index) => {
                let index = self.any(index);
                while !self.world.parties[index].queue.is_empty() {
                    self.read(index, 0);
                }
            }
            Step::Repeat(index, place) => {
                let index = self.any(index);
                let place = self.place(index, place);
                if let Some(post) = self.world.parties[index].queue.get(place).cloned() {
                    let again = Post {
                        reference: format!("{}-again-{}", post.reference, self.said),
                        ..post
                    };
                    self.world.parties[index].queue.push_back(again);
                }
            }
            Step::Lose(index, place) => {
                let index = self.any(index);
                let place = self.place(index, place);
                self.lose(index, place);
            }
            Step::Crash(index) => {
                let index = self.alive(index);
                self.world.crash(index);
                self.world.parties[index]
                    .machine()
                    .catch_up_started()
                    .unwrap();
            }
            Step::CrashUnkept(index, place) => {
                let index = self.alive(index);
                let place = self.place(index, place);
                if let Some(post) = self.world.parties[index].queue.remove(place) {
                    let received = self.world.give(index, &post);
                    self.check(&received);
                    // The stanza may or may not come again, under the same name.
                    if place.is_multiple_of(2) {
                        self.world.parties[index].queue.push_front(post);
                    }
                    self.world.crash(index);
                }
            }
            Step::FullWhileReading(index, place) => {
                let index = self.alive(index);
                let place = self.place(index, place);
                if let Some(post) = self.world.parties[index].queue.get(place).cloned() {
                    self.with_full_disk(index, true);
                    let received = self.try_read(index, &post);
                    assert!(
                        !matches!(received, Ok(Received::Message(_) | Received::KeysOnly)),
                        "nothing is given away that was not kept"
                    );
                    self.with_full_disk(index, false);
                }
            }
            Step::FullWhileWriting(index) => {
                let index = self.alive(index);
                let audience = self.audience(None);
                self.world.encrypt(index, &audience, "never sent");
                self.with_full_disk(index, true);
                let now = self.world.now;
                let outgoing = Outgoing {
                    elements: "<body xmlns='jabber:client'>x</body>",
                    text: Some("x"),
                };
                let machine = self.world.parties[index].machine.as_mut().unwrap();
                let said = machine.encrypt(&audience, outgoing, now, &mut self.world.random);
                assert!(said.is_err() || !said.unwrap().reaches_somebody());
                self.with_full_disk(index, false);
            }
            Step::NewDevice(account) => {
                if self.world.parties.len() < MAX_DEVICES {
                    self.new_device(usize::from(account) % 3);
                }
            }
            Step::RemoveDevice(index) => self.remove_device(index),
            Step::RemoveMember => {
                if self.members.len() == 3 {
                    self.members.pop();
                }
            }
            Step::AddMember => {
                if self.members.len() == 2 {
                    self.members.push(2);
                }
            }
            Step::Days(days) => self.pass(days),
            Step::Settle => self.settle(),
        }
    }

    /// Signed prekeys are offered for a week and kept for another one (XEP-0384 §4.2).
    fn pass(&mut self, days: u8) {
        if self.days + days > 13 {
            return;
        }
        self.days += days;
        self.world.later(u64::from(days) * 24 * 60 * 60);
        for index in 0..self.world.parties.len() {
            if self.removed.contains(&index) {
                continue;
            }
            let now = self.world.now;
            let machine = self.world.parties[index].machine.as_mut().unwrap();
            // What has waited for so long comes from an archive.
            machine.catch_up_started().unwrap();
            machine.tick(now, &mut self.world.random).unwrap();
            self.world.pump(index);
        }
    }

    fn lose(&mut self, index: usize, place: usize) {
        let party = &mut self.world.parties[index];
        let Some(post) = party.queue.remove(place) else {
            return;
        };
        if party.queue.iter().any(|other| other.xml == post.xml) {
            return;
        }
        // A copy of the device as it is tells which text it was.
        let store = party.machine().store().clone();
        let account = party.account.clone();
        let (config, now) = (self.world.config.clone(), self.world.now);
        let mut copy =
            omemo::Machine::open(store, account, config, now, &mut self.world.random).unwrap();
        let stanza = Stanza::parse(&post.xml).unwrap();
        let incoming = Incoming {
            reference: &post.reference,
            from: &post.from,
            to: &post.to,
            group: post.group,
            sent: now,
            message: &stanza,
        };
        if let Received::Message(message) =
            copy.decrypt(incoming, now, &mut self.world.random).unwrap()
            && let Some(readers) = self.expected.get_mut(&text_of(&message))
        {
            readers.remove(&index);
        }
    }

    fn remove_device(&mut self, choice: u8) {
        let index = self.alive(choice);
        let account = self.world.parties[index].account.clone();
        let other = (0..self.world.parties.len()).find(|other| {
            *other != index
                && !self.removed.contains(other)
                && self.world.parties[*other].account == account
        });
        let Some(other) = other else { return };
        let device = self.world.parties[index].machine().device();
        // It is not asked, or it would announce itself again.
        self.world.parties[index].machine().disconnected();
        let now = self.world.now;
        self.world.parties[other]
            .machine()
            .revoke(device, now)
            .unwrap();
        self.world.pump(other);
        self.removed.insert(index);
    }

    fn finish(mut self) {
        self.settle();
        for (index, party) in self.world.parties.iter().enumerate() {
            let expected: BTreeMap<String, usize> = self
                .expected
                .iter()
                .filter(|(_, readers)| readers.contains(&index))
                .map(|(text, _)| (text.clone(), 1))
                .collect();
            assert_eq!(party.read, expected, "device {index}");
        }
    }
}

#[test]
fn every_message_is_read_exactly_once_where_it_was_meant() {
    let examples = (
        any::<u64>(),
        proptest::option::of(0..3usize),
        proptest::collection::vec(step(), 20..140),
    );
    kit::schedules::check_all(48, &examples, |(seed, legacy, steps)| {
        let mut run = Run::new(seed, legacy);
        for step in &steps {
            run.step(step);
        }
        run.finish();
    });
}
