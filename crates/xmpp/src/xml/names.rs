//! Which characters XML 1.0 (fifth edition) allows where.

use super::XmlError;

/// The byte may start a name.
pub(super) const NAME_START: u8 = 1;
/// The byte may stand in a name.
pub(super) const NAME: u8 = 2;
/// White space.
pub(super) const SPACE: u8 = 4;
/// The byte is not ASCII: the whole name must be looked at again, character by character.
pub(super) const HIGH: u8 = 8;
/// The byte ends or interrupts the plain part of an attribute value.
pub(super) const VALUE_STOP: u8 = 16;

/// What each byte may be.
pub(super) static CLASS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => NAME_START | NAME,
            b'0'..=b'9' | b'-' | b'.' => NAME,
            b' ' => SPACE,
            b'\t' | b'\n' | b'\r' => SPACE | VALUE_STOP,
            b'<' | b'&' | b'\'' | b'"' => VALUE_STOP,
            0x80..=0xFF => NAME_START | NAME | HIGH,
            _ => 0,
        };
        byte += 1;
    }
    table
};

/// Whether the character may start a name without colon (XML 1.0 production 4).
fn is_name_start(c: char) -> bool {
    matches!(c,
        'A'..='Z' | 'a'..='z' | '_'
        | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}'
        | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}'
        | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

/// Whether the character may stand in a name without colon (XML 1.0 production 4a).
fn is_name_char(c: char) -> bool {
    is_name_start(c)
        || matches!(c,
            '0'..='9' | '-' | '.' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// Whether `name` is a name without colon.
pub(super) fn is_ncname(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(is_name_start) && chars.all(is_name_char)
}

/// Whether XML allows the character at all (XML 1.0 production 2).
pub(super) fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// How much of some bytes is text of legal characters, and what comes after it.
pub(super) struct Checked<'b> {
    /// The legal part.
    pub(super) text: &'b str,
    /// What follows: nothing, the begin of a character, or something illegal.
    pub(super) rest: Rest,
}

/// What follows legal text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// The bytes behind the text are none, or the unfinished begin of one character.
    Unfinished,
    /// A character that XML forbids, or bytes that are no UTF-8.
    Bad(XmlError),
}

/// Checks that bytes are UTF-8 and hold only characters that XML allows.
pub(super) fn check(bytes: &[u8]) -> Checked<'_> {
    let (text, mut rest) = match std::str::from_utf8(bytes) {
        Ok(text) => (text, Rest::Unfinished),
        Err(error) => {
            let (valid, _) = bytes.split_at(error.valid_up_to());
            let rest = match error.error_len() {
                None => Rest::Unfinished,
                Some(_) => Rest::Bad(XmlError::InvalidUtf8),
            };
            (std::str::from_utf8(valid).unwrap_or_default(), rest)
        }
    };
    let mut end = text.len();
    // One branchless sweep; the place is looked for only when there is one.
    let suspicious = text
        .as_bytes()
        .iter()
        .fold(false, |found, &byte| found | (byte < 0x20) | (byte == 0xEF));
    if suspicious {
        let illegal = text.bytes().enumerate().position(|(at, byte)| match byte {
            b'\t' | b'\n' | b'\r' => false,
            0..0x20 => true,
            0xEF => matches!(
                text.as_bytes().get(at..at + 3),
                Some([_, 0xBF, 0xBE | 0xBF])
            ),
            _ => false,
        });
        if let Some(at) = illegal {
            end = at;
            rest = Rest::Bad(XmlError::NotWellFormed);
        }
    }
    Checked {
        text: &text[..end],
        rest,
    }
}
