//! A small organisation that was made up, and what keys lead to in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use client::views::{
    Availability, Body, Conversation, ConversationKind, ConversationList, Delivery, LastMessage,
    Member, Message, Notice, Notify, Protection, Reaction, Removal, Reply, Seal, Sender, Timeline,
    TimelineItem, Window,
};
use client::{
    Affiliation, BareJid, Command, ConnectionState, ConversationId, DeviceView, Form, MessageKey,
    Redacted, Role, Timestamp, Trust, read_fingerprint,
};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::tz::TimeZone;

use super::app::{App, Effect, Mode, Overlay};
use super::source::{Found, Source};
use crate::words;

/// 2026-11-23 12:00:00 UTC, a Monday.
pub(super) const NOON: i64 = 1_795_435_200;

pub(super) fn at(minute: i64) -> Timestamp {
    Timestamp::from_seconds(NOON + minute * 60)
}

pub(super) fn key(number: u32) -> MessageKey {
    format!("{number:024x}").parse().expect("a key")
}

pub(super) fn account(name: &str) -> BareJid {
    BareJid::parse(&format!("{name}@verona.example")).expect("an address")
}

pub(super) fn id(name: &str) -> ConversationId {
    account(name).into()
}

fn text(said: &str) -> Redacted<Arc<str>> {
    Redacted::new(Arc::from(said))
}

/// Something that somebody has said.
pub(super) fn message(number: u32, minute: i64, who: &str, said: &str) -> Message {
    let own = who == "Romeo";
    Message {
        key: key(number),
        id: Arc::from(format!("id{number}")),
        archive_id: None,
        sender: Sender {
            name: Arc::from(who),
            account: Some(account(&who.to_lowercase())),
            nick: None,
            own,
        },
        time: at(minute),
        body: Body::Text {
            text: text(said),
            elements: text(""),
        },
        reply: None,
        mentions: Vec::new(),
        mentions_us: false,
        edited: None,
        reactions: Vec::new(),
        delivery: if own {
            Delivery::Kept
        } else {
            Delivery::Received
        },
        protection: if own {
            Protection::Own
        } else {
            Protection::Encrypted {
                device: 7,
                trust: Trust::FirstUse,
                time_is_off: false,
            }
        },
        unreached: Vec::new(),
        private: None,
        handed_over: false,
        pinned: false,
        remind_at: None,
    }
}

pub(super) fn conversation(name: &str, kind: ConversationKind) -> Conversation {
    Conversation {
        id: id(&name.to_lowercase()),
        kind,
        name: Arc::from(name),
        department: None,
        subject: Arc::from(""),
        picture: None,
        pinned: false,
        notify: Notify::Always,
        blocked: false,
        unread: 0,
        mentions: 0,
        last: None,
        draft: text(""),
        availability: Availability::Online,
        status: Arc::from(""),
        typing: Vec::new(),
        seal: Seal::Encrypted,
        must_seal: false,
        whispers: false,
        cannot_write: None,
        active: at(0),
        muted_until: None,
    }
}

pub(super) fn device(name: &str, number: u32, trust: Option<Trust>, this: bool) -> DeviceView {
    let digit = char::from_digit(number % 10, 10).expect("a digit");
    DeviceView {
        account: account(name),
        device: number,
        this,
        identity: read_fingerprint(&digit.to_string().repeat(64)),
        label: Some(if this { "desk" } else { "phone" }.to_owned()),
        trust,
        forms: vec![Form::Current],
        heard: None,
    }
}

/// Somebody who has views.
#[derive(Default)]
pub(super) struct World {
    pub(super) rows: Vec<Conversation>,
    pub(super) items: BTreeMap<String, Vec<TimelineItem>>,
    pub(super) members: Vec<Member>,
}

