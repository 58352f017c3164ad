//! Pages, filters, errors, expiry, and what waits.

use base::Timestamp;

use super::{Subject, copy, count, create, fill, message, time, write};
use crate::*;

pub(super) fn archive_pages(subject: &mut dyn Subject) {
    let account = create(subject, "anna");
    let other = create(subject, "bert");
    let empty = wait(
        subject
            .store()
            .archive_page(account, ArchiveQuery::default()),
    )
    .unwrap();
    assert!(empty.complete && empty.items.is_empty());
    assert_eq!(
        (empty.count, empty.first, empty.last),
        (Some(0), None, None)
    );
    assert_eq!(wait(subject.store().archive_bounds(account)), Ok(None));
    let mut ids = Vec::new();
    for start in (0..300).step_by(60) {
        let owners = [copy(account, "bert@x"), copy(other, "anna@x")];
        ids.extend(fill(subject, &owners, start..start + 60));
        subject.reopen();
    }
    assert!(ids.is_sorted());
    let store = subject.store();
    let bounds = wait(store.archive_bounds(account)).unwrap().unwrap();
    assert_eq!((bounds.first, bounds.last), (ids[0], ids[299]));
    let page = |position, max| {
        let query = ArchiveQuery {
            position,
            max,
            ..ArchiveQuery::default()
        };
        wait(store.archive_page(account, query)).unwrap()
    };
    let mut seen = Vec::new();
    let mut position = PagePosition::First;
    loop {
        let page = page(position, 50);
        assert_eq!(page.count, Some(300));
        assert_eq!(page.first, page.items.first().map(|item| item.id));
        for item in &page.items {
            assert_eq!(item.stanza, message(seen.len()), "entry {}", seen.len());
            assert_eq!(item.timestamp, item.id.timestamp());
            seen.push(item.id);
        }
        match page.last {
            Some(last) if !page.complete => position = PagePosition::After(last),
            _ => break,
        }
    }
    assert_eq!(seen, ids);
    let mut position = PagePosition::Last;
    let mut back = Vec::new();
    loop {
        let page = page(position, 70);
        back.splice(0..0, page.items.iter().map(|item| item.id));
        match page.first {
            Some(first) if !page.complete => position = PagePosition::Before(first),
            _ => break,
        }
    }
    assert_eq!(back, ids);
    for (position, max, complete) in [
        (PagePosition::First, 300, true),
        (PagePosition::First, 299, false),
        (PagePosition::Last, 300, true),
        (PagePosition::Last, 299, false),
        (PagePosition::After(ids[249]), 50, true),
        (PagePosition::After(ids[249]), 49, false),
        (PagePosition::After(ids[299]), 1, true),
        (PagePosition::Before(ids[50]), 50, true),
        (PagePosition::Before(ids[50]), 49, false),
        (PagePosition::Before(ids[0]), 1, true),
        (PagePosition::First, 0, false),
    ] {
        assert_eq!(page(position, max).complete, complete, "{position:?} {max}");
    }
    let query = ArchiveQuery {
        position: PagePosition::Last,
        max: 3,
        flipped: true,
        ..ArchiveQuery::default()
    };
    let flipped = wait(store.archive_page(account, query)).unwrap();
    let order: Vec<_> = flipped.items.iter().map(|item| item.id).collect();
    assert_eq!(order, [ids[299], ids[298], ids[297]]);
    assert_eq!(
        (flipped.first, flipped.last),
        (Some(ids[297]), Some(ids[299]))
    );
    let theirs = wait(store.archive_page(other, ArchiveQuery::default())).unwrap();
    assert_eq!(theirs.items[7].stanza, message(7));
    assert_ne!(theirs.items[7].id, ids[7], "each copy has its own id");
}

