//! What a person sets on one device holds on the others; what is pinned, is pinned for all.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod world;

use std::time::Duration;

use base::Timestamp;
use client::views::{Notice, Notify, TimelineItem};
use client::{Command, Event, MessageKey, Picture, Redacted};
use world::{World, jid, with};

const ROMEO: &str = "romeo@example.org";
const JULIET: &str = "juliet@example.org";

struct Stage {
    world: World,
    romeo: [usize; 2],
    juliet: usize,
}

/// Romeo with two devices, Juliet with one; they have talked.
fn stage() -> Stage {
    let mut world = World::new();
    let romeo = [
        world.device("romeo", "phone"),
        world.device("romeo", "laptop"),
    ];
    let juliet = world.device("juliet", "phone");
    world.say(romeo[0], JULIET, "But, soft!");
    world.say(juliet, ROMEO, "Ay me!");
    Stage {
        world,
        romeo,
        juliet,
    }
}

impl Stage {
    fn in_an_hour(&self) -> Timestamp {
        self.after(3_600)
    }

    fn after(&self, seconds: i64) -> Timestamp {
        let now = self.world.house.clock.now().wall;
        Timestamp::from_micros(now.micros() + seconds * 1_000_000)
    }

    fn draft(&self, at: usize) -> String {
        let row = self.world.client(at).conversation(&with(JULIET)).unwrap();
        row.draft.expose().to_string()
    }

    fn notify(&self, at: usize) -> (Notify, Option<Timestamp>) {
        let row = self.world.client(at).conversation(&with(JULIET)).unwrap();
        (row.notify, row.muted_until)
    }

    fn type_in(&mut self, at: usize, text: &str) {
        let text = Redacted::new(text.to_owned());
        let conversation = with(JULIET);
        self.world
            .command(at, Command::SetDraft { conversation, text });
    }

    fn key_of(&self, at: usize, peer: &str, text: &str) -> MessageKey {
        let messages = self.world.messages(at, peer);
        let found = messages.iter().find(|message| {
            let client::views::Body::Text { text: words, .. } = &message.body else {
                return false;
            };
            words.expose().as_ref() == text
        });
        found.unwrap().key
    }

    fn pinned(&self, at: usize, peer: &str) -> Vec<String> {
        let pins = self.world.client(at).pins(&with(peer)).unwrap();
        let words = pins.iter().map(|message| match &message.body {
            client::views::Body::Text { text, .. } => text.expose().to_string(),
            other => format!("{other:?}"),
        });
        words.collect()
    }
}

#[test]
fn what_was_typed_on_one_device_goes_on_on_the_other_and_the_server_reads_none_of_it() {
    let mut stage = stage();
    let [phone, laptop] = stage.romeo;
    stage.type_in(phone, "It is the lark");
    assert_eq!(stage.draft(laptop), "");
    stage.world.pass(Duration::from_secs(6));
    assert_eq!(stage.draft(laptop), "It is the lark");
    let lines = stage.world.read(laptop, JULIET);
    assert_eq!(lines.len(), 3, "two messages and the line: {lines:?}");
    let rows = stage.world.client(laptop).conversations();
    assert_eq!(rows.rows.len(), 1, "our devices talk behind the scene");

    // Said on the laptop, it is a draft nowhere any more.
    stage.world.say(laptop, JULIET, "It is the lark");
    stage.world.pass(Duration::from_secs(6));
    assert_eq!([stage.draft(phone), stage.draft(laptop)], ["", ""]);
}

#[test]
fn a_draft_waits_for_the_device_that_is_away_and_overwrites_nothing_that_is_typed_there() {
    let mut stage = stage();
    let [phone, laptop] = stage.romeo;
    stage.world.set_offline(laptop, true);
    stage.type_in(phone, "the nightingale");
    stage.world.pass(Duration::from_secs(6));
    stage.type_in(laptop, "the lark");
    stage.world.pass(Duration::from_secs(1));
    stage.world.set_offline(laptop, false);
    assert_eq!(stage.draft(laptop), "the lark");
    stage.world.pass(Duration::from_secs(6));
    assert_eq!(
        [stage.draft(phone), stage.draft(laptop)],
        ["the lark", "the lark"]
    );

    stage.world.set_offline(phone, true);
    stage.type_in(laptop, "the herald of the morn");
    stage.world.pass(Duration::from_secs(6));
    stage.world.set_offline(phone, false);
    assert_eq!(stage.draft(phone), "the herald of the morn");
}

