//! SCRAM, the client's part.

use crate::sasl::{
    BindingType, ChannelBindings, Key, MAXIMUM_ITERATIONS, Password, SaltedPassword, SaslError,
    ScramHash, advertised_hash,
};

use super::message::{Challenge, escape};

/// What a client says about channel binding (RFC 5802 §6, XEP-0440 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindingChoice {
    /// It cannot bind: `n`.
    Unsupported,
    /// It could, and sees no offer: `y`.
    NotOffered,
    /// It binds, by a `-PLUS` mechanism.
    Use(BindingType),
}

/// What opens the account.
#[derive(Clone, Debug)]
pub enum ScramCredential {
    /// The password; it is stretched at every login.
    Password(Password),
    /// The stretched password of an earlier login. Used when salt, iterations and hash are still the same;
    /// otherwise the password is, and without one the login fails.
    Kept(SaltedPassword, Option<Password>),
}

/// The first message was made.
pub struct ClientFirst {
    hash: ScramHash,
    bare: String,
    header: String,
    data: Vec<u8>,
    nonce: String,
    credential: ScramCredential,
}

impl ClientFirst {
    /// Makes the first message. `nonce` is fresh, printable and without commas.
    ///
    /// # Errors
    /// [`SaslError::NotAuthorized`] when there is no data for the chosen binding.
    pub fn new(
        hash: ScramHash,
        choice: BindingChoice,
        bindings: &ChannelBindings,
        username: &str,
        credential: ScramCredential,
        nonce: &str,
    ) -> Result<(String, ClientFirst), SaslError> {
        let (header, data) = match choice {
            BindingChoice::Unsupported => ("n,,".to_owned(), Vec::new()),
            BindingChoice::NotOffered => ("y,,".to_owned(), Vec::new()),
            BindingChoice::Use(binding) => {
                let data = bindings.data(binding).ok_or(SaslError::NotAuthorized)?;
                (format!("p={},,", binding.name()), data.to_vec())
            }
        };
        let username = crate::sasl::prepare(username).ok_or(SaslError::Malformed)?;
        let bare = format!("n={},r={nonce}", escape(username.expose()));
        let message = format!("{header}{bare}");
        Ok((
            message,
            ClientFirst {
                hash,
                bare,
                header,
                data,
                nonce: nonce.to_owned(),
                credential,
            },
        ))
    }

    /// Answers the challenge. Stretches the password here. `advertised` is
    /// [`crate::sasl::advertised_text`] of what this client saw; a server that says it offered something
    /// else was tampered with (XEP-0474 §5.2).
    ///
    /// # Errors
    /// [`SaslError::Malformed`] for bad grammar or numbers out of bounds, [`SaslError::NotAuthorized`] for a
    /// foreign nonce, tampered offers and a kept password that does not fit.
    pub fn respond(
        self,
        message: &[u8],
        advertised: Option<&str>,
    ) -> Result<(String, ClientProof), SaslError> {
        let message = std::str::from_utf8(message).map_err(|_| SaslError::Malformed)?;
        let challenge = Challenge::parse(message)?;
        if !challenge.nonce.starts_with(&self.nonce) || challenge.nonce.len() == self.nonce.len() {
            return Err(SaslError::NotAuthorized);
        }
        if challenge.iterations > MAXIMUM_ITERATIONS {
            return Err(SaslError::Malformed);
        }
        if let (Some(seen), Some(said)) = (advertised, challenge.advertised)
            && advertised_hash(self.hash, seen) != said
        {
            return Err(SaslError::NotAuthorized);
        }
        let hash = self.hash;
        let stretch = |password: &Password| {
            SaltedPassword::derive(password, &challenge.salt, challenge.iterations, hash)
                .map_err(|_| SaslError::Malformed)
        };
        let salted = match self.credential {
            ScramCredential::Password(password) => stretch(&password)?,
            ScramCredential::Kept(salted, password) => {
                let fits = salted.hash == hash
                    && salted.salt == challenge.salt
                    && salted.iterations == challenge.iterations;
                match password {
                    _ if fits => salted,
                    Some(password) => stretch(&password)?,
                    None => return Err(SaslError::NotAuthorized),
                }
            }
        };
        let mut binding = self.header.into_bytes();
        binding.extend_from_slice(&self.data);
        let without_proof = format!("c={},r={}", crate::sasl::encode(&binding), challenge.nonce);
        let signed = format!("{},{message},{without_proof}", self.bare);
        let client_key = salted.client_key();
        let stored_key = self.hash.digest(client_key.expose());
        let signature = self.hash.hmac(stored_key.expose(), &[signed.as_bytes()]);
        let proof = client_key.xor(signature.expose());
        let response = format!("{without_proof},p={}", crate::sasl::encode(proof.expose()));
        let expected = self
            .hash
            .hmac(salted.server_key().expose(), &[signed.as_bytes()]);
        Ok((response, ClientProof { expected, salted }))
    }
}

/// The proof was made; the server's is still to come.
pub struct ClientProof {
    expected: Key,
    salted: SaltedPassword,
}

/// A login that both sides have proven.
#[derive(Debug)]
pub struct ClientCheck {
    /// May be kept for the next login.
    pub salted: SaltedPassword,
}

impl ClientProof {
    /// Checks that the server knows the keys.
    ///
    /// # Errors
    /// [`SaslError::NotAuthorized`] when it does not, [`SaslError::Malformed`] for bad grammar.
    pub fn check(self, message: &[u8]) -> Result<ClientCheck, SaslError> {
        let message = std::str::from_utf8(message).map_err(|_| SaslError::Malformed)?;
        let first = message.split(',').next().unwrap_or_default();
        let signature = first
            .strip_prefix("v=")
            .ok_or(match first.starts_with("e=") {
                true => SaslError::NotAuthorized,
                false => SaslError::Malformed,
            })?;
        let signature = crate::sasl::decode(signature)?;
        if self.expected.matches(&signature) {
            Ok(ClientCheck {
                salted: self.salted,
            })
        } else {
            Err(SaslError::NotAuthorized)
        }
    }
}
