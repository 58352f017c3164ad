//! Domains: host names by IDNA, IPv4 and IPv6 addresses (RFC 7622 §3.2).

use std::borrow::Cow;
use std::net::Ipv6Addr;

use idna::uts46::{AsciiDenyList, Hyphens, Uts46};

use super::precis;
use super::{JidError, Part, bounded, worth_normalising};

/// ASCII that may not stand in a host name. Wider than STD 3: underscores occur in the wild.
const DENIED: AsciiDenyList = AsciiDenyList::new(true, "!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~");

/// Whether an ASCII byte is its own normal form in a host name.
pub(super) const fn is_plain(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_')
}

/// Whether bytes that are all [`is_plain`] (or some of a local part) are a host name in normal
/// form: labels of which none is empty and none is an A-label.
pub(super) fn is_plain_name(name: &[u8]) -> bool {
    let mut label = 0;
    for (at, &byte) in name.iter().enumerate() {
        if byte == b'.' {
            if at == label {
                return false;
            }
            label = at + 1;
        } else if !is_plain(byte) || (byte == b'-' && at == label + 3 && name[at - 1] == b'-') {
            return false;
        }
    }
    label < name.len()
}

/// The normal form of a domain: A-labels become U-labels, a trailing dot goes, an IPv6 address is
/// written as RFC 5952 says.
///
/// IDNA by UTS 46 without its checks of hyphens and of label lengths: a resolver will have the
/// last word, and an emoji domain of a stranger is his affair.
pub(super) fn normalise(text: &str) -> Result<Cow<'_, str>, JidError> {
    if let Some(literal) = text.strip_prefix('[') {
        let address = literal.strip_suffix(']').ok_or(JidError::Domain)?;
        let address: Ipv6Addr = address.parse().map_err(|_| JidError::Domain)?;
        return Ok(Cow::Owned(format!("[{address}]")));
    }
    if is_plain_name(text.as_bytes()) {
        return bounded(Part::Domain, Cow::Borrowed(text));
    }
    worth_normalising(Part::Domain, text)?;
    let mapped = precis::until_stable(text, |text| {
        let (name, checked) = Uts46::new().to_unicode(text.as_bytes(), DENIED, Hyphens::Allow);
        checked.ok().map(|()| name.into_owned())
    })
    .ok_or(JidError::Domain)?;
    let mapped = match mapped.strip_suffix('.') {
        Some(name) => name.to_owned(),
        None => mapped,
    };
    if mapped.is_empty() {
        return Err(JidError::Empty(Part::Domain));
    }
    if mapped.split('.').any(str::is_empty) {
        return Err(JidError::Domain);
    }
    match mapped.chars().find(|&c| !precis::is_tolerable_in_name(c)) {
        Some(c) => Err(JidError::Forbidden(Part::Domain, c)),
        None => bounded(Part::Domain, Cow::Owned(mapped)),
    }
}
