//! How archive entries are written down: the journal's rows and the chunks.
//!
//! Everything begins with a version byte and ends with a checksum; all that is read back is checked
//! against its bounds. Numbers are LEB128 unless said otherwise.
//!
//! ```text
//! entry   = owners:n { owner:n flags:u8 with:text resource:text+1 } stanza:text
//! journal = 1:u8 { first-id:i64le copies:n length:n entry… } checksum:u64le
//! chunk   = 1:u8 peers:n { with:text } { id-step:n flags:u8 peer:n resource:text+1 stanza:text } checksum:u64le
//! ```
//! `text` is a length and that many bytes; `text+1` has 0 for none, else length + 1. Copies of one
//! section of the journal have consecutive ids, beginning with its first.

mod chunk;
mod journal;
#[cfg(test)]
mod tests;

use std::ops::Range;

use bytes::Bytes;

use super::EntryFlags;

pub use self::chunk::check_chunk;
pub(crate) use self::chunk::{Chunk, ChunkEntry, ChunkWriter, Entry, WrittenChunk};
pub use self::journal::check_journal;
pub(crate) use self::journal::{JournalCopy, JournalWriter, journal, owner, push_entry, stanza};

const VERSION: u8 = 1;
const CHECKSUM: usize = 8;
/// Longest address part that is accepted back; RFC 7622 §3.1 allows 3071 for a whole address.
const ADDRESS: usize = 4096;

/// What is wrong with bytes that were read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Damage(pub(crate) &'static str);

type Read<T> = Result<T, Damage>;

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn put_text(bytes: &mut Vec<u8>, text: &[u8]) {
    put(bytes, text.len() as u64);
    bytes.extend_from_slice(text);
}

fn put_optional(bytes: &mut Vec<u8>, text: Option<&str>) {
    match text {
        None => bytes.push(0),
        Some(text) => {
            put(bytes, text.len() as u64 + 1);
            bytes.extend_from_slice(text.as_bytes());
        }
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn byte(&mut self) -> Read<u8> {
        let byte = *self.bytes.get(self.at).ok_or(Damage("it ends early"))?;
        self.at += 1;
        Ok(byte)
    }

    fn number(&mut self) -> Read<u64> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                break;
            }
            number |= part << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Damage("a number is too large"))
    }

    fn span(&mut self, length: u64) -> Read<Range<usize>> {
        let length = usize::try_from(length).map_err(|_| Damage("a length is too large"))?;
        let end = self
            .at
            .checked_add(length)
            .filter(|end| *end <= self.bytes.len());
        let end = end.ok_or(Damage("a length points behind the end"))?;
        let span = self.at..end;
        self.at = end;
        Ok(span)
    }

    fn text_span(&mut self) -> Read<Range<usize>> {
        let length = self.number()?;
        self.span(length)
    }

    fn address(&mut self, length: u64) -> Read<&'a str> {
        if length > ADDRESS as u64 {
            return Err(Damage("an address is too long"));
        }
        let span = self.span(length)?;
        std::str::from_utf8(&self.bytes[span]).map_err(|_| Damage("an address is not UTF-8"))
    }

    fn optional(&mut self) -> Read<Option<&'a str>> {
        match self.number()? {
            0 => Ok(None),
            length => self.address(length - 1).map(Some),
        }
    }
}

const OUTGOING: u8 = 1;
const OFFLINE: u8 = 2;
const HIDDEN: u8 = 4;
const GROUPCHAT: u8 = 8;
const QUIET: u8 = 16;
const MENTIONS: u8 = 32;

pub(crate) fn flags_byte(flags: EntryFlags) -> u8 {
    let EntryFlags {
        outgoing,
        offline,
        hidden,
        groupchat,
        quiet,
        mentions,
    } = flags;
    (u8::from(outgoing) * OUTGOING)
        | (u8::from(offline) * OFFLINE)
        | (u8::from(hidden) * HIDDEN)
        | (u8::from(groupchat) * GROUPCHAT)
        | (u8::from(quiet) * QUIET)
        | (u8::from(mentions) * MENTIONS)
}

pub(crate) fn flags_of(byte: u8) -> Read<EntryFlags> {
    if byte & !(OUTGOING | OFFLINE | HIDDEN | GROUPCHAT | QUIET | MENTIONS) != 0 {
        return Err(Damage("a flag is unknown"));
    }
    Ok(EntryFlags {
        outgoing: byte & OUTGOING != 0,
        offline: byte & OFFLINE != 0,
        hidden: byte & HIDDEN != 0,
        groupchat: byte & GROUPCHAT != 0,
        quiet: byte & QUIET != 0,
        mentions: byte & MENTIONS != 0,
    })
}

fn sealed(mut bytes: Vec<u8>) -> Bytes {
    let sum = checksum(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes.into()
}

/// Content of a row or chunk, when version and checksum are right.
fn opened(bytes: &[u8]) -> Read<&[u8]> {
    let content = bytes
        .len()
        .checked_sub(CHECKSUM)
        .filter(|length| *length > 0);
    let (content, sum) = bytes.split_at(content.ok_or(Damage("it ends early"))?);
    if content[0] != VERSION {
        return Err(Damage("its version is unknown"));
    }
    if checksum(content).to_le_bytes() != sum {
        return Err(Damage("its checksum is wrong"));
    }
    Ok(content)
}

/// Finds bytes that changed on the disk; no protection against somebody who wants to deceive.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut sum = bytes.len() as u64 ^ FACTOR;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        sum = (sum.rotate_left(23) ^ u64::from_le_bytes(*word)).wrapping_mul(FACTOR);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    sum = (sum.rotate_left(23) ^ u64::from_le_bytes(last)).wrapping_mul(FACTOR);
    sum ^ (sum >> 29)
}

/// The bytes with the checksum that they ought to have, so that fuzzing gets behind it.
#[must_use]
pub fn with_checksum(bytes: &[u8]) -> Vec<u8> {
    sealed(bytes.to_vec()).to_vec()
}
