//! Accounts and their devices: made by invitation, shown with a picture, blocked, taken out, logged out.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod world;

use std::time::Duration;

use chat::accounts::InvitationWish;
use chat::config::RegistrationMode;
use client::storage::MemoryStorage;
use client::{Command, Credentials, Event, Invitation, Redacted};
use futures_util::FutureExt;
use world::{World, jid, with};

const ROMEO: &str = "romeo@example.org";
const JULIET: &str = "juliet@example.org";

fn invite(world: &World, name: Option<&str>) -> Invitation {
    let wish = InvitationWish {
        name: name.map(str::to_owned),
        ..InvitationWish::default()
    };
    let now = world.house.clock.now();
    let by = chat::accounts::Authority::console();
    let made = world.house.chat.invite_to_account(None, wish, &by, now);
    let made = made.now_or_never().unwrap().unwrap();
    Invitation::parse(&made.uri).unwrap()
}

fn come_by(world: &mut World, at: usize, invitation: &Invitation) {
    let credentials = Credentials::Invitation {
        token: invitation.token.clone(),
        password: Redacted::new("correct horse battery".to_owned()),
    };
    world.log_in_with(at, credentials);
    world.settle();
}

fn failure(world: &mut World, at: usize) -> Option<String> {
    let events = world.took_events(at);
    events.into_iter().find_map(|event| match event {
        Event::LoginFailed { text } => Some(text),
        _ => None,
    })
}

fn inviting_world() -> World {
    World::with(|config| config.registration.mode = RegistrationMode::Invitation)
}

#[test]
fn whoever_is_invited_has_an_account_and_talks() {
    let mut world = inviting_world();
    let romeo = world.device("romeo", "phone");
    let invitation = invite(&world, Some("juliet"));
    assert_eq!(invitation.account, Some(jid(JULIET)));
    let juliet = world.stranger("juliet", "phone");
    come_by(&mut world, juliet, &invitation);
    assert!(world.client(juliet).is_online());
    world.say(romeo, JULIET, "Welcome!");
    assert_eq!(
        world.read(juliet, ROMEO),
        ["--- new ---", "romeo: Welcome!"]
    );
    // From now on it is an account like others.
    world.crash(juliet);
    world.settle();
    assert!(world.client(juliet).is_online());
    let tablet = world.stranger("juliet", "tablet");
    let password = Redacted::new("correct horse battery".to_owned());
    world.log_in_with(tablet, Credentials::Password(password));
    world.settle();
    assert!(world.client(tablet).is_online());
}

#[test]
fn an_invitation_that_does_not_fit_says_why() {
    let mut world = inviting_world();
    let _romeo = world.device("romeo", "phone");
    let invitation = invite(&world, None);
    let taken = world.stranger("romeo", "another");
    come_by(&mut world, taken, &invitation);
    let text = failure(&mut world, taken).unwrap();
    assert_eq!(text, "This name is taken: choose another one.");
    assert!(!world.client(taken).has_credentials());

    let nurse = world.stranger("nurse", "phone");
    come_by(&mut world, nurse, &invitation);
    assert!(world.client(nurse).is_online());
    let tybalt = world.stranger("tybalt", "phone");
    come_by(&mut world, tybalt, &invitation);
    assert!(!world.client(tybalt).is_online());
    let text = failure(&mut world, tybalt).unwrap();
    assert!(text.contains("used"), "{text}");

    let mut closed = World::new();
    let paris = closed.stranger("paris", "phone");
    come_by(&mut closed, paris, &invitation);
    let text = failure(&mut closed, paris).unwrap();
    assert!(text.contains("no accounts by invitation"), "{text}");
}

/// The account is made, and the connection breaks before the answer has come.
#[test]
fn an_invitation_survives_a_connection_that_breaks_at_any_time() {
    for bytes in (0..1_600).step_by(80) {
        let mut world = inviting_world();
        let invitation = invite(&world, Some("juliet"));
        let juliet = world.stranger("juliet", "phone");
        let credentials = Credentials::Invitation {
            token: invitation.token.clone(),
            password: Redacted::new("correct horse battery".to_owned()),
        };
        let mut left = bytes;
        world.devices[juliet].tamper = Some(Box::new(move |text| {
            let keep = text.len().min(left);
            left -= keep;
            text.chars().take(keep).collect()
        }));
        world.log_in_with(juliet, credentials);
        world.settle();
        world.devices[juliet].tamper = None;
        world.cut(juliet);
        world.settle();
        world.pass(Duration::from_secs(60));
        assert!(world.client(juliet).is_online(), "cut after {bytes} bytes");
    }
}

