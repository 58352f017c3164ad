//! As much of Protocol Buffers as OMEMO's messages need: numbers and bytes, read without copying.

/// The bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// A field's content. Fixed-width numbers are read over: OMEMO has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Other,
}

impl<'a> Value<'a> {
    pub(crate) fn number(self) -> Result<u32, Malformed> {
        match self {
            // What is longer than 32 bits is cut, as the encoding demands of readers.
            #[expect(clippy::cast_possible_truncation, reason = "see above")]
            Self::Number(number) => Ok(number as u32),
            _ => Err(Malformed),
        }
    }

    pub(crate) fn bytes(self) -> Result<&'a [u8], Malformed> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(Malformed),
        }
    }
}

/// Reads field after field.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.rest.split_first().ok_or(Malformed)?;
            self.rest = rest;
            number |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Malformed)
    }

    fn take(&mut self, count: u64) -> Result<&'a [u8], Malformed> {
        let count = usize::try_from(count).map_err(|_| Malformed)?;
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next field's number and content; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Value<'a>)>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            1 => {
                self.take(8)?;
                Value::Other
            }
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(length)?)
            }
            5 => {
                self.take(4)?;
                Value::Other
            }
            _ => return Err(Malformed),
        };
        Ok(Some((tag >> 3, value)))
    }
}

fn push_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7F) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub(crate) fn push_number(out: &mut Vec<u8>, field: u8, number: u32) {
    out.push(field << 3);
    push_varint(out, u64::from(number));
}

pub(crate) fn push_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field << 3 | 2);
    push_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let mut out = Vec::new();
        push_number(&mut out, 1, 0);
        push_number(&mut out, 2, 300);
        push_number(&mut out, 3, u32::MAX);
        push_bytes(&mut out, 4, &[7; 200]);
        assert_eq!(out[..5], [0x08, 0, 0x10, 0xAC, 0x02]);
        let mut fields = Fields::of(&out);
        assert_eq!(fields.next(), Ok(Some((1, Value::Number(0)))));
        assert_eq!(fields.next(), Ok(Some((2, Value::Number(300)))));
        assert_eq!(
            fields.next(),
            Ok(Some((3, Value::Number(u64::from(u32::MAX)))))
        );
        assert_eq!(fields.next(), Ok(Some((4, Value::Bytes(&[7; 200])))));
        assert_eq!(fields.next(), Ok(None));
    }

    #[test]
    fn what_is_cut_or_unknown_is_refused() {
        for bytes in [
            &[0x08][..],
            &[0x08, 0x80],
            &[0x12, 5, 1, 2],
            &[
                0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1,
            ],
            &[0x0B],
            &[0x09, 1, 2],
            &[0x0D, 1],
            &[0x80; 11],
        ] {
            assert_eq!(Fields::of(bytes).next(), Err(Malformed), "{bytes:?}");
        }
        assert_eq!(
            Fields::of(&[0x0D, 1, 2, 3, 4]).next(),
            Ok(Some((1, Value::Other)))
        );
    }
}
