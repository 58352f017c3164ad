//! What a server may do to envelopes on their way: each is a clear line in its place, and everything behind it is read.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod world;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use client::views::{Body, Protection};
use client::{Command, Done, Draft};
use world::{Tamper, World, with};

const ROMEO: &str = "romeo@example.org";
const JULIET: &str = "juliet@example.org";

/// Changes the Base64 in the element of this name.
fn inside(envelope: &str, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let start = envelope.find(&format!("<{name}")).unwrap();
    let from = start + envelope[start..].find('>').unwrap() + 1;
    let to = from + envelope[from..].find('<').unwrap();
    let mut bytes = BASE64.decode(&envelope[from..to]).unwrap();
    change(&mut bytes);
    let changed = BASE64.encode(bytes);
    format!("{}{changed}{}", &envelope[..from], &envelope[to..])
}

/// What is made of an envelope; the other one came right before it.
type Spoil = fn(envelope: &str, before: &str) -> String;

/// The id of the message that an envelope stands in; `text` is what comes before it.
fn id_before(text: &str) -> &str {
    let tag = &text[text.rfind("<message").unwrap()..];
    let tag = &tag[..tag.find('>').unwrap()];
    let id = tag.split_once(" id='").map(|(_, rest)| rest);
    id.and_then(|rest| rest.split('\'').next())
        .unwrap_or_default()
}

/// Spoils the envelope of the message with this id, by whatever way it comes; the other is the id of the one before.
fn of(target: &str, before: &str, spoil: Spoil) -> Tamper {
    let (target, before) = (target.to_owned(), before.to_owned());
    let mut kept = String::new();
    Box::new(move |text| {
        let mut out = String::new();
        let mut from = 0;
        while let Some(start) = text[from..].find("<encrypted ").map(|at| from + at) {
            let end = start + text[start..].find("</encrypted>").unwrap() + "</encrypted>".len();
            let envelope = &text[start..end];
            out.push_str(&text[from..start]);
            let id = id_before(&text[..start]);
            if id == before {
                envelope.clone_into(&mut kept);
            }
            match id == target {
                true => out.push_str(&spoil(envelope, &kept)),
                false => out.push_str(envelope),
            }
            from = end;
        }
        out + &text[from..]
    })
}

/// Says three things while the other one is away, or is about to get them. Gives their ids.
fn three(world: &mut World, romeo: usize) -> [String; 3] {
    ["one", "two", "three"].map(|text| {
        let send = Command::Send {
            conversation: with(JULIET),
            message: Draft::text(text),
        };
        let Done::Message(key) = world.try_command(romeo, send).unwrap() else {
            panic!("nothing was said");
        };
        let said = world.messages(romeo, JULIET);
        let said = said.iter().find(|message| message.key == key).unwrap();
        said.id.to_string()
    })
}

struct Case {
    name: &'static str,
    spoil: Spoil,
    /// What is to be read in its place.
    shown: &'static str,
    suspicious: bool,
}

const CASES: [Case; 9] = [
    Case {
        name: "a changed text",
        spoil: |envelope, _| inside(envelope, "payload", |bytes| bytes[3] ^= 1),
        shown: "The text of this message was changed on the way",
        suspicious: true,
    },
    Case {
        name: "a changed key",
        spoil: |envelope, _| {
            inside(envelope, "key ", |bytes| {
                let last = bytes.len() - 1;
                bytes[last] ^= 1;
            })
        },
        shown: "This message could not be decrypted",
        suspicious: true,
    },
    Case {
        name: "a text that is cut",
        spoil: |envelope, _| inside(envelope, "payload", |bytes| bytes.truncate(bytes.len() / 2)),
        shown: "The text of this message was changed on the way",
        suspicious: true,
    },
    Case {
        name: "a key that is cut",
        spoil: |envelope, _| inside(envelope, "key ", |bytes| bytes.truncate(bytes.len() / 2)),
        shown: "This message is damaged",
        suspicious: true,
    },
    Case {
        name: "an envelope without anything in it",
        spoil: |_, _| "<encrypted xmlns='urn:xmpp:omemo:2'/>".to_owned(),
        shown: "This message is damaged",
        suspicious: true,
    },
    Case {
        name: "a later version",
        spoil: |envelope, _| envelope.replace("urn:xmpp:omemo:2", "urn:xmpp:omemo:9"),
        shown: "This message was encrypted by a version that is not understood",
        suspicious: false,
    },
    Case {
        name: "a text that is too large",
        spoil: |envelope, _| inside(envelope, "payload", |bytes| bytes.resize(600 * 1024, 0)),
        shown: "This message is too large",
        suspicious: false,
    },
    Case {
        name: "a key that is too large",
        spoil: |envelope, _| inside(envelope, "key ", |bytes| bytes.resize(5_000, 0)),
        shown: "This message is too large",
        suspicious: false,
    },
    Case {
        name: "the message before, once more",
        spoil: |_, before| before.to_owned(),
        shown: "This message was read before: somebody has sent a copy of it",
        suspicious: true,
    },
];

