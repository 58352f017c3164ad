//! Rooms at the level of connections: large ones, slow stores, many members.

mod common;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use base::BareJid;
use common::{House, Who, short};
use store::{Affiliation, NewRoom, RoomConfig, RoomPerson, Store, StoreConfig, wait};
use xmpp::ns;
use xmpp::xml::Kind;

const ROOM: &str = "square@rooms.example.org";

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("u{number}")).collect()
}

/// A house with this many people, all connected.
fn crowd(count: usize) -> (House, Vec<Who>) {
    let names = names(count);
    let accounts: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut house = House::new(&accounts);
    let people = names
        .iter()
        .map(|name| house.come(&format!("{name}@example.org/load")))
        .collect();
    (house, people)
}

fn make(house: &House, config: RoomConfig) {
    let room = NewRoom {
        localpart: "square".into(),
        config,
        people: vec![RoomPerson {
            address: "u0@example.org".into(),
            affiliation: Affiliation::Owner,
            ..RoomPerson::default()
        }],
    };
    wait(house.chat.store().room_create(room)).expect("a room");
}

fn enter(house: &mut House, who: Who, nick: &str) {
    house.send(
        who,
        &format!(
            "<presence to='{ROOM}/{nick}'><x xmlns='{}'/></presence>",
            ns::MUC
        ),
    );
}

fn tick(house: &mut House) {
    let now = house.now();
    futures_util::FutureExt::now_or_never(house.chat.tick(now)).expect("nothing to wait for");
    // Whoever was woken takes what has come.
    let polled = std::cell::Cell::new(false);
    house.settle_until(|_| polled.replace(true));
}

/// Presences of others from the room, by nickname and whether available.
fn presences(house: &mut House, who: Who) -> Vec<(String, bool)> {
    let stanzas = house.take(who).into_iter();
    stanzas
        .filter(|stanza| stanza.kind() == Kind::Presence)
        .filter_map(|stanza| {
            let from = stanza.from()?;
            let nick = from.strip_prefix(ROOM)?.strip_prefix('/')?.to_owned();
            let available = stanza.type_().is_none();
            Some((nick, available))
        })
        .collect()
}

#[test]
fn presence_of_large_rooms_is_gathered() {
    let (mut house, people) = crowd(104);
    make(
        &house,
        RoomConfig {
            persistent: true,
            ..RoomConfig::default()
        },
    );
    for (number, who) in people.iter().enumerate().take(100) {
        enter(&mut house, *who, &format!("u{number}"));
    }
    assert_eq!(presences(&mut house, people[0]).len(), 100);
    // From here on nobody is told at once.
    for (number, who) in people.iter().enumerate().take(103).skip(100) {
        enter(&mut house, *who, &format!("u{number}"));
        let seen = presences(&mut house, *who);
        assert_eq!(seen.len(), number + 1, "everyone who is there, and itself");
    }
    house.send(
        people[102],
        &format!("<presence to='{ROOM}/u102' type='unavailable'/>"),
    );
    assert_eq!(presences(&mut house, people[0]), []);
    tick(&mut house);
    let told: Vec<_> = presences(&mut house, people[0]);
    assert_eq!(
        told,
        [("u100".to_owned(), true), ("u101".to_owned(), true)],
        "who came and went meanwhile is not told of"
    );
    // A message waits for nobody, and what is known of its sender comes ahead of it.
    enter(&mut house, people[103], "u103");
    house.send(
        people[103],
        &format!("<message to='{ROOM}' type='groupchat'><body>Hello</body></message>"),
    );
    let seen: Vec<_> = house.take(people[0]).iter().map(short).collect();
    assert_eq!(
        seen,
        [
            format!("presence {ROOM}/u103"),
            format!("message {ROOM}/u103")
        ]
    );
}

#[test]
fn a_presence_too_long_for_a_room_is_refused() {
    let (mut house, people) = crowd(1);
    make(&house, RoomConfig::default());
    let status = "a".repeat(17 * 1024);
    house.send(
        people[0],
        &format!(
            "<presence to='{ROOM}/u0'><x xmlns='{}'/><status>{status}</status></presence>",
            ns::MUC
        ),
    );
    let answer = house.take(people[0]);
    assert_eq!(
        answer.iter().map(short).collect::<Vec<_>>(),
        ["error presence not-acceptable"]
    );
    enter(&mut house, people[0], "u0");
    assert_eq!(presences(&mut house, people[0]).len(), 1);
}

