//! Random writes, moves, removals and reopenings; every page equals that of a plain list.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod folder;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use base::Timestamp;
use folder::Folder;
use proptest::prelude::*;
use store::{
    AccountId, ArchiveId, ArchiveItem, ArchiveOwner, ArchivePage, ArchiveQuery, Batch, EntryFlags,
    NewAccount, PagePosition, Store, StoreConfig, StoreError, wait,
};

const ACCOUNTS: usize = 3;
const PEERS: [(&str, Option<&str>); 5] = [
    ("a@x", None),
    ("a@x", Some("r")),
    ("b@x", Some("r")),
    ("c@x", None),
    ("x", None),
];
const WITHS: [&str; 6] = ["a@x", "a@x/r", "b@x", "b@x/other", "x", "none@x"];

#[derive(Clone, Debug)]
enum Step {
    /// Messages in one batch: owner, second owner, peer, size, flags, time that passes before.
    Archive(Vec<(usize, Option<usize>, usize, usize, bool, bool)>, i64),
    Reopen,
    Expire(usize),
    Purge(usize, usize),
    OfflineClear(usize, usize),
    Page(usize, Query),
}

#[derive(Clone, Debug)]
struct Query {
    with: Option<usize>,
    start: Option<usize>,
    end: Option<usize>,
    after: Option<usize>,
    before: Option<usize>,
    position: (u8, usize),
    max: usize,
    flipped: bool,
}

fn query() -> impl Strategy<Value = Query> {
    let place = || proptest::option::weighted(0.25, any::<usize>());
    (
        proptest::option::weighted(0.5, 0..WITHS.len()),
        (place(), place(), place(), place()),
        (0u8..4, any::<usize>()),
        0usize..60,
        any::<bool>(),
    )
        .prop_map(
            |(with, (start, end, after, before), position, max, flipped)| Query {
                with,
                start,
                end,
                after,
                before,
                position,
                max,
                flipped,
            },
        )
}

fn step() -> impl Strategy<Value = Step> {
    let entry = (
        0..ACCOUNTS,
        proptest::option::of(0..ACCOUNTS),
        0..PEERS.len(),
        prop_oneof![9 => 0usize..400, 1 => 0usize..6000],
        proptest::bool::weighted(0.2),
        proptest::bool::weighted(0.3),
    );
    prop_oneof![
        8 => (proptest::collection::vec(entry, 1..12), 0i64..4).prop_map(|(entries, time)| Step::Archive(entries, time)),
        6 => (0..ACCOUNTS, query()).prop_map(|(account, query)| Step::Page(account, query)),
        1 => Just(Step::Reopen),
        1 => any::<usize>().prop_map(Step::Expire),
        1 => (0..ACCOUNTS, any::<usize>()).prop_map(|(account, place)| Step::Purge(account, place)),
        1 => (0..ACCOUNTS, any::<usize>()).prop_map(|(account, place)| Step::OfflineClear(account, place)),
    ]
}

#[derive(Clone, Debug)]
struct Kept {
    item: ArchiveItem,
    peer: usize,
    waits: bool,
}

struct World {
    store: Option<Store>,
    config: StoreConfig,
    clock: Arc<AtomicI64>,
    accounts: Vec<AccountId>,
    model: Vec<Vec<Kept>>,
    serial: usize,
    _folder: Folder,
}

