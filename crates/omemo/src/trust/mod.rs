//! Whom to believe: levels of trust, fingerprints, and what is exchanged about them.

pub(crate) mod message;
mod uri;

pub use uri::{Claim, UriFault, VerificationUri};

use crate::crypto::{IdentityKey, PublicKey};

/// What was decided about the key of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trust {
    /// Nothing yet: its user must look at it first. It is not written to.
    Undecided,
    /// It was the first that was seen, or came before anything was verified: believed without having been looked at,
    /// and to be shown so.
    FirstUse,
    /// Somebody compared it.
    Verified {
        /// Another verified device did, and said so (XEP-0450).
        automatic: bool,
    },
    /// It is not believed. It is not written to.
    Distrusted {
        /// Another verified device decided so (XEP-0450).
        automatic: bool,
    },
}

impl Trust {
    /// Whether somebody compared the key.
    #[must_use]
    pub const fn is_verified(self) -> bool {
        matches!(self, Self::Verified { .. })
    }
}

/// Which devices are written to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Policy {
    /// Those that were verified, and those that were believed on first use. Once a device of an account is verified,
    /// its new ones must be verified too (XEP-0450 §8.2, "TOAKAFA").
    #[default]
    FirstUse,
    /// Only those that were verified.
    VerifiedOnly,
}

impl Policy {
    /// Whether a device with a key of this trust may read.
    #[must_use]
    pub const fn allows(self, trust: Trust) -> bool {
        match trust {
            Trust::Verified { .. } => true,
            Trust::FirstUse => matches!(self, Self::FirstUse),
            Trust::Undecided | Trust::Distrusted { .. } => false,
        }
    }
}

/// The fingerprint of a key for reading aloud: eight groups of eight lower-case hexadecimal digits (XEP-0384 §8).
#[must_use]
pub fn fingerprint(key: &IdentityKey) -> String {
    let hex = key.to_string();
    let mut text = String::with_capacity(72);
    for (index, digit) in hex.chars().enumerate() {
        if index > 0 && index % 8 == 0 {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Reads a fingerprint of 64 digits; spaces, and a type in front as libsignal has it, are read over.
#[must_use]
pub fn read_fingerprint(text: &str) -> Option<IdentityKey> {
    let digits: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && *c != ':')
        .take(67)
        .collect();
    match digits.len() {
        64 => read_hex(&digits),
        66 => read_hex(digits.strip_prefix("05")?),
        _ => None,
    }
}

/// Reads 64 hexadecimal digits.
pub(crate) fn read_hex(digits: &str) -> Option<IdentityKey> {
    let mut bytes = [0; 32];
    if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(IdentityKey::new(PublicKey::new(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_as_they_are_shown() {
        let key = IdentityKey::new(PublicKey::new([0xA7; 32]));
        let shown = fingerprint(&key);
        assert_eq!(shown.len(), 71);
        assert!(shown.starts_with("a7a7a7a7 a7a7a7a7 "));
        assert_eq!(read_fingerprint(&shown), Some(key));
        assert_eq!(read_fingerprint(&shown.to_uppercase()), Some(key));
        assert_eq!(read_fingerprint(&format!("05{key}")), Some(key));
        for wrong in ["", "a7", &shown[1..], &format!("06{key}"), &"+1".repeat(32)] {
            assert_eq!(read_fingerprint(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn who_may_read() {
        let verified = Trust::Verified { automatic: true };
        let distrusted = Trust::Distrusted { automatic: false };
        for (policy, may) in [
            (Policy::FirstUse, [true, true, false, false]),
            (Policy::VerifiedOnly, [true, false, false, false]),
        ] {
            let trusts = [verified, Trust::FirstUse, Trust::Undecided, distrusted];
            assert_eq!(trusts.map(|trust| policy.allows(trust)), may);
        }
    }
}
