//! What a person waits for: the list of conversations from storage, and what was said while they were away.
//!
//! `cargo bench -p client`. The catch-up runs against the real messenger in memory, in the same thread: its part of the
//! work is in the figure.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "criterion makes the functions, and a benchmark fails by panicking"
)]

#[path = "../tests/world/mod.rs"]
mod world;

use std::time::{Duration, Instant};

use client::{Client, Command, Draft, MemoryStorage, Moment, Now, Settings, Timestamp};
use criterion::{Criterion, criterion_group, criterion_main};
use world::{Dice, World, jid, with};

const CONVERSATIONS: usize = 1_000;
const MESSAGES: usize = 10_000;

fn conversation_list(criterion: &mut Criterion) {
    let now = Now::new(Moment::START, Timestamp::from_seconds(1_800_000_000));
    let settings = Settings::new(jid("romeo@example.org"), "bench");
    let mut dice = Dice::new(1);
    let mut random = |bytes: &mut [u8]| dice.fill(bytes);
    let storage = MemoryStorage::new();
    let mut client = Client::open(storage, settings.clone(), now, &mut random).unwrap();
    for number in 0..CONVERSATIONS {
        let with = jid(&format!("somebody{number}@example.org"));
        let open = Command::OpenChat { with: with.clone() };
        client.command(open, now, &mut random).unwrap();
        for line in 0..3 {
            let send = Command::Send {
                conversation: with.clone().into(),
                message: Draft::text(format!(
                    "Line {line} of what was said here, as long as most"
                )),
            };
            client.command(send, now, &mut random).unwrap();
        }
    }
    let storage = client.with_storage(MemoryStorage::clone);
    criterion.bench_function("list of 1,000 conversations from storage", |bencher| {
        bencher.iter_batched(
            || (storage.clone(), settings.clone()),
            |(storage, settings)| {
                let mut dice = Dice::new(2);
                let mut random = |bytes: &mut [u8]| dice.fill(bytes);
                let client = Client::open(storage, settings, now, &mut random).unwrap();
                let list = client.conversations();
                assert_eq!(list.rows.len(), CONVERSATIONS);
                (client, list)
            },
            criterion::BatchSize::PerIteration,
        );
    });
}

fn catch_up(criterion: &mut Criterion) {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    let juliet = world.device("juliet", "phone");
    world.say(romeo, "juliet@example.org", "begin");
    world.say(juliet, "romeo@example.org", "begin");
    world.set_offline(juliet, true);
    world.pass(Duration::from_secs(24 * 3_600));
    for number in 0..MESSAGES {
        let send = Command::Send {
            conversation: with("juliet@example.org"),
            message: Draft::text(format!("Message {number}, as long as most of them are")),
        };
        world.try_command(romeo, send).unwrap();
        if number % 100 == 99 {
            // The house lets nobody say everything at once.
            world.pass(Duration::from_secs(60));
        }
    }
    for _ in 0..60 {
        world.pass(Duration::from_secs(60));
    }
    assert_eq!(world.client(romeo).unsent(), 0);
    let disk = world.client(juliet).with_storage(MemoryStorage::clone);
    let mut group = criterion.benchmark_group("catch-up");
    group.sample_size(10);
    group.bench_function("10,000 archived encrypted messages", |bencher| {
        bencher.iter_custom(|times| {
            let mut total = Duration::ZERO;
            for _ in 0..times {
                world.restore(juliet, disk.clone());
                let began = Instant::now();
                world.devices[juliet].offline = false;
                world.input(juliet, client::Input::Online(true));
                world.settle();
                let unread = |world: &World| {
                    let list = world.client(juliet).conversations();
                    list.rows.iter().map(|row| row.unread).max()
                };
                for _ in 0..600 {
                    if unread(&world) == Some(MESSAGES as u64) {
                        break;
                    }
                    world.pass(Duration::from_secs(1));
                }
                total += began.elapsed();
                assert_eq!(unread(&world), Some(MESSAGES as u64));
                world.set_offline(juliet, true);
                world.pass(Duration::from_secs(24 * 3_600));
            }
            total
        });
    });
    group.finish();
}

criterion_group!(benches, conversation_list, catch_up);
criterion_main!(benches);
