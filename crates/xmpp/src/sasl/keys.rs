//! What is kept instead of a password, and what answers for accounts that are not there.

use std::fmt;

use super::hash::{Key, ScramHash};
use super::password::{Password, prepare};

/// The fewest iterations that a client may be asked for (RFC 5802 §5.1, RFC 7677 §4).
pub const MINIMUM_ITERATIONS: u32 = 4096;

/// The most iterations a client works for a server it does not know yet: some seconds of one core.
pub(crate) const MAXIMUM_ITERATIONS: u32 = 5_000_000;

/// The keys of one password under one hash (RFC 5802 §3): enough to check a login, not enough to log in.
#[derive(Clone, PartialEq, Eq)]
pub struct ScramKeys {
    /// The hash they were made with.
    pub hash: ScramHash,
    /// PBKDF2 iterations.
    pub iterations: u32,
    /// Salt, raw bytes.
    pub salt: Vec<u8>,
    /// H(ClientKey).
    pub stored_key: Key,
    /// HMAC(SaltedPassword, "Server Key").
    pub server_key: Key,
}

/// Why keys cannot be made or read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// The password is empty or holds control characters.
    #[error("the password is empty or contains control characters")]
    Password,
    /// Fewer iterations than [`MINIMUM_ITERATIONS`], or an empty salt.
    #[error("at least 4096 iterations and a salt are needed")]
    Weak,
    /// A key has not the length of the hash.
    #[error("the length of the key does not fit the hash")]
    Length,
}

impl ScramKeys {
    /// Stretches a password into keys. The password is prepared here (SASLprep's mapping).
    /// Costs `iterations` HMACs: run it where that does not hold up others.
    ///
    /// # Errors
    /// [`KeysError::Password`] and [`KeysError::Weak`].
    pub fn derive(
        password: &Password,
        salt: &[u8],
        iterations: u32,
        hash: ScramHash,
    ) -> Result<ScramKeys, KeysError> {
        let salted = SaltedPassword::derive(password, salt, iterations, hash)?;
        Ok(salted.keys())
    }

    /// Puts keys together that were kept elsewhere.
    ///
    /// # Errors
    /// [`KeysError::Length`] when a key does not have the hash's length, [`KeysError::Weak`] without a salt.
    pub fn from_parts(
        hash: ScramHash,
        iterations: u32,
        salt: &[u8],
        stored_key: &[u8],
        server_key: &[u8],
    ) -> Result<ScramKeys, KeysError> {
        if salt.is_empty() || iterations == 0 {
            return Err(KeysError::Weak);
        }
        let length = hash.length();
        let key = |bytes: &[u8]| {
            Key::new(bytes)
                .filter(|_| bytes.len() == length)
                .ok_or(KeysError::Length)
        };
        Ok(ScramKeys {
            hash,
            iterations,
            salt: salt.to_vec(),
            stored_key: key(stored_key)?,
            server_key: key(server_key)?,
        })
    }

    /// Whether the password is the one of these keys; for PLAIN and for HTTP logins. Costs `iterations` HMACs.
    pub fn verify(&self, password: &Password) -> bool {
        self.verify_among(&[], password).is_some()
    }

    /// Which keys the password is of: 0 for these, 1 for the first of `others`, and so on. Stretches once, so
    /// only those of `others` count that share hash, salt and iterations with these.
    pub fn verify_among(&self, others: &[ScramKeys], password: &Password) -> Option<usize> {
        let prepared = prepare(password.expose())?;
        let salted = SaltedPassword {
            hash: self.hash,
            iterations: self.iterations,
            salt: self.salt.clone(),
            key: self
                .hash
                .stretch(prepared.expose().as_bytes(), &self.salt, self.iterations),
        };
        // All of the keys are compared, so that half of a damaged record never lets anyone in.
        let keys = salted.keys();
        let mut found = None;
        for (place, candidate) in std::iter::once(self).chain(others).enumerate() {
            if *candidate == keys {
                found = Some(place);
            }
        }
        found
    }
}

impl fmt::Debug for ScramKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScramKeys")
            .field("hash", &self.hash)
            .field("iterations", &self.iterations)
            .finish_non_exhaustive()
    }
}

/// Hi(password, salt, iterations): worth as much as the password to this server. A client may keep it to
/// save the stretching at its next login; XEP-0480 sends it to a server that lacks keys of this hash.
#[derive(Clone, PartialEq, Eq)]
pub struct SaltedPassword {
    /// The hash it was made with.
    pub hash: ScramHash,
    /// PBKDF2 iterations.
    pub iterations: u32,
    /// Salt, raw bytes.
    pub salt: Vec<u8>,
    /// The stretched password.
    pub key: Key,
}

impl SaltedPassword {
    /// Prepares and stretches a password.
    ///
    /// # Errors
    /// [`KeysError::Password`] and [`KeysError::Weak`].
    pub fn derive(
        password: &Password,
        salt: &[u8],
        iterations: u32,
        hash: ScramHash,
    ) -> Result<SaltedPassword, KeysError> {
        if iterations < MINIMUM_ITERATIONS || salt.is_empty() {
            return Err(KeysError::Weak);
        }
        let prepared = prepare(password.expose()).ok_or(KeysError::Password)?;
        let key = hash.stretch(prepared.expose().as_bytes(), salt, iterations);
        Ok(SaltedPassword {
            hash,
            iterations,
            salt: salt.to_vec(),
            key,
        })
    }