impl World {
    /// What Romeo sees at noon.
    pub(super) fn verona() -> Self {
        let mut juliet = conversation("Juliet", ConversationKind::Person);
        juliet.last = Some(last(12, "Juliet", "A thousand times good night!"));
        "on the balcony".clone_into(&mut juliet.status.to_string());
        let mut mercutio = conversation("Mercutio", ConversationKind::Person);
        mercutio.availability = Availability::Away;
        mercutio.unread = 3;
        mercutio.last = Some(last(3, "Mercutio", "A plague o' both your houses!"));
        let mut nurse = conversation("Nurse", ConversationKind::Person);
        nurse.availability = Availability::Offline;
        nurse.draft = text("Where is she?");
        let mut house = conversation("Montague", ConversationKind::Group);
        house.subject = Arc::from("Feuds and feasts");
        house.unread = 2;
        house.mentions = 1;
        house.last = Some(last(5, "Benvolio", "Romeo, come away"));
        let mut lobby = conversation("Lobby", ConversationKind::Room);
        lobby.seal = Seal::Open;
        lobby.notify = Notify::Never;
        let mut pinned = conversation("Laurence", ConversationKind::Person);
        pinned.pinned = true;
        pinned.availability = Availability::Busy;
        let mut world = Self {
            rows: vec![pinned, juliet, house, mercutio, nurse, lobby],
            ..Self::default()
        };
        world
            .items
            .insert("juliet@verona.example".to_owned(), balcony());
        world
            .items
            .insert("montague@verona.example".to_owned(), house_talk());
        world.members = ["Romeo", "Benvolio", "Lady Montague"]
            .into_iter()
            .map(|name| Member {
                account: Some(account(&name.to_lowercase().replace(' ', "-"))),
                nick: Some(Arc::from(name)),
                name: Arc::from(name),
                own: name == "Romeo",
                affiliation: Affiliation::Member,
                role: Some(Role::Participant),
                availability: Availability::Online,
                occupant: None,
            })
            .collect();
        world
    }
}

fn last(minute: i64, who: &str, said: &str) -> LastMessage {
    LastMessage {
        key: key(1),
        time: at(minute),
        sender: Arc::from(if who == "Juliet" || who == "Mercutio" {
            ""
        } else {
            who
        }),
        own: false,
        text: text(said),
        unreadable: false,
        removed: false,
    }
}

/// A talk with everything in it.
fn balcony() -> Vec<TimelineItem> {
    let mut items = Vec::new();
    let mut say = |message: Message| items.push(TimelineItem::Message(Arc::new(message)));
    say(message(
        1,
        -1440,
        "Romeo",
        "But soft, what light through yonder window breaks?",
    ));
    let mut seen = message(
        2,
        -1439,
        "Romeo",
        "It is the *east*, and _Juliet_ is the sun.",
    );
    seen.delivery = Delivery::Displayed;
    seen.edited = Some(at(-1438));
    seen.reactions = vec![
        Reaction {
            emoji: Arc::from("❤️"),
            senders: vec![Arc::from("Juliet")],
            own: false,
        },
        Reaction {
            emoji: Arc::from("👍"),
            senders: vec![Arc::from("Juliet"), Arc::from("Romeo")],
            own: true,
        },
    ];
    say(seen);
    let mut reply = message(
        3,
        0,
        "Juliet",
        "What man art thou that thus bescreened in night so stumblest on my counsel?",
    );
    reply.reply = Some(Reply {
        to: Some(key(2)),
        sender: Arc::from("Romeo"),
        text: text("It is the east, and Juliet is the sun."),
    });
    say(reply);
    let mut plain = message(4, 1, "Juliet", "Art thou not Romeo, and a Montague?");
    plain.protection = Protection::Readable;
    say(plain);
    let mut unreadable = message(5, 2, "Juliet", "");
    unreadable.body = Body::Unreadable {
        reason: Arc::from("it was encrypted before this device was there"),
        suspicious: false,
    };
    say(unreadable);
    let mut removed = message(6, 9, "Juliet", "");
    removed.body = Body::Removed(Removal {
        by: None,
        reason: None,
    });
    say(removed);
    let mut delivered = message(
        7,
        10,
        "Romeo",
        "Neither, fair maid, if either thee dislike.",
    );
    delivered.delivery = Delivery::Delivered;
    say(delivered);
    let mut waiting = message(8, 11, "Romeo", "> How camest thou hither?\nBy love");
    waiting.delivery = Delivery::Waiting;
    say(waiting);
    let mut failed = message(9, 11, "Romeo", "Goodbye");
    failed.delivery = Delivery::Failed(Arc::from("the server does not know this address"));
    say(failed);
    items.insert(0, TimelineItem::Day(NOON / 86_400 - 1));
    items.insert(3, TimelineItem::Day(NOON / 86_400));
    items.insert(5, TimelineItem::Unread);
    items.push(TimelineItem::Notice {
        key: key(10),
        time: at(12),
        notice: Notice::NewDevice {
            account: account("juliet"),
            device: 77,
        },
    });
    items
}

