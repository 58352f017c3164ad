//! HKDF and HMAC with SHA-256 (RFC 5869, RFC 2104).

use std::fmt;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// A secret of 32 bytes: a root, chain or message key.
#[derive(Clone)]
pub(crate) struct Key(Zeroizing<[u8; 32]>);

impl Key {
    pub(crate) fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// KDF_CK (XEP-0384 §4.3): the key for one message and the chain's next key.
    pub(crate) fn chain_step(&self) -> (Self, Self) {
        (
            Self::new(mac(self.expose(), &[&[1]])),
            Self::new(mac(self.expose(), &[&[2]])),
        )
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// HKDF without salt, which is one of zeroes.
pub(crate) fn expand<const N: usize>(material: &[u8], info: &[u8]) -> Zeroizing<[u8; N]> {
    expand_with(&[0; 32], material, info)
}

/// HKDF. `N` is a constant of the program, below the limit of 255 hashes.
pub(crate) fn expand_with<const N: usize>(
    salt: &[u8],
    material: &[u8],
    info: &[u8],
) -> Zeroizing<[u8; N]> {
    const { assert!(N <= 255 * 32) };
    let mut out = Zeroizing::new([0; N]);
    Hkdf::<Sha256>::new(Some(salt), material)
        .expand(info, out.as_mut_slice())
        .expect("the length is below 255 hashes");
    out
}

/// HMAC over the parts, one after the other.
pub(crate) fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut hmac =
        <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        hmac.update(part);
    }
    hmac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::unhex;

    #[test]
    fn hkdf_is_that_of_rfc_5869() {
        // Test cases 1 and 3 of appendix A.
        let out: Zeroizing<[u8; 42]> = expand_with(
            &unhex("000102030405060708090a0b0c"),
            &[0x0b; 22],
            &unhex("f0f1f2f3f4f5f6f7f8f9"),
        );
        assert_eq!(
            out.to_vec(),
            unhex(
                "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
            )
        );
        let out: Zeroizing<[u8; 42]> = expand_with(&[], &[0x0b; 22], &[]);
        assert_eq!(
            out.to_vec(),
            unhex(
                "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
            )
        );
        let zeroes: Zeroizing<[u8; 42]> = expand(&[0x0b; 22], &[]);
        assert_eq!(out, zeroes, "no salt is a salt of zeroes");
    }

    #[test]
    fn hmac_is_that_of_rfc_4231() {
        assert_eq!(
            mac(b"Jefe", &[b"what do ya want ", b"for nothing?"]).to_vec(),
            unhex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        );
    }

    #[test]
    fn a_key_shows_nothing() {
        assert_eq!(format!("{:?}", Key::new([7; 32])), "Key(…)");
    }
}
