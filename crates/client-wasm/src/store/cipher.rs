//! Sealing: AES-256-GCM with random nonces.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use client::storage::StorageFault;
use client::{Randomness, StorageError};

/// Bytes that sealing adds: a nonce before, a tag behind.
pub(super) const OVERHEAD: usize = NONCE + TAG;
const NONCE: usize = 12;
const TAG: usize = 16;

/// The key under which everything lies. The browser keeps it wrapped by a key that it does not hand out.
pub struct DataKey(Aes256Gcm);

impl DataKey {
    /// A key of 32 bytes.
    ///
    /// # Errors
    /// [`StorageError`], when it has another length.
    pub fn new(bytes: &[u8]) -> Result<Self, StorageError> {
        let cipher = Aes256Gcm::new_from_slice(bytes);
        cipher.map(Self).map_err(|_| {
            StorageError::new(
                StorageFault::Damaged,
                "the key of this device's data is damaged: sign in anew",
            )
        })
    }

    /// Appends `plain`, sealed, to `out`. `about` is not kept; to open, the same is needed.
    pub(super) fn seal(
        &self,
        plain: &[u8],
        about: &[u8],
        random: &mut dyn Randomness,
        out: &mut Vec<u8>,
    ) -> Result<(), StorageError> {
        let mut nonce = [0; NONCE];
        random.fill(&mut nonce);
        out.extend_from_slice(&nonce);
        let start = out.len();
        out.extend_from_slice(plain);
        let body = out.get_mut(start..).unwrap_or_default();
        let tag = self
            .0
            .encrypt_inout_detached(&Nonce::from(nonce), about, body.into())
            .map_err(|_| {
                StorageError::new(
                    StorageFault::Other,
                    "this is too much to be kept in one piece",
                )
            })?;
        out.extend_from_slice(&tag);
        Ok(())
    }

    /// What was sealed; `None` when it is damaged, or was sealed about something else.
    pub(super) fn open(&self, sealed: &[u8], about: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE>()?;
        let (body, tag) = rest.split_last_chunk::<TAG>()?;
        let mut plain = body.to_vec();
        self.0
            .decrypt_inout_detached(
                &Nonce::from(*nonce),
                about,
                plain.as_mut_slice().into(),
                &Tag::from(*tag),
            )
            .ok()?;
        Some(plain)
    }
}
