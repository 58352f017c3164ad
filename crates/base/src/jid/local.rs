//! Local parts: UsernameCaseMapped (RFC 8265 §3.3) with the exclusions of RFC 7622 §3.3.1.

use std::borrow::Cow;

use super::precis;
use super::{JidError, Part, bounded, worth_normalising};

/// Characters that RFC 7622 §3.3.1 takes out of local parts, besides what PRECIS refuses.
const EXCLUDED: &[char] = &['"', '&', '\'', '/', ':', '<', '>', '@'];

/// Whether an ASCII byte is its own normal form in a local part.
pub(super) const fn is_plain(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7e)
        && !matches!(
            byte,
            b'A'..=b'Z' | b'"' | b'&' | b'\'' | b'/' | b':' | b'<' | b'>' | b'@'
        )
}

/// The normal form of a stranger's local part.
///
/// Mapped like UsernameCaseMapped, but of the string class only those characters are refused that
/// nobody could tell apart or that have another normal form elsewhere: spaces, controls, invisible
/// ones but joiners, and compatibility forms. Symbols and unassigned code points pass.
pub(super) fn normalise(text: &str) -> Result<Cow<'_, str>, JidError> {
    worth_normalising(Part::Local, text)?;
    let mapped = if text.bytes().all(is_plain) {
        Cow::Borrowed(text)
    } else {
        case_mapped(text)?
    };
    match mapped
        .chars()
        .find(|&c| EXCLUDED.contains(&c) || !precis::is_tolerable_in_name(c))
    {
        Some(c) => Err(JidError::Forbidden(Part::Local, c)),
        None => bounded(Part::Local, mapped),
    }
}

/// The normal form of a local part that is to be made here: all of UsernameCaseMapped, so that
/// every server that follows RFC 7622 accepts the address.
///
/// Refuses, beyond what [`super::Jid::parse`] refuses, everything outside of PRECIS'
/// IdentifierClass (RFC 8264 §4.2), joiners and middle dots out of context (RFC 5892 appendix A),
/// mixed writing directions (RFC 5893), and a leading combining mark.
pub fn local_part_strict(text: &str) -> Result<String, JidError> {
    let normal = normalise(text)?.into_owned();
    let forbidden = |c| JidError::Forbidden(Part::Local, c);
    if let Some(c) = precis::outside_identifier_class(&normal) {
        return Err(forbidden(c));
    }
    if let Some(c) = normal.chars().next().filter(|&c| precis::is_combining(c)) {
        return Err(forbidden(c));
    }
    if !precis::follows_bidi_rule(&normal) {
        return Err(JidError::Directions);
    }
    Ok(normal)
}

/// Width mapping, lower case and NFC, until nothing changes any more (RFC 8264 §7).
fn case_mapped(text: &str) -> Result<Cow<'_, str>, JidError> {
    if text.is_ascii() {
        return Ok(Cow::Owned(text.to_ascii_lowercase()));
    }
    precis::until_stable(text, |text| {
        precis::nfc(&precis::width_mapped(text).to_lowercase())
    })
    .map(Cow::Owned)
    .ok_or_else(|| JidError::Forbidden(Part::Local, precis::first_beyond_ascii(text)))
}