pub(super) fn archive_filters(subject: &mut dyn Subject) {
    let account = create(subject, "anna");
    let peers = [
        ("b@x", None),
        ("b@x", Some("phone")),
        ("c@x", Some("phone")),
        ("x", None),
    ];
    let mut ids = Vec::new();
    for number in 0..400 {
        let (with, with_resource) = peers[number % 7 % 4];
        let owner = ArchiveOwner {
            with_resource,
            ..copy(account, with)
        };
        ids.extend(fill(subject, &[owner], number..number + 1));
        if number % 150 == 149 {
            subject.reopen();
        }
    }
    let store = subject.store();
    let matching = |keep: &dyn Fn(usize) -> bool| -> Vec<ArchiveId> {
        (0..400)
            .filter(|number| keep(*number))
            .map(|number| ids[number])
            .collect()
    };
    let all = |query: ArchiveQuery| {
        let query = ArchiveQuery { max: 1000, ..query };
        let page = wait(store.archive_page(account, query.clone())).unwrap();
        assert!(page.complete);
        let back = ArchiveQuery {
            position: PagePosition::Last,
            ..query
        };
        assert_eq!(
            wait(store.archive_page(account, back)).unwrap().items,
            page.items
        );
        page.items.iter().map(|item| item.id).collect::<Vec<_>>()
    };
    let with = |with: &str| ArchiveQuery {
        with: Some(with.into()),
        ..ArchiveQuery::default()
    };
    assert_eq!(all(with("b@x")), matching(&|number| number % 7 % 4 < 2));
    assert_eq!(
        all(with("b@x/phone")),
        matching(&|number| number % 7 % 4 == 1)
    );
    assert_eq!(all(with("x")), matching(&|number| number % 7 % 4 == 3));
    assert_eq!(all(with("nobody@x")), []);
    assert_eq!(all(with("b@x/desk")), []);
    let ranged = ArchiveQuery {
        after_id: Some(ids[100]),
        before_id: Some(ids[333]),
        ..with("c@x")
    };
    assert_eq!(
        all(ranged.clone()),
        matching(&|number| number > 100 && number < 333 && number % 7 % 4 == 2)
    );
    let timed = ArchiveQuery {
        start: Some(ids[20].timestamp()),
        end: Some(ids[390].timestamp()),
        ..ArchiveQuery::default()
    };
    let (start, end) = (ids[20].timestamp(), ids[390].timestamp());
    assert_eq!(
        all(timed),
        matching(&|number| start <= ids[number].timestamp() && ids[number].timestamp() <= end)
    );
    let page = ArchiveQuery {
        max: 5,
        position: PagePosition::After(ids[200]),
        ..ranged.clone()
    };
    let page = wait(store.archive_page(account, page)).unwrap();
    let expected = matching(&|number| number > 200 && number < 333 && number % 7 % 4 == 2);
    assert_eq!(
        page.items.iter().map(|item| item.id).collect::<Vec<_>>(),
        expected[..5]
    );
    assert!(!page.complete);
    let page = ArchiveQuery {
        max: 5,
        position: PagePosition::Before(ids[200]),
        ..ranged
    };
    let page = wait(store.archive_page(account, page)).unwrap();
    let expected = matching(&|number| number > 100 && number < 200 && number % 7 % 4 == 2);
    let tail = &expected[expected.len() - 5..];
    assert_eq!(
        page.items.iter().map(|item| item.id).collect::<Vec<_>>(),
        tail
    );
    let some = ArchiveQuery {
        ids: vec![ids[390], ids[3], ids[77], ids[3]],
        ..with("b@x")
    };
    let expected = [3, 77, 390].into_iter().filter(|number| number % 7 % 4 < 2);
    assert_eq!(
        all(some),
        expected.map(|number| ids[number]).collect::<Vec<_>>()
    );
}

pub(super) fn archive_errors(subject: &mut dyn Subject) {
    let account = create(subject, "anna");
    let other = create(subject, "bert");
    let ids = fill(subject, &[copy(account, "bert@x")], 0..100);
    let theirs = fill(subject, &[copy(other, "anna@x")], 0..1)[0];
    for _ in 0..2 {
        let store = subject.store();
        for unknown in [theirs, ArchiveId::FIRST, ArchiveId::LAST] {
            let ask = |query: ArchiveQuery| wait(store.archive_page(account, query));
            let error = Err(StoreError::ItemNotFound);
            for position in [PagePosition::After(unknown), PagePosition::Before(unknown)] {
                assert_eq!(
                    ask(ArchiveQuery {
                        position,
                        ..ArchiveQuery::default()
                    }),
                    error
                );
            }
            let (after_id, before_id) = (Some(unknown), Some(unknown));
            assert_eq!(
                ask(ArchiveQuery {
                    after_id,
                    ..ArchiveQuery::default()
                }),
                error
            );
            assert_eq!(
                ask(ArchiveQuery {
                    before_id,
                    ..ArchiveQuery::default()
                }),
                error
            );
            let named = vec![ids[0], unknown];
            assert_eq!(
                ask(ArchiveQuery {
                    ids: named,
                    ..ArchiveQuery::default()
                }),
                error
            );
        }
        subject.reopen();
    }
}

