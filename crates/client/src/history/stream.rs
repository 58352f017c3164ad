//! Chunks of history: sealed in their order, opened in their order.

use std::fmt;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::storage::record::RecordError;

use super::handshake::HistoryKeys;
use super::message::HistoryMessage;

/// A chunk is sealed when it has so many bytes of messages.
const CHUNK_BYTES: usize = 512 * 1024;
/// No chunk is larger, in bytes; a message that is left out if it would not fit by itself.
pub const LARGEST_CHUNK_BYTES: usize = 4 * 1024 * 1024;
/// Largest message within a chunk, in bytes.
const LARGEST_MESSAGE: usize = 2 * 1024 * 1024;

const MAGIC: [u8; 4] = *b"HPHC";
const VERSION: u8 = 1;
/// Magic, version, number, and whether it is the last.
const HEAD: usize = 4 + 1 + 4 + 1;

/// Why history cannot be taken over. Nothing of the chunk is to be kept; what came before is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The file is something else, or cut off.
    #[error("the file is no chunk of history or is cut off: download it again")]
    NotAChunk,
    /// A newer version made it.
    #[error("the history is of a newer version: update this device")]
    Newer,
    /// Another chunk is the next.
    #[error("chunk {found} came, but chunk {expected} is the next: open them in their order")]
    OutOfOrder {
        /// The next.
        expected: u32,
        /// The one that came.
        found: u32,
    },
    /// It was changed, or made with other keys.
    #[error(
        "the chunk was changed on its way or is of another hand-over: begin again with a new code"
    )]
    Tampered,
    /// It is too large.
    #[error("a chunk has at most {LARGEST_CHUNK_BYTES} bytes: this file is none")]
    TooLarge,
    /// Not all of it has come.
    #[error("only {chunks} chunks have come and the last one is not among them: download the rest")]
    Incomplete {
        /// How many have come.
        chunks: u32,
    },
}

/// A chunk, to be uploaded as it is.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedChunk {
    /// Its number, from 0.
    pub number: u32,
    /// It is the last one.
    pub last: bool,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// SHA-256 of its bytes.
    pub hash: [u8; 32],
}

impl fmt::Debug for SealedChunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedChunk")
            .field("number", &self.number)
            .field("last", &self.last)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

fn head(number: u32, last: bool) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..4].copy_from_slice(&MAGIC);
    head[4] = VERSION;
    head[5..9].copy_from_slice(&number.to_be_bytes());
    head[9] = u8::from(last);
    head
}

/// Number and mark of the last make each nonce a different one under the keys of this one time.
fn nonce(number: u32, last: bool) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[7..11].copy_from_slice(&number.to_be_bytes());
    nonce[11] = u8::from(last);
    nonce
}

/// Seals history, message by message.
pub struct HistorySealer {
    cipher: Aes256Gcm,
    number: u32,
    gathered: Zeroizing<Vec<u8>>,
    messages: u64,
    left_out: u64,
}

impl HistorySealer {
    /// Begins.
    #[must_use]
    pub fn new(keys: &HistoryKeys) -> Self {
        Self {
            cipher: Aes256Gcm::new((&*keys.chunks).into()),
            number: 0,
            gathered: Zeroizing::new(Vec::with_capacity(CHUNK_BYTES)),
            messages: 0,
            left_out: 0,
        }
    }

    /// Takes the next message; the oldest should come first. Gives a chunk when one is full.
    pub fn push(&mut self, message: &HistoryMessage) -> Option<SealedChunk> {
        let record = Zeroizing::new(message.write());
        if record.len() > LARGEST_MESSAGE {
            self.left_out += 1;
            return None;
        }
        self.messages += 1;
        let length = u32::try_from(record.len()).unwrap_or_default();
        self.gathered.extend_from_slice(&length.to_be_bytes());
        self.gathered.extend_from_slice(&record);
        (self.gathered.len() >= CHUNK_BYTES)
            .then(|| self.seal(false))
            .flatten()
    }

    /// Ends: the last chunk, which may have no message, and how many went out and how many were too large.
    #[must_use]
    pub fn finish(mut self) -> (Option<SealedChunk>, Summary) {
        let last = self.seal(true);
        let summary = Summary {
            chunks: self.number,
            messages: self.messages,
            left_out: self.left_out,
        };
        (last, summary)
    }

