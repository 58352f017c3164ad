//! What a server or a stranger may do to messages: each has a clear outcome, nothing panics, and what comes later is
//! read as ever.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod world;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use omemo::{Audience, DeviceList, EnvelopeFault, Failure, Form, Received, Unreachable};
use world::{Post, World, jid};

const ROMEO: &str = "romeo@montague.example";
const JULIET: &str = "juliet@capulet.example";

/// Two devices that speak one form, and have spoken.
fn two(form: Form) -> (World, usize, usize) {
    let mut world = World::new(21);
    let one = world.device(ROMEO);
    let other = world.device(JULIET);
    if form == Form::Legacy {
        for account in [ROMEO, JULIET] {
            world
                .nodes
                .remove(&(jid(account), Form::Current.device_list_node().to_owned()));
        }
        for (index, account) in [(one, JULIET), (other, ROMEO)] {
            let machine = world.parties[index].machine.as_mut().unwrap();
            machine
                .device_list(
                    &jid(account),
                    Form::Current,
                    DeviceList::default(),
                    world.now,
                    &mut world.random,
                )
                .unwrap();
        }
    }
    world.say(one, &Audience::direct(jid(JULIET)), "hello");
    world.settle();
    world.say(other, &Audience::direct(jid(ROMEO)), "hello");
    world.settle();
    (world, one, other)
}

/// A fresh message, not yet delivered.
fn message(world: &mut World, one: usize, other: usize, text: &str) -> Post {
    world.say(one, &Audience::direct(jid(JULIET)), text);
    world.parties[other].queue.pop_back().unwrap()
}

/// Base64 that stands in an element of this name.
fn part<'a>(xml: &'a str, name: &str) -> (usize, &'a str) {
    let start = xml.find(&format!("<{name}")).unwrap();
    let from = start + xml[start..].find('>').unwrap() + 1;
    let to = from + xml[from..].find('<').unwrap();
    (from, &xml[from..to])
}

