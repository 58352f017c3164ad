//! What those may do who are not entitled: strangers, colleagues who want to listen, a server that is not ours any more.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod world;

use std::time::Duration;

use client::views::{Availability, ConversationKind, Seal};
use client::{Command, ConversationId, Done, Draft, Event};
use world::{World, jid, with};

const ROMEO: &str = "romeo@example.org";
const JULIET: &str = "juliet@example.org";

/// A program of somebody that writes what it likes.
fn raw(world: &mut World, account: &str) -> usize {
    let guest = world
        .house
        .add(&format!("{account}@example.org"), "raw", false);
    world.house.connect(guest);
    world.settle();
    guest
}

fn write(world: &mut World, guest: usize, xml: &str) {
    world.house.send(guest, xml.as_bytes());
    world.house.settle();
    world.settle();
}

/// A message that only a raw program writes, and what a server makes of it on its way.
fn replaced(by: &'static str) -> world::Tamper {
    Box::new(move |text| {
        let Some(start) = text.find("<message ") else {
            return text;
        };
        let end = start + text[start..].find("</message>").unwrap() + "</message>".len();
        match text[start..end].contains("replace@b.example") {
            true => format!("{}{by}{}", &text[..start], &text[end..]),
            false => text,
        }
    })
}

fn two() -> (World, usize, usize) {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let juliet = world.device("juliet", "phone");
    world.say(romeo, JULIET, "It is the east");
    assert_eq!(
        world.read(juliet, ROMEO),
        ["--- new ---", "romeo: It is the east"]
    );
    (world, romeo, juliet)
}

/// The two still talk with each other, encrypted.
fn talk(world: &mut World, romeo: usize, juliet: usize) {
    world.say(romeo, JULIET, "Arise, fair sun");
    world.say(juliet, ROMEO, "Ay me");
    let row = world.client(juliet).conversation(&with(ROMEO)).unwrap();
    assert_eq!(
        (row.kind, row.seal),
        (ConversationKind::Person, Seal::Encrypted)
    );
    let said = world.read(juliet, ROMEO);
    assert!(
        said.iter().any(|line| line == "romeo: Arise, fair sun"),
        "{said:?}"
    );
    let said = world.read(romeo, JULIET);
    assert_eq!(said.last().unwrap(), "juliet: Ay me");
}

#[test]
fn nobody_makes_a_room_of_a_person_by_an_invitation() {
    let (mut world, romeo, juliet) = two();
    let tybalt = raw(&mut world, "tybalt");
    for invitation in [
        "<x xmlns='jabber:x:conference' jid='romeo@example.org'/>",
        "<x xmlns='jabber:x:conference' jid='juliet@example.org'/>",
        "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='romeo@example.org'/></x>",
    ] {
        write(
            &mut world,
            tybalt,
            &format!("<message to='{JULIET}'>{invitation}</message>"),
        );
        talk(&mut world, romeo, juliet);
        let all = world.client(juliet).conversations();
        assert!(
            all.rows
                .iter()
                .all(|row| row.kind == ConversationKind::Person),
            "{invitation}"
        );
    }
}

#[test]
fn a_stranger_does_not_take_us_into_a_room_in_the_name_of_a_colleague() {
    let (mut world, _, juliet) = two();
    let tybalt = raw(&mut world, "tybalt");
    world.devices[juliet].tamper = Some(replaced(
        "<message from='plot@rooms.evil.example' to='juliet@example.org'>\
         <x xmlns='http://jabber.org/protocol/muc#user'><invite from='romeo@example.org'/></x></message>",
    ));
    write(
        &mut world,
        tybalt,
        &format!(
            "<message to='{JULIET}'><x xmlns='jabber:x:conference' jid='replace@b.example'/></message>"
        ),
    );
    let plot = with("plot@rooms.evil.example");
    let row = world.client(juliet).conversation(&plot).unwrap();
    assert!(
        row.cannot_write.is_some(),
        "we are not in it, and do not try to be"
    );
    assert_eq!(
        world.read(juliet, plot.as_str()),
        ["* Invited { by: None }"],
        "who has invited us, a strange server does not say of those whom we know"
    );
}