/// Two who have heard of each other.
fn two() -> (World, usize, usize) {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let juliet = world.device("juliet", "phone");
    world.say(romeo, JULIET, "zero");
    world.say(juliet, ROMEO, "zero");
    (world, romeo, juliet)
}

fn check(world: &World, juliet: usize, case: &Case, way: &str) {
    let mut lines = world.read(juliet, ROMEO);
    lines.retain(|line| !line.starts_with("---"));
    let mark = if case.suspicious { "!" } else { "" };
    let expected = [
        "romeo: zero".to_owned(),
        "me: zero".to_owned(),
        "romeo: one".to_owned(),
        format!("romeo: ({}{mark})", case.shown),
        "romeo: three".to_owned(),
        "me: still here".to_owned(),
        "romeo: four".to_owned(),
    ];
    assert_eq!(lines, expected, "{}, {way}", case.name);
    let spoiled = &world.messages(juliet, ROMEO)[3];
    assert!(matches!(spoiled.body, Body::Unreadable { .. }));
    assert_eq!(spoiled.protection, Protection::Sealed);
}

fn go_on(world: &mut World, romeo: usize, juliet: usize) {
    world.say(juliet, ROMEO, "still here");
    world.say(romeo, JULIET, "four");
    assert_eq!(
        world.read(romeo, JULIET)[world.read(romeo, JULIET).len() - 1],
        "me: four"
    );
}

#[test]
fn a_spoiled_envelope_is_a_marked_line_and_what_follows_is_read() {
    for case in &CASES {
        let (mut world, romeo, juliet) = two();
        let [one, two, _] = three(&mut world, romeo);
        world.devices[juliet].tamper = Some(of(&two, &one, case.spoil));
        world.settle();
        go_on(&mut world, romeo, juliet);
        check(&world, juliet, case, "live");
        // It stays so, and nothing waits for anything.
        world.crash(juliet);
        world.settle();
        world.pass(Duration::from_secs(60));
        check(&world, juliet, case, "after a crash");
        let list = world.client(juliet).conversations();
        assert_eq!(list.rows.len(), 1);
    }
}

#[test]
fn an_envelope_that_was_spoiled_in_the_archive_holds_nothing_up() {
    for case in &CASES {
        let (mut world, romeo, juliet) = two();
        world.set_offline(juliet, true);
        world.pass(Duration::from_secs(24 * 3_600));
        let [one, two, _] = three(&mut world, romeo);
        world.settle();
        world.devices[juliet].tamper = Some(of(&two, &one, case.spoil));
        world.set_offline(juliet, false);
        world.pass(Duration::from_secs(60));
        go_on(&mut world, romeo, juliet);
        check(&world, juliet, case, "from the archive");
    }
}

/// A reaction leaves no line of its own; that it comes twice is nothing to be told of.
#[test]
fn what_changes_another_line_is_no_copy_when_an_archive_gives_it_again() {
    let (mut world, romeo, juliet) = two();
    let key = world.messages(romeo, JULIET)[1].key;
    world.command(
        romeo,
        Command::React {
            conversation: with(JULIET),
            message: key,
            reactions: vec!["👍".to_owned()],
        },
    );
    world.say(romeo, JULIET, "one");
    let disk = world
        .client(juliet)
        .with_storage(client::MemoryStorage::clone);
    for _ in 0..3 {
        world.restore(juliet, disk.clone());
        world.settle();
        world.pass(Duration::from_secs(600));
    }
    let lines = world.read(juliet, ROMEO);
    assert!(!lines.iter().any(|line| line.contains('(')), "{lines:?}");
}