impl World {
    fn new(tail_bytes: usize) -> Self {
        let folder = Folder::new();
        let clock = Arc::new(AtomicI64::new(1_790_000_000_000_000));
        let config = StoreConfig {
            inline: true,
            tail_bytes,
            chunk_bytes: 3000,
            chunk_entries: 12,
            ..StoreConfig::folder(folder.path())
        };
        let now = Arc::clone(&clock);
        let now = move || Timestamp::from_micros(now.load(Ordering::Relaxed));
        let config = StoreConfig {
            clock: Arc::new(now),
            ..config
        };
        let store = Store::open(config.clone()).unwrap();
        let account = |number| {
            let localpart = format!("user{number}").into();
            wait(store.account_create(NewAccount {
                localpart,
                ..NewAccount::default()
            }))
            .unwrap()
        };
        let accounts = (0..ACCOUNTS).map(account).collect();
        let model = vec![Vec::new(); ACCOUNTS];
        let serial = 0;
        Self {
            store: Some(store),
            config,
            clock,
            accounts,
            model,
            serial,
            _folder: folder,
        }
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn id(&self, account: usize, place: usize) -> ArchiveId {
        // Now and then an id that is of nobody, or of somebody else.
        if place.is_multiple_of(17) {
            return ArchiveId::from_number((place % 1000) as i64);
        }
        let list = &self.model[if place.is_multiple_of(19) {
            (account + 1) % ACCOUNTS
        } else {
            account
        }];
        match list.len() {
            0 => ArchiveId::FIRST,
            length => list[place % length].item.id,
        }
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Archive(entries, time) => self.archive(entries, time),
            Step::Reopen => {
                drop(self.store.take());
                self.store = Some(Store::open(self.config.clone()).unwrap());
            }
            Step::Expire(place) => {
                let limit = self.id(place % ACCOUNTS, place).timestamp();
                wait(self.store().archive_expire(limit)).unwrap();
                for list in &mut self.model {
                    list.retain(|kept| kept.item.timestamp >= limit);
                }
            }
            Step::Purge(account, place) => {
                let limit = self.id(account, place).timestamp();
                let list = &mut self.model[account];
                let before = list.iter().filter(|kept| !kept.item.flags.hidden).count();
                list.retain(|kept| kept.item.timestamp >= limit);
                let after = list.iter().filter(|kept| !kept.item.flags.hidden).count();
                let deleted = wait(self.store().archive_purge(self.accounts[account], limit));
                assert_eq!(deleted, Ok((before - after) as u64));
            }
            Step::OfflineClear(account, place) => {
                let through = self.id(account, place);
                let mut batch = Batch::new();
                batch.offline_clear(self.accounts[account], through);
                let hidden = |kept: &&Kept| kept.item.flags.hidden && kept.item.id <= through;
                let hidden: Vec<_> = self.model[account]
                    .iter()
                    .filter(hidden)
                    .map(|kept| kept.item.id)
                    .collect();
                batch.offline_remove(self.accounts[account], &hidden);
                self.store().submit(batch).ticket.wait().unwrap();
                for kept in &mut self.model[account] {
                    kept.waits &= kept.item.id > through;
                }
                self.model[account].retain(|kept| kept.waits || !kept.item.flags.hidden);
            }
            Step::Page(account, query) => self.page(account, &query),
        }
    }

    fn archive(
        &mut self,
        entries: Vec<(usize, Option<usize>, usize, usize, bool, bool)>,
        time: i64,
    ) {
        self.clock.fetch_add(time, Ordering::Relaxed);
        let mut batch = Batch::new();
        let mut added = Vec::new();
        for (one, two, peer, size, hidden, offline) in entries {
            self.serial += 1;
            let stanza = format!(
                "<message id='{}'>{}</message>",
                self.serial,
                "y".repeat(size)
            );
            let flags = EntryFlags {
                hidden,
                offline: hidden || offline,
                outgoing: size % 2 == 0,
                groupchat: false,
                quiet: size % 3 == 0,
                mentions: size % 5 == 0,
            };
            let owners: Vec<usize> = [Some(one), two.filter(|two| *two != one)]
                .into_iter()
                .flatten()
                .collect();
            let copies: Vec<_> = owners
                .iter()
                .map(|owner| ArchiveOwner {
                    id: self.accounts[*owner].into(),
                    with: PEERS[peer].0,
                    with_resource: PEERS[peer].1,
                    flags,
                })
                .collect();
            let place = batch.archive_shared(stanza.as_bytes(), &copies);
            for (step, owner) in owners.into_iter().enumerate() {
                added.push((place + step, owner, peer, flags, stanza.clone()));
            }
        }
        let submitted = self.store().submit(batch);
        submitted.ticket.wait().unwrap();
        for (place, owner, peer, flags, stanza) in added {
            let id = submitted.ids[place];
            let item = ArchiveItem {
                id,
                timestamp: id.timestamp(),
                flags,
                stanza: stanza.into(),
            };
            self.model[owner].push(Kept {
                item,
                peer,
                waits: flags.offline,
            });
        }
    }

