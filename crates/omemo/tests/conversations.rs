//! Devices that talk: starting, new devices, groups, several forms, catch-up, repair, rotation.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod world;

use std::time::Duration;

use omemo::{
    Audience, DeviceList, Event, Failure, Form, Outgoing, Policy, Received, Trust, Unreachable,
};
use world::{World, jid};

fn juliet() -> Audience {
    Audience::direct(jid("juliet@capulet.example"))
}

fn romeo() -> Audience {
    Audience::direct(jid("romeo@montague.example"))
}

fn two() -> (World, usize, usize) {
    let mut world = World::new(1);
    let one = world.device("romeo@montague.example");
    let other = world.device("juliet@capulet.example");
    (world, one, other)
}

/// Leaves a device only one of the forms in the eyes of others.
fn only(world: &mut World, form: Form, account: &str) {
    let node = match form {
        Form::Current => Form::Legacy,
        Form::Legacy => Form::Current,
    }
    .device_list_node();
    world.nodes.remove(&(jid(account), node.to_owned()));
    for party in &mut world.parties {
        if party.account != jid(account)
            && let Some(machine) = &mut party.machine
        {
            let other = Form::of_device_list_node(node).unwrap();
            machine
                .device_list(
                    &jid(account),
                    other,
                    DeviceList::default(),
                    world.now,
                    &mut world.random,
                )
                .unwrap();
        }
    }
}

#[test]
fn two_devices_talk_in_either_form() {
    for form in Form::ALL {
        let (mut world, one, other) = two();
        only(&mut world, form, "romeo@montague.example");
        only(&mut world, form, "juliet@capulet.example");
        for turn in 0..5 {
            let said = world.say(one, &juliet(), &format!("to juliet {turn}"));
            assert_eq!(said.unreached, []);
            assert!(said.readers.iter().all(|reader| reader.form == form));
            assert!(said.elements.contains(form.namespace()));
            world.settle();
            world.say(other, &romeo(), &format!("to romeo {turn}"));
            world.settle();
        }
        assert_eq!(world.read(one).len(), 5);
        assert_eq!(world.read(other).len(), 5);
    }
}

#[test]
fn a_chat_with_devices_of_both_forms_gets_both_in_one_message() {
    let mut world = World::new(2);
    let one = world.device("romeo@montague.example");
    let new = world.device("juliet@capulet.example");
    let old = world.device("nurse@capulet.example");
    only(&mut world, Form::Legacy, "nurse@capulet.example");
    let members = ["juliet@capulet.example", "nurse@capulet.example"].map(jid);
    let room = Audience::group(jid("orchard@rooms.example"), members.to_vec());
    let said = world.say(one, &room, "Soft");
    assert_eq!(said.unreached, []);
    for form in Form::ALL {
        assert!(said.elements.contains(form.namespace()), "{form:?}");
    }
    world.settle();
    assert_eq!(world.read(new), ["Soft"]);
    assert_eq!(world.read(old), ["Soft"]);
    // What only the envelope can carry is said to be lost on the old one.
    let now = world.now;
    let reaction = Outgoing {
        elements: "<reactions xmlns='urn:xmpp:reactions:0' id='1'/>",
        text: None,
    };
    let machine = world.parties[one].machine.as_mut().unwrap();
    let said = machine
        .encrypt(&room, reaction, now, &mut world.random)
        .unwrap();
    assert_eq!(said.unreached.len(), 1);
    assert_eq!(said.unreached[0].reason, Unreachable::OldForm);
}

#[test]
fn a_keyless_member_blocks_nobody() {
    let (mut world, one, other) = two();
    world.unreachable.insert(jid("far@away.example"));
    let members = [
        "juliet@capulet.example",
        "keyless@capulet.example",
        "far@away.example",
    ];
    let room = Audience::group(jid("orchard@rooms.example"), members.map(jid).to_vec());
    let said = world.say(one, &room, "Hello");
    let reasons: Vec<_> = said
        .unreached
        .iter()
        .map(|unreached| (unreached.account.to_string(), unreached.reason))
        .collect();
    assert_eq!(
        reasons,
        [
            ("far@away.example".to_owned(), Unreachable::ListUnavailable),
            ("keyless@capulet.example".to_owned(), Unreachable::NoDevices),
        ]
    );
    world.settle();
    assert_eq!(world.read(other), ["Hello"]);
    let nobody = Audience::direct(jid("keyless@capulet.example"));
    let said = world.say(one, &nobody, "Hello");
    assert!(!said.reaches_somebody());
    assert_eq!(said.unreached[0].reason, Unreachable::NoDevices);
}

