//! Full disk, damaged pages, wrong files: a clear word, and no damage.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod folder;

use std::fs;
use std::path::Path;

use base::Timestamp;
use folder::Folder;
use store::{
    AccountId, ArchiveOwner, ArchiveQuery, Batch, CheckDepth, EntryFlags, NewAccount, OpenError,
    Store, StoreConfig, StoreError, Ticket, restore, wait,
};

fn account(store: &Store) -> AccountId {
    let new = NewAccount {
        localpart: "anna".into(),
        ..NewAccount::default()
    };
    wait(store.account_create(new)).unwrap()
}

fn archive(store: &Store, account: AccountId, size: usize) -> Ticket {
    let flags = EntryFlags::default();
    let owner = ArchiveOwner {
        id: account.into(),
        with: "b@x",
        with_resource: None,
        flags,
    };
    let mut batch = Batch::new();
    batch.archive(
        owner,
        format!("<message>{}</message>", "x".repeat(size)).as_bytes(),
    );
    store.submit(batch).ticket
}

fn entries(store: &Store, account: AccountId) -> Result<usize, StoreError> {
    let query = ArchiveQuery {
        max: 1_000_000,
        ..ArchiveQuery::default()
    };
    wait(store.archive_page(account, query)).map(|page| page.items.len())
}

fn database(folder: &Folder) -> std::path::PathBuf {
    folder.path().join("hauspost.db")
}

