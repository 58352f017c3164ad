//! Two people, two devices each, and the real messenger between them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod world;

use std::time::Duration;

use client::views::Delivery;
use client::{Command, Done, Draft, Event, Redacted, Transfer, TransferProgress, Trust};
use world::{World, jid, with};

const ROMEO: &str = "romeo@example.org";
const JULIET: &str = "juliet@example.org";

/// They may see when the other is there.
fn befriend(world: &mut World, one: usize, other: usize) {
    let account = world.client(other).account().clone();
    world.command(
        one,
        Command::AddContact {
            account,
            name: None,
        },
    );
    let account = world.client(one).account().clone();
    world.command(
        other,
        Command::AnswerContact {
            account,
            allow: true,
        },
    );
}

#[test]
fn two_people_with_two_devices_each_talk_encrypted() {
    let mut world = World::new();
    let romeo = [
        world.device("romeo", "phone"),
        world.device("romeo", "laptop"),
    ];
    let juliet = [
        world.device("juliet", "phone"),
        world.device("juliet", "laptop"),
    ];
    for device in romeo.into_iter().chain(juliet) {
        assert!(world.client(device).is_online());
    }
    let key = world.say(romeo[0], JULIET, "But, soft!");
    assert_eq!(world.read(romeo[0], JULIET), ["me: But, soft!"]);
    assert_eq!(world.read(romeo[1], JULIET), ["me: But, soft!"]);
    for device in juliet {
        assert_eq!(
            world.read(device, ROMEO),
            ["--- new ---", "romeo: But, soft!"]
        );
        let list = world.client(device).conversations();
        assert_eq!(list.unread, 1);
        assert_eq!(list.rows[0].unread, 1);
    }
    let sent = world.messages(romeo[0], JULIET);
    assert_eq!((sent[0].key, &sent[0].delivery), (key, &Delivery::Kept));
    assert_eq!(sent[0].unreached, []);

    world.say(juliet[1], ROMEO, "Ay me!");
    for device in romeo {
        let lines = world.read(device, JULIET);
        assert_eq!(lines.last().unwrap(), "juliet: Ay me!", "{lines:?}");
    }
    // Whoever answers has read, on all devices.
    for device in juliet {
        assert_eq!(world.client(device).conversations().unread, 0);
    }
    let read = world.messages(juliet[0], ROMEO);
    let client::views::Protection::Encrypted { trust, .. } = read[0].protection else {
        panic!("{:?}", read[0].protection);
    };
    assert_eq!(trust, Trust::FirstUse);
    let who = world
        .client(romeo[0])
        .who_can_read(&with(JULIET), client::Now::default().wall);
    assert_eq!(who.unwrap().unwrap().readers.len(), 3);
}

#[test]
fn receipts_markers_and_typing() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let juliet = world.device("juliet", "phone");
    befriend(&mut world, romeo, juliet);
    world.say(romeo, JULIET, "one");
    assert_eq!(world.read(romeo, JULIET), ["me: one ✓"]);
    let seen = world.messages(juliet, ROMEO)[0].key;
    world.command(
        juliet,
        Command::MarkRead {
            conversation: with(ROMEO),
            message: seen,
        },
    );
    assert_eq!(world.read(romeo, JULIET), ["me: one ✓✓"]);
    assert_eq!(world.client(juliet).conversations().unread, 0);
    world.command(
        juliet,
        Command::Typing {
            conversation: with(ROMEO),
            typing: true,
        },
    );
    let row = world.client(romeo).conversation(&with(JULIET)).unwrap();
    assert_eq!(row.typing.len(), 1);
    assert_eq!(row.availability, client::views::Availability::Online);
    world.say(juliet, ROMEO, "two");
    let row = world.client(romeo).conversation(&with(JULIET)).unwrap();
    assert!(row.typing.is_empty());
}

