//! Chat messages as prepared bytes, and the scanner that finds them again in what a server delivers.
//!
//! A message carries `MARK` and sixteen hexadecimal digits (nanoseconds since the generator's start)
//! in its text. Receivers look for the mark only: no XML is parsed, so counting costs a few
//! nanoseconds a message, whatever a server does to head and order of the attributes.

use std::sync::OnceLock;
use std::time::Instant;

use memchr::memmem::{self, Finder};

/// Letters of the base64 alphabet, so that it may stand in ciphertext too; it occurs nowhere else.
const MARK: &[u8] = b"+/+T";
const STAMP: usize = 16;

/// Nanoseconds since the first call in this process.
pub(crate) fn now_nanos() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A `<body/>` of 200 bytes.
    Text,
    /// An OMEMO message of about 1.4 KB: four device keys, ciphertext, fallback body and hints.
    Omemo,
}

/// One message from one sender to one recipient, ready but for its stamp.
#[derive(Clone)]
pub(crate) struct Message {
    bytes: Vec<u8>,
    id: usize,
    stamp: usize,
}

impl Message {
    /// A stanza to the bare address `to`; `framed` adds the forwarder's delimiter.
    pub(crate) fn new(to: &str, content: Content, framed: bool) -> Self {
        Self::of_type("chat", to, content, framed)
    }

    /// A stanza to the room `to`.
    pub(crate) fn to_room(to: &str, content: Content) -> Self {
        Self::of_type("groupchat", to, content, false)
    }

    fn of_type(kind: &str, to: &str, content: Content, framed: bool) -> Self {
        let mark = format!("{}{}", String::from_utf8_lossy(MARK), "0".repeat(STAMP));
        let payload = match content {
            Content::Text => format!("<body>{mark}{}</body>", filler(200 - mark.len())),
            Content::Omemo => omemo(&mark),
        };
        let mut text = format!(
            "<message to='{to}' type='{kind}' id='{}'>{payload}</message>",
            "0".repeat(STAMP)
        );
        if framed {
            text.push('\0');
        }
        let bytes = text.into_bytes();
        let id = memmem::find(&bytes, b"id='").map_or(0, |at| at + 4);
        let stamp = memmem::find(&bytes, MARK).map_or(0, |at| at + MARK.len());
        Self { bytes, id, stamp }
    }

    /// Appends the message to `out`, stamped with `nanos`, which also makes its `id`.
    pub(crate) fn write(&self, nanos: u64, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        let digits = hex(nanos);
        for at in [self.id, self.stamp] {
            out[start + at..start + at + STAMP].copy_from_slice(&digits);
        }
    }

    /// Length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

fn filler(length: usize) -> String {
    "the quick brown fox jumps over the lazy dog and comes back for tea. "
        .chars()
        .cycle()
        .take(length)
        .collect()
}

fn base64_filler(length: usize) -> String {
    "mZ7qAx0LkYc3Vd9sPfR5uTgW1eHjN8bK2oMiXvB6yQnCrDwEtUhGzSaFlJpO4"
        .chars()
        .cycle()
        .take(length)
        .collect()
}

fn omemo(mark: &str) -> String {
    let mut keys = String::new();
    for device in ["27183", "31415926", "1618033988", "1414213562"] {
        keys.push_str(&format!("<key rid='{device}'>{}</key>", base64_filler(144)));
    }
    format!(
        "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1732050807'>{keys}<iv>{}</iv></header>\
         <payload>{mark}{}</payload></encrypted>\
         <encryption xmlns='urn:xmpp:eme:0' namespace='eu.siacs.conversations.axolotl' name='OMEMO'/>\
         <body>I sent you an OMEMO encrypted message but your client does not seem to support that.</body>\
         <store xmlns='urn:xmpp:hints'/>",
        base64_filler(16),
        base64_filler(260 - mark.len()),
    )
}

fn hex(nanos: u64) -> [u8; STAMP] {
    let mut digits = [0; STAMP];
    for (at, digit) in digits.iter_mut().enumerate() {
        let nibble = (nanos >> (60 - 4 * at)) as u8 & 15;
        *digit = if nibble < 10 {
            b'0' + nibble
        } else {
            b'a' + nibble - 10
        };
    }
    digits
}

fn unhex(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |value, digit| {
        value << 4
            | u64::from(
                if *digit <= b'9' {
                    digit.wrapping_sub(b'0')
                } else {
                    digit.wrapping_sub(b'a' - 10)
                } & 15,
            )
    })
}

