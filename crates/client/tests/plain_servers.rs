//! Servers that can do less than ours: login as it was before XEP-0388, no stream management, no archive. What they cannot
//! do is taken from what ours offers.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod world;

use std::time::Duration;

use client::{Command, Draft, Event};
use world::{Tamper, World, with};

const ROMEO: &str = "romeo@example.org";
const JULIET: &str = "juliet@example.org";

#[derive(Debug, Clone, Copy)]
struct Without {
    sasl2: bool,
    management: bool,
    archive: bool,
}

const SERVERS: [Without; 5] = [
    Without {
        sasl2: true,
        management: false,
        archive: false,
    },
    Without {
        sasl2: false,
        management: true,
        archive: false,
    },
    Without {
        sasl2: false,
        management: false,
        archive: true,
    },
    Without {
        sasl2: true,
        management: true,
        archive: false,
    },
    Without {
        sasl2: true,
        management: true,
        archive: true,
    },
];

/// Takes all elements out that begin like this.
fn cut(mut text: String, begin: &str, end: &str) -> String {
    while let Some(start) = text.find(begin) {
        let length = text[start..].find(end).unwrap() + end.len();
        text.replace_range(start..start + length, "");
    }
    text
}

fn server(without: Without) -> Tamper {
    Box::new(move |mut text| {
        if without.sasl2 && text.contains("<stream:features>") {
            text = cut(
                text,
                "<authentication xmlns='urn:xmpp:sasl:2'>",
                "</authentication>",
            );
        }
        if without.management && text.contains("<stream:features>") {
            text = cut(text, "<sm xmlns='urn:xmpp:sm:3'", "/>");
        }
        if without.archive {
            text = cut(text, "<feature var='urn:xmpp:mam:2", "/>");
            text = cut(text, "<feature var='urn:hauspost:inbox:0", "/>");
        }
        text
    })
}

/// Both on such a server, one on two devices.
fn three(without: Without) -> (World, [usize; 3]) {
    let mut world = World::new();
    let names = [
        ("romeo", "phone"),
        ("juliet", "phone"),
        ("juliet", "laptop"),
    ];
    let devices = names.map(|(account, name)| {
        let at = world.new_device(account, name);
        world.devices[at].tamper = Some(server(without));
        world.log_in(at);
        world.settle();
        assert!(world.client(at).is_online(), "{without:?}");
        at
    });
    (world, devices)
}

fn said(world: &World, at: usize, conversation: &str) -> Vec<String> {
    let mut lines = world.read(at, conversation);
    lines.retain(|line| !line.starts_with("---"));
    lines
}

#[test]
fn two_people_talk_and_every_message_is_acknowledged() {
    for without in SERVERS {
        let (mut world, [romeo, phone, laptop]) = three(without);
        world.say(romeo, JULIET, "one");
        world.say(phone, ROMEO, "two");
        world.say(laptop, ROMEO, "three");
        assert_eq!(
            said(&world, romeo, JULIET),
            ["me: one", "juliet: two", "juliet: three"],
            "{without:?}"
        );
        for device in [phone, laptop] {
            assert_eq!(
                said(&world, device, ROMEO),
                ["romeo: one", "me: two", "me: three"],
                "{without:?}"
            );
        }
        for device in [romeo, phone, laptop] {
            assert_eq!(world.client(device).unsent(), 0, "{without:?}");
        }
    }
}

#[test]
fn what_was_written_while_nobody_was_there_goes_out_once() {
    for without in SERVERS {
        let (mut world, [romeo, phone, laptop]) = three(without);
        world.say(romeo, JULIET, "zero");
        world.say(phone, ROMEO, "zero");
        world.set_offline(romeo, true);
        world.say(romeo, JULIET, "one");
        world.say(romeo, JULIET, "two");
        world.pass(Duration::from_secs(3_600));
        world.set_offline(romeo, false);
        world.pass(Duration::from_secs(600));
        // The connection breaks after the message has gone and before anybody has said so.
        let send = Command::Send {
            conversation: with(JULIET),
            message: Draft::text("three"),
        };
        world.try_command(romeo, send).unwrap();
        world.step(romeo);
        world.cut(romeo);
        world.settle();
        world.pass(Duration::from_secs(600));
        assert_eq!(world.client(romeo).unsent(), 0, "{without:?}");
        assert_eq!(
            said(&world, romeo, JULIET),
            [
                "me: zero",
                "juliet: zero",
                "me: one",
                "me: two",
                "me: three"
            ],
            "{without:?}"
        );
        for device in [phone, laptop] {
            let lines = said(&world, device, ROMEO);
            for text in ["one", "two", "three"] {
                let line = format!("romeo: {text}");
                let times = lines.iter().filter(|found| **found == line).count();
                assert_eq!(times, 1, "{text} on {device}, {without:?}: {lines:?}");
            }
            assert!(
                !lines.iter().any(|line| line.contains('(')),
                "{without:?}: {lines:?}"
            );
        }
    }
}

#[test]
fn without_tokens_the_password_is_asked_for_when_the_program_was_started_anew() {
    let without = SERVERS[0];
    let (mut world, [romeo, phone, _]) = three(without);
    world.say(romeo, JULIET, "one");
    world.say(phone, ROMEO, "two");
    world.crash(phone);
    world.settle();
    assert!(!world.client(phone).is_online());
    assert!(!world.client(phone).has_credentials());
    assert_eq!(said(&world, phone, ROMEO), ["romeo: one", "me: two"]);
    world.say(romeo, JULIET, "three");
    world.log_in(phone);
    world.settle();
    world.pass(Duration::from_secs(60));
    assert_eq!(
        said(&world, phone, ROMEO),
        ["romeo: one", "me: two", "romeo: three"]
    );
    // While it runs it knows the way itself.
    world.cut(phone);
    world.settle();
    world.pass(Duration::from_secs(60));
    assert!(world.client(phone).is_online());
    let failed = |event: &Event| matches!(event, Event::LoginFailed { .. });
    assert!(!world.took_events(phone).iter().any(failed));
}