    fn page(&self, account: usize, query: &Query) {
        let named = |place: Option<usize>| place.map(|place| self.id(account, place));
        let position = match query.position {
            (0, _) => PagePosition::First,
            (1, _) => PagePosition::Last,
            (2, place) => PagePosition::After(self.id(account, place)),
            (_, place) => PagePosition::Before(self.id(account, place)),
        };
        let query = ArchiveQuery {
            with: query.with.map(|with| WITHS[with].into()),
            start: named(query.start).map(ArchiveId::timestamp),
            end: named(query.end).map(ArchiveId::timestamp),
            after_id: named(query.after),
            before_id: named(query.before),
            ids: Vec::new(),
            position,
            max: query.max,
            flipped: query.flipped,
        };
        let found = wait(
            self.store()
                .archive_page(self.accounts[account], query.clone()),
        );
        let expected = self.expected(account, &query);
        match (&found, &expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{query:?}"),
            _ => assert_eq!(found, expected, "{query:?}"),
        }
        let waiting = wait(self.store().offline(self.accounts[account], None, 1000)).unwrap();
        let expected: Vec<_> = self.model[account]
            .iter()
            .filter(|kept| kept.waits)
            .map(|kept| kept.item.clone())
            .collect();
        assert_eq!(waiting, expected);
    }

    fn expected(&self, account: usize, query: &ArchiveQuery) -> Result<ArchivePage, StoreError> {
        let list: Vec<_> = self.model[account]
            .iter()
            .filter(|kept| !kept.item.flags.hidden)
            .collect();
        let (after, before) = match query.position {
            PagePosition::After(id) => (Some(id), None),
            PagePosition::Before(id) => (None, Some(id)),
            _ => (None, None),
        };
        for id in [after, before, query.after_id, query.before_id]
            .into_iter()
            .flatten()
        {
            if !list.iter().any(|kept| kept.item.id == id) {
                return Err(StoreError::ItemNotFound);
            }
        }
        let matches = |kept: &&&Kept| {
            let (bare, resource) = PEERS[kept.peer];
            let full = resource.map(|resource| format!("{bare}/{resource}"));
            let (id, time) = (kept.item.id, kept.item.timestamp);
            query
                .with
                .as_deref()
                .is_none_or(|with| with == bare || Some(with) == full.as_deref())
                && query.start.is_none_or(|start| time >= start)
                && query.end.is_none_or(|end| time <= end)
                && query.after_id.is_none_or(|after| id > after)
                && query.before_id.is_none_or(|before| id < before)
                && after.is_none_or(|after| id > after)
                && before.is_none_or(|before| id < before)
        };
        let matching: Vec<_> = list.iter().filter(matches).collect();
        let backward = matches!(query.position, PagePosition::Last | PagePosition::Before(_));
        let taken = matching.len().min(query.max);
        let chosen = if backward {
            &matching[matching.len() - taken..]
        } else {
            &matching[..taken]
        };
        let mut items: Vec<_> = chosen.iter().map(|kept| kept.item.clone()).collect();
        let (first, last) = (
            items.first().map(|item| item.id),
            items.last().map(|item| item.id),
        );
        if query.flipped {
            items.reverse();
        }
        let plain = query.with.is_none()
            && query.start.is_none()
            && query.end.is_none()
            && query.after_id.is_none()
            && query.before_id.is_none();
        let count = plain.then_some(list.len() as u64);
        Ok(ArchivePage {
            items,
            complete: taken == matching.len(),
            first,
            last,
            count,
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn pages_equal_those_of_a_list(
        tail_bytes in prop_oneof![Just(500usize), Just(4000), Just(1 << 20)],
        steps in proptest::collection::vec(step(), 1..120),
    ) {
        let mut world = World::new(tail_bytes);
        for step in steps {
            world.run(step);
        }
        let report = wait(world.store().check(store::CheckDepth::Full)).unwrap();
        prop_assert!(report.problems.is_empty(), "{:?}", report.problems);
    }
}