fn replaced(post: &Post, name: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Post {
    let (from, text) = part(&post.xml, name);
    let changed = BASE64.encode(change(BASE64.decode(text).unwrap()));
    let mut xml = post.xml.clone();
    xml.replace_range(from..from + text.len(), &changed);
    Post {
        xml,
        reference: format!("{}-changed", post.reference),
        ..post.clone()
    }
}

fn is_clear(received: &Received) -> bool {
    matches!(
        received,
        Received::Failed(
            Failure::Malformed
                | Failure::Undecryptable
                | Failure::BadPayload
                | Failure::TooFarAhead
                | Failure::UnknownVersion
        )
    )
}

#[test]
fn every_changed_bit_is_seen_and_the_true_message_is_read_after_all() {
    for form in Form::ALL {
        let (mut world, one, other) = two(form);
        let post = message(&mut world, one, other, "true");
        for name in ["key ", "payload"] {
            let length = BASE64.decode(part(&post.xml, name).1).unwrap().len();
            for at in 0..length {
                for bit in [0, 3, 7] {
                    let changed = replaced(&post, name, |mut bytes| {
                        bytes[at] ^= 1 << bit;
                        bytes
                    });
                    let received = world.give(other, &changed);
                    // A number of a message may be made into one that was read.
                    assert!(
                        is_clear(&received) || received == Received::Duplicate,
                        "{form:?} {name} {at}.{bit}: {received:?}"
                    );
                }
            }
        }
        assert!(matches!(world.give(other, &post), Received::Message(_)));
        let next = message(&mut world, one, other, "next");
        assert!(matches!(world.give(other, &next), Received::Message(_)));
    }
}

#[test]
fn every_cut_is_seen() {
    for form in Form::ALL {
        let (mut world, one, other) = two(form);
        let post = message(&mut world, one, other, "true");
        for name in ["key ", "payload"] {
            let length = BASE64.decode(part(&post.xml, name).1).unwrap().len();
            for cut in 0..length {
                let changed = replaced(&post, name, |bytes| bytes[..cut].to_vec());
                let received = world.give(other, &changed);
                assert!(is_clear(&received), "{form:?} {name} {cut}: {received:?}");
            }
            let longer = replaced(&post, name, |mut bytes| {
                bytes.push(0);
                bytes
            });
            assert!(is_clear(&world.give(other, &longer)));
        }
        let without = Post {
            xml: "<message><encrypted xmlns='urn:xmpp:omemo:2'/></message>".to_owned(),
            ..post.clone()
        };
        assert_eq!(
            world.give(other, &without),
            Received::Failed(Failure::Malformed)
        );
        assert!(matches!(world.give(other, &post), Received::Message(_)));
    }
}

#[test]
fn a_key_exchange_survives_attempts_to_spoil_it() {
    for form in Form::ALL {
        let mut world = World::new(22);
        let one = world.device(ROMEO);
        let other = world.device(JULIET);
        if form == Form::Legacy {
            let machine = world.parties[one].machine.as_mut().unwrap();
            machine
                .device_list(
                    &jid(JULIET),
                    Form::Current,
                    DeviceList::default(),
                    world.now,
                    &mut world.random,
                )
                .unwrap();
        }
        let post = message(&mut world, one, other, "first");
        let (_, text) = part(&post.xml, "key ");
        let length = BASE64.decode(text).unwrap().len();
        for at in 0..length {
            let changed = replaced(&post, "key ", |mut bytes| {
                bytes[at] ^= 0x04;
                bytes
            });
            let received = world.give(other, &changed);
            let harmless = matches!(
                received,
                Received::Failed(Failure::UnknownPreKey | Failure::BadKeyExchange)
            ) || is_clear(&received)
                // The registration id of the legacy form has no meaning.
                || (form == Form::Legacy && matches!(received, Received::Message(_)));
            assert!(harmless, "{form:?} {at}: {received:?}");
            if matches!(received, Received::Message(_)) {
                // Read after all; only the number of the signed prekey stands behind it.
                return;
            }
        }
        assert!(matches!(world.give(other, &post), Received::Message(_)));
        let again = Post {
            reference: "again".to_owned(),
            ..post
        };
        assert_eq!(world.give(other, &again), Received::Duplicate);
    }
}

#[test]
fn what_is_sent_again_is_a_duplicate_and_in_other_names_nothing() {
    for form in Form::ALL {
        let (mut world, one, other) = two(form);
        let stranger = world.device("tybalt@capulet.example");
        let post = message(&mut world, one, other, "once");
        assert!(matches!(world.give(other, &post), Received::Message(_)));
        // The same stanza, asked for again, is what it was; another one with the same content is a copy.
        assert!(matches!(world.give(other, &post), Received::Message(_)));
        world.parties[other]
            .machine()
            .taken(&post.reference)
            .unwrap();
        assert_eq!(world.give(other, &post), Received::Duplicate);
        let stolen = Post {
            from: jid("tybalt@capulet.example"),
            reference: "stolen".to_owned(),
            ..post.clone()
        };
        assert_eq!(
            world.give(other, &stolen),
            Received::Failed(Failure::NoSession)
        );
        assert_eq!(
            world.give(stranger, &post),
            Received::Failed(Failure::NotForThisDevice)
        );
        let own = world.give(one, &post);
        assert_eq!(own, Received::FromThisDevice);
    }
}

#[test]
fn a_message_of_one_chat_is_not_shown_in_another() {
    let (mut world, one, other) = two(Form::Current);
    let post = message(&mut world, one, other, "for you alone");
    let moved = Post {
        to: jid("room@rooms.example"),
        group: true,
        ..post
    };
    assert_eq!(
        world.give(other, &moved),
        Received::Failed(Failure::Envelope(EnvelopeFault::To))
    );
    let next = message(&mut world, one, other, "next");
    assert!(matches!(world.give(other, &next), Received::Message(_)));
}

#[test]
fn other_versions_and_sizes_are_named() {
    let (mut world, one, other) = two(Form::Legacy);
    let post = message(&mut world, one, other, "old");
    let version = replaced(&post, "key ", |mut bytes| {
        bytes[0] = 0x22;
        bytes
    });
    assert_eq!(
        world.give(other, &version),
        Received::Failed(Failure::UnknownVersion)
    );
    let large = replaced(&post, "payload", |_| vec![0; 600 * 1024]);
    assert_eq!(
        world.give(other, &large),
        Received::Failed(Failure::TooLarge)
    );
    let large = replaced(&post, "key ", |_| vec![0; 5_000]);
    assert_eq!(
        world.give(other, &large),
        Received::Failed(Failure::TooLarge)
    );
    assert!(matches!(world.give(other, &post), Received::Message(_)));
    let plain = Post {
        xml: "<message><body>hi</body></message>".to_owned(),
        reference: "plain".to_owned(),
        ..post
    };
    assert_eq!(world.give(other, &plain), Received::NotEncrypted);
}

#[test]
fn a_bundle_with_a_wrong_signature_reaches_nobody() {
    for form in Form::ALL {
        let mut world = World::new(23);
        let one = world.device(ROMEO);
        let other = world.device(JULIET);
        let device = world.parties[other].machine().device();
        for form in Form::ALL {
            let (node, word) = match form {
                Form::Current => ("urn:xmpp:omemo:2:bundles".to_owned(), "spk "),
                Form::Legacy => (
                    format!("eu.siacs.conversations.axolotl.bundles:{device}"),
                    "signedPreKeyPublic",
                ),
            };
            let bundle = world
                .nodes
                .get_mut(&(jid(JULIET), node))
                .unwrap()
                .values_mut()
                .next()
                .unwrap();
            let (from, text) = part(bundle, word);
            let mut bytes = BASE64.decode(text).unwrap();
            bytes[9] ^= 1;
            let range = from..from + text.len();
            bundle.replace_range(range, &BASE64.encode(bytes));
        }
        if form == Form::Legacy {
            let machine = world.parties[one].machine.as_mut().unwrap();
            machine
                .device_list(
                    &jid(JULIET),
                    Form::Current,
                    DeviceList::default(),
                    world.now,
                    &mut world.random,
                )
                .unwrap();
        }
        let said = world.say(one, &Audience::direct(jid(JULIET)), "x");
        assert!(!said.reaches_somebody());
        assert!(matches!(
            said.unreached[0].reason,
            Unreachable::BundleInvalid(_)
        ));
    }
}

#[test]
fn a_stranger_cannot_make_us_ask_for_ever() {
    let (mut world, one, other) = two(Form::Current);
    let post = message(&mut world, one, other, "x");
    let before = world.seen.clone();
    for number in 0..50 {
        let mut forged = replaced(&post, "key ", |bytes| bytes);
        forged.from = jid("nobody@nowhere.example");
        forged.reference = format!("forged-{number}");
        assert_eq!(
            world.give(other, &forged),
            Received::Failed(Failure::NoSession)
        );
        world.pump(other);
    }
    let asked = world.seen["fetch"] - before["fetch"];
    assert!(asked <= 2, "{asked} questions");
    assert_eq!(world.seen["message"], before["message"]);
}
