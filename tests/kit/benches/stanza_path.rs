//! The way of a message through one process: from the bytes of its sender to those of its
//! recipient, without sockets; and the router alone.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark fails by panicking"
)]

use base::Jid;
use chat::router::route;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kit::house::House;
use std::hint::black_box;

const BURST: usize = 100;

fn message(body: usize) -> Vec<u8> {
    let body = "x".repeat(body);
    format!(
        "<message to='juliet@example.org' type='chat' id='m-0001'><body>{body}</body></message>"
    )
    .into_bytes()
}

fn relay(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("message");
    group.throughput(Throughput::Elements(BURST as u64));
    for (name, archive, body) in [
        ("200 bytes, archive off", false, 200),
        ("200 bytes, archive in memory", true, 200),
        ("1400 bytes, archive off", false, 1400),
    ] {
        let mut house = House::new(|config| config.archive = archive);
        let romeo = house.add("romeo@example.org", "garden", false);
        let juliet = house.add("juliet@example.org", "balcony", false);
        for guest in [romeo, juliet] {
            house.connect(guest);
            house.settle();
            house.send(guest, b"<presence/>");
            house.settle();
        }
        let burst = message(body).repeat(BURST);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                house.send(romeo, &burst);
                house.drive(romeo);
                black_box(house.take_bytes(juliet))
            });
        });
    }
    group.finish();
}

fn router(criterion: &mut Criterion) {
    let addresses = [
        "juliet@example.org",
        "juliet@example.org/balcony",
        "example.org",
        "romeo@example.net",
    ];
    let addresses: Vec<Jid> = addresses
        .iter()
        .map(|text| Jid::parse(text).unwrap())
        .collect();
    criterion.bench_function("router, four addresses", |bencher| {
        bencher.iter(|| {
            for to in &addresses {
                black_box(route(
                    Some(black_box(to)),
                    "romeo@example.org",
                    "example.org",
                ));
            }
        });
    });
}

criterion_group!(benches, relay, router);
criterion_main!(benches);
