//! Encrypting a file while it is uploaded.

use std::fmt;

use sha2::{Digest, Sha256};
use xmpp::xep::encrypted_files::Cipher;
use xmpp::xep::hashes::{Hash, HashFunction};

use super::cipher::{FileKey, Gcm, MOST_BYTES, TAG};

/// Why a file is not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It is larger than the cipher can take.
    #[error("files above 64 GiB cannot be encrypted: share it in parts")]
    TooLarge,
    /// We encrypt with AES-256-GCM only.
    #[error("new files are encrypted with AES-256-GCM only: draw a new key")]
    OtherCipher,
}

/// The size of a file once it is sealed, in bytes: what to ask for when a place is asked for. `None` for files above
/// 64 GiB.
#[must_use]
pub const fn sealed_size(size: u64) -> Option<u64> {
    if size > MOST_BYTES {
        return None;
    }
    Some(size + TAG as u64)
}

/// What is known once a file is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The last 16 bytes of the upload.
    pub tag: [u8; TAG],
    /// Size of the file itself, in bytes.
    pub size: u64,
    /// SHA-256 of the file itself.
    pub hash: Hash,
    /// SHA-256 of what was uploaded, with the tag.
    pub sealed_hash: Hash,
}

/// Encrypts a file in chunks of any size, with AES-256-GCM; the tag stands behind the file (XEP-0448 §4, XEP-0454 §3).
pub struct Sealer {
    gcm: Gcm,
    plain: Sha256,
    sealed: Sha256,
}

impl Sealer {
    /// Begins a file. The key must be a new one: a second file under the same key shows both.
    ///
    /// # Errors
    /// [`SealError::OtherCipher`].
    pub fn new(key: &FileKey) -> Result<Self, SealError> {
        let gcm = Gcm::new(key).filter(|_| key.cipher() == Cipher::Aes256Gcm);
        Ok(Self {
            gcm: gcm.ok_or(SealError::OtherCipher)?,
            plain: Sha256::new(),
            sealed: Sha256::new(),
        })
    }

    /// Encrypts the next bytes of the file in place.
    ///
    /// # Errors
    /// [`SealError::TooLarge`]; the bytes are then as they were.
    pub fn seal(&mut self, chunk: &mut [u8]) -> Result<(), SealError> {
        if self.gcm.bytes() + chunk.len() as u64 > MOST_BYTES {
            return Err(SealError::TooLarge);
        }
        self.plain.update(&*chunk);
        self.gcm.encrypt(chunk);
        self.sealed.update(&*chunk);
        Ok(())
    }

    /// Ends the file.
    #[must_use]
    pub fn finish(mut self) -> Sealed {
        let size = self.gcm.bytes();
        let tag = self.gcm.tag();
        self.sealed.update(tag);
        let sha256 = |hash: Sha256| Hash {
            function: HashFunction::Sha256,
            digest: hash.finalize().to_vec(),
        };
        Sealed {
            tag,
            size,
            hash: sha256(self.plain),
            sealed_hash: sha256(self.sealed),
        }
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("bytes", &self.gcm.bytes())
            .finish_non_exhaustive()
    }
}