fn house_talk() -> Vec<TimelineItem> {
    let mut meant = message(1, 3, "Benvolio", "Romeo, come away, the citizens are up");
    meant.mentions_us = true;
    meant.sender.account = Some(account("benvolio"));
    vec![
        TimelineItem::Day(NOON / 86_400),
        TimelineItem::Message(Arc::new(meant)),
        TimelineItem::Message(Arc::new(message(2, 4, "Romeo", "O, I am fortune's fool"))),
    ]
}

impl Source for World {
    fn conversations(&self) -> Arc<ConversationList> {
        Arc::new(ConversationList {
            rows: self.rows.iter().cloned().map(Arc::new).collect(),
            unread: 2,
        })
    }

    fn timeline(&self, conversation: &ConversationId, _: Window) -> Option<Timeline> {
        let read_by = match conversation.as_str() {
            "montague@verona.example" => vec![(Arc::from("Benvolio"), key(2))],
            _ => Vec::new(),
        };
        Some(Timeline {
            conversation: conversation.clone(),
            items: self
                .items
                .get(conversation.as_str())
                .cloned()
                .unwrap_or_default(),
            has_earlier: false,
            has_later: false,
            read_by,
        })
    }

    fn members(&self, conversation: &ConversationId) -> Vec<Member> {
        match conversation.as_str() {
            "montague@verona.example" => self.members.clone(),
            _ => Vec::new(),
        }
    }

    fn devices(&self, of: &BareJid) -> Vec<DeviceView> {
        match of.as_str() {
            "juliet@verona.example" => vec![
                device(
                    "juliet",
                    1,
                    Some(Trust::Verified { automatic: false }),
                    false,
                ),
                device("juliet", 2, Some(Trust::Undecided), false),
            ],
            "romeo@verona.example" => vec![device("romeo", 3, None, true)],
            _ => Vec::new(),
        }
    }

    fn verification_uri(&self) -> Option<String> {
        Some(format!(
            "xmpp:romeo@verona.example?omemo-sid-3={}",
            "3".repeat(64)
        ))
    }

    fn readers(&self, conversation: &ConversationId) -> Option<(usize, usize)> {
        match conversation.as_str() {
            "juliet@verona.example" => Some((3, 2)),
            _ => None,
        }
    }

    fn search(&self, said: &str) -> Result<Vec<Found>, String> {
        if said.contains("has:") {
            return Err("has: takes file, link, image or voice".to_owned());
        }
        Ok(vec![Found {
            conversation: id("juliet"),
            name: Arc::from("Juliet"),
            message: Arc::new(message(3, 0, "Juliet", "What man art thou")),
        }])
    }
}

/// Romeo at his terminal.
pub(super) fn romeo(language: &str, size: (u16, u16), world: &World) -> App {
    let mut app = App::new(words::of(language), TimeZone::UTC, account("romeo"), at(15));
    app.size = size;
    app.connection = ConnectionState::Online;
    app.refresh(world);
    app
}

