//! Decrypting a file while it is downloaded.

use std::fmt;

use aes::Aes256;
use aes_gcm::aes::cipher::{Array, BlockModeDecrypt, KeyIvInit};
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;
use xmpp::xep::encrypted_files::Cipher;
use xmpp::xep::file_metadata::FileMetadata;
use xmpp::xep::hashes::{Hash, HashFunction};

use super::cipher::{FileKey, Gcm, MOST_BYTES, TAG};

const BLOCK: usize = 16;

/// Why a file cannot be opened. The temporary file is to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It ends too early.
    #[error("the file is cut off: {missing} bytes are missing; download it again")]
    Truncated {
        /// How many bytes of the file are missing, at least.
        missing: u64,
    },
    /// It is not what the sender sealed.
    #[error(
        "the file was changed on its way or is not the one that was sent: ask for it to be sent again"
    )]
    Tampered,
    /// It is larger than one takes.
    #[error("the file is larger than {largest} bytes: it is not downloaded")]
    TooLarge {
        /// How many bytes are taken.
        largest: u64,
    },
    /// Nothing in the message would show that it was changed.
    #[error(
        "the message has no hash by which this file could be checked: ask for it to be sent in another way"
    )]
    NotVerifiable,
}

/// What is known of a file before it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Its size in bytes, if it was told.
    pub size: Option<u64>,
    /// Digests of the file itself.
    pub hashes: Vec<Hash>,
    /// How large it may be, in bytes: what the person takes, or what the disk has room for.
    pub largest: u64,
}

impl Expected {
    /// What the metadata of a file tell, and how large it may be, in bytes.
    #[must_use]
    pub fn of(file: &FileMetadata, largest: u64) -> Self {
        Self {
            size: file.size,
            hashes: file.hashes.clone(),
            largest,
        }
    }
}

/// Bytes that nobody has verified yet. They may go to a temporary file and nowhere else.
#[must_use]
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Unverified(Vec<u8>);

impl Unverified {
    /// The bytes, for a temporary file that nothing reads before [`Opener::finish`] has succeeded.
    #[must_use]
    pub fn for_temporary_file(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unverified({} bytes)", self.0.len())
    }
}

/// What is known once a file is opened: it is what its sender sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    /// What is to be appended to the temporary file before it is renamed; mostly nothing.
    pub rest: Vec<u8>,
    /// Size of the whole file, in bytes.
    pub size: u64,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("rest_bytes", &self.rest.len())
            .field("size", &self.size)
            .finish()
    }
}

enum Mode {
    Gcm(Box<Gcm>),
    Cbc(Box<cbc::Decryptor<Aes256>>),
    /// It is not encrypted.
    Plain,
}

enum Check {
    Sha256(Sha256, Vec<u8>),
    Sha512(Sha512, Vec<u8>),
    /// No hash that we can compute: the tag must do.
    None,
}

impl Check {
    fn of(hashes: &[Hash]) -> Self {
        let of = |function| {
            let hash = hashes.iter().find(|hash| hash.function == function)?;
            Some(hash.digest.clone())
        };
        if let Some(digest) = of(HashFunction::Sha256) {
            Self::Sha256(Sha256::new(), digest)
        } else if let Some(digest) = of(HashFunction::Sha512) {
            Self::Sha512(Sha512::new(), digest)
        } else {
            Self::None
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash, _) => hash.update(bytes),
            Self::Sha512(hash, _) => hash.update(bytes),
            Self::None => {}
        }
    }

    /// `None` when there is nothing to be held against.
    fn holds(self) -> Option<bool> {
        match self {
            Self::Sha256(hash, expected) => {
                Some(hash.finalize().as_slice().ct_eq(&expected).into())
            }
            Self::Sha512(hash, expected) => {
                Some(hash.finalize().as_slice().ct_eq(&expected).into())
            }
            Self::None => None,
        }
    }
}

/// Decrypts a file in chunks of any size: all three ciphers of XEP-0448, with the tag of GCM behind the file or, as the
/// specification allows, without one if there is a hash. Bytes beyond the size that was told are padding and are cut off
/// (XEP-0448 §3.2).
pub struct Opener {
    mode: Mode,
    check: Check,
    expected: Expected,
    /// The last bytes that came: the tag, or the block with the padding.
    held: Vec<u8>,
    /// How many bytes came.
    received: u64,
    /// How many went out.
    given: u64,
}

impl Opener {
    /// Begins a file.
    ///
    /// # Errors
    /// [`OpenError::TooLarge`], when its size is above what is taken; [`OpenError::NotVerifiable`] for a cipher without tag
    /// where no hash is told that we can compute (SHA-256, SHA-512).
    pub fn new(key: &FileKey, expected: Expected) -> Result<Self, OpenError> {
        let largest = expected.largest.min(MOST_BYTES);
        if expected.size.is_some_and(|size| size > largest) {
            return Err(OpenError::TooLarge { largest });
        }
        let check = Check::of(&expected.hashes);
        let mode = match key.cipher() {
            Cipher::Aes128Gcm | Cipher::Aes256Gcm => {
                Gcm::new(key).map(|gcm| Mode::Gcm(Box::new(gcm)))
            }
            Cipher::Aes256Cbc if matches!(check, Check::None) => None,
            Cipher::Aes256Cbc => cbc::Decryptor::new_from_slices(key.expose_key(), key.iv())
                .ok()
                .map(|cbc| Mode::Cbc(Box::new(cbc))),
        };
        Ok(Self {
            mode: mode.ok_or(OpenError::NotVerifiable)?,
            check,
            expected: Expected {
                largest,
                ..expected
            },
            held: Vec::with_capacity(2 * BLOCK),
            received: 0,
            given: 0,
        })
    }