#[test]
fn edits_reactions_replies_and_taking_back() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let juliet = [
        world.device("juliet", "phone"),
        world.device("juliet", "laptop"),
    ];
    let first = world.say(romeo, JULIET, "helo");
    world.command(
        romeo,
        Command::Edit {
            conversation: with(JULIET),
            message: first,
            draft: Draft::text("hello"),
        },
    );
    let theirs = world.messages(juliet[0], ROMEO)[0].key;
    world.command(
        juliet[0],
        Command::React {
            conversation: with(ROMEO),
            message: theirs,
            reactions: vec!["👍".to_owned()],
        },
    );
    world.command(
        juliet[0],
        Command::Send {
            conversation: with(ROMEO),
            message: Draft {
                reply: Some(theirs),
                ..Draft::text("yes?")
            },
        },
    );
    let expected = ["romeo: hello (edited) 👍1", "me: yes? (to romeo: hello)"];
    assert_eq!(world.read(juliet[0], ROMEO), expected);
    assert_eq!(
        world.read(juliet[1], ROMEO).last().unwrap(),
        "me: yes? (to romeo: hello)"
    );
    let expected = [
        "me: hello (edited) 👍1",
        "--- new ---",
        "juliet: yes? (to romeo: hello)",
    ];
    assert_eq!(world.read(romeo, JULIET), expected);
    world.command(
        romeo,
        Command::Remove {
            conversation: with(JULIET),
            message: first,
            reason: None,
        },
    );
    for device in juliet {
        assert!(
            world
                .read(device, ROMEO)
                .contains(&"romeo: (removed)".to_owned()),
            "{:?}",
            world.read(device, ROMEO)
        );
    }
}

#[test]
fn what_was_written_offline_goes_out_later_in_order() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let juliet = world.device("juliet", "phone");
    world.say(romeo, JULIET, "zero");
    world.set_offline(romeo, true);
    for text in ["one", "two", "three"] {
        world.say(romeo, JULIET, text);
    }
    assert_eq!(
        world.read(romeo, JULIET),
        ["me: zero", "me: one …", "me: two …", "me: three …"]
    );
    world.crash(romeo);
    world.settle();
    world.pass(Duration::from_secs(3_600));
    world.set_offline(romeo, false);
    world.pass(Duration::from_secs(600));
    assert_eq!(
        world.read(romeo, JULIET),
        ["me: zero", "me: one", "me: two", "me: three"]
    );
    assert_eq!(
        world.read(juliet, ROMEO),
        [
            "--- new ---",
            "romeo: zero",
            "romeo: one",
            "romeo: two",
            "romeo: three"
        ]
    );
}

#[test]
fn whoever_comes_back_after_weeks_misses_nothing() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let juliet = world.device("juliet", "phone");
    world.say(romeo, JULIET, "before");
    world.say(juliet, ROMEO, "before, too");
    world.set_offline(juliet, true);
    let mut expected = vec!["romeo: before".to_owned(), "me: before, too".to_owned()];
    for day in 0..30 {
        for part in 0..15 {
            let text = format!("day {day}, part {part}");
            world.say(romeo, JULIET, &text);
            if expected.len() == 2 {
                expected.push("--- new ---".to_owned());
            }
            expected.push(format!("romeo: {text}"));
        }
        world.pass(Duration::from_secs(24 * 3_600));
    }
    world.set_offline(juliet, false);
    world.pass(Duration::from_secs(600));
    let mut found = world.read(juliet, ROMEO);
    found.retain(|line| line != "--- new ---");
    expected.retain(|line| line != "--- new ---");
    assert_eq!(found, expected);
    assert_eq!(world.client(juliet).conversations().rows[0].unread, 450);
}

#[test]
fn a_new_device_sees_conversations_and_reads_what_comes() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let juliet = world.device("juliet", "phone");
    world.say(romeo, JULIET, "old");
    world.say(juliet, ROMEO, "older");
    befriend(&mut world, romeo, juliet);
    let laptop = world.device("juliet", "laptop");
    let list = world.client(laptop).conversations();
    assert_eq!(list.rows.len(), 1);
    assert_eq!(list.rows[0].id, with(ROMEO));
    world.say(romeo, JULIET, "new");
    let lines = world.read(laptop, ROMEO);
    assert_eq!(lines.last().unwrap(), "romeo: new", "{lines:?}");
    let foreign = lines
        .iter()
        .filter(|line| line.contains("not encrypted for this device"));
    assert_eq!(foreign.count(), 2, "{lines:?}");
    let devices = world.client(romeo).devices(&jid(JULIET)).unwrap();
    assert_eq!(devices.len(), 2);
}

