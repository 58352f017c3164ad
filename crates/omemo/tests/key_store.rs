//! The store in memory passes the suite that others join.

use omemo::{KeyStore, MemoryStore};

#[test]
fn the_store_in_memory_conforms() {
    omemo::conformance::run(MemoryStore::new, |store| store.clone());
}

#[test]
fn a_failed_commit_changes_nothing() {
    let mut store = MemoryStore::new();
    let mut changes = omemo::Changes::new();
    changes.put("a", vec![1].into());
    store.fail_after(Some(1));
    store.commit(&changes).expect("the first one");
    changes.put("b", vec![2].into());
    assert!(store.commit(&changes).is_err());
    assert_eq!(store.len(), 1);
    assert_eq!(format!("{changes:?}"), r#"{"a": Some(1), "b": Some(1)}"#);
}