#[test]
fn ten_thousand_members_cost_no_time_to_load() {
    let (mut house, people) = crowd(2);
    let mut members: Vec<RoomPerson> = (0..10_000)
        .map(|number| RoomPerson {
            address: format!("u{number}@example.org").into(),
            affiliation: Affiliation::Member,
            ..RoomPerson::default()
        })
        .collect();
    members[0].affiliation = Affiliation::Owner;
    let room = NewRoom {
        localpart: "square".into(),
        config: RoomConfig::group_chat(),
        people: members,
    };
    wait(house.chat.store().room_create(room)).expect("a room");
    enter(&mut house, people[1], "one");
    assert_eq!(presences(&mut house, people[1]).len(), 1);
    let room = futures_util::FutureExt::now_or_never(house.chat.room("square"));
    let room = room.expect("in memory").expect("read").expect("there");
    let address =
        |number: u32| BareJid::parse(&format!("u{number}@example.org")).expect("an address");
    let among = |wanted: &[u32]| {
        let wanted: HashSet<BareJid> = wanted.iter().map(|number| address(*number)).collect();
        room.among(&wanted).len()
    };
    let all: Vec<u32> = (0..20_000).collect();
    assert_eq!(among(&all), 10_000);
    assert_eq!(among(&[0, 1, 20_000]), 2);
}