#[test]
fn what_was_said_is_found_and_what_was_taken_back_is_not() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let juliet = world.device("juliet", "phone");
    world.say(romeo, JULIET, "Treffen wir uns im Café?");
    let second = world.say(romeo, JULIET, "Oder im Garten, https://example.org/garten");
    let found = |world: &World, at: usize, text: &str| {
        let now = world.house.clock.now().wall;
        let query = world.client(at).query(text, now).unwrap();
        world
            .client(at)
            .search(&query, None, 10)
            .unwrap()
            .hits
            .len()
    };
    for device in [romeo, juliet] {
        assert_eq!(found(&world, device, "cafe"), 1);
        assert_eq!(found(&world, device, "has:link gart"), 1);
        assert_eq!(found(&world, device, "from:romeo treff"), 1);
    }
    world.command(
        romeo,
        Command::Remove {
            conversation: with(JULIET),
            message: second,
            reason: None,
        },
    );
    for device in [romeo, juliet] {
        assert_eq!(found(&world, device, "garten"), 0);
    }
}

#[test]
fn earlier_messages_come_when_they_are_asked_for() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let juliet = world.device("juliet", "phone");
    for (at, other) in [(romeo, JULIET), (juliet, ROMEO)] {
        world.command(at, Command::OpenChat { with: jid(other) });
        world.command(
            at,
            Command::SetEncryption {
                conversation: with(other),
                on: false,
            },
        );
    }
    for number in 0..120 {
        world.say(romeo, JULIET, &format!("{number}"));
        world.pass(Duration::from_secs(60));
    }
    let laptop = world.device("juliet", "laptop");
    world.pass(Duration::from_secs(10));
    let earlier = || Command::LoadEarlier {
        conversation: with(ROMEO),
    };
    let told = |world: &mut World| {
        let events = world.took_events(laptop);
        events.into_iter().find_map(|event| match event {
            Event::Earlier { more, failed, .. } => Some((more, failed)),
            _ => None,
        })
    };
    assert!(world.timeline(laptop, ROMEO).has_earlier);
    assert!(world.messages(laptop, ROMEO).len() < 120);
    // The connection breaks while they come: they come later, or are asked for again.
    world.try_command(laptop, earlier()).unwrap();
    world.cut(laptop);
    world.settle();
    world.pass(Duration::from_secs(60));
    let mut more = true;
    for _ in 0..5 {
        if more {
            world.command(laptop, earlier());
            (more, _) = told(&mut world).unwrap();
        }
    }
    assert!(!more);
    assert!(!world.timeline(laptop, ROMEO).has_earlier);
    let mut lines = world.read(laptop, ROMEO);
    lines.retain(|line| !line.starts_with("---"));
    let expected: Vec<String> = (0..120)
        .map(|number| format!("romeo: {number} (open)"))
        .collect();
    assert_eq!(lines, expected);
    // There is nothing more to be had, and that is told as well.
    world.command(laptop, earlier());
    assert_eq!(told(&mut world), Some((false, None)));
}

