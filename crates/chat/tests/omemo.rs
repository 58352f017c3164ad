//! XEP-0384 at the level of connections: with which keys a message reaches whom.

mod common;

use common::{House, Who};
use store::{Affiliation, Batch, NewRoom, RoomConfig, RoomPerson};
use xmpp::ns;
use xmpp::xep::carbons;
use xmpp::xml::{Kind, Stanza};

/// The devices of the two, one of which writes.
const ROMEO: [u32; 2] = [11, 12];
const JULIET: [u32; 3] = [21, 22, 23];

fn listed(house: &House, name: &str, devices: &[u32]) {
    let store = house.chat.store();
    let account = store::wait(store.account_find(name)).expect("a store");
    let mut batch = Batch::new();
    batch.devices_listed(account.expect("an account").id, devices);
    store.submit(batch).ticket.wait().expect("kept");
}

fn house(own_keys_only: bool) -> House {
    let house = House::with(&["romeo", "juliet", "nurse"], |config| {
        config.own_keys_only = own_keys_only;
    });
    listed(&house, "romeo", &ROMEO);
    listed(&house, "juliet", &JULIET);
    house
}

fn come(house: &mut House, address: &str) -> Who {
    let who = house.come(address);
    house.ask(who, "set", None, "<enable xmlns='urn:xmpp:carbons:2'/>");
    house.forget();
    who
}

fn encrypted(to: &str) -> String {
    let legacy: String = ROMEO[1..]
        .iter()
        .chain(&JULIET)
        .map(|device| format!("<key rid='{device}'>a2V5</key>"))
        .collect();
    format!(
        "<message to='{to}@example.org' type='chat' id='m'>\
         <encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='11'>{legacy}<iv>aXY=</iv></header>\
         <payload>cGF5</payload></encrypted>\
         <encrypted xmlns='urn:xmpp:omemo:2'><header sid='11'><keys jid='romeo@example.org'>\
         <key rid='12'>a2V5</key></keys><keys jid='juliet@example.org'><key rid='21'>a2V5</key>\
         <key rid='23'>a2V5</key></keys></header><payload>cGF5</payload></encrypted>\
         <store xmlns='urn:xmpp:hints'/></message>"
    )
}

/// The numbers of the keys in a message: those of the legacy form, then the others.
fn keys(message: &Stanza) -> [Vec<u32>; 2] {
    [ns::OMEMO_LEGACY, ns::OMEMO].map(|namespace| {
        let Some(child) = message.child("encrypted", namespace) else {
            return Vec::new();
        };
        let tree = child.tree();
        let header = tree.root().child("header", namespace).expect("a header");
        header
            .children()
            .flat_map(|child| match child.name() {
                "keys" => child.children().collect::<Vec<_>>(),
                _ => vec![child],
            })
            .filter_map(|key| key.attr("rid")?.parse().ok())
            .collect()
    })
}

/// The keys in the messages that came, and in those that copies and results carry.
fn heard(house: &mut House, who: Who) -> Vec<[Vec<u32>; 2]> {
    let stanzas = house.take(who);
    stanzas
        .iter()
        .filter(|stanza| stanza.kind() == Kind::Message)
        .map(|stanza| match carbons::unwrap(stanza) {
            Some((_, forwarded)) => keys(&forwarded.stanza),
            None => match stanza.child("result", ns::ARCHIVE) {
                Some(result) => {
                    let tree = result.tree();
                    let forwarded = tree.root().child("forwarded", ns::FORWARD);
                    let forwarded = forwarded.and_then(xmpp::xep::forwarding::Forwarded::read);
                    keys(&forwarded.expect("a message").stanza)
                }
                None => keys(stanza),
            },
        })
        .collect()
}

fn archive(house: &mut House, who: Who) -> Vec<[Vec<u32>; 2]> {
    house.forget();
    house.send(
        who,
        "<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>",
    );
    heard(house, who)
}

fn of_juliet() -> [Vec<u32>; 2] {
    [JULIET.to_vec(), vec![21, 23]]
}

fn of_romeo() -> [Vec<u32>; 2] {
    [vec![12], vec![12]]
}