#[test]
fn own_devices_read_along_and_new_ones_from_then_on() {
    let (mut world, one, other) = two();
    let tablet = world.device("romeo@montague.example");
    world.say(one, &juliet(), "first");
    world.settle();
    assert_eq!(world.read(tablet), ["first"]);
    let phone = world.device("juliet@capulet.example");
    world.say(tablet, &juliet(), "second");
    world.settle();
    assert_eq!(world.read(one), ["second"]);
    assert_eq!(world.read(other), ["first", "second"]);
    assert_eq!(world.read(phone), ["second"]);
    let devices = world.parties[tablet]
        .machine()
        .devices(&jid("juliet@capulet.example"))
        .unwrap();
    assert_eq!(devices.len(), 2);
    assert!(
        devices
            .iter()
            .all(|device| device.trust == Some(Trust::FirstUse))
    );
}

#[test]
fn a_key_exchange_is_answered_and_then_left_out() {
    let (mut world, one, other) = two();
    let first = world.say(one, &juliet(), "1");
    assert!(first.elements.contains("kex='true'"));
    assert!(
        world
            .say(one, &juliet(), "2")
            .elements
            .contains("kex='true'")
    );
    world.settle();
    assert!(!world.say(one, &juliet(), "3").elements.contains("kex"));
    world.settle();
    assert_eq!(world.read(other), ["1", "2", "3"]);
    assert!(world.parties[one].outcomes.contains(&Received::KeysOnly));
}

#[test]
fn a_used_prekey_is_replaced_in_the_bundle() {
    let (mut world, one, other) = two();
    let node = (
        jid("juliet@capulet.example"),
        "urn:xmpp:omemo:2:bundles".to_owned(),
    );
    let before = world.nodes[&node].clone();
    world.say(one, &juliet(), "1");
    assert_eq!(world.nodes[&node], before);
    world.settle();
    let bundle = world.nodes[&node].values().next().unwrap();
    assert_ne!(bundle, before.values().next().unwrap());
    assert_eq!(bundle.matches("<pk ").count(), 100);
    let _ = other;
}

#[test]
fn heartbeats_turn_the_ratchet_of_who_only_writes() {
    let (mut world, one, other) = two();
    world.say(one, &juliet(), "0");
    world.settle();
    world.say(other, &romeo(), "hi");
    world.settle();
    let before = world.seen["message"];
    // Only the first message of a chain asks, so those before must be lost.
    for number in 1..=60 {
        world.say(one, &juliet(), &number.to_string());
        if number < 56 {
            world.parties[other].queue.clear();
        }
    }
    world.settle();
    assert_eq!(world.seen["message"], before + 1, "one heartbeat");
    assert!(matches!(
        world.parties[one].outcomes.last(),
        Some(Received::KeysOnly)
    ));
}

#[test]
fn signed_prekeys_rotate_and_the_old_one_lives_on_for_one_period() {
    let (mut world, one, other) = two();
    let week = 7 * 24 * 60 * 60;
    // The bundle is fetched, and used only after a rotation.
    let early = world.encrypt(one, &juliet(), "early");
    for period in 0..3 {
        world.later(week);
        let now = world.now;
        let machine = world.parties[other].machine.as_mut().unwrap();
        machine.tick(now, &mut world.random).unwrap();
        world.pump(other);
        let post = world::Post {
            reference: format!("early-{period}"),
            from: jid("romeo@montague.example"),
            to: jid("juliet@capulet.example"),
            group: false,
            xml: format!("<message>{}</message>", early.elements),
        };
        // A copy of the device as it is now reads it or not.
        let store = world.parties[other].machine().store().clone();
        let received = world.give(other, &post);
        let expected = if period == 0 {
            matches!(received, Received::Message(_))
        } else {
            received == Received::Failed(Failure::UnknownPreKey)
        };
        assert!(expected, "{period}: {received:?}");
        world.parties[other].machine = Some(
            omemo::Machine::open(
                store,
                jid("juliet@capulet.example"),
                world.config.clone(),
                now,
                &mut world.random,
            )
            .unwrap(),
        );
    }
}