    /// HMAC(SaltedPassword, "Client Key").
    pub(crate) fn client_key(&self) -> Key {
        self.hash.hmac(self.key.expose(), &[b"Client Key"])
    }

    /// HMAC(SaltedPassword, "Server Key").
    pub(crate) fn server_key(&self) -> Key {
        self.hash.hmac(self.key.expose(), &[b"Server Key"])
    }

    /// The keys that a server keeps.
    pub fn keys(&self) -> ScramKeys {
        ScramKeys {
            hash: self.hash,
            iterations: self.iterations,
            salt: self.salt.clone(),
            stored_key: self.hash.digest(self.client_key().expose()),
            server_key: self.server_key(),
        }
    }
}

impl fmt::Debug for SaltedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaltedPassword")
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}

/// Answers for accounts that do not exist as if they did: the same name has the same salt at every try and
/// after every restart, so that nobody learns from the challenge who is there.
#[derive(Clone)]
pub struct UnknownAccounts {
    secret: Key,
    iterations: u32,
}

impl UnknownAccounts {
    /// `secret` belongs to this server alone; `iterations` are those that real accounts have.
    pub fn new(secret: &[u8], iterations: u32) -> UnknownAccounts {
        UnknownAccounts {
            secret: ScramHash::Sha256.hmac(secret, &[b"salts of unknown accounts"]),
            iterations,
        }
    }

    /// Keys that no password opens, with the salt that belongs to the name. Salts are 16 bytes long, as the
    /// salts of real accounts ought to be.
    pub fn keys(&self, account: &str, hash: ScramHash) -> ScramKeys {
        let name = hash.name().as_bytes();
        let part = |label: &[u8]| {
            hash.hmac(
                self.secret.expose(),
                &[label, b"\0", name, b"\0", account.as_bytes()],
            )
        };
        let salt = part(b"salt").expose()[..16].to_vec();
        ScramKeys {
            hash,
            iterations: self.iterations,
            salt,
            stored_key: part(b"stored"),
            server_key: part(b"server"),
        }
    }
}

impl fmt::Debug for UnknownAccounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnknownAccounts(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn keys_are_those_that_python_computes() {
        // import hashlib, hmac
        // s = hashlib.pbkdf2_hmac('sha512', b'pencil', b'saltysalt', 4096)
        // hashlib.sha512(hmac.digest(s, b'Client Key', 'sha512')).hexdigest()[:32]
        // hmac.digest(s, b'Server Key', 'sha512').hex()[:32]
        for (hash, stored, server) in PYTHON {
            let keys =
                ScramKeys::derive(&Password::new("pencil"), b"saltysalt", 4096, hash).unwrap();
            assert_eq!(hex(&keys.stored_key.expose()[..16]), stored);
            assert_eq!(hex(&keys.server_key.expose()[..16]), server);
            assert!(keys.verify(&Password::new("pencil")));
            assert!(!keys.verify(&Password::new("pencils")));
            assert!(!keys.verify(&Password::new("")));
        }
    }

    const PYTHON: [(ScramHash, &str, &str); 3] = [
        (
            ScramHash::Sha1,
            "305ef80d4636c306ff5bbd0be1d66c3e",
            "84387c5f43b026f9cff0db67b1cecd72",
        ),
        (
            ScramHash::Sha256,
            "45d44bf4ce21210e8a486472f1875c63",
            "94d63ab6852bcf98e592f2ed7496c08f",
        ),
        (
            ScramHash::Sha512,
            "2b2b9c770b8cca05aaaa0b9b53490093",
            "f4af557ecaace785ad3dad3d1f8e8f2e",
        ),
    ];

    #[test]
    fn unknown_accounts_are_steady_and_never_open() {
        let unknown = UnknownAccounts::new(b"secret", 10_000);
        let keys = unknown.keys("nobody@example.org", ScramHash::Sha256);
        assert_eq!(keys, unknown.keys("nobody@example.org", ScramHash::Sha256));
        assert_ne!(
            keys.salt,
            unknown.keys("somebody@example.org", ScramHash::Sha256).salt
        );
        assert_ne!(
            keys.salt,
            UnknownAccounts::new(b"other", 10_000)
                .keys("nobody@example.org", ScramHash::Sha256)
                .salt
        );
        assert!(!keys.verify(&Password::new("x")));
    }

    #[test]
    fn weak_or_broken_parts_are_refused() {
        let password = Password::new("pencil");
        assert_eq!(
            ScramKeys::derive(&password, b"s", 4095, ScramHash::Sha1),
            Err(KeysError::Weak)
        );
        assert_eq!(
            ScramKeys::derive(&password, b"", 4096, ScramHash::Sha1),
            Err(KeysError::Weak)
        );
        assert_eq!(
            ScramKeys::derive(&Password::new(""), b"s", 4096, ScramHash::Sha1),
            Err(KeysError::Password)
        );
        assert_eq!(
            ScramKeys::from_parts(ScramHash::Sha256, 4096, b"s", &[0; 20], &[0; 32]),
            Err(KeysError::Length)
        );
        assert!(
            !format!(
                "{:?}",
                ScramKeys::derive(&password, b"s", 4096, ScramHash::Sha1)
            )
            .contains("stored")
        );
    }
}