#[test]
fn everyone_gets_the_keys_of_his_own_devices() {
    let mut house = house(true);
    let desk = come(&mut house, "romeo@example.org/desk");
    let phone = come(&mut house, "romeo@example.org/phone");
    let one = come(&mut house, "juliet@example.org/one");
    let other = house.log_in("juliet@example.org/other");
    house.ask(other, "set", None, "<enable xmlns='urn:xmpp:carbons:2'/>");
    house.forget();
    house.send(desk, &encrypted("juliet"));
    assert_eq!(heard(&mut house, one), [of_juliet()], "delivered");
    assert_eq!(
        heard(&mut house, other),
        [of_juliet()],
        "copied to a session that is not available"
    );
    assert_eq!(
        heard(&mut house, phone),
        [of_romeo()],
        "copied to who has sent it"
    );
    assert_eq!(archive(&mut house, one), [of_juliet()]);
    assert_eq!(archive(&mut house, desk), [of_romeo()]);
}

#[test]
fn what_waits_comes_with_the_keys_of_his_own_devices() {
    let mut house = house(true);
    let desk = come(&mut house, "romeo@example.org/desk");
    house.send(desk, &encrypted("juliet"));
    let one = house.log_in("juliet@example.org/one");
    house.send(one, "<presence/>");
    assert_eq!(heard(&mut house, one), [of_juliet()]);
}

#[test]
fn who_never_listed_a_device_gets_all() {
    let mut house = house(true);
    let desk = come(&mut house, "romeo@example.org/desk");
    let nurse = come(&mut house, "nurse@example.org/kitchen");
    house.send(desk, &encrypted("nurse"));
    let all = vec![[vec![12, 21, 22, 23], vec![12, 21, 23]]];
    assert_eq!(heard(&mut house, nurse), all);
    assert_eq!(archive(&mut house, nurse), all);
}

#[test]
fn it_can_be_switched_off() {
    let mut house = house(false);
    let desk = come(&mut house, "romeo@example.org/desk");
    let one = come(&mut house, "juliet@example.org/one");
    house.send(desk, &encrypted("juliet"));
    let all = vec![[vec![12, 21, 22, 23], vec![12, 21, 23]]];
    assert_eq!(heard(&mut house, one), all);
    assert_eq!(archive(&mut house, desk), all);
}

/// Publishes a device list in one of the forms.
fn publish(house: &mut House, who: Who, legacy: bool, devices: &[u32]) {
    let (node, name, namespace) = if legacy {
        (
            "eu.siacs.conversations.axolotl.devicelist",
            "list",
            ns::OMEMO_LEGACY,
        )
    } else {
        ("urn:xmpp:omemo:2:devices", "devices", ns::OMEMO)
    };
    let listed: String = devices
        .iter()
        .map(|device| format!("<device id='{device}'/>"))
        .collect();
    let answer = house.ask(
        who,
        "set",
        None,
        &format!(
            "<pubsub xmlns='{}'><publish node='{node}'><item id='current'>\
             <{name} xmlns='{namespace}'>{listed}</{name}></item></publish></pubsub>",
            ns::PUBSUB
        ),
    );
    assert_eq!(answer.type_().as_deref(), Some("result"));
    house.forget();
}

#[test]
fn devices_are_known_by_the_lists_that_are_published() {
    let mut house = House::new(&["romeo", "juliet"]);
    let desk = come(&mut house, "romeo@example.org/desk");
    let one = come(&mut house, "juliet@example.org/one");
    publish(&mut house, one, false, &[21]);
    publish(&mut house, one, true, &[22, 21]);
    // 22 is listed no more, and known all the same.
    publish(&mut house, one, true, &[23, 21]);
    house.send(desk, &encrypted("juliet"));
    assert_eq!(heard(&mut house, one), [of_juliet()]);
    assert_eq!(archive(&mut house, one), [of_juliet()]);
}

#[test]
fn of_too_many_devices_none_is_known() {
    let mut house = House::new(&["romeo", "juliet"]);
    let desk = come(&mut house, "romeo@example.org/desk");
    let one = come(&mut house, "juliet@example.org/one");
    let all = vec![[vec![12, 21, 22, 23], vec![12, 21, 23]]];
    for devices in [1..=600, 401..=1001, 21..=23] {
        publish(&mut house, one, false, &devices.collect::<Vec<_>>());
    }
    house.send(desk, &encrypted("juliet"));
    assert_eq!(heard(&mut house, one), all);
}

