//! Fingerprints as an address that fits into a QR code.
//!
//! `xmpp:romeo@montague.example?omemo-sid-31415=…;omemo-sid-9=…` is what Conversations and those who follow it show
//! and scan. A trust message URI (XEP-0434 §8.1) is read as well.

use std::fmt;

use base::{BareJid, Jid};
use xmpp::ns;
use xmpp::xep::omemo::DeviceId;

use super::read_hex;
use crate::crypto::IdentityKey;

/// More claims than this are not read.
const MAX_CLAIMS: usize = 256;

/// What an address says about one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The device; a trust message URI does not say it.
    pub device: Option<DeviceId>,
    /// Its key. From a trust message URI it may be in the Edwards shape; see [`IdentityKey::is_named`].
    pub key: IdentityKey,
    /// Whether it is to be believed.
    pub trust: bool,
}

/// An address with the fingerprints of an account's devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerificationUri {
    /// Whose devices they are.
    pub account: BareJid,
    /// The devices.
    pub claims: Vec<Claim>,
}

/// Why an address was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UriFault {
    /// It is no `xmpp:` address with an account in it.
    #[error("this is no address of an XMPP account")]
    NoAccount,
    /// It is one, without any fingerprint.
    #[error(
        "the address has no fingerprints: use the code that the other device shows for verification"
    )]
    NoFingerprints,
    /// A fingerprint in it is damaged.
    #[error("a fingerprint in the address is damaged: scan it again")]
    Damaged,
    /// It is about keys of another kind.
    #[error("the address is about another kind of encryption")]
    OtherEncryption,
}

/// What may stand in a URI as it is (RFC 3986 §2.3), with `@`, which may stand in its path.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte)
}

impl fmt::Display for VerificationUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("xmpp:")?;
        for byte in self.account.as_str().bytes() {
            if is_plain(byte) {
                write!(f, "{}", char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        let known = self
            .claims
            .iter()
            .filter_map(|claim| Some((claim.device?, claim.key)));
        for (index, (device, key)) in known.enumerate() {
            let separator = if index == 0 { '?' } else { ';' };
            write!(f, "{separator}omemo-sid-{device}={key}")?;
        }
        Ok(())
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let pair = [rest.next()?, rest.next()?];
            let pair = std::str::from_utf8(&pair).ok()?;
            bytes.push(u8::from_str_radix(pair, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

impl VerificationUri {
    /// Reads what was scanned.
    ///
    /// # Errors
    /// [`UriFault`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, UriFault> {
        let text = text.trim();
        let (scheme, rest) = text.split_once(':').ok_or(UriFault::NoAccount)?;
        if !scheme.eq_ignore_ascii_case("xmpp") {
            return Err(UriFault::NoAccount);
        }
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let query = query.split('#').next().unwrap_or_default();
        // An authority in front is the account to be used, not the one that is meant (RFC 5122 §2.3).
        let path = match path.strip_prefix("//") {
            Some(rest) => rest.split_once('/').ok_or(UriFault::NoAccount)?.1,
            None => path,
        };
        let account = percent_decoded(path)
            .and_then(|path| Jid::parse(&path).ok())
            .map(|jid| jid.bare())
            .filter(|jid| jid.local().is_some())
            .ok_or(UriFault::NoAccount)?;
        let mut claims = Vec::new();
        let mut other_encryption = false;
        for part in query.split([';', '&']).take(MAX_CLAIMS) {
            let Some((name, value)) = part.split_once('=') else {
                continue;
            };
            let value = percent_decoded(value).ok_or(UriFault::Damaged)?;
            let key = || read_hex(&value).ok_or(UriFault::Damaged);
            match name {
                "trust" | "distrust" => claims.push(Claim {
                    device: None,
                    key: key()?,
                    trust: name == "trust",
                }),
                "encryption" => {
                    other_encryption = !matches!(value.as_str(), ns::OMEMO | ns::OMEMO_LEGACY);
                }
                _ => {
                    if let Some(device) = name.strip_prefix("omemo-sid-") {
                        claims.push(Claim {
                            device: Some(device.parse().map_err(|_| UriFault::Damaged)?),
                            key: key()?,
                            trust: true,
                        });
                    }
                }
            }
        }
        if other_encryption {
            return Err(UriFault::OtherEncryption);
        }
        if claims.is_empty() {
            return Err(UriFault::NoFingerprints);
        }
        Ok(Self { account, claims })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::PublicKey;

    fn key(byte: u8) -> IdentityKey {
        IdentityKey::new(PublicKey::new([byte; 32]))
    }

    #[test]
    fn there_and_back() {
        let uri = VerificationUri {
            account: BareJid::parse("romeo@montague.example").unwrap(),
            claims: [(31415, 0xA1), (9, 0xB2)]
                .map(|(device, byte)| Claim {
                    device: Some(device),
                    key: key(byte),
                    trust: true,
                })
                .to_vec(),
        };
        let text = uri.to_string();
        assert_eq!(
            text,
            format!(
                "xmpp:romeo@montague.example?omemo-sid-31415={};omemo-sid-9={}",
                "a1".repeat(32),
                "b2".repeat(32)
            )
        );
        assert_eq!(VerificationUri::parse(&text), Ok(uri));
        let odd = VerificationUri {
            account: BareJid::parse("jürgen@bücher.example").unwrap(),
            claims: vec![Claim {
                device: Some(1),
                key: key(1),
                trust: true,
            }],
        };
        assert!(odd.to_string().is_ascii());
        assert_eq!(VerificationUri::parse(&odd.to_string()), Ok(odd));
    }

    #[test]
    fn trust_message_addresses_are_read() {
        let text = format!(
            "xmpp:bob@example.com?trust-message;encryption=urn:xmpp:omemo:2;trust={};distrust={}",
            "62".repeat(32),
            "B4".repeat(32)
        );
        let uri = VerificationUri::parse(&text).unwrap();
        let claims: Vec<_> = uri
            .claims
            .iter()
            .map(|claim| (claim.device, claim.key, claim.trust))
            .collect();
        assert_eq!(claims, [(None, key(0x62), true), (None, key(0xB4), false)]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, fault) in [
            ("", UriFault::NoAccount),
            ("https://example.com", UriFault::NoAccount),
            ("xmpp:", UriFault::NoAccount),
            ("xmpp:example.com", UriFault::NoAccount),
            ("xmpp:a@b%", UriFault::NoAccount),
            ("xmpp:a@b", UriFault::NoFingerprints),
            ("xmpp:a@b?message", UriFault::NoFingerprints),
            ("xmpp:a@b?omemo-sid-1=ab", UriFault::Damaged),
            (
                &format!("xmpp:a@b?omemo-sid-x={}", "00".repeat(32)),
                UriFault::Damaged,
            ),
            (
                &format!(
                    "xmpp:a@b?trust-message;encryption=urn:xmpp:ox:0;trust={}",
                    "00".repeat(32)
                ),
                UriFault::OtherEncryption,
            ),
        ] {
            assert_eq!(VerificationUri::parse(text), Err(fault), "{text}");
        }
    }
}