pub(super) fn press(
    app: &mut App,
    world: &World,
    code: KeyCode,
    modifiers: KeyModifiers,
) -> Vec<Command> {
    let mut effects = app.key(KeyEvent::new(code, modifiers), world);
    effects.extend(app.refresh(world));
    commands(effects)
}

pub(super) fn type_in(app: &mut App, world: &World, typed: &str) {
    for character in typed.chars() {
        press(app, world, KeyCode::Char(character), KeyModifiers::NONE);
    }
}

fn commands(effects: Vec<Effect>) -> Vec<Command> {
    effects
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Do(command) => Some(command),
            _ => None,
        })
        .collect()
}

fn with_juliet(world: &World) -> App {
    let mut app = romeo("en", (80, 24), world);
    app.go_to(id("juliet"), world);
    app.refresh(world);
    app
}

const NONE: KeyModifiers = KeyModifiers::NONE;
const CONTROL: KeyModifiers = KeyModifiers::CONTROL;
const ALT: KeyModifiers = KeyModifiers::ALT;

#[test]
fn enter_says_what_was_typed_with_its_emoji() {
    let world = World::verona();
    let mut app = with_juliet(&world);
    type_in(&mut app, &world, "good night :wave:");
    press(&mut app, &world, KeyCode::Enter, ALT);
    type_in(&mut app, &world, "sweet");
    let done = press(&mut app, &world, KeyCode::Enter, NONE);
    let said = done.iter().find_map(|command| match command {
        Command::Send {
            conversation,
            message,
        } => Some((conversation.clone(), message.text.expose().clone())),
        _ => None,
    });
    assert_eq!(
        said,
        Some((id("juliet"), "good night 👋\nsweet".to_owned()))
    );
    assert!(app.open.as_ref().expect("open").composer.is_empty());
}

#[test]
fn arrow_up_edits_the_last_message_and_escape_ends_that() {
    let world = World::verona();
    let mut app = with_juliet(&world);
    press(&mut app, &world, KeyCode::Up, NONE);
    let open = app.open.as_ref().expect("open");
    assert_eq!(open.composer.text(), "Goodbye");
    press(&mut app, &world, KeyCode::Esc, NONE);
    let open = app.open.as_ref().expect("open");
    assert_eq!((open.composer.text(), &open.mode), ("", &Mode::New));
    press(&mut app, &world, KeyCode::Up, NONE);
    type_in(&mut app, &world, "!");
    let done = press(&mut app, &world, KeyCode::Enter, NONE);
    assert!(done.iter().any(|command| matches!(
        command,
        Command::Edit { message, draft, .. } if *message == key(9) && draft.text.expose() == "Goodbye!"
    )));
}

#[test]
fn a_selected_message_is_answered_reacted_to_and_deleted() {
    let world = World::verona();
    let mut app = with_juliet(&world);
    for _ in 0..7 {
        press(&mut app, &world, KeyCode::Up, CONTROL);
    }
    assert_eq!(app.open.as_ref().and_then(|open| open.pick), Some(key(3)));
    press(&mut app, &world, KeyCode::Char('+'), NONE);
    let done = press(&mut app, &world, KeyCode::Char('2'), NONE);
    assert!(matches!(
        &done[..],
        [Command::React { message, reactions, .. }] if *message == key(3) && reactions == &["❤️"]
    ));
    app.open.as_mut().expect("open").pick = Some(key(2));
    // The second time takes it back.
    press(&mut app, &world, KeyCode::Char('+'), NONE);
    let done = press(&mut app, &world, KeyCode::Char('1'), NONE);
    assert!(matches!(&done[..], [Command::React { reactions, .. }] if reactions.is_empty()));
    app.open.as_mut().expect("open").pick = Some(key(3));
    press(&mut app, &world, KeyCode::Char('r'), NONE);
    type_in(&mut app, &world, "I know not how to tell thee");
    let done = press(&mut app, &world, KeyCode::Enter, NONE);
    assert!(done.iter().any(|command| matches!(
        command,
        Command::Send { message, .. } if message.reply == Some(key(3))
    )));
    app.open.as_mut().expect("open").pick = Some(key(7));
    press(&mut app, &world, KeyCode::Char('d'), NONE);
    assert_eq!(press(&mut app, &world, KeyCode::Char('x'), NONE).len(), 0);
    let done = press(&mut app, &world, KeyCode::Char('y'), NONE);
    assert!(matches!(&done[..], [Command::Remove { message, .. }] if *message == key(7)));
}