#[test]
fn a_bookmark_makes_no_room_of_a_person() {
    let (mut world, romeo, juliet) = two();
    let second = raw(&mut world, "juliet");
    write(
        &mut world,
        second,
        "<iq type='set' id='b'><pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='urn:xmpp:bookmarks:1'>\
         <item id='romeo@example.org'><conference xmlns='urn:xmpp:bookmarks:1' autojoin='true'><nick>J</nick></conference></item>\
         </publish></pubsub></iq>",
    );
    talk(&mut world, romeo, juliet);
}

fn group(world: &mut World, owner: usize, member: &str) -> ConversationId {
    let create = Command::CreateGroup {
        name: "The Play".to_owned(),
        members: vec![jid(member)],
    };
    match world.command(owner, create) {
        Done::Conversation(id) => id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_said_in_a_group_does_not_go_out_readable_when_the_group_is_opened() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let juliet = world.device("juliet", "phone");
    let play = group(&mut world, romeo, JULIET);
    world.set_offline(juliet, true);
    world.pass(Duration::from_secs(24 * 3_600));
    let send = |text: &str| Command::Send {
        conversation: play.clone(),
        message: Draft::text(text),
    };
    world.try_command(juliet, send("for us alone")).unwrap();
    // The server says that the group is none any more.
    world.devices[juliet].tamper = Some(Box::new(|text| {
        text.replace("muc_membersonly", "muc_open")
            .replace("muc_nonanonymous", "muc_semianonymous")
    }));
    world.set_offline(juliet, false);
    let row = world.client(juliet).conversation(&play).unwrap();
    assert_eq!(row.seal, Seal::Open);
    let told = world.took_events(juliet);
    let told = told.iter().any(
        |event| matches!(event, Event::Refused { what, .. } if what == "keep the group private"),
    );
    assert!(told, "nobody is left to find it out");
    let heard = world.read(romeo, play.as_str());
    assert!(
        !heard.iter().any(|line| line.contains("for us alone")),
        "{heard:?}"
    );
    let line = world.read(juliet, play.as_str());
    assert!(
        line.iter()
            .any(|line| line.starts_with("me: for us alone failed: ")),
        "{line:?}"
    );
    assert_eq!(
        world.client(juliet).unsent(),
        0,
        "nothing else waits behind it"
    );
    // Whoever says it again knows that the server can read it.
    world.try_command(juliet, send("for everybody")).unwrap();
    world.settle();
    let heard = world.read(romeo, play.as_str());
    assert_eq!(heard.last().unwrap(), "juliet: for everybody (open)");
}

#[test]
fn what_somebody_said_under_our_name_before_us_is_not_ours() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let tybalt = raw(&mut world, "tybalt");
    let create = Command::CreateRoom {
        name: "The square".to_owned(),
    };
    let Done::Conversation(square) = world.command(romeo, create) else {
        panic!("no room");
    };
    for xml in [
        format!(
            "<presence to='{square}/Juliet'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
        ),
        format!(
            "<message to='{square}' type='groupchat' id='t1'><body>I hate Romeo</body></message>"
        ),
        format!("<presence to='{square}/Juliet' type='unavailable'/>"),
    ] {
        write(&mut world, tybalt, &xml);
    }
    let juliet = world.device("juliet", "phone");
    let join = Command::Join {
        room: square.jid().clone(),
        nick: Some("Juliet".to_owned()),
    };
    world.command(juliet, join);
    let send = Command::Send {
        conversation: square.clone(),
        message: Draft::text("Good morrow"),
    };
    world.command(juliet, send);
    let said = world.read(juliet, square.as_str());
    assert!(
        said.iter()
            .any(|line| line == "Juliet: I hate Romeo (open)"),
        "{said:?}"
    );
    assert_eq!(said.last().unwrap(), "me: Good morrow (open)");
}

#[test]
fn presence_of_strangers_is_not_kept() {
    let (mut world, _, juliet) = two();
    let tybalt = raw(&mut world, "tybalt");
    world.devices[juliet].tamper = Some(Box::new(|text| {
        text.replace("tybalt@example.org", "tybalt@evil.example")
    }));
    write(&mut world, tybalt, &format!("<presence to='{JULIET}'/>"));
    let stranger = world.client(juliet).profile(&jid("tybalt@evil.example"));
    assert_eq!(stranger.availability, Availability::Offline);
}
