//! Backup of a running store, and restore.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod folder;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use folder::Folder;
use store::{
    AccountId, ArchiveOwner, ArchiveQuery, Batch, EntryFlags, NewAccount, OpenError, PagePosition,
    Store, StoreConfig, StoreError, restore, wait,
};

fn archive(store: &Store, account: AccountId, number: usize) -> store::Ticket {
    let flags = EntryFlags::default();
    let owner = ArchiveOwner {
        id: account.into(),
        with: "b@x",
        with_resource: None,
        flags,
    };
    let mut batch = Batch::new();
    batch.archive(owner, format!("<message>{number:600}</message>").as_bytes());
    store.submit(batch).ticket
}

fn count(store: &Store, account: AccountId) -> usize {
    let query = ArchiveQuery {
        max: usize::MAX,
        ..ArchiveQuery::default()
    };
    let page = wait(store.archive_page(account, query)).unwrap();
    for (number, item) in page.items.iter().enumerate() {
        assert_eq!(item.stanza, format!("<message>{number:600}</message>"));
    }
    page.items.len()
}

#[test]
fn backup_while_it_writes_and_restore() {
    let folder = Folder::new();
    let config = StoreConfig {
        tail_bytes: 100_000,
        wal_bytes: 500_000,
        ..StoreConfig::folder(folder.path().join("data"))
    };
    let store = Store::open(config.clone()).unwrap();
    let new = NewAccount {
        localpart: "anna".into(),
        ..NewAccount::default()
    };
    let anna = wait(store.account_create(new)).unwrap();
    for number in 0..2000 {
        let ticket = archive(&store, anna, number);
        if number % 100 == 99 {
            ticket.wait().unwrap();
        }
    }
    let (stop, written) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(2000)),
    );
    let writer = {
        let (store, stop, written) = (store.clone(), Arc::clone(&stop), Arc::clone(&written));
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                archive(&store, anna, written.load(Ordering::Relaxed))
                    .wait()
                    .unwrap();
                written.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    let target = folder.path().join("backup.db");
    let steps = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&steps);
    let progress: store::Progress = Box::new(move |progress| {
        assert!(progress.total >= progress.remaining);
        seen.fetch_add(1, Ordering::Relaxed);
    });
    let before = written.load(Ordering::Relaxed);
    wait(store.backup(target.clone(), Some(progress))).unwrap();
    let after = written.load(Ordering::Relaxed);
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    assert!(steps.load(Ordering::Relaxed) > 1, "in slices");
    assert!(matches!(
        wait(store.backup(target.clone(), None)),
        Err(StoreError::Refused(_))
    ));
    assert!(matches!(
        restore(&target, &folder.path().join("data")),
        Err(OpenError::Locked(_))
    ));
    let all = count(&store, anna);
    drop(store);

    let names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(
        names.len(),
        2,
        "nothing is left beside the backup: {names:?}"
    );
    let kept = restore(&target, &folder.path().join("data"))
        .unwrap()
        .unwrap();
    assert!(kept.exists());
    let store = Store::open(config.clone()).unwrap();
    let restored = count(&store, anna);
    assert!(
        restored >= before && restored <= after + 1 && after <= all,
        "{before} {restored} {after}"
    );
    archive(&store, anna, restored).wait().unwrap();
    let query = ArchiveQuery {
        position: PagePosition::Last,
        max: 1,
        ..ArchiveQuery::default()
    };
    assert!(
        wait(store.archive_page(anna, query)).unwrap().items[0]
            .stanza
            .ends_with(b"</message>")
    );
    drop(store);

    // A second time, into a new folder.
    assert_eq!(
        restore(&target, &folder.path().join("other")).unwrap(),
        None
    );
    let store = Store::open(StoreConfig::folder(folder.path().join("other"))).unwrap();
    assert_eq!(count(&store, anna), restored);
}

#[test]
fn inline_store_is_backed_up_too() {
    let folder = Folder::new();
    let store = Store::open(StoreConfig::inline(|| {
        base::Timestamp::from_seconds(1_790_000_000)
    }))
    .unwrap();
    let new = NewAccount {
        localpart: "anna".into(),
        ..NewAccount::default()
    };
    let anna = wait(store.account_create(new)).unwrap();
    archive(&store, anna, 0).wait().unwrap();
    let target = folder.path().join("backup.db");
    wait(store.backup(target.clone(), None)).unwrap();
    restore(&target, &folder.path().join("data")).unwrap();
    let store = Store::open(StoreConfig::folder(folder.path().join("data"))).unwrap();
    assert_eq!(count(&store, anna), 1);
}

#[test]
fn bad_backups_are_refused_and_change_nothing() {
    let folder = Folder::new();
    let data = folder.path().join("data");
    let store = Store::open(StoreConfig::folder(&data)).unwrap();
    let new = NewAccount {
        localpart: "anna".into(),
        ..NewAccount::default()
    };
    let anna = wait(store.account_create(new)).unwrap();
    for number in 0..300 {
        archive(&store, anna, number).wait().unwrap();
    }
    let target = folder.path().join("backup.db");
    wait(store.backup(target.clone(), None)).unwrap();
    drop(store);
    let database = fs::read(data.join("hauspost.db")).unwrap();
    let whole = fs::read(&target).unwrap();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 32768 * 16384;
    damaged[middle..middle + 4096].fill(0xff);
    let cut = whole[..whole.len() / 2].to_vec();
    for (bytes, what) in [
        (damaged, "damaged"),
        (cut, "cut"),
        (b"hello".to_vec(), "text"),
    ] {
        let bad = folder.path().join(what);
        fs::write(&bad, bytes).unwrap();
        assert!(restore(&bad, &data).is_err(), "{what}");
        assert!(
            fs::read(data.join("hauspost.db")).unwrap() == database,
            "{what}"
        );
    }
    assert!(restore(&folder.path().join("nothing"), &data).is_err());
    restore(&target, &data).unwrap();
}
