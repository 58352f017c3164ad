//! Keys of files, and AES-GCM over a stream (NIST SP 800-38D), put together from counter mode and GHASH as `aes-gcm`
//! does for texts that are in memory; tests hold the two against each other.

use std::fmt;

use aes::{Aes128, Aes256};
use aes_gcm::aes::cipher::{KeyIvInit, StreamCipher};
use ctr::Ctr32BE;
use ghash::universal_hash::UniversalHash;
use ghash::{Block, GHash};
use omemo::Randomness;
use xmpp::xep::encrypted_files::{Cipher, EncryptedSource};
use zeroize::{Zeroize, Zeroizing};

/// GCM's limit for one key and vector: 2³⁶ − 32 bytes.
pub(super) const MOST_BYTES: u64 = (1 << 36) - 32;
/// Length of the tag, in bytes.
pub(super) const TAG: usize = 16;

/// What a file is encrypted with: cipher, key and initialisation vector. It is used for one file only. `Debug` shows none
/// of it.
#[derive(Clone, PartialEq, Eq)]
pub struct FileKey {
    cipher: Cipher,
    key: Zeroizing<Vec<u8>>,
    iv: Vec<u8>,
}

impl FileKey {
    /// Draws a key for a file: AES-256-GCM, with a vector of 12 bytes.
    pub fn generate(random: &mut dyn Randomness) -> Self {
        let mut key = Zeroizing::new(vec![0; 32]);
        let mut iv = vec![0; 12];
        random.fill(&mut key);
        random.fill(&mut iv);
        Self {
            cipher: Cipher::Aes256Gcm,
            key,
            iv,
        }
    }

    /// A key that came with a message. `None` when key or vector do not have the length that the cipher wants.
    #[must_use]
    pub fn new(cipher: Cipher, key: &[u8], iv: &[u8]) -> Option<Self> {
        (key.len() == cipher.key_bytes() && cipher.takes_iv(iv.len())).then(|| Self {
            cipher,
            key: Zeroizing::new(key.to_vec()),
            iv: iv.to_vec(),
        })
    }

    /// The key of a source (XEP-0448).
    #[must_use]
    pub fn of(source: &EncryptedSource) -> Option<Self> {
        Self::new(source.cipher, source.key.expose(), &source.iv)
    }

    /// The cipher.
    #[must_use]
    pub const fn cipher(&self) -> Cipher {
        self.cipher
    }

    /// The key itself.
    #[must_use]
    pub fn expose_key(&self) -> &[u8] {
        &self.key
    }

    /// The initialisation vector: 12 bytes, of older clients 16.
    #[must_use]
    pub fn iv(&self) -> &[u8] {
        &self.iv
    }
}

impl fmt::Debug for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileKey")
            .field("cipher", &self.cipher)
            .finish_non_exhaustive()
    }
}

enum Counter {
    Aes128(Ctr32BE<Aes128>),
    Aes256(Ctr32BE<Aes256>),
}

impl Counter {
    fn new(key: &[u8], block: [u8; 16]) -> Option<Self> {
        match key.len() {
            16 => Some(Self::Aes128(Ctr32BE::new_from_slices(key, &block).ok()?)),
            _ => Some(Self::Aes256(Ctr32BE::new_from_slices(key, &block).ok()?)),
        }
    }

    /// The caller sees to it that there are less than 2³² blocks.
    fn apply(&mut self, bytes: &mut [u8]) {
        match self {
            Self::Aes128(counter) => counter.apply_keystream(bytes),
            Self::Aes256(counter) => counter.apply_keystream(bytes),
        }
    }

    fn block(&mut self) -> Zeroizing<[u8; 16]> {
        let mut block = Zeroizing::new([0; 16]);
        self.apply(block.as_mut_slice());
        block
    }
}

/// GHASH over bytes that come in chunks of any size.
#[derive(Clone)]
struct Hasher {
    hash: GHash,
    /// What does not fill a block yet.
    partial: [u8; 16],
    filled: usize,
    bytes: u64,
}

impl Hasher {
    fn update(&mut self, mut bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        if self.filled > 0 {
            let taken = bytes.len().min(16 - self.filled);
            let (now, later) = bytes.split_at(taken);
            self.partial[self.filled..self.filled + taken].copy_from_slice(now);
            self.filled += taken;
            bytes = later;
            if self.filled < 16 {
                return;
            }
            self.hash.update(&[Block::from(self.partial)]);
            self.filled = 0;
        }
        let (blocks, rest) = Block::slice_as_chunks(bytes);
        self.hash.update(blocks);
        self.partial[..rest.len()].copy_from_slice(rest);
        self.filled = rest.len();
    }

    /// Pads, adds the lengths in bits of what was authenticated only and of what was encrypted, and ends.
    fn finish(mut self) -> [u8; 16] {
        self.hash.update_padded(&self.partial[..self.filled]);
        let mut lengths = [0; 16];
        lengths[8..].copy_from_slice(&(self.bytes * 8).to_be_bytes());
        self.hash.update(&[Block::from(lengths)]);
        self.hash.finalize().into()
    }
}

/// AES-GCM in the making.
pub(super) struct Gcm {
    counter: Counter,
    hasher: Hasher,
    /// The first block of the key stream, which goes over the tag.
    mask: Zeroizing<[u8; 16]>,
}

impl Gcm {
    /// `None` for a key of another cipher.
    pub(super) fn new(key: &FileKey) -> Option<Self> {
        if key.cipher == Cipher::Aes256Cbc {
            return None;
        }
        let subkey = Counter::new(&key.key, [0; 16])?.block();
        let mut subkey_block = Block::from(*subkey);
        let hasher = Hasher {
            hash: GHash::new(&subkey_block),
            partial: [0; 16],
            filled: 0,
            bytes: 0,
        };
        subkey_block.as_mut_slice().zeroize();
        // SP 800-38D §7.1, step 2.
        let first = match <[u8; 12]>::try_from(key.iv.as_slice()) {
            Ok(iv) => {
                let mut block = [0; 16];
                block[..12].copy_from_slice(&iv);
                block[15] = 1;
                block
            }
            Err(_) => {
                let mut of_iv = hasher.clone();
                of_iv.update(&key.iv);
                of_iv.finish()
            }
        };
        let mut counter = Counter::new(&key.key, first)?;
        let mask = counter.block();
        Some(Self {
            counter,
            hasher,
            mask,
        })
    }

    /// How many bytes went through.
    pub(super) const fn bytes(&self) -> u64 {
        self.hasher.bytes
    }

    pub(super) fn encrypt(&mut self, bytes: &mut [u8]) {
        self.counter.apply(bytes);
        self.hasher.update(bytes);
    }

    pub(super) fn decrypt(&mut self, bytes: &mut [u8]) {
        self.hasher.update(bytes);
        self.counter.apply(bytes);
    }

    pub(super) fn tag(self) -> [u8; TAG] {
        let mut tag = self.hasher.finish();
        for (byte, mask) in tag.iter_mut().zip(self.mask.iter()) {
            *byte ^= mask;
        }
        tag
    }
}
