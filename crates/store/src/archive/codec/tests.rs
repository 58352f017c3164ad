//! What is written can be read; anything else is refused.

use smallvec::SmallVec;

use super::*;
use crate::archive::ArchiveOwner;
use crate::{ArchiveId, OwnerId};

fn owner_of(owner: i64, with: &str) -> ArchiveOwner<'_> {
    let flags = EntryFlags {
        outgoing: owner == 1,
        ..EntryFlags::default()
    };
    ArchiveOwner {
        id: OwnerId::from_number(owner),
        with,
        with_resource: Some("🫠"),
        flags,
    }
}

#[test]
fn journal_and_back() {
    let mut entries = Vec::new();
    let mut copies = SmallVec::new();
    let owners = [owner_of(1, "b@x"), owner_of(300, "a@x")];
    push_entry(&mut entries, &mut copies, b"<message/>", &owners);
    push_entry(
        &mut entries,
        &mut copies,
        b"<message>2</message>",
        &owners[..1],
    );
    let mut row = JournalWriter::with_capacity(entries.len());
    assert!(row.is_empty());
    let at = row.section(ArchiveId::from_number(70), copies.len(), &entries);
    let row = row.finish();
    let read = journal(&row).expect("what was written can be read");
    assert_eq!(read.len(), 3);
    for (index, (copy, read)) in copies.iter().zip(&read).enumerate() {
        assert_eq!(read.id.number(), 70 + index as i64);
        assert_eq!(
            (copy.owner_at + at, copy.stanza_at + at),
            (read.owner_at, read.stanza_at)
        );
    }
    let second = owner(&row, read[1].owner_at).expect("the owner record");
    assert_eq!(
        (second.id.number(), second.with, second.resource),
        (300, "a@x", Some("🫠"))
    );
    assert!(!second.flags.outgoing);
    assert_eq!(
        &row[stanza(&row, read[2].stanza_at).expect("the stanza")],
        b"<message>2</message>"
    );
    for length in 0..row.len() {
        assert!(journal(&row[..length]).is_err(), "cut at {length}");
        let mut wrong = row.to_vec();
        wrong[length] ^= 0x40;
        assert!(journal(&wrong).is_err(), "flipped at {length}");
    }
}

#[test]
fn chunk_and_back() {
    let mut writer = ChunkWriter::default();
    let flags = EntryFlags {
        hidden: true,
        ..EntryFlags::default()
    };
    let one = Entry {
        flags,
        with: "b@x",
        resource: None,
        stanza: b"<message/>",
    };
    let two = Entry {
        with: "c@x",
        resource: Some("phone"),
        flags: EntryFlags::default(),
        ..one
    };
    for (id, entry) in [(5, &one), (9, &two), (10_000, &one)] {
        writer.push(ArchiveId::from_number(id), entry);
    }
    let written = writer.finish();
    assert_eq!((written.first.number(), written.last.number()), (5, 10_000));
    assert_eq!(
        (written.count, written.hidden, written.peers.len()),
        (3, 2, 2)
    );
    assert_eq!((writer.count(), writer.size()), (0, 0));
    let chunk = Chunk::parse(written.bytes.clone(), written.first).expect("a chunk");
    assert_eq!(chunk.entries[1].id.number(), 9);
    assert_eq!(chunk.entry(&chunk.entries[1]), two);
    assert_eq!(chunk.entry(&chunk.entries[2]), one);
    assert_eq!(chunk.entries[2].id, written.last);
    for length in 0..written.bytes.len() {
        assert!(!check_chunk(&written.bytes[..length]), "cut at {length}");
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        let mut bytes = bytes;
        let _ = check_journal(&bytes);
        let _ = check_chunk(&bytes);
        if let Some(version) = bytes.first_mut() {
            *version = VERSION;
        }
        let sealed = with_checksum(&bytes);
        let _ = check_journal(&sealed);
        let _ = check_chunk(&sealed);
    }
}
