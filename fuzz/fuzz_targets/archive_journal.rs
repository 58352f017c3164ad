//! Rows of the archive's journal and its chunks, as they are read back from the disk.
#![no_main]

#[path = "../bodies/archive_journal.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::check(data));
