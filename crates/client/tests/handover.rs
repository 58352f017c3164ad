//! History handed from one device of a person to another, by a code that one shows and the other scans.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod world;

use std::time::Duration;

use client::history::Role;
use client::{Command, Done, Event, HistoryProgress, Redacted};
use world::{World, with};

const ROMEO: &str = "romeo@example.org";
const JULIET: &str = "juliet@example.org";

fn code(world: &mut World, at: usize, role: Role) -> String {
    match world.command(at, Command::ShowHistoryCode { role }) {
        Done::HistoryCode(text) => text.into_inner(),
        other => panic!("{other:?}"),
    }
}

fn scan(world: &mut World, at: usize, text: &str, role: Role) {
    let text = Redacted::new(text.to_owned());
    world.command(at, Command::ScanHistoryCode { text, role });
    world.pass(Duration::from_secs(10));
}

fn progress(world: &mut World, at: usize) -> Vec<HistoryProgress> {
    let events = world.took_events(at);
    let history = events.into_iter().filter_map(|event| match event {
        Event::History(progress) => Some(progress),
        _ => None,
    });
    history.collect()
}

/// Romeo and Juliet have talked; then Juliet has a laptop.
fn talked() -> (World, usize, usize, usize) {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let phone = world.device("juliet", "phone");
    // Whoever has somebody as a contact hears of their new devices at once.
    for (at, account) in [(romeo, JULIET), (phone, ROMEO)] {
        let account = with(account).jid().clone();
        let name = None;
        world.command(at, Command::AddContact { account, name });
    }
    let first = world.say(romeo, JULIET, "But, soft!");
    world.say(phone, ROMEO, "Ay me!");
    world.say(romeo, JULIET, "She speaks");
    world.command(
        romeo,
        Command::Remove {
            conversation: with(JULIET),
            message: first,
            reason: None,
        },
    );
    let key = world.messages(phone, ROMEO)[2].key;
    world.command(
        phone,
        Command::React {
            conversation: with(ROMEO),
            message: key,
            reactions: vec!["🌹".to_owned()],
        },
    );
    let laptop = world.device("juliet", "laptop");
    world.pass(Duration::from_secs(60));
    (world, romeo, phone, laptop)
}

fn check(world: &World, phone: usize, laptop: usize) {
    let mut lines = world.read(phone, ROMEO);
    lines.retain(|line| !line.starts_with("---"));
    // How far one's own messages came is known where they were sent.
    let lines: Vec<String> = lines.iter().map(|line| line.replace(" ✓", "")).collect();
    let mut found = world.read(laptop, ROMEO);
    found.retain(|line| !line.starts_with("---"));
    assert_eq!(found, lines);
    assert_eq!(
        found,
        ["romeo: (removed)", "me: Ay me!", "romeo: She speaks 🌹1"]
    );
    let messages = world.messages(laptop, ROMEO);
    assert!(messages.iter().all(|message| message.handed_over));
    // It can be found.
    let now = world.house.clock.now().wall;
    let query = world.client(laptop).query("speaks", now).unwrap();
    let hits = world.client(laptop).search(&query, None, 10).unwrap().hits;
    assert_eq!(hits.len(), 1);
    // Their talk about it is no conversation.
    for device in [phone, laptop] {
        let list = world.client(device).conversations();
        assert!(
            list.rows.iter().all(|row| row.id != with(JULIET)),
            "{list:?}"
        );
    }
}

#[test]
fn the_new_device_shows_and_the_old_one_scans() {
    let (mut world, romeo, phone, laptop) = talked();
    let text = code(&mut world, laptop, Role::New);
    scan(&mut world, phone, &text, Role::Old);
    let given = HistoryProgress::Given { messages: 3 };
    assert_eq!(progress(&mut world, phone).last(), Some(&given));
    let taken = HistoryProgress::Taken { messages: 3 };
    assert_eq!(progress(&mut world, laptop).last(), Some(&taken));
    check(&world, phone, laptop);
    // Once more brings nothing twice, and what is said now stands behind it.
    let text = code(&mut world, laptop, Role::New);
    scan(&mut world, phone, &text, Role::Old);
    let taken = HistoryProgress::Taken { messages: 0 };
    assert_eq!(progress(&mut world, laptop).last(), Some(&taken));
    check(&world, phone, laptop);
    world.say(romeo, JULIET, "O, speak again");
    let lines = world.read(laptop, ROMEO);
    assert_eq!(lines.last().unwrap(), "romeo: O, speak again");
    world.crash(laptop);
    assert_eq!(world.read(laptop, ROMEO), lines);
}

#[test]
fn the_old_device_shows_and_the_new_one_scans() {
    let (mut world, _, phone, laptop) = talked();
    let text = code(&mut world, phone, Role::Old);
    scan(&mut world, laptop, &text, Role::New);
    let taken = HistoryProgress::Taken { messages: 3 };
    assert_eq!(progress(&mut world, laptop).last(), Some(&taken));
    check(&world, phone, laptop);
}

#[test]
fn nobody_else_gets_it_and_nothing_that_was_changed_is_taken() {
    let (mut world, romeo, phone, laptop) = talked();
    let text = code(&mut world, laptop, Role::New);
    let strange = Command::ScanHistoryCode {
        text: Redacted::new(text.clone()),
        role: Role::Old,
    };
    assert!(world.try_command(romeo, strange).is_err());
    let same = Command::ScanHistoryCode {
        text: Redacted::new(text.clone()),
        role: Role::New,
    };
    assert!(world.try_command(phone, same).is_err());
    world.spoils_files = true;
    scan(&mut world, phone, &text, Role::Old);
    let told = progress(&mut world, laptop);
    assert!(
        matches!(told.last(), Some(HistoryProgress::Failed { .. })),
        "{told:?}"
    );
    assert!(
        world
            .messages(laptop, ROMEO)
            .iter()
            .all(|message| !message.handed_over)
    );
    world.spoils_files = false;
    // What was given is sealed: nothing in the files can be read.
    let plain = b"speaks";
    let leaks = |bytes: &bytes::Bytes| bytes.windows(plain.len()).any(|part| part == plain);
    assert!(!world.files.is_empty());
    assert!(!world.files.values().any(leaks));
    // A code that nobody has answered yet is worth nothing once another one is shown.
    let again = code(&mut world, laptop, Role::New);
    scan(&mut world, phone, &text, Role::Old);
    let told = progress(&mut world, laptop);
    assert!(
        !told.contains(&HistoryProgress::Taken { messages: 3 }),
        "{told:?}"
    );
    assert_ne!(again, text);
}