/// A store that commits in its own thread: several messages are on their way at once.
#[test]
fn what_is_said_at_once_has_one_order_for_all() {
    let clock = Arc::new(AtomicI64::new(0));
    let folder = std::env::temp_dir().join(format!("hauspost-rooms-{}", std::process::id()));
    let store = Store::open(StoreConfig::folder(&folder)).expect("a store");
    let names = names(4);
    let accounts: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut house = House::over(store, clock, &accounts, |_| {});
    let people: Vec<Who> = names
        .iter()
        .map(|name| house.log_in(&format!("{name}@example.org/load")))
        .collect();
    make(&house, RoomConfig::default());
    for (number, who) in people.iter().enumerate() {
        let enter = format!(
            "<presence to='{ROOM}/u{number}'><x xmlns='{}'/></presence>",
            ns::MUC
        );
        house.put(*who, &enter);
        let own = format!("message {ROOM}");
        let me = *who;
        house.settle_until(|house| house.count(me, &own) == 1);
    }
    house.forget();
    for round in 0..10 {
        for who in &people {
            house.put(
                *who,
                &format!(
                    "<message to='{ROOM}' type='groupchat' id='{round}'><body>{round}</body></message>"
                ),
            );
        }
    }
    let all: Vec<Who> = people.clone();
    house.settle_until(|house| {
        all.iter().all(|who| {
            let heard: usize = (0..4)
                .map(|number| house.count(*who, &format!("message {ROOM}/u{number}")))
                .sum();
            heard == 40
        })
    });
    let texts = |house: &mut House, who: Who| -> Vec<(String, String)> {
        house
            .take(who)
            .iter()
            .map(|stanza| {
                let own =
                    |text: Option<std::borrow::Cow<'_, str>>| text.unwrap_or_default().into_owned();
                (own(stanza.from()), own(stanza.id()))
            })
            .collect()
    };
    let first = texts(&mut house, people[0]);
    for who in &people[1..] {
        assert_eq!(texts(&mut house, *who), first);
    }
    for number in 0..4 {
        let said: Vec<&str> = first
            .iter()
            .filter(|(from, _)| *from == format!("{ROOM}/u{number}"))
            .map(|(_, id)| id.as_str())
            .collect();
        assert_eq!(said, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    }
    house.chat.store().close();
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn a_temporary_room_that_is_empty_ends() {
    let (mut house, people) = crowd(2);
    make(&house, RoomConfig::default());
    enter(&mut house, people[0], "one");
    enter(&mut house, people[1], "two");
    for nick in ["two", "one"] {
        let answer = house.ask(
            people[0],
            "set",
            Some(ROOM),
            &format!(
                "<query xmlns='{}'><item nick='{nick}' role='none'/></query>",
                ns::MUC_ADMIN
            ),
        );
        assert_eq!(short(&answer), "result");
    }
    tick(&mut house);
    assert_eq!(wait(house.chat.store().room_count(false)), Ok(1));
    house.pass(Duration::from_secs(61));
    tick(&mut house);
    assert_eq!(wait(house.chat.store().room_count(false)), Ok(0));
}

#[test]
fn requests_that_nobody_answers_stop_only_who_asks() {
    let (mut house, people) = crowd(3);
    make(&house, RoomConfig::default());
    for (number, who) in people.iter().enumerate() {
        enter(&mut house, *who, &format!("u{number}"));
    }
    for who in &people {
        house.take(*who);
    }
    let ask = |id: usize| {
        format!("<iq type='get' id='{id}' to='{ROOM}/u2'><query xmlns='jabber:iq:version'/></iq>")
    };
    for id in 0..250 {
        house.send(people[1], &ask(id));
    }
    assert_eq!(
        house.seen(people[1]),
        vec!["error iq resource-constraint"; 50]
    );
    house.send(people[0], &ask(1));
    assert!(house.seen(people[0]).is_empty());
    assert_eq!(house.take(people[2]).len(), 201);
    // Who has got an answer may ask again.
    house.pass(Duration::from_secs(121));
    tick(&mut house);
    house.take(people[1]);
    house.send(people[1], &ask(1));
    assert!(house.seen(people[1]).is_empty());
}

#[test]
fn a_nickname_that_changes_hands_is_told_as_a_going_and_a_coming() {
    let (mut house, people) = crowd(104);
    make(&house, RoomConfig::default());
    for (number, who) in people.iter().enumerate().take(103) {
        enter(&mut house, *who, &format!("u{number}"));
    }
    tick(&mut house);
    house.forget();
    let leave = |house: &mut House, number: usize, nick: &str| {
        house.send(
            people[number],
            &format!("<presence to='{ROOM}/{nick}' type='unavailable'/>"),
        );
    };
    leave(&mut house, 102, "u102");
    enter(&mut house, people[103], "u102");
    // Who only goes and comes back has not gone.
    leave(&mut house, 101, "u101");
    enter(&mut house, people[101], "u101");
    tick(&mut house);
    assert_eq!(
        presences(&mut house, people[0]),
        [
            ("u101".to_owned(), true),
            ("u102".to_owned(), false),
            ("u102".to_owned(), true)
        ]
    );
}

#[test]
fn voice_for_all_at_once_costs_each_one_presence() {
    let (mut house, people) = crowd(130);
    make(
        &house,
        RoomConfig {
            moderated: true,
            ..RoomConfig::default()
        },
    );
    for (number, who) in people.iter().enumerate() {
        enter(&mut house, *who, &format!("u{number}"));
    }
    tick(&mut house);
    house.forget();
    let open = format!(
        "<query xmlns='{}'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>{}</value>\
         </field><field var='muc#roomconfig_moderatedroom'><value>0</value></field></x></query>",
        ns::MUC_OWNER,
        ns::MUC_ROOM_CONFIG
    );
    let answer = house.ask(people[0], "set", Some(ROOM), &open);
    assert_eq!(short(&answer), "result");
    tick(&mut house);
    for (number, who) in people.iter().enumerate().skip(1) {
        let seen = presences(&mut house, *who);
        assert_eq!(seen, [(format!("u{number}"), true)], "of itself only");
    }
    // The others hear of it with what it says.
    house.forget();
    house.send(
        people[7],
        &format!("<message to='{ROOM}' type='groupchat'><body>At last</body></message>"),
    );
    let seen: Vec<_> = house.take(people[9]).iter().map(short).collect();
    assert_eq!(
        seen,
        [format!("presence {ROOM}/u7"), format!("message {ROOM}/u7")]
    );
    house.send(
        people[7],
        &format!("<message to='{ROOM}' type='groupchat'><body>Again</body></message>"),
    );
    let seen: Vec<_> = house.take(people[9]).iter().map(short).collect();
    assert_eq!(seen, [format!("message {ROOM}/u7")]);
}

#[test]
fn many_new_members_are_told_in_few_messages() {
    let (mut house, people) = crowd(2);
    make(
        &house,
        RoomConfig {
            whois: store::Whois::Anyone,
            ..RoomConfig::default()
        },
    );
    enter(&mut house, people[0], "u0");
    house.forget();
    let items: String = (0..1_000)
        .map(|number| format!("<item jid='p{number}@far.example' affiliation='member'/>"))
        .collect();
    let answer = house.ask(
        people[0],
        "set",
        Some(ROOM),
        &format!("<query xmlns='{}'>{items}</query>", ns::MUC_ADMIN),
    );
    assert_eq!(short(&answer), "result");
    let told = house.take(people[0]);
    assert_eq!(told.len(), 4);
    let items = told
        .iter()
        .map(|stanza| stanza.text().matches("<item").count());
    assert_eq!(items.sum::<usize>(), 1_000);
}

/// A store that commits in its own thread: both are on their way at once.
#[test]
fn a_nickname_is_reserved_for_one() {
    let clock = Arc::new(AtomicI64::new(0));
    let folder = std::env::temp_dir().join(format!("hauspost-nicks-{}", std::process::id()));
    let store = Store::open(StoreConfig::folder(&folder)).expect("a store");
    let names = names(3);
    let accounts: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut house = House::over(store, clock, &accounts, |_| {});
    let people: Vec<Who> = names
        .iter()
        .map(|name| house.log_in(&format!("{name}@example.org/load")))
        .collect();
    make(&house, RoomConfig::default());
    house.forget();
    for who in &people[1..] {
        let register = format!(
            "<iq type='set' id='r' to='{ROOM}'><query xmlns='{}'><x xmlns='jabber:x:data' type='submit'>\
             <field var='FORM_TYPE'><value>{}</value></field><field var='muc#register_roomnick'>\
             <value>Rose</value></field></x></query></iq>",
            ns::REGISTER,
            ns::MUC_REGISTER
        );
        house.put(*who, &register);
    }
    let (one, other) = (people[1], people[2]);
    house.settle_until(|house| {
        [one, other]
            .iter()
            .all(|who| house.count(*who, "result") + house.count(*who, "error iq conflict") == 1)
    });
    let done = house.count(one, "result") + house.count(other, "result");
    assert_eq!(done, 1, "two have the same nickname");
    house.chat.store().close();
    let _ = std::fs::remove_dir_all(folder);
}