#[test]
fn conversations_are_gone_through_and_drafts_stay() {
    let world = World::verona();
    let mut app = romeo("en", (80, 24), &world);
    let order: Vec<_> = (0..6)
        .map(|_| {
            press(&mut app, &world, KeyCode::Down, ALT);
            app.open.as_ref().expect("open").id.to_string()
        })
        .collect();
    assert_eq!(
        order,
        [
            "laurence", "juliet", "mercutio", "nurse", "montague", "lobby"
        ]
        .map(|name| format!("{name}@verona.example"))
    );
    app.go_to(id("nurse"), &world);
    assert_eq!(
        app.open.as_ref().expect("open").composer.text(),
        "Where is she?"
    );
    type_in(&mut app, &world, "?");
    let done = press(&mut app, &world, KeyCode::Up, ALT | KeyModifiers::SHIFT);
    assert_eq!(
        app.open.as_ref().expect("open").id,
        id("mercutio"),
        "unread"
    );
    assert!(done.iter().any(|command| matches!(
        command,
        Command::SetDraft { text, .. } if text.expose() == "Where is she??"
    )));
    assert!(
        done.iter()
            .any(|command| matches!(command, Command::Leave { .. }))
    );
}

#[test]
fn what_is_seen_is_marked_as_read() {
    let world = World::verona();
    let mut app = romeo("en", (80, 24), &world);
    app.go_to(id("montague"), &world);
    let done = commands(app.refresh(&world));
    assert!(
        matches!(
            &done[..],
            [Command::MarkRead { message, .. }] if *message == key(1)
        ),
        "{done:?}"
    );
    // Once is enough.
    app.event(&client::Event::Conversations);
    assert_eq!(commands(app.refresh(&world)).len(), 0);
}

#[test]
fn the_switcher_finds_conversations_addresses_and_commands() {
    let world = World::verona();
    let mut app = romeo("en", (80, 24), &world);
    press(&mut app, &world, KeyCode::Char('k'), CONTROL);
    type_in(&mut app, &world, "mont");
    press(&mut app, &world, KeyCode::Enter, NONE);
    assert_eq!(app.open.as_ref().expect("open").id, id("montague"));
    press(&mut app, &world, KeyCode::Char('k'), CONTROL);
    type_in(&mut app, &world, "tybalt@verona.example");
    let done = press(&mut app, &world, KeyCode::Enter, NONE);
    assert!(matches!(&done[..], [Command::OpenChat { with }] if *with == account("tybalt")));
    press(&mut app, &world, KeyCode::Char('k'), CONTROL);
    type_in(&mut app, &world, "/pin");
    let done = press(&mut app, &world, KeyCode::Enter, NONE);
    assert!(matches!(
        &done[..],
        [Command::SetPinned { pinned: true, .. }]
    ));
    // What a command takes may stand behind it, also where no conversation is open.
    app.open = None;
    press(&mut app, &world, KeyCode::Char('k'), CONTROL);
    type_in(
        &mut app,
        &world,
        "/add tybalt@verona.example Prince of Cats",
    );
    let done = press(&mut app, &world, KeyCode::Enter, NONE);
    assert!(
        matches!(&done[..], [Command::AddContact { name: Some(name), .. }] if name == "Prince of Cats")
    );
}

