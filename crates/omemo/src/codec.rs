//! How state is written down: plain fields behind a byte that says which version of the record it is.
//!
//! A record is never read by guessing. A version that is older than ours is read as what it was and becomes ours; one
//! that is newer is refused, so that an old program does not throw away what a new one wrote.

use base::BareJid;
use zeroize::Zeroizing;

use crate::crypto::{IdentityKey, Key, PublicKey, SecretKey};

/// A record that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// A newer version of the program wrote it.
    #[error("version {0} of a record is newer than this program: use the program that wrote it")]
    Newer(u8),
    /// It is damaged.
    #[error("a record is damaged")]
    Damaged,
}

/// Writes a record.
pub(crate) struct Encoder {
    bytes: Zeroizing<Vec<u8>>,
}

impl Encoder {
    /// `capacity` in bytes: what does not fit leaves a copy in freed memory, so better ask for too much.
    pub(crate) fn new(version: u8, capacity: usize) -> Self {
        let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
        bytes.push(version);
        Self { bytes }
    }

    pub(crate) fn finish(self) -> Zeroizing<Vec<u8>> {
        self.bytes
    }

    fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        if self.bytes.len() + bytes.len() > self.bytes.capacity() {
            let mut larger = Vec::with_capacity((self.bytes.len() + bytes.len()) * 2);
            larger.extend_from_slice(&self.bytes);
            // The old text is wiped as it is dropped, which a plain growth would not do.
            self.bytes = Zeroizing::new(larger);
        }
        self.bytes.extend_from_slice(bytes);
        self
    }

    pub(crate) fn byte(&mut self, byte: u8) -> &mut Self {
        self.raw(&[byte])
    }

    pub(crate) fn flag(&mut self, flag: bool) -> &mut Self {
        self.byte(u8::from(flag))
    }

    pub(crate) fn number(&mut self, number: u32) -> &mut Self {
        self.raw(&number.to_le_bytes())
    }

    pub(crate) fn time(&mut self, time: base::Timestamp) -> &mut Self {
        self.raw(&time.micros().to_le_bytes())
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.count(bytes.len()).raw(bytes)
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// How many of what follows there are.
    pub(crate) fn count(&mut self, count: usize) -> &mut Self {
        self.number(u32::try_from(count).unwrap_or(u32::MAX))
    }

    pub(crate) fn array<const N: usize>(&mut self, bytes: &[u8; N]) -> &mut Self {
        self.raw(bytes)
    }

    pub(crate) fn public(&mut self, key: &PublicKey) -> &mut Self {
        self.array(key.as_bytes())
    }

    pub(crate) fn identity(&mut self, key: &IdentityKey) -> &mut Self {
        self.array(key.as_bytes())
    }

    pub(crate) fn secret(&mut self, key: &SecretKey) -> &mut Self {
        self.array(key.expose())
    }

    pub(crate) fn key(&mut self, key: &Key) -> &mut Self {
        self.array(key.expose())
    }

    /// Whether there is one, and it.
    pub(crate) fn option<T>(
        &mut self,
        value: Option<T>,
        write: impl FnOnce(&mut Self, T),
    ) -> &mut Self {
        self.flag(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
        self
    }
}

/// Reads a record.
pub(crate) struct Decoder<'a> {
    rest: &'a [u8],
}

impl<'a> Decoder<'a> {
    /// Reads the version, which must be from 1 to `newest`.
    pub(crate) fn new(bytes: &'a [u8], newest: u8) -> Result<(u8, Self), StateError> {
        match bytes.split_first() {
            Some((&version, rest)) if (1..=newest).contains(&version) => {
                Ok((version, Self { rest }))
            }
            Some((&version, _)) if version > newest => Err(StateError::Newer(version)),
            _ => Err(StateError::Damaged),
        }
    }

    /// Nothing may be left.
    pub(crate) fn finish(self) -> Result<(), StateError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(StateError::Damaged)
        }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], StateError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or(StateError::Damaged)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], StateError> {
        self.take(N)?.try_into().map_err(|_| StateError::Damaged)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, StateError> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn flag(&mut self) -> Result<bool, StateError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(StateError::Damaged),
        }
    }

    pub(crate) fn number(&mut self) -> Result<u32, StateError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn time(&mut self) -> Result<base::Timestamp, StateError> {
        Ok(base::Timestamp::from_micros(i64::from_le_bytes(
            self.array()?,
        )))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], StateError> {
        let count = self.count()?;
        self.take(count)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, StateError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| StateError::Damaged)
    }

    pub(crate) fn jid(&mut self) -> Result<BareJid, StateError> {
        BareJid::parse(self.text()?).map_err(|_| StateError::Damaged)
    }

    /// Never more than there are bytes left, so that it may be trusted for allocating.
    pub(crate) fn count(&mut self) -> Result<usize, StateError> {
        let count = self.number()? as usize;
        if count > self.rest.len() {
            return Err(StateError::Damaged);
        }
        Ok(count)
    }

    pub(crate) fn public(&mut self) -> Result<PublicKey, StateError> {
        Ok(PublicKey::new(self.array()?))
    }

    pub(crate) fn identity(&mut self) -> Result<IdentityKey, StateError> {
        Ok(IdentityKey::new(self.public()?))
    }

    pub(crate) fn secret(&mut self) -> Result<SecretKey, StateError> {
        Ok(SecretKey::from_bytes(self.array()?))
    }

    pub(crate) fn key(&mut self) -> Result<Key, StateError> {
        Ok(Key::new(self.array()?))
    }

    pub(crate) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, StateError>,
    ) -> Result<Option<T>, StateError> {
        Ok(if self.flag()? {
            Some(read(self)?)
        } else {
            None
        })
    }

    /// As many as are said to follow.
    pub(crate) fn list<T, C: FromIterator<T>>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, StateError>,
    ) -> Result<C, StateError> {
        let count = self.count()?;
        (0..count).map(|_| read(self)).collect()
    }
}
