//! The storage in memory keeps the rules that every storage must keep.

use client::MemoryStorage;

#[test]
fn memory_is_a_storage() {
    client::storage::conformance::run(MemoryStorage::new, |storage| storage);
}
