//! What is kept must be readable for ever, or people lose their keys.
//!
//! `snapshots/format-1.txt` has all records of two devices in the middle of a conversation, with messages that are
//! still to be read, and `snapshots/prekeys-2.txt` the same since prekeys say when they were used. A unit test holds every
//! record in them against what is written today. A new format gets a new file beside the old ones, written by
//! `OMEMO_SNAPSHOTS=write cargo test -p omemo --test snapshots`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod world;

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::path::PathBuf;

use omemo::{
    Audience, Changes, Config, Error, KeyStore, Machine, MemoryStore, Received, StateError,
};
use world::{Party, Post, Seeded, World, jid, text_of};

const ROMEO: &str = "romeo@montague.example";
const JULIET: &str = "juliet@capulet.example";

/// The newest comes last.
const KEPT: [&str; 2] = ["format-1.txt", "prekeys-2.txt"];

fn path(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    folder.join("tests/snapshots").join(name)
}

fn kept(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap()
}

/// Two devices with all kinds of records, and messages on their way.
fn conversation() -> World {
    let mut world = World::new(41);
    world.config.label = Some("Laptop".to_owned());
    let one = world.device(ROMEO);
    let other = world.device(JULIET);
    let tablet = world.device(ROMEO);
    let to_juliet = Audience::direct(jid(JULIET));
    world.say(one, &to_juliet, "first");
    world.settle();
    world.say(other, &Audience::direct(jid(ROMEO)), "second");
    world.settle();
    // A trust message of a device that is not verified waits for that.
    let now = world.now;
    let tablet_key = world.parties[tablet].machine().identity();
    let juliet_key = world.parties[other].machine().identity();
    let machine = world.parties[one].machine();
    machine.verify(&jid(ROMEO), &tablet_key, now).unwrap();
    machine.verify(&jid(JULIET), &juliet_key, now).unwrap();
    world.settle();
    world.parties[other].machine().catch_up_started().unwrap();
    // One message is read and not taken, one is skipped, one is to come.
    for text in ["skipped", "in the inbox", "to come"] {
        world.say(one, &to_juliet, text);
    }
    let skipped = world.parties[other].queue.pop_front().unwrap();
    let read = world.parties[other].queue.pop_front().unwrap();
    assert!(matches!(world.give(other, &read), Received::Message(_)));
    world.parties[other].queue.push_back(skipped);
    // A trust message and a new session are still to be sent.
    let machine = world.parties[one].machine();
    machine.distrust(&jid(ROMEO), &tablet_key, now).unwrap();
    let device = world.parties[one].machine().device();
    let machine = world.parties[other].machine();
    machine.replace_session(&jid(ROMEO), device).unwrap();
    world.parties.truncate(2);
    world
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap())
        .collect()
}

fn written(world: &mut World) -> String {
    let mut out = String::new();
    for party in &mut world.parties {
        let account = party.account.clone();
        for (name, bytes) in party.machine().store().scan("").unwrap() {
            writeln!(out, "{account} {name} {}", hex(&bytes)).unwrap();
        }
        for post in &party.queue {
            writeln!(out, "post {account} {}", hex(post.xml.as_bytes())).unwrap();
        }
    }
    out
}

/// The devices as a file has them.
fn read(text: &str) -> World {
    let mut world = World::new(42);
    world.config = Config {
        label: Some("Laptop".to_owned()),
        ..Config::default()
    };
    for account in [ROMEO, JULIET] {
        let mut changes = Changes::new();
        let mut queue = VecDeque::new();
        for line in text.lines() {
            let parts: Vec<&str> = line.splitn(3, ' ').collect();
            if parts[0] == account {
                changes.put(parts[1], unhex(parts[2]).into());
            } else if parts[0] == "post" && parts[1] == account {
                queue.push_back(Post {
                    reference: format!("kept-{}", queue.len()),
                    from: jid(ROMEO),
                    to: jid(JULIET),
                    group: false,
                    xml: String::from_utf8(unhex(parts[2])).unwrap(),
                });
            }
        }
        let mut store = MemoryStore::new();
        store.commit(&changes).unwrap();
        let machine = Machine::open(
            store,
            jid(account),
            world.config.clone(),
            world.now,
            &mut world.random,
        )
        .unwrap();
        world.parties.push(Party {
            account: jid(account),
            machine: Some(machine),
            queue,
            read: Default::default(),
            outcomes: Vec::new(),
        });
    }
    world
}

#[test]
fn all_kinds_of_records_are_kept() {
    let now = written(&mut conversation());
    if std::env::var_os("OMEMO_SNAPSHOTS").is_some() {
        std::fs::write(path(KEPT[1]), &now).unwrap();
    }
    let kinds = |text: &str| -> BTreeSet<String> {
        text.lines()
            .filter(|line| !line.starts_with("post "))
            .map(|line| line.split([' ', '/']).nth(1).unwrap().to_owned())
            .collect()
    };
    // A new kind of record wants a new snapshot.
    assert_eq!(kinds(&now), kinds(&kept(KEPT[1])));
}

#[test]
fn a_kept_conversation_goes_on() {
    for name in KEPT {
        let mut world = read(&kept(name));
        let inbox = world.parties[1].machine().undelivered().unwrap();
        assert_eq!(inbox.len(), 1, "{name}");
        assert_eq!(text_of(&inbox[0].1), "in the inbox");
        while world.deliver_at(1, 0).is_some() {}
        assert_eq!(world.read(1), ["skipped", "to come"], "{name}");
        let said = world.encrypt(1, &Audience::direct(jid(ROMEO)), "and on");
        assert!(said.reaches_somebody(), "{name}");
    }
}

#[test]
fn what_a_newer_version_has_written_is_left_alone() {
    for (name, newer) in [("format", vec![2]), ("account", vec![2, 0, 0])] {
        let mut store = read(&kept(KEPT[1]))
            .parties
            .remove(0)
            .machine
            .unwrap()
            .into_store();
        let mut changes = Changes::new();
        changes.put(name, newer.into());
        store.commit(&changes).unwrap();
        let opened = Machine::open(
            store,
            jid(ROMEO),
            Config::default(),
            base::Timestamp::EPOCH,
            &mut Seeded::new(1),
        );
        assert!(matches!(
            opened,
            Err(Error::State { record, fault: StateError::Newer(2) }) if record == name
        ));
    }
}

#[test]
fn damaged_records_are_named_and_never_a_panic() {
    let text = kept(KEPT[1]);
    let records: Vec<(String, Vec<u8>)> = text
        .lines()
        .filter_map(|line| line.strip_prefix(&format!("{JULIET} ")))
        .map(|line| line.split_once(' ').unwrap())
        .map(|(name, bytes)| (name.to_owned(), unhex(bytes)))
        .collect();
    for (damaged, bytes) in &records {
        for cut in [0, 1, bytes.len() / 2, bytes.len().saturating_sub(1)] {
            let mut world = read(&text);
            let party = &mut world.parties[1];
            let mut store = party.machine.take().unwrap().into_store();
            let mut changes = Changes::new();
            changes.put(damaged.as_str(), bytes[..cut].to_vec().into());
            store.commit(&changes).unwrap();
            let opened = Machine::open(
                store,
                jid(JULIET),
                world.config.clone(),
                world.now,
                &mut world.random,
            );
            let Ok(mut machine) = opened else { continue };
            machine.connected();
            let now = world.now;
            let _ = machine.requests(now, &mut world.random);
            let _ = machine.undelivered();
            let _ = machine.devices(&jid(ROMEO));
            let _ = machine.who_can_read(&Audience::direct(jid(ROMEO)), now);
        }
    }
}
