//! Runs the fixtures in `tests/wire`: each `name.xml` is fed to a reader, and what comes out must be
//! what `name.txt` says. A file whose name begins with `frames-` has one document per element.
//!
//! With `UPDATE=1` in the environment the `.txt` files are written anew: read the difference.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fmt::Write;
use std::path::{Path, PathBuf};

use xmpp::xml::{Edit, Frame, Framing, Reader, ReaderLimits, Stanza, Tree};

fn describe(frame: &Frame, out: &mut String) {
    match frame {
        Frame::Open(header) => writeln!(out, "open {header:?}").unwrap(),
        Frame::Close => writeln!(out, "close").unwrap(),
        Frame::Element(stanza) => describe_stanza(stanza, out),
    }
}

fn describe_stanza(stanza: &Stanza, out: &mut String) {
    writeln!(
        out,
        "{:?} {{{}}}{}",
        stanza.kind(),
        stanza.namespace(),
        stanza.name()
    )
    .unwrap();
    for (name, value) in [
        ("to", stanza.to()),
        ("from", stanza.from()),
        ("id", stanza.id()),
        ("type", stanza.type_()),
        ("lang", stanza.lang()),
    ] {
        if let Some(value) = value {
            writeln!(out, "  {name} {value:?}").unwrap();
        }
    }
    for child in stanza.children() {
        writeln!(out, "  child {{{}}}{}", child.namespace(), child.name()).unwrap();
        writeln!(out, "    source {}", child.source()).unwrap();
        writeln!(out, "    raw    {}", child.raw()).unwrap();
        writeln!(out, "    text   {:?}", child.tree().root().text()).unwrap();
        assert_eq!(child.tree().root().namespace(), child.namespace());
        let again = Tree::parse(&child.raw()).unwrap();
        assert!(again.root().is(child.name(), child.namespace()));
    }
    let received = stanza.head();
    let relayed = stanza.relay(&received.as_head(), &Edit::NONE);
    let relayed = std::str::from_utf8(&relayed).unwrap();
    writeln!(out, "  relay {relayed}").unwrap();
    if stanza.kind() != xmpp::xml::Kind::Other {
        let again = Stanza::parse(relayed).unwrap();
        assert_eq!(again.kind(), stanza.kind());
        assert!(
            again.children().eq_by_name(stanza),
            "children changed in {relayed}"
        );
    }
}

trait ByName {
    fn eq_by_name(self, other: &Stanza) -> bool;
}

impl<'a, I: Iterator<Item = xmpp::xml::Child<'a>>> ByName for I {
    fn eq_by_name(self, other: &Stanza) -> bool {
        let name =
            |child: xmpp::xml::Child<'_>| (child.name().to_owned(), child.namespace().to_owned());
        self.map(name).eq(other.children().map(name))
    }
}

fn drain(reader: &mut Reader, out: &mut String) -> bool {
    loop {
        match reader.next() {
            Ok(Some(frame)) => describe(&frame, out),
            Ok(None) => return true,
            Err(error) => {
                writeln!(out, "error {error:?}: {}", error.condition()).unwrap();
                return false;
            }
        }
    }
}

fn run(framing: Framing, pieces: &[&[u8]]) -> String {
    let mut out = String::new();
    let mut reader = Reader::new(framing, ReaderLimits::default());
    for piece in pieces {
        reader.feed(piece);
        if !drain(&mut reader, &mut out) {
            break;
        }
    }
    out
}

fn run_input(framing: Framing, pieces: &[&[u8]]) -> String {
    let mut out = String::new();
    let mut reader = Reader::new(framing, ReaderLimits::default());
    'all: for piece in pieces {
        let mut input = reader.input(piece);
        loop {
            match input.next() {
                Ok(Some(frame)) => describe(&frame, &mut out),
                Ok(None) => break,
                Err(error) => {
                    writeln!(out, "error {error:?}: {}", error.condition()).unwrap();
                    break 'all;
                }
            }
        }
    }
    out
}

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "xml"))
        .collect();
    files.sort();
    assert!(files.len() > 20);
    files
}

fn framing_of(path: &Path) -> Framing {
    if path
        .file_name()
        .unwrap()
        .to_string_lossy()
        .starts_with("frames-")
    {
        Framing::Frames
    } else {
        Framing::Stream
    }
}

/// Fixtures end with a line break that editors add, which is no part of the input. `\xNN` stands for
/// a byte.
fn input_of(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'\\' && after.first() == Some(&b'x') {
            let digits = std::str::from_utf8(&after[1..3]).unwrap();
            out.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &after[3..];
        } else {
            out.push(byte);
            rest = after;
        }
    }
    out
}

#[test]
fn fixtures_give_what_is_written_beside_them() {
    let update = std::env::var_os("UPDATE").is_some();
    for path in fixtures() {
        let found = run(framing_of(&path), &[&input_of(&path)]);
        let expected = path.with_extension("txt");
        if update {
            std::fs::write(&expected, &found).unwrap();
        } else {
            let expected = std::fs::read_to_string(&expected).unwrap();
            assert_eq!(found, expected, "in {}", path.display());
        }
    }
}

#[test]
fn fixtures_give_the_same_at_every_split() {
    for path in fixtures() {
        let input = input_of(&path);
        let framing = framing_of(&path);
        let whole = run(framing, &[&input]);
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        assert_eq!(run(framing, &bytes), whole, "by bytes, {}", path.display());
        assert_eq!(
            run_input(framing, &bytes),
            whole,
            "by bytes, {}",
            path.display()
        );
        for at in 0..input.len() {
            let (first, second) = input.split_at(at);
            assert_eq!(
                run(framing, &[first, second]),
                whole,
                "at {at}, {}",
                path.display()
            );
            assert_eq!(
                run_input(framing, &[first, second]),
                whole,
                "at {at}, {}",
                path.display()
            );
        }
    }
}
