//! Deriving the keys of passwords, fast: PBKDF2 of aws-lc-rs, which uses the processor's own hash instructions.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use store::ScramRecord;
use xmpp::sasl::{Key, Password, SaltedPassword, ScramHash, prepare};

/// Bytes of a salt.
const SALT: usize = 16;

/// Why no keys could be made.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The password cannot be used.
    #[error("the password is empty or holds control characters; choose another")]
    Password,
    /// No randomness.
    #[error("the system gave no randomness: {0}")]
    Random(getrandom::Error),
}

/// The keys of a password for every SCRAM mechanism. Costs three times `iterations` HMACs: 4 to 5 ms of one core for
/// 4096 iterations, most of it SHA-512.
///
/// # Errors
/// When the password cannot be used.
pub fn derive(password: &Password, iterations: u32) -> Result<Vec<ScramRecord>, KeysError> {
    let prepared = prepare(password.expose()).ok_or(KeysError::Password)?;
    let rounds =
        NonZeroU32::new(iterations.max(xmpp::sasl::MINIMUM_ITERATIONS)).unwrap_or(NonZeroU32::MIN);
    [
        (ScramHash::Sha512, pbkdf2::PBKDF2_HMAC_SHA512, "SHA-512", 64),
        (ScramHash::Sha256, pbkdf2::PBKDF2_HMAC_SHA256, "SHA-256", 32),
        (ScramHash::Sha1, pbkdf2::PBKDF2_HMAC_SHA1, "SHA-1", 20),
    ]
    .into_iter()
    .map(|(hash, algorithm, name, length)| {
        let mut salt = vec![0; SALT];
        getrandom::fill(&mut salt).map_err(KeysError::Random)?;
        let mut stretched = [0; 64];
        let stretched = &mut stretched[..length];
        pbkdf2::derive(
            algorithm,
            rounds,
            &salt,
            prepared.expose().as_bytes(),
            stretched,
        );
        let key = Key::new(stretched).ok_or(KeysError::Password)?;
        let keys = SaltedPassword {
            hash,
            iterations: rounds.get(),
            salt,
            key,
        }
        .keys();
        Ok(ScramRecord {
            hash: name.into(),
            iterations: keys.iterations,
            salt: keys.salt.clone(),
            stored_key: keys.stored_key.expose().to_vec(),
            server_key: keys.server_key.expose().to_vec(),
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_reference_derivation() {
        let password = Password::new("pencil");
        for record in derive(&password, 4096).expect("derives") {
            let hash = match &*record.hash {
                "SHA-512" => ScramHash::Sha512,
                "SHA-256" => ScramHash::Sha256,
                _ => ScramHash::Sha1,
            };
            let reference = xmpp::sasl::ScramKeys::derive(&password, &record.salt, 4096, hash)
                .expect("derives");
            assert_eq!(record.stored_key, reference.stored_key.expose());
            assert_eq!(record.server_key, reference.server_key.expose());
        }
        assert!(derive(&Password::new(""), 4096).is_err());
    }
}