    /// Begins a file that is not encrypted: only size and hash are checked.
    ///
    /// # Errors
    /// [`OpenError::TooLarge`], when its size is above what is taken.
    pub fn plain(expected: Expected) -> Result<Self, OpenError> {
        let largest = expected.largest;
        if expected.size.is_some_and(|size| size > largest) {
            return Err(OpenError::TooLarge { largest });
        }
        Ok(Self {
            mode: Mode::Plain,
            check: Check::of(&expected.hashes),
            expected,
            held: Vec::new(),
            received: 0,
            given: 0,
        })
    }

    /// Takes the next bytes of the download and gives those of the file that can be decrypted, at most as many and a few
    /// more.
    ///
    /// # Errors
    /// [`OpenError::TooLarge`]; nothing more is to be fed.
    pub fn open(&mut self, chunk: &[u8]) -> Result<Unverified, OpenError> {
        self.received += chunk.len() as u64;
        let largest = self.expected.largest;
        if self.received > largest + (2 * BLOCK) as u64 {
            return Err(OpenError::TooLarge { largest });
        }
        let mut bytes = std::mem::take(&mut self.held);
        bytes.extend_from_slice(chunk);
        let kept = match &self.mode {
            Mode::Gcm(_) => TAG,
            // The last block, and what does not make a block yet.
            Mode::Cbc(_) => BLOCK + bytes.len() % BLOCK,
            Mode::Plain => 0,
        };
        let now = bytes.len().saturating_sub(kept);
        self.held = bytes.split_off(now);
        self.decrypt(&mut bytes);
        Ok(Unverified(self.give(bytes)))
    }

    fn decrypt(&mut self, bytes: &mut [u8]) {
        match &mut self.mode {
            Mode::Gcm(gcm) => gcm.decrypt(bytes),
            Mode::Cbc(cbc) => {
                let (blocks, _) = Array::slice_as_chunks_mut(bytes);
                cbc.decrypt_blocks(blocks);
            }
            Mode::Plain => {}
        }
    }

    /// Cuts off what is behind the end of the file.
    fn give(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        if let Some(size) = self.expected.size {
            let room = size.saturating_sub(self.given);
            bytes.truncate(usize::try_from(room).unwrap_or(usize::MAX));
        }
        self.check.update(&bytes);
        self.given += bytes.len() as u64;
        bytes
    }

    /// Ends the file: only now it is known whether what was given out is what the sender sealed.
    ///
    /// # Errors
    /// [`OpenError::Truncated`] when less came than was told; [`OpenError::Tampered`] when tag or hash do not fit. Without
    /// a size in the message, a file that was cut off is told from one that was changed by nothing.
    pub fn finish(mut self) -> Result<Opened, OpenError> {
        let mut held = std::mem::take(&mut self.held);
        let size = self.expected.size;
        let hashed = !matches!(self.check, Check::None);
        let mut rest = Vec::new();
        match &self.mode {
            Mode::Plain => self.complete(size.unwrap_or_default())?,
            Mode::Cbc(_) => {
                let block = BLOCK as u64;
                self.complete(size.map_or(block, |size| size / block * block + block))?;
                if held.len() != BLOCK {
                    return Err(OpenError::Tampered);
                }
                self.decrypt(&mut held);
                unpad(&mut held)?;
                rest = self.give(held);
            }
            // All of the file and no tag.
            Mode::Gcm(_) if hashed && size == Some(self.received) => {
                self.decrypt(&mut held);
                rest = self.give(held);
            }
            Mode::Gcm(_) => {
                self.complete(size.unwrap_or_default() + TAG as u64)?;
                let Mode::Gcm(gcm) = std::mem::replace(&mut self.mode, Mode::Plain) else {
                    return Err(OpenError::Tampered);
                };
                if !bool::from(gcm.tag().as_slice().ct_eq(&held)) {
                    return Err(OpenError::Tampered);
                }
            }
        }
        let whole = size.is_none_or(|size| size == self.given);
        if !whole || self.check.holds() == Some(false) {
            return Err(OpenError::Tampered);
        }
        Ok(Opened {
            rest,
            size: self.given,
        })
    }

    /// Whether as much came as must have.
    const fn complete(&self, least: u64) -> Result<(), OpenError> {
        match least.saturating_sub(self.received) {
            0 => Ok(()),
            missing => Err(OpenError::Truncated { missing }),
        }
    }
}

/// PKCS#7. What it tells of the padding is no oracle: the file is refused as a whole, once, on this device only.
fn unpad(last: &mut Vec<u8>) -> Result<(), OpenError> {
    let count = last.last().copied().map_or(0, usize::from);
    let start = BLOCK.checked_sub(count).filter(|start| *start < BLOCK);
    let start = start.ok_or(OpenError::Tampered)?;
    if !last[start..].iter().all(|byte| usize::from(*byte) == count) {
        return Err(OpenError::Tampered);
    }
    last.truncate(start);
    Ok(())
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener")
            .field("received", &self.received)
            .field("given", &self.given)
            .finish_non_exhaustive()
    }
}