#[test]
fn commands_do_what_they_say_or_say_how_they_want_it() {
    let world = World::verona();
    let mut app = with_juliet(&world);
    let mut run = |typed: &str| {
        type_in(&mut app, &world, typed);
        // What is offered is dismissed, so that Enter is about the command.
        let done = press(&mut app, &world, KeyCode::Enter, NONE);
        let remark = app.remark.take().map(|remark| remark.text);
        if let Some(open) = &mut app.open {
            open.composer = super::composer::Composer::default();
        }
        (done, remark)
    };
    let (done, _) = run("/group Feast: nurse@verona.example, tybalt@verona.example");
    assert!(done.iter().any(|command| matches!(
        command,
        Command::CreateGroup { name, members } if name == "Feast" && members.len() == 2
    )));
    let (done, remark) = run("/group Feast");
    assert_eq!(
        (done.len(), remark.as_deref()),
        (0, Some("Say it like this: /group NAME: ADDRESS …"))
    );
    let (_, remark) = run("/join nowhere");
    assert!(remark.expect("a remark").contains("is no address"));
    let (_, remark) = run("/dance");
    assert_eq!(
        remark.as_deref(),
        Some("There is no command /dance. F1 lists all.")
    );
    let (done, _) = run("//dance is a word");
    assert!(done.iter().any(|command| matches!(
        command,
        Command::Send { message, .. } if message.text.expose() == "/dance is a word"
    )));
    let (done, _) = run("/status busy in a duel");
    assert!(done.iter().any(|command| matches!(
        command,
        Command::SetAvailability { availability: Availability::Busy, status } if status == "in a duel"
    )));
}

#[test]
fn devices_are_compared_and_decided_about() {
    let world = World::verona();
    let mut app = with_juliet(&world);
    press(&mut app, &world, KeyCode::Char('g'), CONTROL);
    press(&mut app, &world, KeyCode::Down, NONE);
    press(&mut app, &world, KeyCode::Enter, NONE);
    assert!(matches!(&app.overlay, Some(Overlay::Verify { theirs, .. }) if theirs.device == 2));
    let done = press(&mut app, &world, KeyCode::Char('y'), NONE);
    assert!(
        matches!(&done[..], [Command::Verify { account: whose, .. }] if *whose == account("juliet"))
    );
}

#[test]
fn mentions_name_the_account() {
    let world = World::verona();
    let mut app = romeo("en", (80, 24), &world);
    app.go_to(id("montague"), &world);
    app.refresh(&world);
    type_in(&mut app, &world, "look @ben");
    press(&mut app, &world, KeyCode::Tab, NONE);
    type_in(&mut app, &world, "here");
    let done = press(&mut app, &world, KeyCode::Enter, NONE);
    let draft = done.into_iter().find_map(|command| match command {
        Command::Send { message, .. } => Some(message),
        _ => None,
    });
    let draft = draft.expect("said");
    assert_eq!(draft.text.expose(), "look Benvolio here");
    assert_eq!(draft.mentions.len(), 1);
    assert_eq!(draft.mentions[0].account, account("benvolio"));
}

#[test]
fn typing_is_told_and_ends() {
    let world = World::verona();
    let mut app = with_juliet(&world);
    let done = press(&mut app, &world, KeyCode::Char('a'), NONE);
    assert!(matches!(&done[..], [Command::Typing { typing: true, .. }]));
    assert_eq!(press(&mut app, &world, KeyCode::Char('b'), NONE).len(), 0);
    press(&mut app, &world, KeyCode::Backspace, NONE);
    let done = press(&mut app, &world, KeyCode::Backspace, NONE);
    assert!(matches!(&done[..], [Command::Typing { typing: false, .. }]));
}
