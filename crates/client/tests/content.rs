//! Runs the fixtures in `tests/content`: each `name.xml` is a message as it was after decryption, and what the client makes
//! of its text, files and previews must be what `name.txt` says. They stand for what is sent in the wild.
//!
//! With `UPDATE=1` in the environment the `.txt` files are written anew: read the difference.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write;
use std::path::{Path, PathBuf};

use client::files::{Attachment, Location};
use client::previews;
use client::text::Document;
use client::views::Mention;
use xmpp::ns;
use xmpp::xep::fallback::{Fallback, range_without_fallback, without_fallback};
use xmpp::xep::references::Reference;
use xmpp::xep::styling::is_unstyled;
use xmpp::xml::Tree;

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/content");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "xml"))
        .collect();
    files.sort();
    assert!(files.len() > 5);
    files
}

fn describe(message: &str) -> String {
    let tree = Tree::parse(message).unwrap();
    let root = tree.root();
    let children = || root.children();
    let body = root
        .child("body", ns::CLIENT)
        .map(|body| body.text().into_owned())
        .unwrap_or_default();
    let elements: String = children()
        .filter(|child| child.name() != "body")
        .map(|child| child.raw().into_owned())
        .collect();
    let mut out = String::new();
    let files = Attachment::read_all(&body, &elements);
    for attachment in &files {
        writeln!(out, "{:?}, inline {}", attachment.kind(), attachment.inline).unwrap();
        writeln!(out, "  {:?}", attachment.file).unwrap();
        for location in &attachment.locations {
            match location {
                Location::Plain { url } => writeln!(out, "  at {url}").unwrap(),
                Location::Sealed { urls, key } => {
                    writeln!(
                        out,
                        "  {:?}, vector of {} bytes, at {urls:?}",
                        key.cipher(),
                        key.iv().len()
                    )
                    .unwrap();
                }
            }
        }
    }
    let fallbacks: Vec<Fallback> = children().filter_map(Fallback::read).collect();
    let shown = match files.is_empty() {
        true => without_fallback(&body, &fallbacks, &[ns::REPLY]),
        false => String::new(),
    };
    let mentions: Vec<Mention> = children()
        .filter_map(Reference::read)
        .filter_map(|reference| {
            let range =
                range_without_fallback(reference.range.clone()?, &body, &fallbacks, &[ns::REPLY])?;
            Some(Mention {
                begin: range.start,
                end: range.end,
                account: reference.mentioned()?,
            })
        })
        .collect();
    let document = match children().any(is_unstyled) {
        true => Document::parse_unstyled(&shown, &mentions),
        false => Document::parse(&shown, &mentions),
    };
    for block in &document.blocks {
        writeln!(out, "{block:?}").unwrap();
    }
    if let Some(count) = document.only_emoji() {
        writeln!(out, "{count} emoji and nothing else").unwrap();
    }
    for preview in previews::read(&document, &elements) {
        writeln!(out, "{preview:?}").unwrap();
    }
    out
}

#[test]
fn content_gives_what_is_written_beside_it() {
    let update = std::env::var_os("UPDATE").is_some();
    for path in fixtures() {
        let found = describe(std::fs::read_to_string(&path).unwrap().trim());
        let expected = path.with_extension("txt");
        if update {
            std::fs::write(&expected, &found).unwrap();
        } else {
            let expected = std::fs::read_to_string(&expected).unwrap();
            assert_eq!(found, expected, "in {}", path.display());
        }
    }
}
