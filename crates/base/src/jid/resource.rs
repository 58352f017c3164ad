//! Resources: OpaqueString (RFC 8265 §4.2, RFC 7622 §3.4).

use std::borrow::Cow;

use super::precis;
use super::{JidError, Part, bounded, worth_normalising};

/// Whether an ASCII byte may stand in a resource; all of them are their own normal form.
pub(super) const fn is_plain(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e)
}

/// The normal form of a resource: any space is U+0020, then NFC; letter case stays.
///
/// Wider than OpaqueString where people's nicknames need it: joiners, variation selectors and tags
/// of emoji sequences, private use, and code points younger than our tables.
pub(super) fn normalise(text: &str) -> Result<Cow<'_, str>, JidError> {
    worth_normalising(Part::Resource, text)?;
    let mapped = if text.bytes().all(is_plain) {
        Cow::Borrowed(text)
    } else {
        precis::until_stable(text, |text| precis::nfc(&precis::spaces_mapped(text)))
            .map(Cow::Owned)
            .ok_or_else(|| JidError::Forbidden(Part::Resource, precis::first_beyond_ascii(text)))?
    };
    match mapped
        .chars()
        .find(|&c| !precis::is_tolerable_in_resource(c))
    {
        Some(c) => Err(JidError::Forbidden(Part::Resource, c)),
        None => bounded(Part::Resource, mapped),
    }
}
