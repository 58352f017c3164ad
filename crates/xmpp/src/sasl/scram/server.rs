//! SCRAM, the server's part.

use crate::sasl::{BindingType, ChannelBindings, Key, SaslError, ScramHash, ScramKeys};

use super::message::{BindingFlag, Final, First};

/// The client's first message, accepted as far as can be said without keys.
pub struct ServerFirst {
    /// The simple user name, not prepared.
    pub username: String,
    /// Who to act as, where the client said so.
    pub authorization: Option<String>,
    hash: ScramHash,
    bare: String,
    nonce: String,
    /// What the client's `c=` must decode to: GS2 header, then the binding's data.
    binding: Vec<u8>,
}

impl ServerFirst {
    /// Reads the first message of `SCRAM-<hash>` (`plus`: the `-PLUS` mechanism was named).
    /// `plus_offered` says whether any `-PLUS` mechanism had been offered on this stream.
    ///
    /// # Errors
    /// [`SaslError::Malformed`] for bad grammar, a flag that does not fit the mechanism and a binding type
    /// without data; [`SaslError::NotAuthorized`] for a client that says it would have bound if only we had
    /// offered it: somebody took the offer out (RFC 5802 §6).
    pub fn read(
        message: &[u8],
        hash: ScramHash,
        plus: bool,
        plus_offered: bool,
        bindings: &ChannelBindings,
    ) -> Result<ServerFirst, SaslError> {
        let first = First::parse(message)?;
        let mut binding = first.header.as_bytes().to_vec();
        match (first.flag, plus) {
            (BindingFlag::Used(name), true) => {
                let data = BindingType::from_name(name).and_then(|binding| bindings.data(binding));
                // No guess at a password: the client asks for what was not offered.
                binding.extend_from_slice(data.ok_or(SaslError::Malformed)?);
            }
            (BindingFlag::NotOffered, false) if plus_offered => {
                return Err(SaslError::NotAuthorized);
            }
            (BindingFlag::NotOffered | BindingFlag::Unsupported, false) => {}
            (BindingFlag::Used(_), false) | (_, true) => return Err(SaslError::Malformed),
        }
        Ok(ServerFirst {
            username: first.username.into_owned(),
            authorization: first.authorization.map(std::borrow::Cow::into_owned),
            hash,
            bare: first.bare.to_owned(),
            nonce: first.nonce.to_owned(),
            binding,
        })
    }

    /// The hash of the mechanism.
    pub fn hash(&self) -> ScramHash {
        self.hash
    }

    /// Answers with salt and iterations. `nonce` is fresh, printable and without commas; `advertised` the
    /// value of XEP-0474's `h`. Keys of another hash never match.
    ///
    /// The client is told one salt and one number of iterations, those of `keys`. `others` are keys of other
    /// passwords that let in as well; those that share both can be told apart by the proof alone.
    pub fn challenge(
        self,
        keys: ScramKeys,
        others: Vec<ScramKeys>,
        nonce: &str,
        advertised: Option<&str>,
    ) -> (String, ServerProof) {
        let nonce = format!("{}{nonce}", self.nonce);
        let mut message = format!(
            "r={nonce},s={},i={}",
            crate::sasl::encode(&keys.salt),
            keys.iterations
        );
        if let Some(advertised) = advertised {
            message.push_str(",h=");
            message.push_str(advertised);
        }
        let signed = format!("{},{message},", self.bare);
        (
            message,
            ServerProof {
                hash: self.hash,
                candidates: std::iter::once(keys).chain(others).collect(),
                nonce,
                binding: self.binding,
                signed,
            },
        )
    }
}

/// Waits for the client's proof.
pub struct ServerProof {
    hash: ScramHash,
    /// What the client was asked for, and others that may be meant.
    candidates: Vec<ScramKeys>,
    nonce: String,
    binding: Vec<u8>,
    /// AuthMessage up to and with the last comma.
    signed: String,
}

impl ServerProof {
    /// Checks the proof; gives the server's closing message, which proves that it knows the keys, and which
    /// keys those were: 0 for the first, 1 for the first of the others, and so on.
    ///
    /// # Errors
    /// [`SaslError::Malformed`], [`SaslError::IncorrectEncoding`] and [`SaslError::NotAuthorized`]: the last
    /// for a wrong password and a wrong binding alike, and after the same work.
    pub fn check(self, message: &[u8]) -> Result<(String, usize), SaslError> {
        use subtle::ConstantTimeEq;

        let last = Final::parse(message)?;
        let signed = [self.signed.as_bytes(), last.without_proof.as_bytes()];
        let hash = self.hash;
        let (salt, iterations) = match self.candidates.first() {
            Some(first) => (&first.salt, first.iterations),
            None => return Err(SaslError::NotAuthorized),
        };
        let mut proven = None;
        for (place, keys) in self.candidates.iter().enumerate() {
            let signature = hash.hmac(keys.stored_key.expose(), &signed);
            let client_key: Key = signature.xor(&last.proof);
            let stored = hash.digest(client_key.expose());
            let asked = keys.salt == *salt && keys.iterations == iterations && keys.hash == hash;
            if stored.matches(keys.stored_key.expose()) & asked {
                proven = Some((place, keys));
            }
        }
        let bound: bool = self.binding.ct_eq(&last.binding).into();
        let fresh: bool = self.nonce.as_bytes().ct_eq(last.nonce.as_bytes()).into();
        let fits = last.proof.len() == hash.length();
        match proven {
            Some((place, keys)) if bound & fresh & fits => {
                let signature = hash.hmac(keys.server_key.expose(), &signed);
                let closing = format!("v={}", crate::sasl::encode(signature.expose()));
                Ok((closing, place))
            }
            _ => Err(SaslError::NotAuthorized),
        }
    }
}
