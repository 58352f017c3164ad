//! Trust: first use, verification by number and by code, and what devices tell each other (XEP-0450).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod world;

use base::BareJid;
use omemo::{
    Audience, Event, IdentityKey, Received, Trust, Unreachable, VerificationUri, fingerprint,
    read_fingerprint,
};
use world::{World, jid};

const ALICE: &str = "alice@example.org";
const BOB: &str = "bob@example.com";

const BY_HAND: Trust = Trust::Verified { automatic: false };
const BY_OTHERS: Trust = Trust::Verified { automatic: true };

fn key(world: &mut World, index: usize) -> (BareJid, IdentityKey) {
    let account = world.parties[index].account.clone();
    (account, world.parties[index].machine().identity())
}

/// What the first device thinks of the second.
fn trust(world: &mut World, of: usize, other: usize) -> Trust {
    let (account, identity) = key(world, other);
    let machine = world.parties[of].machine();
    machine.trust(&account, &identity).unwrap()
}

fn verify(world: &mut World, by: usize, other: usize) {
    let (account, identity) = key(world, other);
    let now = world.now;
    world.parties[by]
        .machine()
        .verify(&account, &identity, now)
        .unwrap();
    world.settle();
    world.later(5);
}

fn distrust(world: &mut World, by: usize, other: usize) {
    let (account, identity) = key(world, other);
    let now = world.now;
    world.parties[by]
        .machine()
        .distrust(&account, &identity, now)
        .unwrap();
    world.settle();
    world.later(5);
}

/// Three devices of Alice and one of Bob, who have all seen each other.
fn people() -> (World, [usize; 3], usize) {
    let mut world = World::new(31);
    let alice = [ALICE; 3].map(|account| world.device(account));
    let bob = world.device(BOB);
    for index in alice {
        world.say(index, &Audience::direct(jid(BOB)), &format!("from {index}"));
    }
    world.say(bob, &Audience::direct(jid(ALICE)), "from bob");
    world.settle();
    (world, alice, bob)
}

#[test]
fn the_first_keys_are_believed_and_marked_so() {
    let (mut world, [one, two, _], bob) = people();
    assert_eq!(trust(&mut world, one, bob), Trust::FirstUse);
    assert_eq!(trust(&mut world, one, two), Trust::FirstUse);
    let read = world.parties[bob].outcomes.iter().any(
        |outcome| matches!(outcome, Received::Message(message) if message.trust == Trust::FirstUse),
    );
    assert!(read);
}

#[test]
fn after_a_verification_new_devices_must_be_looked_at() {
    let (mut world, [one, _, _], bob) = people();
    verify(&mut world, one, bob);
    assert_eq!(trust(&mut world, one, bob), BY_HAND);
    let phone = world.device(BOB);
    let device = world.parties[phone].machine().device();
    let said = world.say(one, &Audience::direct(jid(BOB)), "x");
    let unreached: Vec<_> = said
        .unreached
        .iter()
        .map(|unreached| (unreached.device, unreached.reason))
        .collect();
    assert_eq!(unreached, [(Some(device), Unreachable::Undecided)]);
    let (account, identity) = key(&mut world, phone);
    let now = world.now;
    world.parties[one]
        .machine()
        .accept(&account, &identity, now)
        .unwrap();
    let said = world.say(one, &Audience::direct(jid(BOB)), "y");
    assert_eq!(said.unreached, []);
}

#[test]
fn the_story_of_xep_0450() {
    let (mut world, [a1, a2, a3], b1) = people();
    // A1 and A2 have authenticated each other.
    verify(&mut world, a1, a2);
    verify(&mut world, a2, a1);
    // A1 authenticates B1: A2 hears of it at once, B1 of A2 as soon as it has authenticated A1.
    verify(&mut world, a1, b1);
    assert_eq!(trust(&mut world, a2, b1), BY_OTHERS);
    assert_eq!(trust(&mut world, b1, a2), Trust::FirstUse);
    verify(&mut world, b1, a1);
    assert_eq!(trust(&mut world, b1, a2), BY_OTHERS);
    // A2 authenticates A3: A1 and B1 hear of it; A3 hears of both when it has authenticated A2.
    verify(&mut world, a2, a3);
    assert_eq!(trust(&mut world, a1, a3), BY_OTHERS);
    assert_eq!(trust(&mut world, b1, a3), BY_OTHERS);
    assert_eq!(trust(&mut world, a3, b1), Trust::FirstUse);
    verify(&mut world, a3, a2);
    assert_eq!(trust(&mut world, a3, a1), BY_OTHERS);
    assert_eq!(trust(&mut world, a3, b1), BY_OTHERS);
    // A1 distrusts A3: A2 and B1 follow.
    distrust(&mut world, a1, a3);
    let gone = Trust::Distrusted { automatic: true };
    assert_eq!(trust(&mut world, a2, a3), gone);
    assert_eq!(trust(&mut world, b1, a3), gone);
    let said = world.say(b1, &Audience::direct(jid(ALICE)), "without a3");
    assert!(
        said.unreached
            .iter()
            .any(|unreached| unreached.reason == Unreachable::Distrusted)
    );
    // A1 distrusts B1: A2 follows, A3 is not asked any more.
    distrust(&mut world, a1, b1);
    assert_eq!(trust(&mut world, a2, b1), gone);
    assert_eq!(trust(&mut world, a3, b1), BY_OTHERS);
    assert!(
        world.parties[a2].outcomes.contains(&Received::TrustMessage),
        "nothing of it is shown"
    );
}

