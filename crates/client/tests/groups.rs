//! Groups and rooms, with the real messenger.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod world;

use std::time::Duration;

use client::views::{ConversationKind, Notify, Seal};
use client::{Command, ConversationId, Done, Draft};
use world::{World, jid, with};

fn group(world: &mut World, owner: usize, members: &[&str]) -> ConversationId {
    let create = Command::CreateGroup {
        name: "The Play".to_owned(),
        members: members.iter().map(|member| jid(member)).collect(),
    };
    match world.command(owner, create) {
        Done::Conversation(id) => id,
        other => panic!("{other:?}"),
    }
}

fn send(world: &mut World, at: usize, to: &ConversationId, text: &str) -> client::MessageKey {
    let send = Command::Send {
        conversation: to.clone(),
        message: Draft::text(text),
    };
    match world.command(at, send) {
        Done::Message(key) => key,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_group_talks_encrypted_also_with_those_who_are_away() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let juliet = world.device("juliet", "phone");
    let nurse = world.device("nurse", "phone");
    let play = group(
        &mut world,
        romeo,
        &["juliet@example.org", "nurse@example.org"],
    );
    for device in [romeo, juliet, nurse] {
        let row = world.client(device).conversation(&play).unwrap();
        assert_eq!(row.kind, ConversationKind::Group, "{device}");
        assert_eq!(row.seal, Seal::Encrypted);
        assert_eq!(&*row.name, "The Play");
        assert_eq!(world.client(device).members(&play).len(), 3);
    }
    send(&mut world, romeo, &play, "Act one");
    let last = |world: &World, at: usize| world.read(at, play.as_str()).pop().unwrap();
    assert_eq!(last(&world, romeo), "me: Act one");
    assert_eq!(last(&world, juliet), "romeo: Act one");
    assert_eq!(last(&world, nurse), "romeo: Act one");

    world.set_offline(nurse, true);
    for number in 0..20 {
        send(&mut world, juliet, &play, &format!("line {number}"));
        send(&mut world, romeo, &play, &format!("answer {number}"));
    }
    world.pass(Duration::from_secs(14 * 24 * 3_600));
    world.set_offline(nurse, false);
    world.pass(Duration::from_secs(600));
    let mut found = world.read(nurse, play.as_str());
    found.retain(|line| line.starts_with("juliet:") || line.starts_with("romeo: answer"));
    let expected: Vec<String> = (0..20)
        .flat_map(|number| {
            [
                format!("juliet: line {number}"),
                format!("romeo: answer {number}"),
            ]
        })
        .collect();
    assert_eq!(found, expected);

    let key = world.messages(nurse, play.as_str()).last().unwrap().key;
    world.command(
        nurse,
        Command::React {
            conversation: play.clone(),
            message: key,
            reactions: vec!["🎭".to_owned()],
        },
    );
    assert_eq!(last(&world, romeo), "me: answer 19 🎭1");
    assert_eq!(last(&world, juliet), "romeo: answer 19 🎭1");
}

#[test]
fn whoever_is_taken_out_reads_nothing_more() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let juliet = world.device("juliet", "phone");
    let nurse = world.device("nurse", "phone");
    let play = group(
        &mut world,
        romeo,
        &["juliet@example.org", "nurse@example.org"],
    );
    send(&mut world, romeo, &play, "for all");
    world.command(
        romeo,
        Command::Expel {
            conversation: play.clone(),
            who: jid("nurse@example.org"),
        },
    );
    send(&mut world, romeo, &play, "for us");
    assert_eq!(
        world.read(juliet, play.as_str()).last().unwrap(),
        "romeo: for us"
    );
    let nurses = world.read(nurse, play.as_str());
    assert!(
        !nurses.iter().any(|line| line.contains("for us")),
        "{nurses:?}"
    );
    let row = world.client(nurse).conversation(&play).unwrap();
    assert!(row.cannot_write.is_some());
    let who = world
        .client(romeo)
        .who_can_read(&play, client::Now::default().wall);
    let readers = who.unwrap().unwrap().readers;
    assert!(
        readers
            .iter()
            .all(|reader| reader.account != jid("nurse@example.org"))
    );
}

