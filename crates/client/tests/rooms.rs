//! Setting rooms up, keeping order in them, finding and closing them, with the real messenger.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod world;

use bytes::Bytes;
use chat::config::EncryptionRule;
use chat::config::RegistrationMode;
use client::question::{Answer, Invitations, Question, Refusal, RoomSetup};
use client::views::{ConversationKind, Seal};
use client::{
    Affiliation, Command, ConversationId, Done, Draft, Event, Invitation, Picture, Role,
    StanzaCondition,
};
use world::{World, jid};

const JULIET: &str = "juliet@example.org";

fn ask(world: &mut World, at: usize, question: Question) -> Result<Answer, Refusal> {
    world.took_events(at);
    let Done::Asked(id) = world.command(at, Command::Ask(question)) else {
        panic!("nothing was asked");
    };
    let events = world.took_events(at);
    let mut answers = events.into_iter().filter_map(|event| match event {
        Event::Answered { question, answer } if question == id => Some(answer),
        _ => None,
    });
    let answer = answers.next().expect("an answer");
    assert_eq!(answers.next(), None, "one answer for each question");
    answer
}

fn garden(world: &mut World, owner: usize) -> ConversationId {
    let create = Command::CreateRoom {
        name: "Garden".to_owned(),
    };
    match world.command(owner, create) {
        Done::Conversation(id) => id,
        other => panic!("{other:?}"),
    }
}

fn join(world: &mut World, at: usize, room: &ConversationId) {
    let join = Command::Join {
        room: room.jid().clone(),
        nick: None,
    };
    world.command(at, join);
}

fn setup(world: &mut World, at: usize, room: &ConversationId) -> RoomSetup {
    match ask(world, at, Question::RoomSetup(room.clone())) {
        Ok(Answer::RoomSetup(setup)) => setup,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_owner_sets_a_room_up_and_all_see_it() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let juliet = world.device("juliet", "phone");
    let room = garden(&mut world, romeo);
    join(&mut world, juliet, &room);
    let before = setup(&mut world, romeo, &room);
    assert_eq!(before.name, "Garden");
    assert!(!before.members_only && before.listed);
    let wanted = RoomSetup {
        name: "Orchard".to_owned(),
        description: "By night".to_owned(),
        history: 5,
        subject_by_all: true,
        ..before
    };
    let question = Question::SetUpRoom {
        room: room.clone(),
        setup: wanted.clone(),
    };
    assert_eq!(ask(&mut world, romeo, question), Ok(Answer::Done));
    assert_eq!(setup(&mut world, romeo, &room), wanted);
    for device in [romeo, juliet] {
        let row = world.client(device).conversation(&room).unwrap();
        assert_eq!((&*row.name, row.kind), ("Orchard", ConversationKind::Room));
    }
    // Who is none of its owners is told so.
    let refused = ask(&mut world, juliet, Question::RoomSetup(room.clone()));
    let condition = refused.unwrap_err().condition;
    assert_eq!(condition, Some(StanzaCondition::Forbidden));
}

#[test]
fn a_room_for_members_only_becomes_an_encrypted_group() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let juliet = world.device("juliet", "phone");
    let room = garden(&mut world, romeo);
    join(&mut world, juliet, &room);
    let member = Question::SetAffiliation {
        room: room.clone(),
        who: jid(JULIET),
        affiliation: Affiliation::Member,
        reason: None,
    };
    assert_eq!(ask(&mut world, romeo, member), Ok(Answer::Done));
    let wanted = RoomSetup {
        members_only: true,
        listed: false,
        ..setup(&mut world, romeo, &room)
    };
    let question = Question::SetUpRoom {
        room: room.clone(),
        setup: wanted,
    };
    assert_eq!(ask(&mut world, romeo, question), Ok(Answer::Done));
    for device in [romeo, juliet] {
        let row = world.client(device).conversation(&room).unwrap();
        assert_eq!(
            (row.kind, row.seal),
            (ConversationKind::Group, Seal::Encrypted)
        );
    }
}

