//! A page of 50 messages from request to written results, through a connection.

#[path = "../tests/common/mod.rs"]
mod common;

use std::hint::black_box;
use std::time::Duration;

use common::House;
use criterion::{Criterion, criterion_group, criterion_main};
use store::{ArchiveQuery, PagePosition, wait};

fn archive_page(criterion: &mut Criterion) {
    let mut house = House::new(&["juliet", "romeo"]);
    let juliet = house.come("juliet@example.org/balcony");
    let text = "x".repeat(200);
    for _ in 0..1_000 {
        house.send(
            juliet,
            &format!(
                "<message to='romeo@example.org' type='chat' id='a1'><body>{text}</body></message>"
            ),
        );
        house.pass(Duration::from_secs(1));
    }
    let account = house
        .chat
        .cached_account("juliet@example.org")
        .expect("she is connected")
        .id();
    let mut group = criterion.benchmark_group("archive page of 50");
    group.bench_function("store alone", |bencher| {
        bencher.iter(|| {
            let query = ArchiveQuery {
                position: PagePosition::Last,
                ..ArchiveQuery::default()
            };
            black_box(
                wait(house.chat.store().archive_page(account, query))
                    .expect("a page")
                    .items
                    .len(),
            )
        });
    });
    let store = house.chat.store().clone();
    let query = ArchiveQuery {
        position: PagePosition::Last,
        ..ArchiveQuery::default()
    };
    let page = wait(store.archive_page(account, query)).expect("a page");
    group.bench_function("results alone", |bencher| {
        bencher.iter(|| {
            let bytes = page.items.iter().map(|item| item.stanza.len()).sum();
            let (from, to) = ("juliet@example.org", "juliet@example.org/balcony");
            let mut out = xmpp::xep::message_archive::ResultWriter::new(
                from,
                to,
                Some("q1"),
                page.items.len(),
                bytes,
            );
            for item in &page.items {
                out.push(item.id, item.timestamp, &item.stanza);
            }
            black_box(out.finish().len())
        });
    });
    let request = "<iq type='set' id='q1'><query xmlns='urn:xmpp:mam:2' queryid='q1'>\
                   <set xmlns='http://jabber.org/protocol/rsm'><max>50</max><before/></set></query></iq>";
    assert!(house.send_unread(juliet, request) > 50 * 200);
    group.bench_function("request to written page", |bencher| {
        bencher.iter(|| black_box(house.send_unread(juliet, request)));
    });
    group.finish();
}

criterion_group!(benches, archive_page);
criterion_main!(benches);
