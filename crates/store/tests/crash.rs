//! A writer is killed at random moments, many times; what was acknowledged is there, once, in order.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "tests"
)]

mod folder;

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use folder::Folder;
use store::{
    AccountId, ArchiveOwner, ArchiveQuery, Batch, CheckDepth, EntryFlags, NewAccount, OwnerId,
    PagePosition, Store, StoreConfig, StoreError, wait,
};

const CHILD: &str = "STORE_CRASH_FOLDER";
const NAMES: [&str; 3] = ["anna", "bert", "carl"];
const ROUNDS: u64 = 25;

fn open(folder: &Path) -> Store {
    let config = StoreConfig {
        tail_bytes: 40_000,
        wal_bytes: 300_000,
        commit_batches: 16,
        ..StoreConfig::folder(folder)
    };
    Store::open(config).unwrap()
}

fn accounts(store: &Store) -> Vec<AccountId> {
    let account = |name: &str| {
        let new = NewAccount {
            localpart: name.into(),
            ..NewAccount::default()
        };
        match wait(store.account_create(new)) {
            Ok(id) => id,
            Err(StoreError::AlreadyExists) => wait(store.account_find(name)).unwrap().unwrap().id,
            Err(error) => unreachable!("{error}"),
        }
    };
    NAMES.into_iter().map(account).collect()
}

/// Everything in an account's archive, as the numbers in the messages.
fn numbers(store: &Store, account: AccountId) -> Vec<u64> {
    let mut numbers = Vec::new();
    let mut position = PagePosition::First;
    loop {
        let query = ArchiveQuery {
            position,
            max: 500,
            ..ArchiveQuery::default()
        };
        let page = wait(store.archive_page(account, query)).unwrap();
        for item in &page.items {
            let text = std::str::from_utf8(&item.stanza).unwrap();
            let number = text
                .strip_prefix("<message id='")
                .unwrap()
                .split('\'')
                .next()
                .unwrap();
            numbers.push(number.parse().unwrap());
        }
        match page.last {
            Some(last) if !page.complete => position = PagePosition::After(last),
            _ => return numbers,
        }
    }
}

/// The writer: message `n` belongs to accounts `n % 3` and `(n + 1) % 3`. Runs until it is killed.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(CHILD) else {
        return;
    };
    let store = open(Path::new(&folder));
    let accounts = accounts(&store);
    let last = accounts
        .iter()
        .flat_map(|account| numbers(&store, *account))
        .max();
    let mut out = std::io::stdout().lock();
    let mut waiting = VecDeque::new();
    for number in last.map_or(0, |last| last + 1).. {
        let text = "x".repeat((number * 37 % 900) as usize);
        let stanza = format!("<message id='{number}'><body>{text}</body></message>");
        let owner = |step| ArchiveOwner {
            id: OwnerId::from(accounts[(number as usize + step) % 3]),
            with: NAMES[(number as usize + 1 - step) % 3],
            with_resource: None,
            flags: EntryFlags::default(),
        };
        let mut batch = Batch::new();
        batch.archive_shared(stanza.as_bytes(), &[owner(0), owner(1)]);
        waiting.push_back((number, store.submit(batch).ticket));
        if waiting.len() > 40 {
            let (number, ticket) = waiting.pop_front().unwrap();
            ticket.wait().unwrap();
            writeln!(out, "acknowledged {number}").unwrap();
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_doubled() {
    let folder = Folder::new();
    let mut chance = 88_172_645_463_325_252u64;
    let mut kept = 0;
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .env(CHILD, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        let patience = chance % 400;
        let mut acknowledged = None;
        let number = |line: &str| {
            line.strip_prefix("acknowledged ")
                .map(|n| n.parse::<u64>().unwrap())
        };
        for _ in 0..patience {
            match lines.next() {
                Some(line) => acknowledged = number(&line.unwrap()).or(acknowledged),
                None => break,
            }
        }
        child.kill().unwrap();
        // What was said before the kill counts as well.
        for line in lines.map_while(Result::ok) {
            acknowledged = number(&line).or(acknowledged);
        }
        assert_eq!(
            child.wait().unwrap().code(),
            None,
            "killed, not ended by itself"
        );

        let store = open(folder.path());
        let accounts = accounts(&store);
        let all: Vec<_> = accounts
            .iter()
            .map(|account| numbers(&store, *account))
            .collect();
        let end = all.iter().flatten().max().map_or(0, |last| last + 1);
        assert!(
            acknowledged.is_none_or(|last| last < end),
            "round {round}: {acknowledged:?} {end}"
        );
        assert!(end >= kept, "round {round}: what was kept stays");
        kept = end;
        for (place, found) in all.iter().enumerate() {
            let place = place as u64;
            let expected: Vec<_> = (0..end)
                .filter(|n| n % 3 == place || (n + 1) % 3 == place)
                .collect();
            assert_eq!(*found, expected, "round {round}, account {place}");
        }
        let report = wait(store.check(CheckDepth::Full)).unwrap();
        assert!(report.problems.is_empty(), "{:?}", report.problems);
    }
    assert!(kept > 100, "the writer wrote: {kept}");
}