#[test]
fn standing_is_given_and_taken_with_reasons() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let juliet = world.device("juliet", "phone");
    let room = garden(&mut world, romeo);
    join(&mut world, juliet, &room);
    let standing = |affiliation, reason: Option<&str>| Question::SetAffiliation {
        room: room.clone(),
        who: jid(JULIET),
        affiliation,
        reason: reason.map(str::to_owned),
    };
    let hers = |world: &World, at: usize| {
        let members = world.client(at).members(&room);
        let hers = members
            .into_iter()
            .find(|one| one.account == Some(jid(JULIET)));
        hers.map(|hers| (hers.affiliation, hers.role))
    };
    let admin = standing(Affiliation::Admin, None);
    assert_eq!(ask(&mut world, romeo, admin), Ok(Answer::Done));
    let moderator = Some((Affiliation::Admin, Some(Role::Moderator)));
    assert_eq!(hers(&world, romeo), moderator);
    // She may not touch an owner.
    let coup = Question::SetAffiliation {
        room: room.clone(),
        who: jid("romeo@example.org"),
        affiliation: Affiliation::None,
        reason: None,
    };
    assert!(ask(&mut world, juliet, coup).is_err());
    let banned = standing(Affiliation::Outcast, Some("too loud"));
    assert_eq!(ask(&mut world, romeo, banned), Ok(Answer::Done));
    assert_eq!(hers(&world, romeo), None);
    let lines = world.timeline(juliet, room.as_str());
    let told = format!("{:?}", lines.items.last());
    assert!(told.contains("Expelled"), "{told}");
    let Ok(Answer::Banned(bans)) = ask(&mut world, romeo, Question::Banned(room.clone())) else {
        panic!("no list");
    };
    assert_eq!(bans.len(), 1);
    assert_eq!(bans[0].account, jid(JULIET));
    let again = standing(Affiliation::None, None);
    assert_eq!(ask(&mut world, romeo, again), Ok(Answer::Done));
    join(&mut world, juliet, &room);
    assert!(hers(&world, romeo).is_some());
    // For now only.
    let nick = "juliet".to_owned();
    let kick = Question::SetRole {
        room: room.clone(),
        nick,
        role: Role::None,
        reason: Some("cool down".to_owned()),
    };
    assert_eq!(ask(&mut world, romeo, kick), Ok(Answer::Done));
    assert_eq!(hers(&world, romeo), None);
}

#[test]
fn a_room_that_was_closed_is_entered_by_nobody_again() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let juliet = world.device("juliet", "phone");
    let room = garden(&mut world, romeo);
    join(&mut world, juliet, &room);
    let close = Question::CloseRoom {
        room: room.clone(),
        reason: Some("Winter".to_owned()),
    };
    assert_eq!(ask(&mut world, romeo, close), Ok(Answer::Done));
    let list = world.client(romeo).conversations();
    assert!(list.rows.iter().all(|row| row.id != room));
    // What was said stays with the others, and says that nothing more comes.
    let row = world.client(juliet).conversation(&room).unwrap();
    assert!(row.cannot_write.is_some());
    let told = format!("{:?}", world.timeline(juliet, room.as_str()).items.last());
    assert!(told.contains("Closed"), "{told}");
    world.pass(std::time::Duration::from_secs(3_600));
    world.cut(juliet);
    world.settle();
    let found = ask(&mut world, romeo, all_rooms());
    let none = Answer::Rooms {
        rooms: Vec::new(),
        more: false,
    };
    assert_eq!(found, Ok(none));
}

fn all_rooms() -> Question {
    Question::FindRooms {
        words: String::new(),
        after: None,
    }
}

#[test]
fn rooms_are_found_by_words_and_say_whether_one_is_in_them() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let juliet = world.device("juliet", "phone");
    let room = garden(&mut world, romeo);
    let find = |words: &str| Question::FindRooms {
        words: words.to_owned(),
        after: None,
    };
    for (at, joined) in [(romeo, true), (juliet, false)] {
        for question in [find("gard"), all_rooms()] {
            let Ok(Answer::Rooms { rooms, more }) = ask(&mut world, at, question) else {
                panic!("no rooms");
            };
            assert!(!more);
            assert_eq!(rooms.len(), 1);
            assert_eq!((&rooms[0].room, &*rooms[0].name), (room.jid(), "Garden"));
            assert_eq!(rooms[0].joined, joined);
            assert_eq!(rooms[0].open, Some(true));
        }
    }
    let Ok(Answer::Rooms { rooms, .. }) = ask(&mut world, juliet, find("castle")) else {
        panic!("no answer");
    };
    assert_eq!(rooms, []);
}