#[test]
fn full_disk_fails_tickets_and_the_store_recovers() {
    for tail_bytes in [60_000, 8 << 20] {
        let folder = Folder::new();
        let config = StoreConfig {
            max_bytes: 3 << 20,
            tail_bytes,
            ..StoreConfig::folder(folder.path())
        };
        let store = Store::open(config.clone()).unwrap();
        let anna = account(&store);
        let mut kept = 0;
        let failure = loop {
            match archive(&store, anna, 3000).wait() {
                Ok(()) => kept += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(failure, StoreError::DiskFull);
        assert!(kept > 100, "{kept}");
        // Small ones may fit again once what is kept lies closer; this is more than the whole disk.
        assert_eq!(
            archive(&store, anna, 3 << 20).wait(),
            Err(StoreError::DiskFull)
        );
        assert_eq!(
            entries(&store, anna),
            Ok(kept),
            "what was acknowledged is there, no more"
        );
        assert!(store.figures().failed_commits >= 2);
        assert!(store.figures().failing);

        // Once there is space again, it goes on: first by a larger disk, then by deleting.
        drop(store);
        let larger = StoreConfig {
            max_bytes: 12 << 20,
            ..config.clone()
        };
        let store = Store::open(larger).unwrap();
        assert_eq!(entries(&store, anna), Ok(kept));
        assert_eq!(archive(&store, anna, 3000).wait(), Ok(()));
        assert!(!store.figures().failing);
        let all = Timestamp::from_micros(i64::MAX);
        assert_eq!(wait(store.archive_purge(anna, all)), Ok(kept as u64 + 1));
        drop(store);
        let store = Store::open(config).unwrap();
        assert_eq!(archive(&store, anna, 3000).wait(), Ok(()));
        assert_eq!(entries(&store, anna), Ok(1));
        assert!(
            wait(store.check(CheckDepth::Full))
                .unwrap()
                .problems
                .is_empty()
        );
    }
}

#[test]
fn space_made_while_running_is_used() {
    let folder = Folder::new();
    let config = StoreConfig {
        max_bytes: 3 << 20,
        tail_bytes: 60_000,
        ..StoreConfig::folder(folder.path())
    };
    let store = Store::open(config).unwrap();
    let anna = account(&store);
    while archive(&store, anna, 3000).wait().is_ok() {}
    let all = Timestamp::from_micros(i64::MAX);
    assert!(wait(store.archive_purge(anna, all)).unwrap() > 0);
    for _ in 0..50 {
        assert_eq!(archive(&store, anna, 3000).wait(), Ok(()));
    }
    assert!(
        wait(store.check(CheckDepth::Full))
            .unwrap()
            .problems
            .is_empty()
    );
}

/// A closed store with some archive in chunks; its folder.
fn filled() -> (Folder, AccountId) {
    let folder = Folder::new();
    let config = StoreConfig {
        tail_bytes: 10_000,
        inline: true,
        ..StoreConfig::folder(folder.path())
    };
    let store = Store::open(config).unwrap();
    let anna = account(&store);
    for _ in 0..200 {
        archive(&store, anna, 500).wait().unwrap();
    }
    (folder, anna)
}

#[test]
fn a_damaged_chunk_is_named() {
    let (folder, anna) = filled();
    // Inside the text of a message, so that SQLite itself sees nothing wrong.
    let connection = rusqlite::Connection::open(database(&folder)).unwrap();
    let (id, mut bytes): (i64, Vec<u8>) = connection
        .query_row("SELECT id, entries FROM archive_chunk LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    bytes[300] ^= 1;
    connection
        .execute(
            "UPDATE archive_chunk SET entries = ? WHERE id = ?",
            (bytes, id),
        )
        .unwrap();
    drop(connection);
    let store = Store::open(StoreConfig::folder(folder.path())).unwrap();
    let error = entries(&store, anna).unwrap_err().to_string();
    assert!(
        error.contains("archive chunk") && error.contains("hauspost restore"),
        "{error}"
    );
    assert_eq!(
        wait(store.check(CheckDepth::Quick)).unwrap().problems,
        [""; 0]
    );
    let report = wait(store.check(CheckDepth::Full)).unwrap();
    assert!(
        report.problems[0].contains("archive chunk"),
        "{:?}",
        report.problems
    );
    assert_eq!(
        archive(&store, anna, 10).wait(),
        Ok(()),
        "new messages are kept"
    );
}

#[test]
fn damaged_pages_give_a_clear_word_and_no_further_damage() {
    let (folder, anna) = filled();
    let whole = fs::read(database(&folder)).unwrap();
    let page = usize::from(u16::from_be_bytes([whole[16], whole[17]]));
    for number in 0..whole.len() / page {
        let mut bytes = whole.clone();
        bytes[number * page..][..page].fill(0xa5);
        fs::write(database(&folder), &bytes).unwrap();
        match Store::open(StoreConfig::folder(folder.path())) {
            Err(OpenError::Foreign(_)) => assert_eq!(number, 0),
            Err(error) => assert!(error.to_string().contains("damaged"), "{error}"),
            Ok(store) => {
                let found = [
                    entries(&store, anna).err(),
                    wait(store.account_find("anna")).err(),
                    wait(store.login("anna", None)).err(),
                ];
                for error in found.into_iter().flatten() {
                    assert!(
                        matches!(error, StoreError::Corrupt(_)),
                        "page {number}: {error}"
                    );
                }
                // A page may be one that nothing uses.
                let _ = wait(store.check(CheckDepth::Full)).unwrap();
            }
        }
        let after = fs::read(database(&folder)).unwrap();
        assert!(after == bytes, "page {number}: looking changed the file");
    }
}

#[test]
fn a_damaged_journal_row_is_named() {
    let folder = Folder::new();
    let store = Store::open(StoreConfig::folder(folder.path())).unwrap();
    let anna = account(&store);
    archive(&store, anna, 5000).wait().unwrap();
    drop(store);
    let mut bytes = fs::read(database(&folder)).unwrap();
    let place = bytes
        .windows(64)
        .position(|window| window == [b'x'; 64])
        .unwrap();
    bytes[place] ^= 1;
    fs::write(database(&folder), &bytes).unwrap();
    let error = Store::open(StoreConfig::folder(folder.path()))
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("archive journal row 1"), "{error}");
}

fn opened(folder: &Path) -> Result<Store, OpenError> {
    Store::open(StoreConfig::folder(folder))
}

#[test]
fn a_second_process_is_told_so() {
    let folder = Folder::new();
    let store = opened(folder.path()).unwrap();
    assert!(matches!(opened(folder.path()), Err(OpenError::Locked(_))));
    assert!(matches!(
        restore(Path::new("nothing"), folder.path()),
        Err(OpenError::Io { .. })
    ));
    drop(store);
    assert!(opened(folder.path()).is_ok());
}

#[test]
fn a_closed_store_answers() {
    let folder = Folder::new();
    let store = opened(folder.path()).unwrap();
    let anna = account(&store);
    let ticket = archive(&store, anna, 10);
    let other = store.clone();
    store.close();
    assert_eq!(ticket.wait(), Ok(()), "what was submitted before is kept");
    assert_eq!(archive(&other, anna, 10).wait(), Err(StoreError::Closed));
    assert_eq!(entries(&other, anna), Err(StoreError::Closed));
    assert_eq!(
        wait(other.archive_expire(Timestamp::EPOCH)),
        Err(StoreError::Closed)
    );
    other.close();
}

#[test]
fn other_files_are_refused() {
    let folder = Folder::new();
    fs::write(
        database(&folder),
        "These are notes, no database. ".repeat(100),
    )
    .unwrap();
    assert!(matches!(opened(folder.path()), Err(OpenError::Foreign(_))));

    let folder = Folder::new();
    let other = rusqlite::Connection::open(database(&folder)).unwrap();
    other.execute_batch("CREATE TABLE notes (text)").unwrap();
    drop(other);
    assert!(matches!(opened(folder.path()), Err(OpenError::Foreign(_))));
}

#[test]
fn newer_and_changed_schemas_are_refused() {
    let folder = Folder::new();
    drop(opened(folder.path()).unwrap());
    let change = |sql: &str| {
        rusqlite::Connection::open(database(&folder))
            .unwrap()
            .execute_batch(sql)
            .unwrap();
    };
    change("INSERT INTO migration (number, name, checksum) VALUES (9999, 'later', 1)");
    let error = opened(folder.path()).err().unwrap();
    assert!(
        matches!(error, OpenError::Newer { found: 9999, .. }),
        "{error}"
    );
    change("DELETE FROM migration WHERE number = 9999");
    drop(opened(folder.path()).unwrap());
    change("UPDATE migration SET checksum = checksum + 1 WHERE number = 1");
    assert!(matches!(
        opened(folder.path()),
        Err(OpenError::MigrationChanged(1))
    ));
}

#[test]
fn too_many_waiting_writes_are_refused() {
    let folder = Folder::new();
    let config = StoreConfig {
        queue_bytes: 100_000,
        ..StoreConfig::folder(folder.path())
    };
    let store = Store::open(config).unwrap();
    let anna = account(&store);
    assert!(!store.congested());
    let tickets: Vec<_> = (0..2000).map(|_| archive(&store, anna, 20_000)).collect();
    let results: Vec<_> = tickets.into_iter().map(Ticket::wait).collect();
    let kept = results.iter().filter(|result| result.is_ok()).count();
    assert!(
        results
            .iter()
            .all(|result| matches!(result, Ok(()) | Err(StoreError::Overloaded)))
    );
    assert!(kept > 0 && kept < 2000, "{kept}");
    assert_eq!(entries(&store, anna), Ok(kept));
    assert!(!store.congested());
}

#[cfg(unix)]
#[test]
fn nobody_else_reads_the_files_of_a_store() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new();
    let modes = |wanted: u32| {
        for file in fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            let mode = file.metadata().unwrap().permissions().mode() & 0o777;
            if file
                .file_name()
                .to_string_lossy()
                .starts_with("hauspost.db")
            {
                assert_eq!(mode, wanted, "{:?}", file.file_name());
            }
        }
    };
    let store = Store::open(StoreConfig::folder(folder.path())).unwrap();
    account(&store);
    modes(0o600);
    // Those of earlier versions are closed to others, too.
    drop(store);
    for file in fs::read_dir(folder.path()).unwrap() {
        fs::set_permissions(file.unwrap().path(), fs::Permissions::from_mode(0o644)).unwrap();
    }
    drop(Store::open(StoreConfig::folder(folder.path())).unwrap());
    modes(0o600);
}
