//! Identifiers and nonces out of the one random seed that the caller gives.

use std::fmt;

use zeroize::Zeroize;

use crate::sasl::ScramHash;

/// Expands 32 random bytes into as many unpredictable values as one stream needs: HMAC-SHA-256 under the
/// seed of a label and a counter. What has been given out tells nothing about what comes.
pub struct Seed {
    secret: [u8; 32],
    count: u64,
}

impl Seed {
    /// `secret` must be fresh randomness, used for this stream alone.
    pub fn new(secret: [u8; 32]) -> Seed {
        Seed { secret, count: 0 }
    }

    /// The next 32 bytes.
    pub fn bytes(&mut self, label: &str) -> [u8; 32] {
        self.count += 1;
        let key = ScramHash::Sha256.hmac(
            &self.secret,
            &[label.as_bytes(), b"\0", &self.count.to_be_bytes()],
        );
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(key.expose()) {
            *to = *from;
        }
        bytes
    }

    /// The next identifier: 24 characters of lower-case base32, 120 bits.
    pub fn text(&mut self, label: &str) -> String {
        base32(&self.bytes(label)[..15])
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(…)")
    }
}

/// Lower-case base32 without padding, five bytes to eight characters; a rest is dropped.
pub(crate) fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut text = String::with_capacity(bytes.len() * 8 / 5);
    for group in bytes.chunks_exact(5) {
        let bits = group
            .iter()
            .fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        for shift in (0..8).rev() {
            text.push(char::from(LETTERS[(bits >> (shift * 5)) as usize & 31]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_differ_and_repeat_with_the_seed() {
        let mut seed = Seed::new([1; 32]);
        let (first, second) = (seed.text("id"), seed.text("id"));
        assert_eq!(first.len(), 24);
        assert_ne!(first, second);
        assert_eq!(Seed::new([1; 32]).text("id"), first);
        assert_ne!(Seed::new([2; 32]).text("id"), first);
        assert_ne!(Seed::new([1; 32]).text("nonce"), first);
        // base64.b32encode(b'hello')
        assert_eq!(base32(b"hello"), "nbswy3dp");
    }
}