#[test]
fn prekeys_used_twice_are_read_for_a_day_and_later_in_a_catch_up_only() {
    let mut world = World::new(5);
    let target = world.device("juliet@capulet.example");
    let node = (
        jid("juliet@capulet.example"),
        "urn:xmpp:omemo:2:bundles".to_owned(),
    );
    // A bundle with one prekey: whoever fetches it takes that.
    let bundle = world
        .nodes
        .get_mut(&node)
        .unwrap()
        .values_mut()
        .next()
        .unwrap();
    let first = bundle.find("<pk ").unwrap();
    let second = bundle[first + 1..].find("<pk ").unwrap() + first + 1;
    let end = bundle.find("</prekeys>").unwrap();
    bundle.replace_range(second..end, "");
    let writers: Vec<usize> = ["a@x.example", "b@x.example", "c@x.example", "d@x.example"]
        .map(|account| world.device(account))
        .to_vec();
    for (index, writer) in writers.iter().enumerate() {
        world.say(*writer, &juliet(), &index.to_string());
    }
    world.deliver_at(target, 0);
    world.crash(target);
    world.deliver_at(target, 0);
    assert_eq!(world.read(target), ["0", "1"]);
    // What an archive has may be older than that.
    let machine = world.parties[target].machine.as_mut().unwrap();
    machine.catch_up_started().unwrap();
    let later = base::Timestamp::from_micros(world.now.micros() + 25 * 3_600_000_000);
    machine.tick(later, &mut world.random).unwrap();
    world.deliver_at(target, 0);
    assert_eq!(world.read(target), ["0", "1", "2"]);
    let machine = world.parties[target].machine.as_mut().unwrap();
    machine.catch_up_ended().unwrap();
    machine.tick(later, &mut world.random).unwrap();
    assert_eq!(
        world.deliver_at(target, 0),
        Some(Received::Failed(Failure::UnknownPreKey))
    );
}

#[test]
fn a_lost_device_that_comes_back_without_keys_is_talked_to_again() {
    let (mut world, one, other) = two();
    world.say(one, &juliet(), "1");
    world.settle();
    world.say(other, &romeo(), "2");
    world.settle();
    // Juliet's device loses everything and is set up anew: it has another number.
    world.parties[other].machine = None;
    let again = world.device("juliet@capulet.example");
    world.say(one, &juliet(), "3");
    world.settle();
    assert_eq!(world.read(again), ["3"]);
}

#[test]
fn a_message_in_an_unknown_session_is_answered_with_a_new_one_once() {
    let (mut world, one, other) = two();
    world.say(one, &juliet(), "1");
    world.settle();
    // Juliet's keys of the session are lost, but not those of the device.
    let mut store = world.parties[other].machine().store().clone();
    let mut changes = omemo::Changes::new();
    let sessions = omemo::KeyStore::scan(&store, "sessions/").unwrap();
    for (name, _) in sessions {
        changes.delete(name);
    }
    omemo::KeyStore::commit(&mut store, &changes).unwrap();
    let account = jid("juliet@capulet.example");
    let (now, config) = (world.now, world.config.clone());
    let mut machine = omemo::Machine::open(store, account, config, now, &mut world.random).unwrap();
    machine.connected();
    world.parties[other].machine = Some(machine);
    world.pump(other);
    world.say(one, &juliet(), "lost");
    world.say(one, &juliet(), "lost as well");
    for _ in 0..2 {
        assert_eq!(
            world.deliver_at(other, 0),
            Some(Received::Failed(Failure::NoSession))
        );
    }
    let before = world.seen["message"];
    world.settle();
    assert!(
        world.seen["message"] <= before + 2,
        "one new session, one answer"
    );
    world.say(one, &juliet(), "2");
    world.settle();
    assert!(world.read(other).contains(&"2"));
}

