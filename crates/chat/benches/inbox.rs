//! The list of 1,000 conversations, half of them rooms with long archives, from request to written answer.

#[path = "../tests/common/mod.rs"]
mod common;

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use common::House;
use criterion::{Criterion, criterion_group, criterion_main};
use store::{
    AccountId, Affiliation, ArchiveId, ArchiveOwner, Batch, EntryFlags, NewRoom, OwnerId,
    RoomConfig, RoomPerson, Store, StoreConfig, wait,
};

const PEOPLE: usize = 500;
const ROOMS: usize = 500;
const EACH: usize = 1_000;

fn say(batch: &mut Batch, owner: OwnerId, with: &str, number: usize, words: &str) {
    let mention = if number.is_multiple_of(50) {
        "<reference xmlns='urn:xmpp:reference:0' type='mention' uri='xmpp:juliet@example.org'/>"
    } else {
        ""
    };
    let text = format!(
        "<message from='{with}/r' type='chat' id='m{number}'><body>{words}</body>{mention}</message>"
    );
    let flags = EntryFlags {
        groupchat: !mention.is_empty(),
        mentions: !mention.is_empty(),
        ..EntryFlags::default()
    };
    batch.archive(
        ArchiveOwner {
            id: owner,
            with,
            with_resource: None,
            flags,
        },
        text.as_bytes(),
    );
}

/// A round of one message in each conversation; the ids of those in rooms.
fn round(store: &Store, account: AccountId, rooms: &[OwnerId], number: usize) -> Vec<ArchiveId> {
    let words = "x".repeat(200);
    let mut batch = Batch::new();
    for room in rooms {
        say(&mut batch, *room, "romeo@example.org", number, &words);
    }
    if number.is_multiple_of(20) {
        for person in 0..PEOPLE {
            let with = format!("person{person}@elsewhere.example");
            say(&mut batch, account.into(), &with, 1, &words);
        }
    }
    let submitted = store.submit(batch);
    submitted.ticket.wait().expect("kept");
    submitted.ids.to_vec()
}

fn inbox(criterion: &mut Criterion) {
    let folder = std::env::temp_dir().join(format!("hauspost-inbox-{}", std::process::id()));
    let config = StoreConfig {
        inline: true,
        ..StoreConfig::folder(&folder)
    };
    let store = Store::open(config).expect("a store");
    let mut house = House::over(store, Arc::new(AtomicI64::new(0)), &["juliet"], |_| {});
    let juliet = house.come("juliet@example.org/balcony");
    let account = house
        .chat
        .cached_account("juliet@example.org")
        .expect("she is connected")
        .id();
    let store = house.chat.store().clone();
    let rooms: Vec<OwnerId> = (0..ROOMS)
        .map(|number| {
            let room = NewRoom {
                localpart: format!("room{number}").into(),
                config: RoomConfig::group_chat(),
                people: vec![RoomPerson {
                    address: "juliet@example.org".into(),
                    affiliation: Affiliation::Member,
                    ..RoomPerson::default()
                }],
            };
            wait(store.room_create(room)).expect("a room").0.into()
        })
        .collect();
    let mut seen = Vec::new();
    for number in 0..EACH {
        let ids = round(&store, account, &rooms, number);
        if number == EACH - 100 {
            seen = ids;
        }
    }
    // Every other room was seen until a hundred messages ago, the others never.
    let mut batch = Batch::new();
    for (number, id) in seen.iter().enumerate().take(ROOMS).step_by(2) {
        batch.inbox_displayed(account, &format!("room{number}@rooms.example.org"), *id);
    }
    store.submit(batch).ticket.wait().expect("kept");
    let request = "<iq type='get' id='i1'><inbox xmlns='urn:hauspost:inbox:0'/></iq>";
    let bytes = house.send_unread(juliet, request);
    assert!(bytes > (PEOPLE + ROOMS) * 300, "{bytes} bytes");
    let mut group = criterion.benchmark_group("inbox of 1,000 conversations");
    group.sample_size(20);
    group.bench_function("request to written answer", |bencher| {
        bencher.iter(|| black_box(house.send_unread(juliet, request)));
    });
    group.finish();
    drop(house);
    store.close();
    let _ = std::fs::remove_dir_all(folder);
}

criterion_group!(benches, inbox);
criterion_main!(benches);
