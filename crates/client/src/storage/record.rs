//! How records are written down: plain fields behind a byte that says which version of the record it is. Numbers take as
//! many bytes as they need.
//!
//! A record is never read by guessing: one that is newer than this program is refused.

use base::{BareJid, Timestamp};

use super::{StorageError, StorageFault};

/// Writes a record.
pub(crate) struct Encoder(Vec<u8>);

impl Encoder {
    pub(crate) fn new(version: u8) -> Self {
        Self(vec![version])
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }

    pub(crate) fn byte(&mut self, byte: u8) -> &mut Self {
        self.0.push(byte);
        self
    }

    pub(crate) fn flag(&mut self, flag: bool) -> &mut Self {
        self.byte(u8::from(flag))
    }

    pub(crate) fn number(&mut self, mut number: u64) -> &mut Self {
        while number >= 0x80 {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.byte(number as u8)
    }

    pub(crate) fn time(&mut self, time: Timestamp) -> &mut Self {
        self.number(time.micros() as u64)
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
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

    pub(crate) fn option_text(&mut self, text: Option<&str>) -> &mut Self {
        self.option(text, |record, text| {
            record.text(text);
        })
    }

    pub(crate) fn option_time(&mut self, time: Option<Timestamp>) -> &mut Self {
        self.option(time, |record, time| {
            record.time(time);
        })
    }

    pub(crate) fn list<T>(
        &mut self,
        items: impl ExactSizeIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        self.number(items.len() as u64);
        for item in items {
            write(self, item);
        }
        self
    }
}

/// A record cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordError {
    Newer(u8),
    Damaged,
}

impl RecordError {
    /// With what it is a record of.
    pub(crate) fn of(self, what: &str) -> StorageError {
        match self {
            Self::Newer(version) => StorageError::new(
                StorageFault::Newer,
                format!(
                    "version {version} of a record of {what} is newer than this program: use the program that wrote it"
                ),
            ),
            Self::Damaged => StorageError::damaged(what),
        }
    }
}

/// Reads a record.
pub(crate) struct Decoder<'a>(&'a [u8]);

type Read<T> = Result<T, RecordError>;

impl<'a> Decoder<'a> {
    /// Reads the version, which must be from 1 to `newest`.
    pub(crate) fn new(bytes: &'a [u8], newest: u8) -> Read<(u8, Self)> {
        match bytes.split_first() {
            Some((&version, rest)) if (1..=newest).contains(&version) => Ok((version, Self(rest))),
            Some((&version, _)) if version > newest => Err(RecordError::Newer(version)),
            _ => Err(RecordError::Damaged),
        }
    }

    pub(crate) fn byte(&mut self) -> Read<u8> {
        let (byte, rest) = self.0.split_first().ok_or(RecordError::Damaged)?;
        self.0 = rest;
        Ok(*byte)
    }

    pub(crate) fn flag(&mut self) -> Read<bool> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(RecordError::Damaged),
        }
    }

    pub(crate) fn number(&mut self) -> Read<u64> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(RecordError::Damaged)
    }

    pub(crate) fn small(&mut self) -> Read<u32> {
        u32::try_from(self.number()?).map_err(|_| RecordError::Damaged)
    }

    pub(crate) fn time(&mut self) -> Read<Timestamp> {
        Ok(Timestamp::from_micros(self.number()? as i64))
    }

    pub(crate) fn bytes(&mut self) -> Read<&'a [u8]> {
        let length = usize::try_from(self.number()?).map_err(|_| RecordError::Damaged)?;
        let (bytes, rest) = self
            .0
            .split_at_checked(length)
            .ok_or(RecordError::Damaged)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(crate) fn text(&mut self) -> Read<&'a str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| RecordError::Damaged)
    }

    pub(crate) fn string(&mut self) -> Read<String> {
        self.text().map(str::to_owned)
    }

    pub(crate) fn jid(&mut self) -> Read<BareJid> {
        BareJid::parse(self.text()?).map_err(|_| RecordError::Damaged)
    }

    pub(crate) fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<Option<T>> {
        self.flag()?.then(|| read(self)).transpose()
    }

    pub(crate) fn option_string(&mut self) -> Read<Option<String>> {
        self.option(Self::string)
    }

    pub(crate) fn option_time(&mut self) -> Read<Option<Timestamp>> {
        self.option(Self::time)
    }

    pub(crate) fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let count = self.number()?;
        // Each item has at least a byte.
        if count > self.0.len() as u64 {
            return Err(RecordError::Damaged);
        }
        (0..count).map(|_| read(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_there_and_back() {
        let mut record = Encoder::new(2);
        record.number(0).number(127).number(128).number(u64::MAX);
        record.text("O Romeo").option_text(None);
        record.time(Timestamp::from_seconds(1_795_392_000));
        record.list([1u64, 2].into_iter(), |record, number| {
            record.number(number);
        });
        let bytes = record.finish();
        let (version, mut fields) = Decoder::new(&bytes, 2).unwrap();
        assert_eq!(version, 2);
        for number in [0, 127, 128, u64::MAX] {
            assert_eq!(fields.number(), Ok(number));
        }
        assert_eq!(fields.text(), Ok("O Romeo"));
        assert_eq!(fields.option_string(), Ok(None));
        assert_eq!(fields.time(), Ok(Timestamp::from_seconds(1_795_392_000)));
        assert_eq!(fields.list(Decoder::number), Ok(vec![1, 2]));
        assert_eq!(fields.byte(), Err(RecordError::Damaged));
        assert_eq!(Decoder::new(&bytes, 1).err(), Some(RecordError::Newer(2)));
        assert_eq!(Decoder::new(&[], 1).err(), Some(RecordError::Damaged));
        // A length beyond all bytes.
        let (_, mut fields) = Decoder::new(&[1, 0xff, 0xff, 0x03], 1).unwrap();
        assert_eq!(fields.bytes(), Err(RecordError::Damaged));
    }
}