#[test]
fn a_decryption_error_starts_nothing_but_the_user_may() {
    let (mut world, one, other) = two();
    world.say(one, &juliet(), "1");
    world.settle();
    world.say(one, &juliet(), "2");
    let post = &mut world.parties[other].queue[0];
    let at = post.xml.find("<key ").unwrap() + 60;
    let changed = if &post.xml[at..=at] == "A" { "B" } else { "A" };
    post.xml.replace_range(at..=at, changed);
    let before = world.seen.clone();
    let received = world.deliver_at(other, 0).unwrap();
    assert!(matches!(received, Received::Failed(_)), "{received:?}");
    world.settle();
    assert_eq!(world.seen, before, "nothing was sent");
    let device = world.parties[one].machine().device();
    world.parties[other]
        .machine()
        .replace_session(&jid("romeo@montague.example"), device)
        .unwrap();
    world.settle();
    assert_ne!(world.seen, before);
    world.say(one, &juliet(), "3");
    world.settle();
    assert_eq!(world.read(other), ["1", "3"]);
}

#[test]
fn a_device_that_is_off_the_list_reads_no_more() {
    let (mut world, one, other) = two();
    let phone = world.device("juliet@capulet.example");
    world.say(one, &juliet(), "1");
    world.settle();
    let lost = world.parties[phone].machine().device();
    let now = world.now;
    world.parties[other].machine().take_events();
    world.parties[other].machine().revoke(lost, now).unwrap();
    world.parties[phone].machine().disconnected();
    world.pump(other);
    // Who waits for it is told.
    let events = world.parties[other].machine().take_events();
    let own = jid("juliet@capulet.example");
    let told = |event: &Event| matches!(event, Event::Devices { account } if *account == own);
    assert!(events.iter().any(told), "{events:?}");
    let said = world.say(one, &juliet(), "2");
    assert!(said.readers.iter().all(|reader| reader.device != lost));
    while let Some(received) = world.deliver_at(phone, 0) {
        assert_ne!(received, Received::KeysOnly);
    }
    assert_eq!(world.read(phone), ["1"]);
    world.settle();
    assert_eq!(world.read(other), ["1", "2"]);
}

#[test]
fn a_device_announces_itself_again_when_it_was_overwritten() {
    let mut world = World::new(8);
    let one = world.device("romeo@montague.example");
    let own = world.parties[one].machine().device();
    for form in Form::ALL {
        let list = DeviceList::of([7]);
        let account = jid("romeo@montague.example");
        let machine = world.parties[one].machine.as_mut().unwrap();
        machine
            .device_list(&account, form, list, world.now, &mut world.random)
            .unwrap();
    }
    world.pump(one);
    for form in Form::ALL {
        let node = form.device_list_node().to_owned();
        let list = &world.nodes[&(jid("romeo@montague.example"), node)]["current"];
        assert!(list.contains(&format!("id='{own}'")) && list.contains("id='7'"));
    }
}

#[test]
fn a_taken_number_is_given_up_before_it_is_announced() {
    let mut world = World::new(9);
    // The same randomness makes the same number.
    let one = world.device("romeo@montague.example");
    let number = world.parties[one].machine().device();
    world.random = world::Seeded::new(9);
    let other = world.device("romeo@montague.example");
    let machine = world.parties[other].machine();
    assert_ne!(machine.device(), number);
    let events = machine.take_events();
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::Renumbered { .. }))
    );
    let node = Form::Current.device_list_node().to_owned();
    let list = &world.nodes[&(jid("romeo@montague.example"), node)]["current"];
    assert_eq!(list.matches("<device ").count(), 2);
}

#[test]
fn nodes_with_other_options_are_configured_first() {
    let mut world = World::new(10);
    world.strict.insert(jid("romeo@montague.example"));
    world.device("romeo@montague.example");
    assert_eq!(world.seen["configure"], 4);
    assert_eq!(world.seen["bundle"], 2);
    assert_eq!(world.seen["devices"], 2);
}