#[test]
fn others_may_speak_of_their_own_account_only() {
    let mut world = World::new(32);
    let alice = world.device(ALICE);
    let bob = world.device(BOB);
    let carol = world.device("carol@example.net");
    for index in [bob, carol] {
        world.say(index, &Audience::direct(jid(ALICE)), "hi");
    }
    world.say(bob, &Audience::direct(jid("carol@example.net")), "hi");
    world.settle();
    verify(&mut world, alice, bob);
    verify(&mut world, bob, alice);
    // Bob's device would tell Alice of Carol only if it were one of Alice's.
    verify(&mut world, bob, carol);
    assert_eq!(trust(&mut world, alice, carol), Trust::FirstUse);
}

#[test]
fn a_scanned_code_verifies_all_that_is_in_it() {
    let (mut world, [one, two, _], bob) = people();
    verify(&mut world, one, two);
    let code = world.parties[one].machine().verification_uri().unwrap();
    assert_eq!(code.claims.len(), 2, "what is verified is vouched for");
    let scanned = VerificationUri::parse(&code.to_string()).unwrap();
    let now = world.now;
    let machine = world.parties[bob].machine();
    let verification = machine.verify_uri(&scanned, now).unwrap();
    assert_eq!(verification.verified.len(), 2);
    assert_eq!(verification.different, []);
    assert_eq!(trust(&mut world, bob, one), BY_HAND);
    assert_eq!(trust(&mut world, bob, two), BY_HAND);
    let events = world.parties[bob].machine().take_events();
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::Trust { .. }))
    );
}

#[test]
fn a_code_with_another_key_decides_nothing() {
    let (mut world, [one, two, _], bob) = people();
    let mut code = world.parties[one].machine().verification_uri().unwrap();
    code.claims[0].key = world.parties[two].machine().identity();
    let device = code.claims[0].device.unwrap();
    let now = world.now;
    let machine = world.parties[bob].machine();
    let verification = machine.verify_uri(&code, now).unwrap();
    assert_eq!(verification.different, [device]);
    assert_eq!(verification.verified, []);
    assert_eq!(trust(&mut world, bob, one), Trust::FirstUse);
}

#[test]
fn numbers_are_compared_as_they_are_shown() {
    let (mut world, [one, _, _], bob) = people();
    let (account, identity) = key(&mut world, bob);
    let devices = world.parties[one].machine().devices(&account).unwrap();
    let shown = fingerprint(&devices[0].identity.unwrap());
    assert_eq!(read_fingerprint(&shown), Some(identity));
    let own = world.parties[bob].machine().devices(&account).unwrap();
    assert!(own[0].this);
    assert_eq!(fingerprint(&own[0].identity.unwrap()), shown);
}

#[test]
fn who_can_read_is_said_before_anything_is_written() {
    let (mut world, [one, two, _], bob) = people();
    distrust(&mut world, one, two);
    let audience = Audience::direct(jid(BOB));
    let now = world.now;
    let machine = world.parties[one].machine();
    let readership = machine.who_can_read(&audience, now).unwrap();
    assert_eq!(readership.readers.len(), 2, "Bob's, and one of our own");
    assert_eq!(readership.unreached.len(), 1);
    assert_eq!(readership.unreached[0].reason, Unreachable::Distrusted);
    let _ = bob;
}

#[test]
fn a_device_with_another_key_than_before_is_not_believed() {
    let (mut world, [one, _, _], bob) = people();
    let number = world.parties[bob].machine().device();
    // Somebody publishes other keys under the same number.
    let stranger = world.device("mallory@evil.example");
    let theirs = world.parties[stranger].machine().device();
    for (node, item) in [
        ("urn:xmpp:omemo:2:bundles".to_owned(), number.to_string()),
        (
            format!("eu.siacs.conversations.axolotl.bundles:{number}"),
            "current".to_owned(),
        ),
    ] {
        let from = node.replace(&number.to_string(), &theirs.to_string());
        let bundle = world.nodes[&(jid("mallory@evil.example"), from)]
            .values()
            .next()
            .unwrap()
            .clone();
        world
            .nodes
            .get_mut(&(jid(BOB), node))
            .unwrap()
            .insert(item, bundle);
    }
    // Whoever has a session does not look at the bundle; a new session would.
    world.parties[one].machine().take_events();
    world.parties[one]
        .machine()
        .replace_session(&jid(BOB), number)
        .unwrap();
    world.settle();
    let events = world.parties[one].machine().take_events();
    assert!(events.contains(&Event::KeyChanged {
        account: jid(BOB),
        device: number
    }));
    let said = world.say(one, &Audience::direct(jid(BOB)), "x");
    assert_eq!(said.unreached[0].reason, Unreachable::Undecided);
    // Whoever has the old key does not get the trust back by writing with it.
    world.say(bob, &Audience::direct(jid(ALICE)), "still me");
    world.settle();
    assert!(world.read(one).contains(&"still me"));
    assert_eq!(trust(&mut world, one, bob), Trust::Undecided);
    let said = world.say(one, &Audience::direct(jid(BOB)), "y");
    assert_eq!(said.unreached[0].reason, Unreachable::Undecided);
}
