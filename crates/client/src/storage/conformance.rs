//! What every [`Storage`] must do, as functions that panic where one does not.
//!
//! A storage joins with [`run`], giving a way to open an empty one and one to open it again.
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a suite for tests: it panics on purpose"
)]

use super::{Changes, Direction, KeyRange, Storage, Table};

/// Runs the suite. `open` gives an empty storage each time, `reopen` closes it and opens it again.
pub fn run<S: Storage>(mut open: impl FnMut() -> S, mut reopen: impl FnMut(S) -> S) {
    values(open(), &mut reopen);
    order(open(), &mut reopen);
    ranges(open());
    changes_in_order(open(), &mut reopen);
    sizes(open(), &mut reopen);
}

fn put<S: Storage>(storage: &mut S, table: Table, rows: &[(&[u8], &[u8])]) {
    let mut changes = Changes::new();
    for (key, value) in rows {
        changes.put(table, *key, *value);
    }
    storage.commit(&changes).unwrap();
}

fn keys<S: Storage>(
    storage: &S,
    table: Table,
    range: &KeyRange,
    direction: Direction,
    limit: usize,
) -> Vec<Vec<u8>> {
    let rows = storage.scan(table, range, direction, limit).unwrap();
    rows.into_iter().map(|(key, _)| key).collect()
}

/// What was written is read, also after opening again; tables are apart; what was deleted is gone.
fn values<S: Storage>(mut storage: S, reopen: &mut dyn FnMut(S) -> S) {
    assert_eq!(storage.get(Table::State, b"a").unwrap(), None);
    put(&mut storage, Table::State, &[(b"a", b"one"), (b"b", b"")]);
    put(&mut storage, Table::Keys, &[(b"a", b"other")]);
    let mut storage = reopen(storage);
    assert_eq!(storage.get(Table::State, b"a").unwrap().unwrap(), b"one");
    assert_eq!(storage.get(Table::State, b"b").unwrap().unwrap(), b"");
    assert_eq!(storage.get(Table::Keys, b"a").unwrap().unwrap(), b"other");
    let mut changes = Changes::new();
    changes.put(Table::State, *b"a", *b"two");
    changes.delete(Table::State, *b"b");
    changes.delete(Table::State, *b"never there");
    storage.commit(&changes).unwrap();
    let storage = reopen(storage);
    assert_eq!(storage.get(Table::State, b"a").unwrap().unwrap(), b"two");
    assert_eq!(storage.get(Table::State, b"b").unwrap(), None);
    assert_eq!(storage.get(Table::Keys, b"a").unwrap().unwrap(), b"other");
}

/// Keys are compared as unsigned bytes, whatever is in them, both ways, in every table.
fn order<S: Storage>(mut storage: S, reopen: &mut dyn FnMut(S) -> S) {
    let sorted: [&[u8]; 7] = [b"", b"\0", b"\0\0", b"\x7f", b"\x80", b"\xff", b"\xff\0"];
    for table in Table::ALL {
        let mixed: Vec<(&[u8], &[u8])> = [3, 0, 6, 2, 5, 1, 4]
            .map(|at| (sorted[at], &b"v"[..]))
            .to_vec();
        put(&mut storage, table, &mixed);
    }
    let storage = reopen(storage);
    for table in Table::ALL {
        let all = KeyRange::all();
        assert_eq!(keys(&storage, table, &all, Direction::Forward, 100), sorted);
        let mut backward = sorted.to_vec();
        backward.reverse();
        assert_eq!(
            keys(&storage, table, &all, Direction::Backward, 100),
            backward
        );
    }
}

/// A range has its begin and not its end; the limit counts from where one starts.
fn ranges<S: Storage>(mut storage: S) {
    let rows: Vec<[u8; 2]> = (0..100u8).map(|at| [at / 10, at % 10]).collect();
    let rows: Vec<(&[u8], &[u8])> = rows.iter().map(|key| (&key[..], &b"v"[..])).collect();
    put(&mut storage, Table::Messages, &rows);
    let range = KeyRange::between(&[3, 5], &[4, 2]);
    let forward = keys(&storage, Table::Messages, &range, Direction::Forward, 100);
    assert_eq!(forward.first().unwrap(), &[3, 5]);
    assert_eq!(forward.last().unwrap(), &[4, 1]);
    assert_eq!(forward.len(), 7);
    assert_eq!(
        keys(&storage, Table::Messages, &range, Direction::Forward, 2),
        [[3, 5], [3, 6]]
    );
    assert_eq!(
        keys(&storage, Table::Messages, &range, Direction::Backward, 2),
        [[4, 1], [4, 0]]
    );
    let prefix = KeyRange::prefix(&[7]);
    assert_eq!(
        keys(&storage, Table::Messages, &prefix, Direction::Forward, 100).len(),
        10
    );
    for nothing in [
        KeyRange::between(&[4], &[3]),
        KeyRange::between(&[4], &[4]),
        KeyRange::prefix(&[10]),
    ] {
        for direction in [Direction::Forward, Direction::Backward] {
            assert_eq!(
                keys(&storage, Table::Messages, &nothing, direction, 100),
                Vec::<Vec<u8>>::new()
            );
        }
    }
    let none = storage.scan(Table::Messages, &KeyRange::all(), Direction::Forward, 0);
    assert_eq!(none.unwrap(), []);
}

/// Of several changes of a key the last one counts.
fn changes_in_order<S: Storage>(mut storage: S, reopen: &mut dyn FnMut(S) -> S) {
    let mut changes = Changes::new();
    changes.put(Table::State, *b"a", *b"one");
    changes.put(Table::State, *b"a", *b"two");
    changes.put(Table::State, *b"b", *b"one");
    changes.delete(Table::State, *b"b");
    changes.delete(Table::State, *b"c");
    changes.put(Table::State, *b"c", *b"one");
    storage.commit(&changes).unwrap();
    storage.commit(&Changes::new()).unwrap();
    let storage = reopen(storage);
    assert_eq!(storage.get(Table::State, b"a").unwrap().unwrap(), b"two");
    assert_eq!(storage.get(Table::State, b"b").unwrap(), None);
    assert_eq!(storage.get(Table::State, b"c").unwrap().unwrap(), b"one");
}

/// Long keys, large values, and many rows at once.
fn sizes<S: Storage>(mut storage: S, reopen: &mut dyn FnMut(S) -> S) {
    let long = vec![7; 4_096];
    let large = vec![9; 1024 * 1024];
    let mut changes = Changes::new();
    changes.put(Table::Pictures, long.clone(), large.clone());
    for number in 0..5_000u32 {
        changes.put(Table::Messages, number.to_be_bytes(), number.to_le_bytes());
    }
    storage.commit(&changes).unwrap();
    let storage = reopen(storage);
    assert_eq!(storage.get(Table::Pictures, &long).unwrap().unwrap(), large);
    let rows = storage
        .scan(
            Table::Messages,
            &KeyRange::all(),
            Direction::Forward,
            usize::MAX,
        )
        .unwrap();
    assert_eq!(rows.len(), 5_000);
}