#[test]
fn a_device_that_is_silent_for_long_is_left_out_until_it_is_heard() {
    let (mut world, one, other) = two();
    world.say(one, &juliet(), "1");
    world.settle();
    world.later(61 * 24 * 60 * 60);
    for _ in 0..500 {
        assert!(world.say(one, &juliet(), "2").reaches_somebody());
    }
    let said = world.say(one, &juliet(), "3");
    assert_eq!(said.unreached[0].reason, Unreachable::Stale);
    world.say(other, &romeo(), "here");
    world.settle();
    assert!(world.say(one, &juliet(), "4").reaches_somebody());
}

#[test]
fn labels_are_shown_when_their_device_has_signed_them() {
    let mut world = World::new(11);
    world.config.label = Some("Laptop".to_owned());
    let one = world.device("romeo@montague.example");
    world.config.label = None;
    let other = world.device("juliet@capulet.example");
    world.say(other, &romeo(), "hi");
    let label = |world: &mut World| {
        let machine = world.parties[other].machine();
        machine.devices(&jid("romeo@montague.example")).unwrap()[0]
            .label
            .clone()
    };
    assert_eq!(label(&mut world), Some("Laptop".to_owned()));
    // Somebody else's label with the same signature.
    let node = Form::Current.device_list_node().to_owned();
    let list =
        world.nodes[&(jid("romeo@montague.example"), node)]["current"].replace("Laptop", "Phone");
    let tree = xmpp::xml::Tree::parse(&list).unwrap();
    let list = DeviceList::read(Form::Current, tree.root()).unwrap();
    let machine = world.parties[other].machine.as_mut().unwrap();
    machine
        .device_list(
            &jid("romeo@montague.example"),
            Form::Current,
            list,
            world.now,
            &mut world.random,
        )
        .unwrap();
    assert_eq!(label(&mut world), None);
    let _ = one;
}

#[test]
fn policy_may_demand_verified_devices() {
    let (mut world, one, other) = two();
    world.parties[one]
        .machine()
        .set_policy(Policy::VerifiedOnly);
    let said = world.say(one, &juliet(), "1");
    assert_eq!(said.unreached[0].reason, Unreachable::NotVerified);
    let identity = world.parties[other].machine().identity();
    let now = world.now;
    world.parties[one]
        .machine()
        .verify(&jid("juliet@capulet.example"), &identity, now)
        .unwrap();
    assert!(world.say(one, &juliet(), "2").reaches_somebody());
    world.settle();
    assert_eq!(world.read(other), ["2"]);
}

#[test]
fn time_that_does_not_fit_is_marked() {
    let (mut world, one, other) = two();
    let said = world.say(one, &juliet(), "1");
    assert!(said.reaches_somebody());
    world.later(3_600);
    let post = world.parties[other].queue[0].clone();
    let Received::Message(message) = world.give(other, &post) else {
        panic!("a message");
    };
    assert!(message.time_is_off);
    assert_eq!(
        world.now.since(message.time.unwrap()),
        Duration::from_secs(3_600)
    );
}

#[test]
fn who_switches_encryption_off_is_found_no_more() {
    let (mut world, one, other) = two();
    world.say(one, &juliet(), "1");
    world.settle();
    world.parties[other].machine().withdraw();
    world.pump(other);
    let left: Vec<_> = world
        .nodes
        .iter()
        .filter(|((account, node), items)| {
            *account == jid("juliet@capulet.example")
                && (node.contains("bundles") && !items.is_empty()
                    || items.values().any(|item| item.contains("<device ")))
        })
        .collect();
    assert_eq!(left, []);
    let said = world.say(one, &juliet(), "2");
    assert_eq!(said.unreached[0].reason, Unreachable::NoDevices);
}

#[test]
fn two_thousand_messages_come_in_reverse_order() {
    for form in Form::ALL {
        let (mut world, one, other) = two();
        only(&mut world, form, "juliet@capulet.example");
        world.say(one, &juliet(), "hello");
        world.settle();
        for number in 0..2_000 {
            world.say(one, &juliet(), &number.to_string());
        }
        for place in (0..2_000).rev() {
            let received = world.deliver_at(other, place).unwrap();
            assert!(
                matches!(received, Received::Message(_)),
                "{place}: {received:?}"
            );
        }
        assert_eq!(world.read(other).len(), 2_001);
    }
}