#[test]
fn everyone_in_a_room_gets_the_keys_of_his_own_devices() {
    let mut house = house(true);
    let member = |name: &str| RoomPerson {
        address: format!("{name}@example.org").into(),
        affiliation: Affiliation::Member,
        ..RoomPerson::default()
    };
    let room = NewRoom {
        localpart: "tomb".into(),
        config: RoomConfig::group_chat(),
        people: ["romeo", "juliet", "nurse"].map(member).to_vec(),
    };
    store::wait(house.chat.store().room_create(room)).expect("a room");
    let enter = |house: &mut House, who: Who, nick: &str| {
        house.send(
            who,
            &format!(
                "<presence to='tomb@rooms.example.org/{nick}'><x xmlns='{}'/></presence>",
                ns::MUC
            ),
        );
    };
    let desk = come(&mut house, "romeo@example.org/desk");
    let one = come(&mut house, "juliet@example.org/one");
    let nurse = come(&mut house, "nurse@example.org/kitchen");
    for (who, nick) in [(desk, "R"), (one, "J"), (nurse, "N")] {
        enter(&mut house, who, nick);
    }
    house.forget();
    let message = encrypted("romeo").replace("type='chat'", "type='groupchat'");
    house.send(
        desk,
        &message.replace("romeo@example.org' type", "tomb@rooms.example.org' type"),
    );
    let all = [vec![12, 21, 22, 23], vec![12, 21, 23]];
    let expected = [(desk, of_romeo()), (one, of_juliet()), (nurse, all)];
    for (who, keys) in &expected {
        assert_eq!(heard(&mut house, *who), std::slice::from_ref(keys), "live");
    }
    for (who, keys) in &expected {
        house.forget();
        house.send(
            *who,
            "<iq type='set' id='q' to='tomb@rooms.example.org'><query xmlns='urn:xmpp:mam:2'/></iq>",
        );
        assert_eq!(
            heard(&mut house, *who),
            std::slice::from_ref(keys),
            "in the archive"
        );
    }
    let other = come(&mut house, "juliet@example.org/other");
    enter(&mut house, other, "J");
    let history = heard(&mut house, other);
    assert!(history.contains(&of_juliet()), "{history:?}");
    assert!(
        history
            .iter()
            .all(|keys| *keys == of_juliet() || keys.iter().all(Vec::is_empty)),
        "{history:?}"
    );
    house.forget();
    house.send(
        desk,
        &message.replace(
            "romeo@example.org' type='groupchat'",
            "tomb@rooms.example.org/J' type='chat'",
        ),
    );
    assert_eq!(heard(&mut house, one), [of_juliet()], "privately");
}

#[test]
fn in_a_large_group_nobody_downloads_more_than_is_meant_for_him() {
    let names: Vec<String> = (0..100).map(|number| format!("u{number}")).collect();
    let accounts: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut house = House::new(&accounts);
    let devices = |number: u32| [3 * number + 1, 3 * number + 2, 3 * number + 3];
    let people = (0..100).map(|number| {
        listed(&house, &names[number as usize], &devices(number));
        RoomPerson {
            address: format!("u{number}@example.org").into(),
            affiliation: Affiliation::Member,
            ..RoomPerson::default()
        }
    });
    let room = NewRoom {
        localpart: "tomb".into(),
        people: people.collect(),
        config: RoomConfig::group_chat(),
    };
    store::wait(house.chat.store().room_create(room)).expect("a room");
    let members: Vec<Who> = names
        .iter()
        .map(|name| {
            let who = house.come(&format!("{name}@example.org/r"));
            house.send(
                who,
                &format!(
                    "<presence to='tomb@rooms.example.org/{name}'><x xmlns='{}'/></presence>",
                    ns::MUC
                ),
            );
            who
        })
        .collect();
    house.forget();
    // As twomemo writes them: a key of 132 characters, a payload of 700 for a text of 200.
    let key = "a2V5".repeat(33);
    let keys: String = (0..100)
        .map(|number| {
            let keys: String = devices(number)
                .iter()
                .map(|device| format!("<key rid='{device}'>{key}</key>"))
                .collect();
            format!("<keys jid='u{number}@example.org'>{keys}</keys>")
        })
        .collect();
    let message = format!(
        "<message to='tomb@rooms.example.org' type='groupchat' id='m'>\
         <encrypted xmlns='urn:xmpp:omemo:2'><header sid='1'>{keys}</header>\
         <payload>{}</payload></encrypted><store xmlns='urn:xmpp:hints'/></message>",
        "cGF5".repeat(175)
    );
    assert!(message.len() > 40_000, "{}", message.len());
    house.send(members[0], &message);
    for (number, who) in members.iter().enumerate() {
        let number = u32::try_from(number).expect("small");
        let got = house.take(*who);
        let got: Vec<_> = got
            .iter()
            .filter(|stanza| stanza.kind() == Kind::Message)
            .collect();
        let [message] = got[..] else {
            panic!("u{number} got {} messages", got.len());
        };
        assert!(message.text().len() <= 2048, "{}", message.text().len());
        assert_eq!(self::keys(message), [vec![], devices(number).to_vec()]);
    }
}