/// They see each other, and hear of each other's devices at once.
fn befriend(world: &mut World, one: usize, other: usize) {
    for (at, account) in [(one, JULIET), (other, ROMEO)] {
        let account = jid(account);
        let name = None;
        world.command(at, Command::AddContact { account, name });
    }
}

#[test]
fn a_picture_is_set_and_seen_and_taken_away() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let juliet = world.device("juliet", "phone");
    befriend(&mut world, romeo, juliet);
    world.say(romeo, JULIET, "hi");
    world.took_events(romeo);
    let bytes = bytes::Bytes::from_static(b"\x89PNG\r\n\x1a\nnot much of a picture");
    let picture = client::Picture {
        media_type: "image/png".to_owned(),
        width: 64,
        height: 64,
        bytes: bytes.clone(),
    };
    world.command(juliet, Command::SetPicture(Some(picture)));
    assert!(
        world
            .took_events(romeo)
            .contains(&Event::Picture(jid(JULIET)))
    );
    let row = world.client(romeo).conversation(&with(JULIET)).unwrap();
    let shown = row.picture.clone().unwrap();
    assert_eq!(
        world.client(romeo).picture(&shown).unwrap(),
        Some(bytes.clone())
    );
    // It is there at once when the program is started anew, without any network.
    world.devices[romeo].offline = true;
    world.crash(romeo);
    let row = world.client(romeo).conversation(&with(JULIET)).unwrap();
    assert_eq!(row.picture, Some(shown.clone()));
    assert_eq!(world.client(romeo).picture(&shown).unwrap(), Some(bytes));
    world.set_offline(romeo, false);
    world.pass(Duration::from_secs(60));
    world.command(juliet, Command::SetPicture(None));
    let row = world.client(romeo).conversation(&with(JULIET)).unwrap();
    assert_eq!(row.picture, None);
}

#[test]
fn whoever_is_blocked_is_not_heard_on_any_device_until_they_are_not() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let phone = world.device("juliet", "phone");
    let laptop = world.device("juliet", "laptop");
    world.say(romeo, JULIET, "one");
    let block = |blocked| Command::SetBlocked {
        account: jid(ROMEO),
        blocked,
    };
    world.command(phone, block(true));
    for device in [phone, laptop] {
        let row = world.client(device).conversation(&with(ROMEO)).unwrap();
        assert!(row.blocked, "{device}");
        assert_eq!(world.client(device).blocked(), [jid(ROMEO)]);
    }
    world.say(romeo, JULIET, "two");
    for device in [phone, laptop] {
        let lines = world.read(device, ROMEO);
        assert_eq!(lines.last().unwrap(), "romeo: one", "{device}");
    }
    // The list is there without any network.
    world.devices[laptop].offline = true;
    world.crash(laptop);
    assert_eq!(world.client(laptop).blocked(), [jid(ROMEO)]);
    world.set_offline(laptop, false);
    world.pass(Duration::from_secs(60));
    world.command(laptop, block(false));
    world.say(romeo, JULIET, "three");
    for device in [phone, laptop] {
        assert!(world.client(device).blocked().is_empty());
        let lines = world.read(device, ROMEO);
        assert_eq!(lines.last().unwrap(), "romeo: three", "{device}");
        assert!(!lines.contains(&"romeo: two".to_owned()), "{lines:?}");
    }
}

#[test]
fn a_device_that_is_taken_out_reads_nothing_more_and_cannot_come_back() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let phone = world.device("juliet", "phone");
    let stolen = world.device("juliet", "laptop");
    befriend(&mut world, romeo, phone);
    world.say(romeo, JULIET, "one");
    world.say(phone, ROMEO, "two");
    let device = world.client(stolen).device();
    world.command(phone, Command::RevokeDevice { device });
    world.pass(Duration::from_secs(10));
    assert!(!world.client(stolen).is_online());
    world.say(romeo, JULIET, "three");
    world.say(phone, ROMEO, "four");
    world.pass(Duration::from_secs(3_600));
    assert!(!world.client(stolen).is_online());
    assert!(!world.client(stolen).has_credentials());
    // Whoever has it in hands reads nothing more: not what was there before either.
    let events = world.took_events(stolen);
    assert!(events.contains(&Event::Revoked), "{events:?}");
    assert!(events.contains(&Event::LoggedOut { ended: true }));
    let empty = world.client(stolen).with_storage(MemoryStorage::is_empty);
    assert!(empty);
    for (at, own) in [(phone, true), (romeo, false)] {
        let devices = world.client(at).devices(&jid(JULIET)).unwrap();
        let found = devices.iter().find(|other| other.device == device).unwrap();
        assert!(found.forms.is_empty(), "own: {own}");
    }
    let lines = world.read(phone, ROMEO);
    let count = lines.len();
    assert_eq!(lines[count - 2..], ["romeo: three", "me: four ✓"]);
}

