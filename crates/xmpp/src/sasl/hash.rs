//! The three hash functions of SCRAM behind one word.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// The hash function of a SCRAM mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScramHash {
    /// SHA-1 (RFC 5802).
    Sha1,
    /// SHA-256 (RFC 7677).
    Sha256,
    /// SHA-512 (draft-melnikov-scram-sha-512).
    Sha512,
}

/// A secret of the length of a hash, wiped when dropped and never printed.
#[derive(Clone)]
pub struct Key {
    bytes: [u8; 64],
    length: u8,
}

impl Key {
    /// Takes up to 64 bytes; `None` when there are more.
    pub fn new(bytes: &[u8]) -> Option<Key> {
        let mut key = Key {
            bytes: [0; 64],
            length: u8::try_from(bytes.len()).ok()?,
        };
        key.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(key)
    }

    /// The bytes, for a store or a computation. Not for logs.
    pub fn expose(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// Byte by byte exclusive or with `other`, which counts as zero where it is shorter.
    pub(crate) fn xor(mut self, other: &[u8]) -> Key {
        for (byte, other) in self.bytes[..usize::from(self.length)].iter_mut().zip(other) {
            *byte ^= other;
        }
        self
    }

    /// Compares in time that depends on the lengths only.
    pub fn matches(&self, other: &[u8]) -> bool {
        self.expose().ct_eq(other).into()
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.matches(other.expose())
    }
}

impl Eq for Key {}

impl Drop for Key {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

fn mac<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Key {
    // HMAC takes keys of every length (RFC 2104 §2); the empty key stands in for the error that cannot be.
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else {
        return Key {
            bytes: [0; 64],
            length: 0,
        };
    };
    for part in parts {
        mac.update(part);
    }
    key_of(&mac.finalize().into_bytes())
}

fn key_of(bytes: &[u8]) -> Key {
    let mut key = Key {
        bytes: [0; 64],
        length: 0,
    };
    for (to, from) in key.bytes.iter_mut().zip(bytes) {
        *to = *from;
        key.length += 1;
    }
    key
}

impl ScramHash {
    /// All, weakest first.
    pub const ALL: [ScramHash; 3] = [ScramHash::Sha1, ScramHash::Sha256, ScramHash::Sha512];

    /// The name inside a mechanism's name: `SHA-1`, `SHA-256`, `SHA-512`.
    pub fn name(self) -> &'static str {
        match self {
            ScramHash::Sha1 => "SHA-1",
            ScramHash::Sha256 => "SHA-256",
            ScramHash::Sha512 => "SHA-512",
        }
    }

    /// The hash with that [`ScramHash::name`].
    pub fn from_name(name: &str) -> Option<ScramHash> {
        ScramHash::ALL.into_iter().find(|hash| hash.name() == name)
    }

    /// The XEP-0480 task that brings keys of this hash: `UPGR-SCRAM-SHA-256`.
    pub fn upgrade_task(self) -> &'static str {
        match self {
            ScramHash::Sha1 => "UPGR-SCRAM-SHA-1",
            ScramHash::Sha256 => "UPGR-SCRAM-SHA-256",
            ScramHash::Sha512 => "UPGR-SCRAM-SHA-512",
        }
    }

    /// Length of its output in bytes.
    pub fn length(self) -> usize {
        match self {
            ScramHash::Sha1 => 20,
            ScramHash::Sha256 => 32,
            ScramHash::Sha512 => 64,
        }
    }

    /// H(data).
    pub fn digest(self, data: &[u8]) -> Key {
        match self {
            ScramHash::Sha1 => key_of(&Sha1::digest(data)),
            ScramHash::Sha256 => key_of(&Sha256::digest(data)),
            ScramHash::Sha512 => key_of(&Sha512::digest(data)),
        }
    }

    /// HMAC(key, parts one after the other).
    pub fn hmac(self, key: &[u8], parts: &[&[u8]]) -> Key {
        match self {
            ScramHash::Sha1 => mac::<Hmac<Sha1>>(key, parts),
            ScramHash::Sha256 => mac::<Hmac<Sha256>>(key, parts),
            ScramHash::Sha512 => mac::<Hmac<Sha512>>(key, parts),
        }
    }

    /// Hi(password, salt, iterations) of RFC 5802 §2.2, which is PBKDF2. Costs `iterations` HMACs.
    pub fn stretch(self, password: &[u8], salt: &[u8], iterations: u32) -> Key {
        let mut key = Key {
            bytes: [0; 64],
            length: self.length() as u8,
        };
        let out = &mut key.bytes[..self.length()];
        match self {
            ScramHash::Sha1 => pbkdf2::pbkdf2_hmac::<Sha1>(password, salt, iterations, out),
            ScramHash::Sha256 => pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, iterations, out),
            ScramHash::Sha512 => pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, iterations, out),
        }
        key
    }
}
