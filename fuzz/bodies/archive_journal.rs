//! Rows of the archive's journal and its chunks, as they are read back from the disk.

use store::fuzzing::{check_chunk, check_journal, with_checksum};

/// See above.
pub(crate) fn check(bytes: &[u8]) {
    let _ = (check_journal(bytes), check_chunk(bytes));
    // Without a right checksum nothing is looked at: give it one, to get behind that door.
    let sealed = with_checksum(bytes);
    let _ = (check_journal(&sealed), check_chunk(&sealed));
}