    /// `None` only when the cipher refuses, which it does above 64 GiB.
    fn seal(&mut self, last: bool) -> Option<SealedChunk> {
        let head = head(self.number, last);
        let payload = Payload {
            msg: &self.gathered,
            aad: &head,
        };
        let sealed = self
            .cipher
            .encrypt((&nonce(self.number, last)).into(), payload)
            .ok()?;
        let bytes = [&head[..], &sealed].concat();
        let chunk = SealedChunk {
            number: self.number,
            last,
            hash: Sha256::digest(&bytes).into(),
            bytes,
        };
        self.gathered.zeroize();
        self.number += 1;
        Some(chunk)
    }
}

impl fmt::Debug for HistorySealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HistorySealer")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// What was handed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many chunks.
    pub chunks: u32,
    /// How many messages.
    pub messages: u64,
    /// How many messages were too large, or are of a kind that this version does not know.
    pub left_out: u64,
}

/// Opens history, chunk by chunk.
pub struct HistoryOpener {
    cipher: Aes256Gcm,
    summary: Summary,
    complete: bool,
}

impl HistoryOpener {
    /// Begins.
    #[must_use]
    pub fn new(keys: &HistoryKeys) -> Self {
        Self {
            cipher: Aes256Gcm::new((&*keys.chunks).into()),
            summary: Summary::default(),
            complete: false,
        }
    }

    /// Opens the next chunk.
    ///
    /// # Errors
    /// [`HistoryError`]; the chunk that was expected is expected still.
    pub fn open(&mut self, bytes: &[u8]) -> Result<Vec<HistoryMessage>, HistoryError> {
        // Room for the tag and for messages that made the chunk larger than it was meant to be.
        if bytes.len() > LARGEST_CHUNK_BYTES {
            return Err(HistoryError::TooLarge);
        }
        let (found, sealed) = bytes
            .split_first_chunk::<HEAD>()
            .ok_or(HistoryError::NotAChunk)?;
        let [m0, m1, m2, m3, version, n0, n1, n2, n3, last] = *found;
        if [m0, m1, m2, m3] != MAGIC {
            return Err(HistoryError::NotAChunk);
        }
        if version != VERSION {
            return Err(HistoryError::Newer);
        }
        let (number, last) = (u32::from_be_bytes([n0, n1, n2, n3]), last == 1);
        let expected = self.summary.chunks;
        if number != expected || self.complete {
            return Err(HistoryError::OutOfOrder {
                expected,
                found: number,
            });
        }
        let payload = Payload {
            msg: sealed,
            aad: found,
        };
        let opened = self.cipher.decrypt((&nonce(number, last)).into(), payload);
        let opened = Zeroizing::new(opened.map_err(|_| HistoryError::Tampered)?);
        let (messages, left_out) = read(&opened)?;
        self.summary.chunks += 1;
        self.summary.messages += messages.len() as u64;
        self.summary.left_out += left_out;
        self.complete = last;
        Ok(messages)
    }

    /// Whether the last chunk has come.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.complete
    }

    /// Ends.
    ///
    /// # Errors
    /// [`HistoryError::Incomplete`], when the last chunk has not come. What has come is good nevertheless.
    pub fn finish(self) -> Result<Summary, HistoryError> {
        match self.complete {
            true => Ok(self.summary),
            false => Err(HistoryError::Incomplete {
                chunks: self.summary.chunks,
            }),
        }
    }
}

impl fmt::Debug for HistoryOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HistoryOpener")
            .field("summary", &self.summary)
            .finish_non_exhaustive()
    }
}

/// The messages of an opened chunk, and how many of them are of a newer version.
fn read(mut bytes: &[u8]) -> Result<(Vec<HistoryMessage>, u64), HistoryError> {
    let mut messages = Vec::new();
    let mut left_out = 0;
    while !bytes.is_empty() {
        let (length, rest) = bytes
            .split_first_chunk::<4>()
            .ok_or(HistoryError::NotAChunk)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let (record, rest) = rest
            .split_at_checked(length)
            .ok_or(HistoryError::NotAChunk)?;
        match HistoryMessage::read(record) {
            Ok(message) => messages.push(message),
            Err(RecordError::Newer(_)) => left_out += 1,
            Err(RecordError::Damaged) => return Err(HistoryError::NotAChunk),
        }
        bytes = rest;
    }
    Ok((messages, left_out))
}
