//! What every [`KeyStore`] must do, as functions that panic where one does not.
//!
//! A store joins with [`run`], giving a way to open an empty one and one to open it again.
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a suite for tests: it panics on purpose"
)]

use std::fmt::Debug;

use zeroize::Zeroizing;

use super::{Changes, KeyStore, RecordBytes};

/// Runs the suite. `open` gives an empty store each time, `reopen` closes it and opens it again.
pub fn run<S: KeyStore>(mut open: impl FnMut() -> S, mut reopen: impl FnMut(S) -> S)
where
    S::Error: Debug,
{
    records(open(), &mut reopen);
    names(open(), &mut reopen);
    scans(open(), &mut reopen);
    changes(open(), &mut reopen);
    sizes(open(), &mut reopen);
}

fn bytes(text: &str) -> RecordBytes {
    Zeroizing::new(text.as_bytes().to_vec())
}

fn put<S: KeyStore>(store: &mut S, records: &[(&str, &str)]) {
    let mut changes = Changes::new();
    for (name, text) in records {
        changes.put(*name, bytes(text));
    }
    store.commit(&changes).unwrap();
}

fn found<S: KeyStore>(store: &S, prefix: &str) -> Vec<String> {
    let records = store.scan(prefix).unwrap();
    records.into_iter().map(|(name, _)| name).collect()
}

/// What was written is read, also after opening again; what was deleted is gone.
fn records<S: KeyStore>(mut store: S, reopen: &mut dyn FnMut(S) -> S) {
    assert_eq!(store.load("account").unwrap(), None);
    put(&mut store, &[("account", "one"), ("other", "two")]);
    assert_eq!(store.load("account").unwrap(), Some(bytes("one")));
    let mut store = reopen(store);
    assert_eq!(store.load("account").unwrap(), Some(bytes("one")));
    put(&mut store, &[("account", "three")]);
    assert_eq!(store.load("account").unwrap(), Some(bytes("three")));
    let mut changes = Changes::new();
    changes.delete("account").delete("never there");
    store.commit(&changes).unwrap();
    let store = reopen(store);
    assert_eq!(store.load("account").unwrap(), None);
    assert_eq!(store.load("other").unwrap(), Some(bytes("two")));
}

/// Names are compared byte by byte, and no character in them means anything.
fn names<S: KeyStore>(mut store: S, _: &mut dyn FnMut(S) -> S) {
    let names = ["a%b", "a_b", "axb", "A_B", "ä", "a\u{308}", "a'b", "a*b"];
    for name in names {
        put(&mut store, &[(name, name)]);
    }
    for name in names {
        assert_eq!(store.load(name).unwrap(), Some(bytes(name)), "{name}");
        assert_eq!(found(&store, name), [name], "{name}");
    }
}

/// A scan gives what begins so, in the order of the names' bytes, with the records.
fn scans<S: KeyStore>(mut store: S, reopen: &mut dyn FnMut(S) -> S) {
    put(
        &mut store,
        &[
            ("b/2", "y"),
            ("b/10", "x"),
            ("b", "z"),
            ("c/1", "w"),
            ("b0", "v"),
        ],
    );
    let store = reopen(store);
    assert_eq!(found(&store, "b/"), ["b/10", "b/2"]);
    assert_eq!(found(&store, "b"), ["b", "b/10", "b/2", "b0"]);
    assert_eq!(found(&store, "d"), Vec::<String>::new());
    assert_eq!(found(&store, "").len(), 5);
    assert_eq!(store.scan("c/").unwrap(), [("c/1".to_owned(), bytes("w"))]);
}

/// A set of changes is made as a whole; of two changes of a record the later one counts.
fn changes<S: KeyStore>(mut store: S, reopen: &mut dyn FnMut(S) -> S) {
    put(&mut store, &[("a", "1"), ("b", "1")]);
    let mut changes = Changes::new();
    changes.put("a", bytes("2"));
    changes.delete("b");
    changes.put("c", bytes("2"));
    changes.delete("c");
    changes.put("d", bytes("1")).put("d", bytes("2"));
    store.commit(&changes).unwrap();
    store.commit(&Changes::new()).unwrap();
    let store = reopen(store);
    assert_eq!(found(&store, ""), ["a", "d"]);
    assert_eq!(store.load("d").unwrap(), Some(bytes("2")));
}

/// Records may be empty or large, names long, and many may change at once.
fn sizes<S: KeyStore>(mut store: S, reopen: &mut dyn FnMut(S) -> S) {
    let name = format!("sessions/{}", "n".repeat(3_200));
    let large: Vec<u8> = (0..400_000_u32).map(|n| n as u8).collect();
    let mut changes = Changes::new();
    changes.put(name.clone(), Zeroizing::new(large.clone()));
    changes.put("empty", Zeroizing::new(Vec::new()));
    for number in 0..1_000 {
        changes.put(format!("many/{number:04}"), bytes("x"));
    }
    store.commit(&changes).unwrap();
    let store = reopen(store);
    assert_eq!(store.load(&name).unwrap().unwrap().to_vec(), large);
    assert_eq!(store.load("empty").unwrap().unwrap().len(), 0);
    assert_eq!(store.scan("many/").unwrap().len(), 1_000);
}