#[test]
fn a_device_is_logged_out_also_by_one_that_has_just_come() {
    let mut world = World::new();
    let phone = world.device("juliet", "phone");
    let stolen = world.device("juliet", "laptop");
    world.device("romeo", "phone");
    world.say(phone, ROMEO, "one");
    let device = world.client(stolen).device();
    world.pass(Duration::from_secs(10));
    world.set_offline(stolen, true);
    // A command on a terminal connects, takes the device out, and ends as soon as that is done.
    world.crash(phone);
    while !world.client(phone).is_online() {
        world.step(phone);
        world.house.settle();
    }
    let revoke = Command::RevokeDevice { device };
    world.try_command(phone, revoke).unwrap();
    assert!(world.client(phone).is_ending_access());
    world.settle();
    assert!(!world.client(phone).is_ending_access());
    // It had come by the password, which it might still have.
    let why = world.client(phone).access_refused().unwrap();
    assert!(why.starts_with("It is logged out."), "{why}");
    world.set_offline(stolen, false);
    world.pass(Duration::from_secs(60));
    assert!(!world.client(stolen).is_online());
}

#[test]
fn who_takes_a_device_out_is_told_when_it_can_still_sign_in() {
    let mut world = World::new();
    let phone = world.device("juliet", "phone");
    let stolen = world.device("juliet", "laptop");
    world.device("romeo", "phone");
    world.say(phone, ROMEO, "one");
    let device = world.client(stolen).device();
    world.set_offline(phone, true);
    world.took_events(phone);
    world.command(phone, Command::RevokeDevice { device });
    let why = world.client(phone).access_refused().unwrap();
    assert!(why.contains("it can still sign in"), "{why}");
    let told = world.took_events(phone);
    let refused = |event: &Event| matches!(event, Event::Refused { .. });
    assert!(told.iter().any(refused), "{told:?}");
}

#[test]
fn logging_out_ends_the_token_takes_the_keys_back_and_leaves_nothing() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let phone = world.device("juliet", "phone");
    let laptop = world.device("juliet", "laptop");
    befriend(&mut world, romeo, phone);
    world.say(romeo, JULIET, "one");
    world.say(laptop, ROMEO, "two");
    let disk = world.client(laptop).with_storage(MemoryStorage::clone);
    let device = world.client(laptop).device();
    world.command(laptop, Command::LogOut);
    world.pass(Duration::from_secs(60));
    let events = world.took_events(laptop);
    assert!(
        events.contains(&Event::LoggedOut { ended: true }),
        "{events:?}"
    );
    let empty = world.client(laptop).with_storage(MemoryStorage::is_empty);
    assert!(empty);
    assert!(world.client(laptop).is_logged_out());
    assert!(world.try_command(laptop, Command::Connect).is_err());
    // Nobody writes to it any more.
    world.say(romeo, JULIET, "three");
    let devices = world.client(romeo).devices(&jid(JULIET)).unwrap();
    let gone = devices.iter().find(|other| other.device == device).unwrap();
    assert!(gone.forms.is_empty());
    assert_eq!(world.read(phone, ROMEO).last().unwrap(), "romeo: three");
    // And whoever has a copy of what was on its disk does not come in.
    world.restore(laptop, disk);
    world.settle();
    assert!(!world.client(laptop).is_online());
    assert!(failure(&mut world, laptop).is_some());
}

#[test]
fn whoever_logs_out_without_a_network_is_told_that_the_server_does_not_know() {
    let mut world = World::new();
    let juliet = world.device("juliet", "phone");
    world.set_offline(juliet, true);
    world.command(juliet, Command::LogOut);
    world.pass(Duration::from_secs(60));
    let events = world.took_events(juliet);
    assert!(
        events.contains(&Event::LoggedOut { ended: false }),
        "{events:?}"
    );
    let empty = world.client(juliet).with_storage(MemoryStorage::is_empty);
    assert!(empty);
}

#[test]
fn a_new_contact_is_told_also_where_there_is_no_conversation() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    world.took_events(romeo);
    let add = Command::AddContact {
        account: jid(JULIET),
        name: None,
    };
    world.command(romeo, add);
    assert!(world.client(romeo).conversations().rows.is_empty());
    assert_eq!(world.client(romeo).contacts().len(), 1);
    assert!(world.took_events(romeo).contains(&Event::Conversations));
}