#[test]
fn files_on_their_way_tell_how_far_they_are() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let told = |world: &mut World| -> Vec<TransferProgress> {
        let events = world.took_events(romeo);
        let transfers = events.into_iter().filter_map(|event| match event {
            Event::Transfer { progress, .. } => Some(progress),
            _ => None,
        });
        transfers.collect()
    };
    let download = |url: &str| Command::Download {
        url: Redacted::new(url.to_owned()),
        size: Some(1_000),
    };
    assert!(
        world
            .try_command(romeo, download("http://a.example/file"))
            .is_err()
    );
    let Done::Download(id) = world.command(romeo, download("https://a.example/file")) else {
        panic!("no download");
    };
    let moved = |bytes| Command::TransferMoved {
        transfer: Transfer::Download(id),
        bytes,
    };
    for bytes in [1, 300, 301, 302, 1_000] {
        world.command(romeo, moved(bytes));
    }
    let failed = None;
    world.command(
        romeo,
        Command::FileDownloaded {
            download: id,
            failed,
        },
    );
    let at = |bytes| TransferProgress::Moving {
        bytes,
        of: Some(1_000),
    };
    assert_eq!(
        told(&mut world),
        [at(300), at(1_000), TransferProgress::Done]
    );

    let upload = Command::RequestUpload {
        name: "file".to_owned(),
        size: 1_000,
        media_type: None,
    };
    let Done::Upload(upload) = world.command(romeo, upload) else {
        panic!("no upload");
    };
    let success = false;
    world.command(romeo, Command::FileUploaded { upload, success });
    assert!(matches!(
        told(&mut world).as_slice(),
        [TransferProgress::Failed { .. }]
    ));
}

#[test]
fn what_another_device_said_stands_behind_what_this_one_said_before_though_nothing_of_the_archive_is_here()
 {
    let mut world = World::new();
    let (desk, juliet) = (
        world.device("romeo", "desk"),
        world.device("juliet", "phone"),
    );
    // Nothing comes back to the desk that would say where in the archive it stands.
    world.set_offline(juliet, true);
    world.say(desk, JULIET, "first");
    world.set_offline(desk, true);
    world.pass(Duration::from_secs(600));
    let phone = world.device("romeo", "phone");
    world.say(phone, JULIET, "second");
    world.set_offline(phone, true);
    world.set_offline(desk, false);
    assert_eq!(world.read(desk, JULIET), ["me: first", "me: second"]);
    world.set_offline(juliet, false);
    world.say(juliet, ROMEO, "third");
    let lines = world.read(desk, JULIET);
    assert_eq!(lines[..2], ["me: first", "me: second"]);
    assert_eq!(lines.last().unwrap(), "juliet: third");
}

#[test]
fn what_waits_for_us_is_read_before_anything_is_written() {
    let mut world = World::new();
    let (romeo, juliet) = (
        world.device("romeo", "phone"),
        world.device("juliet", "phone"),
    );
    world.set_offline(romeo, true);
    world.pass(Duration::from_secs(600));
    world.say(juliet, ROMEO, "hers");
    world.say(romeo, JULIET, "his");
    // The archive's answer takes longer than all others.
    let held = std::rc::Rc::new(std::cell::RefCell::new(String::new()));
    let holding = held.clone();
    world.devices[romeo].tamper = Some(Box::new(move |text| {
        let of_archive = ["<result", "<fin"]
            .iter()
            .any(|name| text.contains(&format!("{name} xmlns='urn:xmpp:mam:2'")));
        if of_archive {
            holding.borrow_mut().push_str(&text);
            return String::new();
        }
        text
    }));
    world.set_offline(romeo, false);
    assert_eq!(
        world.read(juliet, ROMEO),
        ["me: hers"],
        "he does not know yet in which session she can read"
    );
    world.devices[romeo].tamper = None;
    let seen = std::rc::Rc::new(std::cell::RefCell::new(String::new()));
    let seeing = seen.clone();
    world.devices[juliet].tamper = Some(Box::new(move |text| {
        seeing.borrow_mut().push_str(&text);
        text
    }));
    let text = held.take();
    assert!(text.contains("<fin"), "{text}");
    world.input(romeo, client::Input::Received(text.into()));
    world.settle();
    for (device, with) in [(romeo, JULIET), (juliet, ROMEO)] {
        let mut lines = world.read(device, with);
        lines.retain(|line| line != "--- new ---");
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(!lines.concat().contains('('), "{lines:?}");
    }
    // One that keeps a single session with a device reads it: no other was started.
    assert!(!seen.borrow().contains("kex="), "{}", seen.borrow());
}
