//! Archive inserts (durable) and pages.
//!
//! Beside criterion's wall time, `--cpu` prints the processor time (user and system, all threads) per
//! message with everything that belongs to it: journal, moving to chunks, copying the log.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark"
)]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput, criterion_group};
use store::{
    AccountId, ArchiveOwner, ArchiveQuery, Batch, EntryFlags, Imported, NewAccount, PagePosition,
    Store, StoreConfig, Ticket, wait,
};

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "bench-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Bench {
    store: Store,
    accounts: Vec<AccountId>,
    names: Vec<String>,
    _folder: Folder,
}

impl Bench {
    fn new(accounts: usize) -> Self {
        let folder = Folder::new();
        let store = Store::open(StoreConfig::folder(&folder.0)).unwrap();
        let new = |number| NewAccount {
            localpart: format!("user{number:06}").into(),
            ..NewAccount::default()
        };
        let imported = wait(store.account_import((0..accounts).map(new).collect())).unwrap();
        let accounts: Vec<_> = imported
            .into_iter()
            .map(|imported| match imported {
                Imported::Created(id) | Imported::Exists(id) => id,
            })
            .collect();
        let names = (0..accounts.len())
            .map(|number| format!("user{number:06}@example.org"))
            .collect();
        Self {
            store,
            accounts,
            names,
            _folder: folder,
        }
    }

    /// One message of pair `pair`, owned by both.
    fn add(&self, batch: &mut Batch, pair: usize, stanza: &[u8]) {
        let count = self.accounts.len();
        let (one, two) = (pair % count, (pair + count / 2) % count);
        let flags = EntryFlags {
            outgoing: true,
            ..EntryFlags::default()
        };
        let owner = |account: usize, with: usize, flags| ArchiveOwner {
            id: self.accounts[account].into(),
            with: &self.names[with],
            with_resource: Some("client.x7Gq2"),
            flags,
        };
        let owners = [
            owner(one, two, flags),
            owner(two, one, EntryFlags::default()),
        ];
        batch.archive_shared(stanza, &owners);
    }

    /// Archives `messages`, each in a batch of its own, with `window` batches waiting.
    fn run(&self, messages: usize, window: usize, stanza: &[u8]) {
        let mut waiting = std::collections::VecDeque::with_capacity(window);
        for number in 0..messages {
            let mut batch = Batch::new();
            self.add(&mut batch, number * 7919, stanza);
            waiting.push_back(self.store.submit(batch).ticket);
            if waiting.len() >= window {
                // Half the window is taken at once, like clients that get their acks together.
                for ticket in waiting.drain(..window / 2) {
                    Ticket::wait(ticket).unwrap();
                }
            }
        }
        for ticket in waiting {
            ticket.wait().unwrap();
        }
    }
}

fn stanza(bytes: usize) -> Vec<u8> {
    let head = "<message xmlns='jabber:client' from='user000001@example.org/client.x7Gq2' \
                to='user000002@example.org' type='chat' id='k3j4h5k3j4h5'><body>";
    let tail = "</body></message>";
    let body = "lorem ipsum "
        .bytes()
        .cycle()
        .take(bytes - head.len() - tail.len());
    let mut stanza = head.as_bytes().to_vec();
    stanza.extend(body);
    stanza.extend_from_slice(tail.as_bytes());
    stanza
}

fn insert(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("archive insert, two owners, 100 waiting");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(8));
    for bytes in [400, 1400] {
        let stanza = stanza(bytes);
        let bench = Bench::new(100);
        group.throughput(Throughput::Elements(5000));
        group.bench_function(format!("{bytes} bytes"), |bencher| {
            bencher.iter(|| bench.run(5000, 100, &stanza));
        });
    }
    group.finish();
}

fn page(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("archive page of 50");
    let stanza = stanza(400);
    for messages in [1_000, 10_000, 100_000, 1_000_000] {
        let bench = Bench::new(2);
        bench.run(messages, 4096, &stanza);
        let query = |position| ArchiveQuery {
            position,
            ..ArchiveQuery::default()
        };
        let ask = |query: ArchiveQuery| wait(bench.store.archive_page(bench.accounts[0], query));
        group.bench_function(format!("last of {messages}"), |bencher| {
            bencher.iter(|| ask(query(PagePosition::Last)).unwrap());
        });
        // Anywhere in the middle, by time.
        let first = ask(query(PagePosition::First)).unwrap().items[0]
            .timestamp
            .micros();
        let last = ask(query(PagePosition::Last)).unwrap().items[49]
            .timestamp
            .micros();
        let mut place = 0;
        group.bench_function(format!("anywhere in {messages}"), |bencher| {
            bencher.iter_batched(
                || {
                    place = (place + 7919) % 10_000;
                    let start =
                        base::Timestamp::from_micros(first + (last - first) / 10_000 * place);
                    ArchiveQuery {
                        start: Some(start),
                        with: Some("user000001@example.org".into()),
                        ..ArchiveQuery::default()
                    }
                },
                |query| ask(query).unwrap(),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

/// User and system time of this process so far, in microseconds (Linux).
fn processor_time() -> (f64, f64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks = |index: usize| fields[index].parse::<f64>().unwrap() * 10_000.0;
    (ticks(11), ticks(12))
}

fn processor_times() {
    println!(
        "accounts  bytes  waiting  messages    µs/message user+sys   messages/s  commits  synced"
    );
    let env = |name: &str, or: usize| {
        std::env::var(name)
            .ok()
            .and_then(|value| value.parse().ok())
            .unwrap_or(or)
    };
    let messages = env("MESSAGES", 300_000);
    let mut cases = vec![
        (100, 400, 50),
        (100, 400, 1000),
        (100, 1400, 50),
        (100, 1400, 1000),
        (10_000, 400, 1000),
        (2, 400, 1000),
    ];
    if std::env::var_os("ONE").is_some() {
        cases = vec![(env("ACCOUNTS", 100), env("BYTES", 400), env("WAITING", 50))];
    }
    for (accounts, bytes, waiting) in cases {
        let bench = Bench::new(accounts);
        let stanza = stanza(bytes);
        let before = bench.store.figures();
        let (user, system) = processor_time();
        let start = Instant::now();
        bench.run(messages, waiting, &stanza);
        let wall = start.elapsed();
        let (user, system) = (processor_time().0 - user, processor_time().1 - system);
        let figures = bench.store.figures();
        let each = messages as f64;
        println!(
            "{accounts:8} {bytes:6} {waiting:8} {messages:9}  {:6.2} = {:5.2} + {:5.2}  {:12.0} {:8}  tail {} KiB, log {} KiB",
            (user + system) / each,
            user / each,
            system / each,
            each / wall.as_secs_f64(),
            figures.commits - before.commits,
            figures.tail_bytes >> 10,
            figures.wal_bytes >> 10,
        );
    }
}

criterion_group!(benches, insert, page);

fn main() {
    if std::env::args().any(|argument| argument == "--cpu") {
        processor_times();
    } else {
        benches();
        Criterion::default().configure_from_args().final_summary();
    }
}
