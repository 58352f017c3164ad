//! Character references and the five entities, and the normalisation of values.

use std::borrow::Cow;

use super::XmlError;
use super::names::is_char;

/// The longest reference that is accepted, with `&` and `;`. XML knows no limit (zeros may lead), but
/// nobody needs more.
const REFERENCE_BYTES: usize = 32;

/// What stands at an ampersand.
pub(super) enum Reference {
    /// A whole reference: its character, and its length in bytes.
    Whole(char, usize),
    /// The end is not there yet.
    Unfinished,
}

/// Reads the reference that `bytes` begin with.
pub(super) fn parse(bytes: &[u8]) -> Result<Reference, XmlError> {
    for (at, &byte) in bytes.iter().enumerate().skip(1).take(REFERENCE_BYTES - 1) {
        match byte {
            b';' => return resolve(&bytes[1..at]).map(|c| Reference::Whole(c, at + 1)),
            b'#' if at == 1 => {}
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {}
            _ => return Err(XmlError::NotWellFormed),
        }
    }
    if bytes.len() < REFERENCE_BYTES {
        return Ok(Reference::Unfinished);
    }
    // A long name is one of an entity; a long number is nonsense.
    Err(match bytes[1] {
        b'a'..=b'z' | b'A'..=b'Z' => XmlError::RestrictedXml,
        _ => XmlError::NotWellFormed,
    })
}

fn resolve(name: &[u8]) -> Result<char, XmlError> {
    match name {
        b"lt" => Ok('<'),
        b"gt" => Ok('>'),
        b"amp" => Ok('&'),
        b"apos" => Ok('\''),
        b"quot" => Ok('"'),
        [b'#', b'x', digits @ ..] => number(digits, 16),
        [b'#', digits @ ..] => number(digits, 10),
        [b'a'..=b'z' | b'A'..=b'Z', ..] => Err(XmlError::RestrictedXml),
        _ => Err(XmlError::NotWellFormed),
    }
}

fn number(digits: &[u8], radix: u32) -> Result<char, XmlError> {
    let mut value: u32 = 0;
    for &digit in digits {
        let digit = char::from(digit)
            .to_digit(radix)
            .ok_or(XmlError::NotWellFormed)?;
        value = value
            .checked_mul(radix)
            .and_then(|value| value.checked_add(digit))
            .filter(|&value| value <= 0x10_FFFF)
            .ok_or(XmlError::NotWellFormed)?;
    }
    char::from_u32(value)
        .filter(|&c| !digits.is_empty() && is_char(c))
        .ok_or(XmlError::NotWellFormed)
}

/// The value of a checked attribute: references resolved, white space characters made spaces
/// (XML 1.0 §3.3.3).
pub(super) fn attribute_value(raw: &str) -> Cow<'_, str> {
    let plain = |byte| !matches!(byte, b'&' | b'\t' | b'\n' | b'\r');
    if raw.bytes().all(plain) {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.bytes().position(|byte| !plain(byte)) {
        out.push_str(&rest[..at]);
        let tail = &rest[at..];
        let length = match parse(tail.as_bytes()) {
            _ if tail.starts_with("\r\n") => {
                out.push(' ');
                2
            }
            Ok(Reference::Whole(c, length)) if tail.starts_with('&') => {
                out.push(c);
                length
            }
            _ => {
                out.push(' ');
                1
            }
        };
        rest = &tail[length..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The text of character data without references: line ends become `\n` (XML 1.0 §2.11).
pub(super) fn line_ends(raw: &str) -> Cow<'_, str> {
    if !raw.contains('\r') {
        return Cow::Borrowed(raw);
    }
    Cow::Owned(raw.replace("\r\n", "\n").replace('\r', "\n"))
}