pub(super) fn archive_expiry(subject: &mut dyn Subject) {
    let account = create(subject, "anna");
    let other = create(subject, "bert");
    let owners = [copy(account, "bert@x"), copy(other, "anna@x")];
    let mut ids = fill(subject, &owners, 0..130);
    subject.reopen();
    ids.extend(fill(subject, &owners, 130..260));
    // Ids of one microsecond go together.
    let limit = ids[177].timestamp();
    let left: Vec<_> = ids
        .iter()
        .copied()
        .filter(|id| id.timestamp() >= limit)
        .collect();
    let gone = (ids.len() - left.len()) as u64;
    assert_eq!(wait(subject.store().archive_expire(limit)), Ok(gone * 2));
    for _ in 0..2 {
        let query = ArchiveQuery {
            max: 1000,
            ..ArchiveQuery::default()
        };
        let page = wait(subject.store().archive_page(account, query.clone())).unwrap();
        assert_eq!(
            page.items.iter().map(|item| item.id).collect::<Vec<_>>(),
            left
        );
        assert_eq!(page.count, Some(left.len() as u64));
        let with = ArchiveQuery {
            with: Some("bert@x".into()),
            ..query
        };
        assert_eq!(
            wait(subject.store().archive_page(account, with))
                .unwrap()
                .items,
            page.items
        );
        assert_eq!(count(subject, other), Some(left.len() as u64));
        subject.reopen();
    }
    let all = Timestamp::from_micros(i64::MAX);
    assert_eq!(
        wait(subject.store().archive_purge(account, all)),
        Ok(left.len() as u64)
    );
    assert_eq!(count(subject, account), Some(0));
    assert_eq!(count(subject, other), Some(left.len() as u64));
    let again = fill(subject, &owners, 0..3);
    assert!(again[0] > ids[259]);
    subject.reopen();
    assert_eq!(count(subject, account), Some(3));
    assert_eq!(wait(subject.store().archive_expire(time(0))), Ok(0));
}

pub(super) fn offline(subject: &mut dyn Subject) {
    let account = create(subject, "anna");
    let mut ids = Vec::new();
    for number in 0..120 {
        let flags = EntryFlags {
            offline: number % 2 == 0,
            hidden: number % 4 == 0,
            ..EntryFlags::default()
        };
        let owner = ArchiveOwner {
            flags,
            ..copy(account, "b@x")
        };
        ids.extend(fill(subject, &[owner], number..number + 1));
        if number == 90 {
            subject.reopen();
        }
    }
    let store = subject.store();
    assert_eq!(wait(store.offline_count(account)), Ok(60));
    assert_eq!(
        count(subject, account),
        Some(90),
        "hidden entries are no part of the archive"
    );
    let first = wait(store.offline(account, None, 10)).unwrap();
    assert_eq!(first.len(), 10);
    assert_eq!(first[0].id, ids[0]);
    assert!(first[0].flags.hidden && first[0].flags.offline);
    assert_eq!(first[3].stanza, message(6));
    let next = wait(store.offline(account, Some(first[9].id), 100)).unwrap();
    assert_eq!(next.len(), 50);
    assert_eq!(next[0].id, ids[20]);
    let hidden = ArchiveQuery {
        ids: vec![ids[0]],
        ..ArchiveQuery::default()
    };
    assert_eq!(
        wait(store.archive_page(account, hidden)),
        Err(StoreError::ItemNotFound)
    );

    write(subject, |batch| batch.offline_clear(account, ids[59]));
    subject.reopen();
    let left = wait(subject.store().offline(account, None, 100)).unwrap();
    assert_eq!(left.len(), 45, "hidden ones wait until they are removed");
    let hidden: Vec<_> = (0..60).step_by(4).map(|number| ids[number]).collect();
    assert!(
        left[..15]
            .iter()
            .map(|item| item.id)
            .eq(hidden.iter().copied())
    );
    write(subject, |batch| {
        // One that is archived, and one that waits no more, change nothing.
        batch.offline_remove(account, &[hidden[3], ids[62], ids[1]]);
    });
    subject.reopen();
    let left = wait(subject.store().offline(account, None, 100)).unwrap();
    assert_eq!((left.len(), left[3].id), (44, hidden[4]));
    write(subject, |batch| batch.offline_remove(account, &hidden));
    subject.reopen();
    let left = wait(subject.store().offline(account, None, 100)).unwrap();
    assert_eq!(left.len(), 30);
    assert_eq!(left[0].id, ids[60]);
    let state = wait(subject.store().account_state(account))
        .unwrap()
        .unwrap();
    assert_eq!(state.offline_count, 30);
    write(subject, |batch| {
        batch.offline_mark(account, ids[1]);
        batch.offline_mark(account, ids[1]);
    });
    subject.reopen();
    let left = wait(subject.store().offline(account, None, 100)).unwrap();
    assert_eq!((left.len(), left[0].id), (31, ids[1]));
    write(subject, |batch| {
        batch.offline_clear(account, ArchiveId::LAST);
        batch.offline_remove(account, &ids);
    });
    subject.reopen();
    assert_eq!(wait(subject.store().offline_count(account)), Ok(0));
    assert_eq!(count(subject, account), Some(90));
    let all = ArchiveQuery {
        max: 1000,
        ..ArchiveQuery::default()
    };
    let page = wait(subject.store().archive_page(account, all)).unwrap();
    assert_eq!(page.items.len(), 90);
    assert!(page.items.iter().all(|item| !item.flags.hidden));
}
