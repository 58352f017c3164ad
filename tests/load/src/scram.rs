//! The client's side of SCRAM-SHA-1, SCRAM-SHA-256 and PLAIN, without channel binding.
//!
//! Salted passwords are kept between logins, as clients do (RFC 5802 §3): the generator then spends
//! four HMACs a login, and the figures are the server's.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// How a client proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mechanism {
    ScramSha1,
    ScramSha256,
    Plain,
}

impl Mechanism {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ScramSha1 => "SCRAM-SHA-1",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::Plain => "PLAIN",
        }
    }

    /// The first of our preference that the stream features name: the one that all three servers have comes first.
    pub(crate) fn choose(features: &str) -> Option<Self> {
        [Self::ScramSha1, Self::ScramSha256, Self::Plain]
            .into_iter()
            .find(|mechanism| {
                features.contains(&format!("<mechanism>{}</mechanism>", mechanism.name()))
            })
    }
}

/// What a server keeps of a password (RFC 5802 §3).
pub(crate) struct StoredKeys {
    pub(crate) stored_key: Vec<u8>,
    pub(crate) server_key: Vec<u8>,
}

/// Keys for an account that is written straight into a server's storage (SCRAM-SHA-1).
pub(crate) fn stored_keys_sha1(password: &str, salt: &[u8], iterations: u32) -> StoredKeys {
    let salted = salted_password(Mechanism::ScramSha1, password, salt, iterations);
    let client_key = hmac(Mechanism::ScramSha1, &salted, b"Client Key");
    StoredKeys {
        stored_key: digest(Mechanism::ScramSha1, &client_key),
        server_key: hmac(Mechanism::ScramSha1, &salted, b"Server Key"),
    }
}

/// One exchange, from first to last message.
pub(crate) struct Exchange<'a> {
    mechanism: Mechanism,
    username: &'a str,
    password: &'a str,
    nonce: String,
    server_signature: Vec<u8>,
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(mechanism: Mechanism, username: &'a str, password: &'a str) -> Self {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let nonce = format!("load{}n{number:012}", std::process::id());
        Self {
            mechanism,
            username,
            password,
            nonce,
            server_signature: Vec::new(),
        }
    }

    /// The content of `<auth/>`.
    pub(crate) fn initial(&self) -> String {
        match self.mechanism {
            Mechanism::Plain => STANDARD.encode(format!("\0{}\0{}", self.username, self.password)),
            _ => STANDARD.encode(format!("n,,n={},r={}", self.username, self.nonce)),
        }
    }

    /// The content of `<response/>` to a `<challenge/>`.
    pub(crate) fn respond(&mut self, challenge: &str) -> Result<String> {
        let challenge = String::from_utf8(STANDARD.decode(challenge)?)?;
        let field = |name: &str| {
            challenge
                .split(',')
                .find_map(|part| part.strip_prefix(name))
        };
        let nonce = field("r=").context("no nonce in the challenge")?;
        ensure!(
            nonce.starts_with(&self.nonce),
            "the server's nonce does not continue ours"
        );
        let salt = STANDARD.decode(field("s=").context("no salt in the challenge")?)?;
        let iterations: u32 = field("i=")
            .context("no iteration count in the challenge")?
            .parse()?;

        let salted = salted_password(self.mechanism, self.password, &salt, iterations);
        let client_key = hmac(self.mechanism, &salted, b"Client Key");
        let stored_key = digest(self.mechanism, &client_key);
        let without_proof = format!("c=biws,r={nonce}");
        let signed = format!(
            "n={},r={},{challenge},{without_proof}",
            self.username, self.nonce
        );
        let signature = hmac(self.mechanism, &stored_key, signed.as_bytes());
        let proof: Vec<u8> = client_key
            .iter()
            .zip(&signature)
            .map(|(key, sign)| key ^ sign)
            .collect();
        let server_key = hmac(self.mechanism, &salted, b"Server Key");
        self.server_signature = hmac(self.mechanism, &server_key, signed.as_bytes());
        Ok(STANDARD.encode(format!("{without_proof},p={}", STANDARD.encode(proof))))
    }

    /// Checks the content of `<success/>`: the server knows the password too.
    pub(crate) fn verify(&self, success: &str) -> Result<()> {
        if self.mechanism == Mechanism::Plain {
            return Ok(());
        }
        let text = String::from_utf8(STANDARD.decode(success)?)?;
        let Some(signature) = text.strip_prefix("v=") else {
            bail!("no server signature in {text:?}")
        };
        ensure!(
            STANDARD.decode(signature)? == self.server_signature,
            "wrong server signature"
        );
        Ok(())
    }
}

type SaltKey = (Mechanism, Vec<u8>, u32, String);

fn salted_password(mechanism: Mechanism, password: &str, salt: &[u8], iterations: u32) -> Vec<u8> {
    static KEPT: OnceLock<Mutex<HashMap<SaltKey, Vec<u8>>>> = OnceLock::new();
    let kept = KEPT.get_or_init(Mutex::default);
    let key = (mechanism, salt.to_vec(), iterations, password.to_owned());
    if let Some(salted) = kept
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&key)
    {
        return salted.clone();
    }
    let salted = if mechanism == Mechanism::ScramSha1 {
        pbkdf2::pbkdf2_hmac_array::<Sha1, 20>(password.as_bytes(), salt, iterations).to_vec()
    } else {
        pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), salt, iterations).to_vec()
    };
    kept.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(key, salted.clone());
    salted
}

fn hmac(mechanism: Mechanism, key: &[u8], text: &[u8]) -> Vec<u8> {
    if mechanism == Mechanism::ScramSha1 {
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key) else {
            return Vec::new();
        };
        mac.update(text);
        mac.finalize().into_bytes().to_vec()
    } else {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
            return Vec::new();
        };
        mac.update(text);
        mac.finalize().into_bytes().to_vec()
    }
}

fn digest(mechanism: Mechanism, text: &[u8]) -> Vec<u8> {
    if mechanism == Mechanism::ScramSha1 {
        Sha1::digest(text).to_vec()
    } else {
        Sha256::digest(text).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchanges printed in RFC 5802 §5 and RFC 7677 §3.
    #[test]
    fn exchanges_of_the_rfcs() -> Result<()> {
        for (mechanism, nonce, challenge, response, signature) in [
            (
                Mechanism::ScramSha1,
                "fyko+d2lbbFgONRv9qkxdawL",
                "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
                "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
                "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
            ),
            (
                Mechanism::ScramSha256,
                "rOprNGfwEbeRWgbNEkqO",
                "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
                "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
                "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
            ),
        ] {
            let mut exchange = Exchange::new(mechanism, "user", "pencil");
            nonce.clone_into(&mut exchange.nonce);
            assert_eq!(
                STANDARD.decode(exchange.respond(&STANDARD.encode(challenge))?)?,
                response.as_bytes()
            );
            exchange.verify(&STANDARD.encode(signature))?;
            assert!(exchange.verify(&STANDARD.encode("v=AAAA")).is_err());
        }
        Ok(())
    }
}