#[test]
fn muted_for_an_hour_on_one_device_is_muted_on_all_and_then_as_it_was() {
    let mut stage = stage();
    let [phone, laptop] = stage.romeo;
    let until = stage.in_an_hour();
    let conversation = with(JULIET);
    let set = Command::SetNotify {
        conversation: conversation.clone(),
        notify: Notify::OnMention,
    };
    stage.world.command(phone, set);
    assert_eq!(stage.notify(laptop), (Notify::OnMention, None));
    stage.world.command(
        phone,
        Command::Mute {
            conversation,
            until,
        },
    );
    for device in [phone, laptop] {
        assert_eq!(stage.notify(device), (Notify::Never, Some(until)));
    }
    // A device that comes later knows it, too.
    let tablet = stage.world.device("romeo", "tablet");
    assert_eq!(stage.notify(tablet), (Notify::Never, Some(until)));
    stage.world.took_events(laptop);
    stage.world.say(stage.juliet, ROMEO, "Romeo?");
    let notified = |events: &[Event]| {
        events
            .iter()
            .any(|event| matches!(event, Event::Message { notify: true, .. }))
    };
    assert!(!notified(&stage.world.took_events(laptop)));
    stage.world.pass(Duration::from_secs(3_601));
    for device in [phone, laptop, tablet] {
        assert_eq!(stage.notify(device), (Notify::OnMention, None));
    }
    let unmute = Command::SetNotify {
        conversation: with(JULIET),
        notify: Notify::Always,
    };
    stage.world.command(laptop, unmute);
    stage.world.say(stage.juliet, ROMEO, "Romeo!");
    assert!(notified(&stage.world.took_events(phone)));
}

#[test]
fn a_message_is_pinned_for_both_on_all_their_devices() {
    let mut stage = stage();
    let [phone, laptop] = stage.romeo;
    let message = stage.key_of(phone, JULIET, "Ay me!");
    let pin = |pinned| Command::Pin {
        conversation: with(JULIET),
        message,
        pinned,
    };
    stage.world.command(phone, pin(true));
    for (device, peer) in [(phone, JULIET), (laptop, JULIET), (stage.juliet, ROMEO)] {
        assert_eq!(stage.pinned(device, peer), ["Ay me!"], "{device}");
        let messages = stage.world.messages(device, peer);
        assert_eq!(messages.len(), 2, "a pin is no message");
        assert!(messages[1].pinned);
    }
    // Who comes back learns it from the archive.
    stage.world.set_offline(laptop, true);
    let later = stage.key_of(stage.juliet, ROMEO, "But, soft!");
    let second = Command::Pin {
        conversation: with(ROMEO),
        message: later,
        pinned: true,
    };
    stage.world.command(stage.juliet, second);
    stage.world.command(phone, pin(false));
    stage.world.pass(Duration::from_secs(2_000));
    stage.world.set_offline(laptop, false);
    stage.world.pass(Duration::from_secs(60));
    for (device, peer) in [(phone, JULIET), (laptop, JULIET), (stage.juliet, ROMEO)] {
        assert_eq!(stage.pinned(device, peer), ["But, soft!"], "{device}");
    }
    // What is taken back is pinned no more.
    let remove = Command::Remove {
        conversation: with(JULIET),
        message: stage.key_of(phone, JULIET, "But, soft!"),
        reason: None,
    };
    stage.world.command(phone, remove);
    for (device, peer) in [(phone, JULIET), (laptop, JULIET), (stage.juliet, ROMEO)] {
        assert_eq!(stage.pinned(device, peer), [""; 0], "{device}");
    }
}