#[test]
fn prekeys_do_not_run_out() {
    let mut world = World::new(12);
    let target = world.device("juliet@capulet.example");
    // More strangers than there are prekeys, all before the bundle could be published again.
    let strangers: Vec<usize> = (0..120)
        .map(|number| world.device(&format!("stranger{number}@away.example")))
        .collect();
    world.parties[target].machine().catch_up_started().unwrap();
    for stranger in &strangers {
        assert!(world.say(*stranger, &juliet(), "hi").reaches_somebody());
    }
    while let Some(received) = world.deliver_at(target, 0) {
        assert!(matches!(received, Received::Message(_)), "{received:?}");
    }
    world.parties[target].machine().catch_up_ended().unwrap();
    world.settle();
    let node = (
        jid("juliet@capulet.example"),
        "urn:xmpp:omemo:2:bundles".to_owned(),
    );
    let bundle = world.nodes[&node].values().next().unwrap();
    assert_eq!(bundle.matches("<pk ").count(), 100);
}

#[test]
fn lists_that_do_not_come_by_themselves_are_fetched_again() {
    let (mut world, one, _) = two();
    world.silent.insert(jid("juliet@capulet.example"));
    world.say(one, &juliet(), "1");
    world.settle();
    let phone = world.device("juliet@capulet.example");
    world.say(one, &juliet(), "2");
    world.later(6 * 60 * 60);
    world.say(one, &juliet(), "3");
    let tablet = world.device("juliet@capulet.example");
    world.crash(one);
    world.say(one, &juliet(), "4");
    world.settle();
    assert_eq!(world.read(phone), ["3", "4"]);
    assert_eq!(world.read(tablet), ["4"]);
}

#[test]
fn lists_of_strangers_are_not_kept() {
    let mut world = World::new(13);
    let one = world.device("romeo@montague.example");
    let before = world.parties[one].machine().store().len();
    for number in 0..20 {
        world.device(&format!("stranger{number}@away.example"));
    }
    assert_eq!(world.parties[one].machine().store().len(), before);
}

#[test]
fn a_server_that_keeps_no_keys_is_named_and_not_asked_for_ever() {
    let mut world = World::new(14);
    world.closed.insert(jid("romeo@montague.example"));
    let one = world.device("romeo@montague.example");
    let events = world.parties[one].machine().take_events();
    let refused = events
        .iter()
        .filter(|event| matches!(event, Event::Refused { .. }))
        .count();
    assert_eq!(refused, 2, "{events:?}");
}

#[test]
fn own_lists_that_did_not_come_are_asked_for_again() {
    let mut world = World::new(15);
    let one = world.device("romeo@montague.example");
    let machine = world.parties[one].machine.as_mut().unwrap();
    machine.connected();
    let now = world.now;
    for request in machine.requests(now, &mut world.random).unwrap() {
        machine
            .answered(request.id, omemo::Answer::None, now, &mut world.random)
            .unwrap();
    }
    assert_eq!(machine.requests(now, &mut world.random).unwrap(), []);
    world.later(600);
    let now = world.now;
    let machine = world.parties[one].machine.as_mut().unwrap();
    machine.tick(now, &mut world.random).unwrap();
    assert_eq!(machine.requests(now, &mut world.random).unwrap().len(), 2);
}

#[test]
fn nothing_that_is_shown_for_debugging_is_secret() {
    let (mut world, one, other) = two();
    let outgoing = Outgoing {
        elements: "<body xmlns='jabber:client'>planted phrase</body>",
        text: Some("planted phrase"),
    };
    let said = world.say(one, &juliet(), "planted phrase");
    let post = world.parties[other].queue[0].clone();
    let received = world.give(other, &post);
    let machine = world.parties[other].machine();
    let store = machine.store().clone();
    let shown = format!("{outgoing:?} {said:?} {received:?} {machine:?} {store:?}");
    assert!(!shown.contains("planted"), "{shown}");
}