#[test]
fn people_of_the_house_are_found_by_name() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    world.device("juliet", "phone");
    let find = |words: &str| Question::FindPeople {
        words: words.to_owned(),
    };
    let Ok(Answer::People(people)) = ask(&mut world, romeo, find("JUL")) else {
        panic!("no answer");
    };
    let found: Vec<&str> = people.iter().map(|one| one.account.as_str()).collect();
    assert_eq!(found, [JULIET]);
    // Nobody looks for themselves.
    assert_eq!(
        ask(&mut world, romeo, find("romeo")),
        Ok(Answer::People(Vec::new()))
    );
    assert!(ask(&mut world, romeo, find(" ")).is_err());
}

#[test]
fn a_room_has_a_picture() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let juliet = world.device("juliet", "phone");
    let room = garden(&mut world, romeo);
    join(&mut world, juliet, &room);
    let png = Bytes::from_static(b"\x89PNG\r\n\x1a\nroses");
    let set = Question::SetRoomPicture {
        room: room.clone(),
        picture: Some(Picture {
            media_type: "image/png".to_owned(),
            width: 1,
            height: 1,
            bytes: png.clone(),
        }),
    };
    assert_eq!(ask(&mut world, romeo, set), Ok(Answer::Done));
    for device in [romeo, juliet] {
        let row = world.client(device).conversation(&room).unwrap();
        let picture = row.picture.clone().unwrap();
        let bytes = world.client(device).picture(&picture).unwrap();
        assert_eq!(bytes, Some(png.clone()));
    }
    let take = Question::SetRoomPicture {
        room: room.clone(),
        picture: None,
    };
    assert_eq!(ask(&mut world, romeo, take), Ok(Answer::Done));
    let row = world.client(juliet).conversation(&room).unwrap();
    assert_eq!(row.picture, None);
}

#[test]
fn where_all_that_is_said_to_one_must_be_encrypted_nothing_is_whispered() {
    let mut world = World::with(|config| config.encryption.direct = EncryptionRule::Required);
    let romeo = world.device("romeo", "phone");
    let juliet = world.device("juliet", "phone");
    let room = garden(&mut world, romeo);
    join(&mut world, juliet, &room);
    assert!(!world.client(romeo).conversation(&room).unwrap().whispers);
    let whisper = Command::Send {
        conversation: room,
        message: Draft {
            private_to: Some("juliet".to_owned()),
            ..Draft::text("psst")
        },
    };
    let refused = world.try_command(romeo, whisper).unwrap_err();
    assert!(refused.to_string().contains("write to this person"));
    // Nor can what is said to one be said readable.
    let open = Command::OpenChat { with: jid(JULIET) };
    let Done::Conversation(chat) = world.command(romeo, open) else {
        panic!("no chat");
    };
    assert!(world.client(romeo).conversation(&chat).unwrap().must_seal);
    let off = Command::SetEncryption {
        conversation: chat,
        on: false,
    };
    assert!(world.try_command(romeo, off).is_err());
}

#[test]
fn who_may_invite_makes_a_link() {
    let mut world = World::with(|config| {
        config.registration.mode = RegistrationMode::Invitation;
        config.registration.users_invite = true;
    });
    let romeo = world.device("romeo", "phone");
    let may = ask(&mut world, romeo, Question::Invitations);
    let expected = Invitations {
        contacts: true,
        accounts: false,
    };
    assert_eq!(may, Ok(Answer::Invitations(expected)));
    let invite = |account| Question::InvitePerson {
        account,
        name: None,
        days: None,
    };
    let Ok(Answer::Invitation(made)) = ask(&mut world, romeo, invite(false)) else {
        panic!("no invitation");
    };
    let read = Invitation::parse(&made.uri).unwrap();
    assert_eq!(read.inviter, Some(jid("romeo@example.org")));
    assert!(made.expires.is_some());
    // What only administrators may is refused in words.
    let refused = ask(&mut world, romeo, invite(true)).unwrap_err();
    assert_eq!(refused.condition, Some(StanzaCondition::Forbidden));
}

#[test]
fn without_a_connection_nothing_is_asked() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    world.set_offline(romeo, true);
    world.settle();
    let asked = world.try_command(romeo, Command::Ask(all_rooms()));
    assert_eq!(asked, Err(client::CommandError::Offline));
}
