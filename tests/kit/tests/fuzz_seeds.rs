//! The bodies of the fuzz targets over their seeds, on any compiler: what is fuzzed now and then is compiled and held to
//! its assertions always.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

#[path = "../../../fuzz/bodies/archive_journal.rs"]
mod archive_journal;
#[path = "../../../fuzz/bodies/client.rs"]
mod client;
#[path = "../../../fuzz/bodies/encrypted.rs"]
mod encrypted;
#[path = "../../../fuzz/bodies/federation.rs"]
mod federation;
#[path = "../../../fuzz/bodies/file.rs"]
mod file;
#[path = "../../../fuzz/bodies/jid.rs"]
mod jid;
#[path = "../../../fuzz/bodies/message_content.rs"]
mod message_content;
#[path = "../../../fuzz/bodies/message_text.rs"]
mod message_text;
#[path = "../../../fuzz/bodies/omemo.rs"]
mod omemo;
#[path = "../../../fuzz/bodies/page.rs"]
mod page;
#[path = "../../../fuzz/bodies/sasl.rs"]
mod sasl;
#[path = "../../../fuzz/bodies/scanner.rs"]
mod scanner;
#[path = "../../../fuzz/bodies/stream.rs"]
mod stream;

/// Every seed of a target as it is, and some hundred variations of it: cut short, with bytes changed, and doubled.
fn run(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/seeds")
        .join(target);
    let mut seeds: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "{target} has seeds");
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for seed in seeds {
        let bytes = fs::read(&seed).unwrap();
        check(&bytes);
        check(&bytes.repeat(2));
        for _ in 0..100 {
            let mut changed = bytes.clone();
            for _ in 0..4 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let [at, kind, value, ..] = state.to_le_bytes().map(usize::from);
                let at = if changed.is_empty() {
                    0
                } else {
                    (at << 8 | value) % changed.len()
                };
                match kind % 4 {
                    0 => changed.truncate(at),
                    1 => changed.insert(at, value as u8),
                    2 if at < changed.len() => changed[at] ^= 1 << (value % 8),
                    _ => changed.truncate(changed.len().max(1) - 1),
                }
            }
            check(&changed);
        }
    }
}

#[test]
fn addresses() {
    run("jid", jid::check);
}

#[test]
fn received_bytes() {
    run("scanner", scanner::check);
}

#[test]
fn keys_of_messages() {
    run("omemo", omemo::check);
}

#[test]
fn login_messages() {
    run("sasl", sasl::check);
}

#[test]
fn streams_before_login() {
    run("stream", stream::check);
}

#[test]
fn streams_of_servers_and_components() {
    run("federation", federation::check);
}

#[test]
fn rows_of_the_archive() {
    run("archive_journal", archive_journal::check);
}

#[test]
fn encrypted_messages() {
    run("encrypted", encrypted::check);
}

#[test]
fn what_people_write() {
    run("message_text", message_text::check);
}

#[test]
fn elements_inside_of_messages() {
    run("message_content", message_content::check);
}

#[test]
fn files_of_others() {
    run("file", file::check);
}

#[test]
fn pages_of_the_web() {
    run("page", page::check);
}

#[test]
fn what_comes_to_the_client() {
    run("client", client::check);
}

#[test]
fn every_target_is_here() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/fuzz_targets");
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "archive_journal.rs",
            "client.rs",
            "encrypted.rs",
            "federation.rs",
            "file.rs",
            "jid.rs",
            "message_content.rs",
            "message_text.rs",
            "omemo.rs",
            "page.rs",
            "sasl.rs",
            "scanner.rs",
            "stream.rs"
        ]
    );
}