#[test]
fn a_second_device_is_in_the_same_groups_with_the_same_settings() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let _juliet = world.device("juliet", "phone");
    let play = group(&mut world, romeo, &["juliet@example.org"]);
    world.command(
        romeo,
        Command::SetNotify {
            conversation: play.clone(),
            notify: Notify::Never,
        },
    );
    world.say(romeo, "juliet@example.org", "hi");
    world.command(
        romeo,
        Command::SetPinned {
            conversation: with("juliet@example.org"),
            pinned: true,
        },
    );
    let laptop = world.device("romeo", "laptop");
    world.pass(Duration::from_secs(5));
    let row = world.client(laptop).conversation(&play).unwrap();
    assert_eq!(
        (row.kind, row.notify),
        (ConversationKind::Group, Notify::Never)
    );
    let row = world
        .client(laptop)
        .conversation(&with("juliet@example.org"))
        .unwrap();
    assert!(row.pinned);
    send(&mut world, romeo, &play, "here?");
    assert_eq!(
        world.read(laptop, play.as_str()).last().unwrap(),
        "me: here?"
    );
    send(&mut world, laptop, &play, "here!");
    assert_eq!(
        world.read(romeo, play.as_str()).last().unwrap(),
        "me: here!"
    );
}

#[test]
fn an_open_room_is_marked_so_and_moderated() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let juliet = world.device("juliet", "phone");
    let create = Command::CreateRoom {
        name: "Garden".to_owned(),
    };
    let Done::Conversation(garden) = world.command(romeo, create) else {
        panic!("no room");
    };
    let join = Command::Join {
        room: garden.jid().clone(),
        nick: None,
    };
    world.command(juliet, join);
    let row = world.client(juliet).conversation(&garden).unwrap();
    assert_eq!((row.kind, row.seal), (ConversationKind::Room, Seal::Open));
    send(&mut world, juliet, &garden, "romeo, are you there?");
    let lines = world.read(romeo, garden.as_str());
    assert_eq!(
        lines.last().unwrap(),
        "juliet: romeo, are you there? (open)"
    );
    let row = world.client(romeo).conversation(&garden).unwrap();
    assert_eq!((row.unread, row.mentions), (1, 1));
    let key = world.messages(romeo, garden.as_str())[0].key;
    world.command(
        romeo,
        Command::Remove {
            conversation: garden.clone(),
            message: key,
            reason: Some("too loud".to_owned()),
        },
    );
    for device in [romeo, juliet] {
        let lines = world.read(device, garden.as_str());
        assert!(lines.last().unwrap().contains("(removed by "), "{lines:?}");
    }
}

#[test]
fn in_an_open_room_something_is_said_to_one_alone() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let juliet = world.device("juliet", "phone");
    let laptop = world.device("juliet", "laptop");
    let nurse = world.device("nurse", "phone");
    let create = Command::CreateRoom {
        name: "Garden".to_owned(),
    };
    let Done::Conversation(garden) = world.command(romeo, create) else {
        panic!("no room");
    };
    for device in [juliet, nurse] {
        let join = Command::Join {
            room: garden.jid().clone(),
            nick: None,
        };
        world.command(device, join);
    }
    let whisper = |to: &str, text: &str| Command::Send {
        conversation: garden.clone(),
        message: Draft {
            private_to: Some(to.to_owned()),
            ..Draft::text(text)
        },
    };
    world.command(romeo, whisper("juliet", "meet me"));
    let last = |world: &World, at: usize| world.read(at, garden.as_str()).pop();
    assert_eq!(
        last(&world, romeo).unwrap(),
        "me: meet me (open) (only juliet)"
    );
    assert_eq!(
        last(&world, juliet).unwrap(),
        "romeo: meet me (open) (only romeo)"
    );
    assert_eq!(last(&world, nurse), None);
    let row = world.client(juliet).conversation(&garden).unwrap();
    assert_eq!((row.unread, row.mentions), (1, 1));
    // Whoever answers to it answers to that one alone, and it can be changed.
    let key = world.messages(juliet, garden.as_str())[0].key;
    let answer = Command::Send {
        conversation: garden.clone(),
        message: Draft {
            reply: Some(key),
            ..Draft::text("wher")
        },
    };
    let Done::Message(said) = world.command(juliet, answer) else {
        panic!("nothing was said");
    };
    world.command(
        juliet,
        Command::Edit {
            conversation: garden.clone(),
            message: said,
            draft: Draft::text("where?"),
        },
    );
    assert_eq!(
        last(&world, romeo).unwrap(),
        "juliet: where? (edited) (to romeo: meet me) (open) (only juliet)"
    );
    assert_eq!(last(&world, nurse), None);
    let _ = laptop;
    assert!(world.client(romeo).conversation(&garden).unwrap().whispers);
    // Who is not there is told nothing, and in a group it is not needed.
    assert!(world.try_command(romeo, whisper("nobody", "psst")).is_err());
    let play = group(&mut world, romeo, &["juliet@example.org"]);
    let whisper = Command::Send {
        conversation: play,
        message: Draft {
            private_to: Some("juliet".to_owned()),
            ..Draft::text("psst")
        },
    };
    assert!(world.try_command(romeo, whisper).is_err());
}