#[test]
fn a_message_is_pinned_in_a_group_for_all_of_it() {
    let mut stage = stage();
    let [phone, laptop] = stage.romeo;
    let group = Command::CreateGroup {
        name: "Balcony".to_owned(),
        members: vec![jid(JULIET)],
    };
    let client::Done::Conversation(group) = stage.world.command(phone, group) else {
        panic!("a group");
    };
    let message = client::Draft::text("At nine");
    let send = Command::Send {
        conversation: group.clone(),
        message,
    };
    stage.world.command(stage.juliet, send);
    let pin = Command::Pin {
        conversation: group.clone(),
        message: stage.key_of(phone, group.as_str(), "At nine"),
        pinned: true,
    };
    stage.world.command(phone, pin);
    for device in [phone, laptop, stage.juliet] {
        assert_eq!(stage.pinned(device, group.as_str()), ["At nine"]);
    }
}

#[test]
fn the_person_is_reminded_on_every_device_and_not_where_it_was_called_off() {
    let mut stage = stage();
    let [phone, laptop] = stage.romeo;
    let message = stage.key_of(phone, JULIET, "Ay me!");
    let remind = |at| Command::Remind {
        conversation: with(JULIET),
        message,
        at,
    };
    let at = stage.in_an_hour();
    stage.world.command(phone, remind(Some(at)));
    for device in [phone, laptop] {
        let messages = stage.world.messages(device, JULIET);
        assert_eq!(messages[1].remind_at, Some(at));
    }
    assert_eq!(stage.world.messages(stage.juliet, ROMEO).len(), 2);
    // A program that ends keeps it.
    stage.world.crash(laptop);
    stage.world.settle();
    stage.world.pass(Duration::from_secs(3_601));
    for device in [phone, laptop] {
        let events = stage.world.took_events(device);
        let reminded = events.iter().any(|event| {
            matches!(event, Event::Reminder { conversation, .. } if *conversation == with(JULIET))
        });
        assert!(reminded, "{device}");
        let items = stage.world.timeline(device, JULIET).items;
        let Some(TimelineItem::Notice { notice, .. }) = items.last() else {
            panic!("{items:?}");
        };
        let Notice::Reminder { message: of, text } = notice else {
            panic!("{notice:?}");
        };
        assert_eq!(text.expose().as_ref(), "Ay me!");
        assert_eq!(*of, Some(stage.key_of(device, JULIET, "Ay me!")));
    }
    let at = stage.in_an_hour();
    stage.world.command(phone, remind(Some(at)));
    stage.world.command(phone, remind(None));
    stage.world.pass(Duration::from_secs(3_601));
    let events = stage.world.took_events(laptop);
    assert!(
        !events
            .iter()
            .any(|event| matches!(event, Event::Reminder { .. }))
    );
    let past = stage.after(-1);
    assert!(stage.world.try_command(phone, remind(Some(past))).is_err());
}

#[test]
fn own_name_and_picture_show_on_every_device_and_to_others() {
    let mut stage = stage();
    let [phone, laptop] = stage.romeo;
    let name = "Romeo Montague".to_owned();
    stage.world.command(phone, Command::SetNickname(name));
    let picture = Picture {
        media_type: "image/png".to_owned(),
        width: 1,
        height: 1,
        bytes: b"\x89PNG".as_slice().into(),
    };
    stage
        .world
        .command(phone, Command::SetPicture(Some(picture)));
    for device in [phone, laptop] {
        let own = stage.world.client(device).profile(&jid(ROMEO));
        assert_eq!(&*own.name, "Romeo Montague");
        assert!(own.picture.is_some(), "{device}");
    }
    // A new device learns it when it signs in, and also what only the card says.
    let tablet = stage.world.device("romeo", "tablet");
    let own = stage.world.client(tablet).profile(&jid(ROMEO));
    assert_eq!(&*own.name, "Romeo Montague");
    assert!(own.picture.is_some());
    stage.world.command(phone, Command::SetPicture(None));
    let own = stage.world.client(laptop).profile(&jid(ROMEO));
    assert_eq!(own.picture, None);
}
