//! Whoever changes the audit log behind the server's back is found out.
#![allow(missing_docs, reason = "tests")]

mod folder;

use std::path::Path;

use base::Timestamp;
use folder::Folder;
use rusqlite::Connection;
use store::{AuditNote, Batch, CheckDepth, Store, StoreConfig, wait};

fn open(folder: &Path) -> Store {
    Store::open(StoreConfig::folder(folder)).expect("a store")
}

/// A store with ten entries in its log, and what is wrong with it after `tamper`.
fn problems_after(tamper: &str) -> Vec<String> {
    let folder = Folder::new();
    let store = open(folder.path());
    for number in 0..10 {
        let mut batch = Batch::new();
        batch.audit(AuditNote {
            at: Timestamp::from_micros(number),
            actor: "romeo@example.org".into(),
            door: "rest".into(),
            action: "account.removed".into(),
            subject: "tybalt@example.org".into(),
            detail: "".into(),
        });
        store.submit(batch).ticket.wait().expect("kept");
    }
    store.close();
    drop(store);
    let connection = Connection::open(folder.path().join("hauspost.db")).expect("the file");
    connection.execute_batch(tamper).expect("done");
    drop(connection);
    let report = wait(open(folder.path()).check(CheckDepth::Quick));
    report.expect("a report").problems
}

const UNLOCKED: &str = "DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_deleted;";

#[test]
fn an_untouched_log_is_sound() {
    assert_eq!(problems_after("SELECT 1"), Vec::<String>::new());
}

#[test]
fn changed_entries_are_found() {
    for change in [
        "UPDATE audit SET actor = 'iago@example.org' WHERE number = 4",
        "UPDATE audit SET at = 77 WHERE number = 10",
        "UPDATE audit SET digest = zeroblob(32) WHERE number = 4",
        "UPDATE audit SET digest = zeroblob(3) WHERE number = 4",
        "DELETE FROM audit WHERE number = 4",
        "DELETE FROM audit WHERE number = 1",
        "DELETE FROM audit WHERE number = 10",
        "DELETE FROM audit; DELETE FROM audit_head WHERE 0",
        "DELETE FROM audit_head",
    ] {
        let problems = problems_after(&format!("{UNLOCKED} {change}"));
        assert!(!problems.is_empty(), "not found: {change}");
        assert!(
            problems.iter().all(|problem| problem.contains("audit log")),
            "{problems:?}"
        );
    }
}

#[test]
fn the_database_itself_refuses_to_change_entries() {
    let folder = Folder::new();
    let store = open(folder.path());
    let mut batch = Batch::new();
    batch.audit(AuditNote {
        at: Timestamp::from_micros(1),
        actor: "console".into(),
        door: "console".into(),
        action: "account.created".into(),
        subject: "romeo@example.org".into(),
        detail: "".into(),
    });
    store.submit(batch).ticket.wait().expect("kept");
    let connection = Connection::open(folder.path().join("hauspost.db")).expect("the file");
    for change in ["UPDATE audit SET actor = ''", "DELETE FROM audit"] {
        let error = connection.execute_batch(change).expect_err("refused");
        assert!(error.to_string().contains("only added to"), "{error}");
    }
}
