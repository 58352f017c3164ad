//! What encryption costs a client: writing to a room of 300 devices, and reading what comes.
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

#[path = "../tests/world/mod.rs"]
mod world;

use std::hint::black_box;

use base::BareJid;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use omemo::{Audience, Incoming, Outgoing, Received};
use world::{World, jid};
use xmpp::xml::Stanza;

const MEMBERS: usize = 100;
const DEVICES_EACH: usize = 3;

/// A room whose devices all have a session with the first one, and have answered.
fn room() -> (World, Audience) {
    let mut world = World::new(51);
    world.device("writer@example.org");
    let members: Vec<BareJid> = (0..MEMBERS)
        .map(|number| jid(&format!("member{number}@example.org")))
        .collect();
    for member in &members {
        for _ in 0..DEVICES_EACH {
            world.device(member.as_str());
        }
    }
    let audience = Audience::group(jid("room@rooms.example.org"), members);
    world.say(0, &audience, "the first one starts the sessions");
    world.settle();
    (world, audience)
}

const OUTGOING: Outgoing<'_> = Outgoing {
    elements: "<body xmlns='jabber:client'>But, soft! what light through yonder window breaks?</body>",
    text: None,
};

fn encrypt(criterion: &mut Criterion) {
    let (mut world, audience) = room();
    let now = world.now;
    let mut machine = world.parties[0].machine.take().unwrap();
    let mut random = world.random;
    criterion.bench_function("encrypt/300 devices", |bencher| {
        bencher.iter(|| {
            let said = machine
                .encrypt(&audience, OUTGOING, now, &mut random)
                .unwrap();
            assert_eq!(said.readers.len(), MEMBERS * DEVICES_EACH);
            black_box(said.elements.len())
        });
    });
}

fn first_message(criterion: &mut Criterion) {
    let mut world = World::new(52);
    world.device("writer@example.org");
    for number in 0..300 {
        world.device(&format!("member{number}@example.org"));
    }
    let members = (0..300).map(|number| jid(&format!("member{number}@example.org")));
    let audience = Audience::group(jid("room@rooms.example.org"), members.collect());
    criterion.bench_function("encrypt/300 devices, first message", |bencher| {
        bencher.iter_batched(
            || {
                let store = world.parties[0].machine().store().clone();
                let account = world.parties[0].account.clone();
                let (now, config) = (world.now, world.config.clone());
                let mut copy = World::new(53);
                copy.nodes.clone_from(&world.nodes);
                copy.parties.push(world::Party {
                    account: account.clone(),
                    machine: None,
                    queue: Default::default(),
                    read: Default::default(),
                    outcomes: Vec::new(),
                });
                let mut machine =
                    omemo::Machine::open(store, account, config, now, &mut copy.random).unwrap();
                machine.connected();
                copy.parties[0].machine = Some(machine);
                copy.pump(0);
                copy.parties[0].machine().prepare(&audience, now).unwrap();
                copy.pump(0);
                copy.parties[0].machine().prepare(&audience, now).unwrap();
                copy.pump(0);
                copy
            },
            |mut copy| {
                let now = copy.now;
                let machine = copy.parties[0].machine.as_mut().unwrap();
                let said = machine
                    .encrypt(&audience, OUTGOING, now, &mut copy.random)
                    .unwrap();
                assert_eq!(said.readers.len(), 300);
                said.elements.len()
            },
            BatchSize::LargeInput,
        );
    });
}

fn decrypt(criterion: &mut Criterion) {
    let mut world = World::new(54);
    let writer = world.device("writer@example.org");
    let reader = world.device("reader@example.org");
    let chat = Audience::direct(jid("reader@example.org"));
    world.say(writer, &chat, "hello");
    world.settle();
    for number in 0..1_000 {
        world.say(writer, &chat, &format!("message {number}"));
    }
    let posts: Vec<(String, Stanza)> = world.parties[reader]
        .queue
        .drain(..)
        .map(|post| (post.reference, Stanza::parse(&post.xml).unwrap()))
        .collect();
    let store = world.parties[reader].machine().store().clone();
    let (from, to) = (jid("writer@example.org"), jid("reader@example.org"));
    let (now, config) = (world.now, world.config.clone());
    criterion.bench_function("decrypt/1,000 messages in order", |bencher| {
        bencher.iter_batched(
            || {
                omemo::Machine::open(
                    store.clone(),
                    to.clone(),
                    config.clone(),
                    now,
                    &mut world.random,
                )
                .unwrap()
            },
            |mut machine| {
                let mut random = world::Seeded::new(1);
                for (reference, message) in &posts {
                    let incoming = Incoming {
                        reference,
                        from: &from,
                        to: &to,
                        group: false,
                        sent: now,
                        message,
                    };
                    let received = machine.decrypt(incoming, now, &mut random).unwrap();
                    assert!(matches!(received, Received::Message(_)));
                    machine.taken(reference).unwrap();
                }
            },
            BatchSize::LargeInput,
        );
    });
}

criterion_group!(benches, encrypt, first_message, decrypt);
criterion_main!(benches);
