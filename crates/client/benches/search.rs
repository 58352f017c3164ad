//! What search costs over 100,000 messages and over a million: looking, and writing into the index.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark fails by panicking and tells sizes"
)]

use std::hint::black_box;

use client::search::{self, Entry, Has, Query};
use client::storage::{Changes, Direction, KeyRange, MemoryStorage, Storage, Table};
use client::{ConversationId, MessageKey, Timestamp};
use criterion::{Criterion, criterion_group, criterion_main};

const FREQUENT: [&str; 40] = [
    "ich", "du", "der", "die", "das", "und", "ist", "nicht", "wir", "es", "ein", "zu", "the", "to",
    "you", "it", "and", "that", "mit", "für", "auf", "im", "noch", "schon", "heute", "morgen",
    "danke", "bitte", "kommst", "gehen", "haben", "kann", "muss", "wann", "meeting", "Uhr", "ja",
    "nein", "ok", "gut",
];
const START: u64 = 1_700_000_000_000_000;

struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// A sentence of about 70 bytes: half of its words are among the most frequent, the rest of 20,000 by a rule of Zipf's kind.
fn sentence(numbers: &mut Numbers) -> String {
    let mut text = String::new();
    for _ in 0..6 + numbers.below(10) {
        if numbers.below(2) == 0 {
            text += FREQUENT[numbers.below(40) as usize];
        } else {
            let rank = numbers.below(numbers.0 % 20_000 + 1);
            let syllables = [
                "ga", "lo", "mi", "ter", "schu", "en", "ung", "bür", "ver", "hal", "rot", "si",
                "ke",
            ];
            let mut word = rank + 13;
            while word > 0 {
                text += syllables[(word % 13) as usize];
                word /= 13;
            }
        }
        text.push(' ');
    }
    text
}

fn entry_of(
    number: u64,
    numbers: &mut Numbers,
    conversations: &[ConversationId],
) -> (ConversationId, MessageKey, String, Has) {
    let conversation = conversations[numbers.below(conversations.len() as u64) as usize].clone();
    let order = START + number * 300_000_000;
    let message = format!("{order:016x}{:08x}", 0).parse().unwrap();
    let mut text = sentence(numbers);
    if number == 50 {
        text += "Nadelimheuhaufen steckt hier";
    }
    let has = Has {
        file: number.is_multiple_of(50),
        link: number.is_multiple_of(20),
        image: number.is_multiple_of(60),
        voice: number.is_multiple_of(500),
    };
    (conversation, message, text, has)
}

fn filled(messages: u64) -> (MemoryStorage, usize, usize) {
    let conversations: Vec<ConversationId> = (0..200)
        .map(|at| ConversationId::parse(&format!("person{at}@example.org")).unwrap())
        .collect();
    let mut numbers = Numbers(7);
    let mut storage = MemoryStorage::new();
    let mut said = 0;
    for number in 0..messages {
        let (conversation, message, text, has) = entry_of(number, &mut numbers, &conversations);
        said += text.len();
        let mut changes = Changes::new();
        let entry = Entry {
            conversation: &conversation,
            message,
            sender: conversation.as_str(),
            has,
            texts: &[&text],
        };
        search::insert(&mut changes, &entry);
        if number % 64 == 0 {
            search::tidy(&storage, &mut changes).unwrap();
        }
        storage.commit(&changes).unwrap();
    }
    let rows = storage
        .scan(
            Table::Search,
            &KeyRange::all(),
            Direction::Forward,
            usize::MAX,
        )
        .unwrap();
    let size = rows
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum();
    (storage, size, said)
}

fn searching(criterion: &mut Criterion) {
    for messages in [100_000u64, 1_000_000] {
        let (storage, size, said) = filled(messages);
        println!(
            "{messages} messages: {:.1} bytes of index for each, {:.1} bytes of text",
            size as f64 / messages as f64,
            said as f64 / messages as f64
        );
        let now = Timestamp::from_seconds(1_800_000_000);
        let mut group = criterion.benchmark_group(format!("search in {messages}"));
        group.sample_size(20);
        for (name, text) in [
            ("a frequent word", "danke"),
            ("one letter", "s"),
            ("the oldest of all", "nadelimheu"),
            ("a word that nobody said", "quatschkopf"),
            ("a rare word and a frequent one", "nadelimheu ich"),
            ("a phrase of frequent words", "\"ich du der die\""),
            ("a phrase that is rare", "\"danke bitte meeting\""),
            ("words with two spellings", "buerhal vergüng"),
            ("one person, a word", "from:person77 meeting"),
            ("one person, nothing found", "from:person77 in:person78"),
            ("voice in one chat", "in:person12@example.org has:voice"),
            ("an old time", "before:2023-11-20 ich"),
        ] {
            let query = Query::parse(text, now, 60).unwrap();
            group.bench_function(name, |bencher| {
                bencher.iter(|| black_box(search::find(&storage, &query, None, 50).unwrap()));
            });
        }
        let query = Query::parse("danke", now, 60).unwrap();
        let mut deep = None;
        for _ in 0..40 {
            deep = search::find(&storage, &query, deep.as_ref(), 50)
                .unwrap()
                .next;
        }
        group.bench_function("the 41st page of a frequent word", |bencher| {
            bencher.iter(|| black_box(search::find(&storage, &query, deep.as_ref(), 50).unwrap()));
        });
        group.finish();
    }
}

fn writing(criterion: &mut Criterion) {
    let conversations = [ConversationId::parse("person@example.org").unwrap()];
    criterion.bench_function("a message into the index", |bencher| {
        let mut numbers = Numbers(3);
        let (conversation, message, text, has) = entry_of(1, &mut numbers, &conversations);
        bencher.iter(|| {
            let mut changes = Changes::new();
            let entry = Entry {
                conversation: &conversation,
                message,
                sender: conversation.as_str(),
                has,
                texts: &[&text],
            };
            search::insert(&mut changes, &entry);
            black_box(changes)
        });
    });
    let mut storage = MemoryStorage::new();
    let mut numbers = Numbers(5);
    for number in 0..search::TAIL_ROWS as u64 {
        let (conversation, message, text, has) = entry_of(number, &mut numbers, &conversations);
        let mut changes = Changes::new();
        let entry = Entry {
            conversation: &conversation,
            message,
            sender: conversation.as_str(),
            has,
            texts: &[&text],
        };
        search::insert(&mut changes, &entry);
        storage.commit(&changes).unwrap();
    }
    criterion.bench_function("512 messages from the tail into chunks", |bencher| {
        bencher.iter(|| {
            let mut changes = Changes::new();
            assert!(search::tidy(&storage, &mut changes).unwrap());
            black_box(changes)
        });
    });
}

criterion_group!(benches, searching, writing);
criterion_main!(benches);