/// Finds marks in a stream of bytes that may be cut anywhere.
pub(crate) struct Scanner {
    mark: Finder<'static>,
    errors: [Finder<'static>; 3],
    rest: Vec<u8>,
}

/// What one piece of input contained.
#[derive(Default)]
pub(crate) struct Found {
    /// Messages.
    pub(crate) messages: u64,
    /// True when an error stanza or stream error came by: the run is then worth nothing.
    pub(crate) error: bool,
}

impl Scanner {
    pub(crate) fn new() -> Self {
        Self {
            mark: Finder::new(MARK),
            errors: [
                Finder::new(b"type='error'"),
                Finder::new(b"type=\"error\""),
                Finder::new(b"<stream:error"),
            ],
            rest: Vec::new(),
        }
    }

    /// Takes in `input` and calls `each` with the stamp of every message that is complete up to its stamp.
    pub(crate) fn feed(&mut self, input: &[u8], mut each: impl FnMut(u64)) -> Found {
        let mut found = Found {
            error: self.errors.iter().any(|error| error.find(input).is_some()),
            messages: 0,
        };
        if self.rest.is_empty() {
            let consumed = self.scan(input, &mut found, &mut each);
            self.rest.extend_from_slice(&input[consumed..]);
        } else {
            let mut joined = std::mem::take(&mut self.rest);
            joined.extend_from_slice(input);
            let consumed = self.scan(&joined, &mut found, &mut each);
            joined.drain(..consumed);
            self.rest = joined;
        }
        found
    }

    fn scan(&self, input: &[u8], found: &mut Found, each: &mut impl FnMut(u64)) -> usize {
        let mut position = 0;
        while let Some(at) = self.mark.find(&input[position..]) {
            let start = position + at + MARK.len();
            let Some(digits) = input.get(start..start + STAMP) else {
                return position + at;
            };
            each(unhex(digits));
            found.messages += 1;
            position = start + STAMP;
        }
        let tail = MARK.len() - 1;
        position.max(input.len().saturating_sub(tail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_come_back_wherever_the_stream_is_cut() {
        for content in [Content::Text, Content::Omemo] {
            let message = Message::new("romeo@localhost", content, false);
            let mut stream = Vec::new();
            for stamp in [1, 0xdead_beef, u64::MAX] {
                message.write(stamp, &mut stream);
            }
            for cut in 0..stream.len() {
                let mut scanner = Scanner::new();
                let mut stamps = Vec::new();
                let (first, second) = stream.split_at(cut);
                let mut messages = 0;
                for part in [first, second] {
                    let found = scanner.feed(part, |stamp| stamps.push(stamp));
                    assert!(!found.error);
                    messages += found.messages;
                }
                assert_eq!(messages, 3);
                assert_eq!(stamps, [1, 0xdead_beef, u64::MAX]);
            }
        }
    }

    #[test]
    fn sizes_are_as_named() {
        let text = Message::new("a@b", Content::Text, false);
        assert_eq!(
            text.len(),
            "<message to='a@b' type='chat' id=''><body></body></message>".len() + STAMP + 200
        );
        let omemo = Message::new("a@b", Content::Omemo, false).len();
        assert!((1_350..1_500).contains(&omemo), "{omemo}");
    }

    #[test]
    fn errors_are_seen() {
        let mut scanner = Scanner::new();
        assert!(scanner.feed(b"<message type='error'/>", |_| ()).error);
        assert!(scanner.feed(b"<stream:error>", |_| ()).error);
        assert!(!scanner.feed(b"<message type='chat'/>", |_| ()).error);
    }
}
