//! From the code to the keys.

use std::fmt;

use base::BareJid;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use omemo::Randomness;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::code::{Code, CodeError, Role};

/// Why two devices do not come together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// It is no code.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// It is the code of somebody else's device.
    #[error("this code is of a device of {0}: history goes only between devices of one person")]
    OtherAccount(BareJid),
    /// Both want to give, or both want to get.
    #[error("both devices are {}: on one of them choose the other part", .0.name())]
    SameRole(Role),
    /// The answer does not come from the device that has scanned the code.
    #[error(
        "the answer is not from the device that scanned the code: show a new code and try again"
    )]
    NotTheScanner,
}

/// What the device that scanned tells the one that shows, in an encrypted message of the person's own account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Its public key for this one time.
    pub key: [u8; 32],
    /// That it has seen the secret.
    pub proof: [u8; 32],
}

/// What chunks are sealed with.
#[derive(Clone)]
pub struct HistoryKeys {
    pub(super) chunks: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for HistoryKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HistoryKeys(…)")
    }
}

/// A device that shows a code. It lives in memory only: who closes it shows a new one.
pub struct Showing {
    code: Code,
    private: StaticSecret,
}

impl Showing {
    /// Draws a code. `role` is the part of this device.
    pub fn new(account: BareJid, role: Role, random: &mut dyn Randomness) -> Self {
        let private = draw(random);
        let mut secret = Zeroizing::new([0; 16]);
        random.fill(secret.as_mut_slice());
        Self {
            code: Code {
                account,
                role,
                key: PublicKey::from(&private).to_bytes(),
                secret,
            },
            private,
        }
    }

    /// What to show.
    #[must_use]
    pub const fn code(&self) -> &Code {
        &self.code
    }

    /// Takes the answer of the device that scanned. The caller has seen to it that it came by a trusted device of the
    /// person's own account. An answer that is none changes nothing: the right one may still come.
    ///
    /// # Errors
    /// [`HandshakeError::NotTheScanner`].
    pub fn answered(&self, answer: &Answer) -> Result<HistoryKeys, HandshakeError> {
        let wrong = HandshakeError::NotTheScanner;
        let (keys, proof) =
            derive(&self.private, &answer.key, &self.code, &answer.key).ok_or(wrong.clone())?;
        match bool::from(proof.ct_eq(&answer.proof)) {
            true => Ok(keys),
            false => Err(wrong),
        }
    }
}

impl fmt::Debug for Showing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Showing")
            .field("code", &self.code)
            .finish_non_exhaustive()
    }
}

/// Takes what this device has scanned; `account` and `role` are its own. Gives the answer for the other device, and the keys.
///
/// # Errors
/// [`HandshakeError`], with what to do.
pub fn scan(
    text: &str,
    account: &BareJid,
    role: Role,
    random: &mut dyn Randomness,
) -> Result<(Answer, HistoryKeys), HandshakeError> {
    let code = Code::parse(text)?;
    if code.account != *account {
        return Err(HandshakeError::OtherAccount(code.account));
    }
    if code.role != role.other() {
        return Err(HandshakeError::SameRole(role));
    }
    let private = draw(random);
    let key = PublicKey::from(&private).to_bytes();
    let (keys, proof) = derive(&private, &code.key, &code, &key).ok_or(CodeError::NotACode)?;
    Ok((Answer { key, proof }, keys))
}

fn draw(random: &mut dyn Randomness) -> StaticSecret {
    let mut bytes = Zeroizing::new([0; 32]);
    random.fill(bytes.as_mut_slice());
    StaticSecret::from(*bytes)
}

/// The keys for the chunks, and the proof. `None` when the other key is one that makes every agreement the same.
fn derive(
    own: &StaticSecret,
    other: &[u8; 32],
    code: &Code,
    scanner: &[u8; 32],
) -> Option<(HistoryKeys, [u8; 32])> {
    let shared = own.diffie_hellman(&PublicKey::from(*other));
    if !shared.was_contributory() {
        return None;
    }
    // All parts but the account have a fixed length, and it stands last.
    let mut context = b"hauspost history 1".to_vec();
    context.extend_from_slice(code.role.name().as_bytes());
    context.extend_from_slice(&code.key);
    context.extend_from_slice(scanner);
    context.extend_from_slice(code.account.as_str().as_bytes());
    let hkdf = Hkdf::<Sha256>::new(Some(code.secret.as_slice()), shared.as_bytes());
    let expand = |purpose: &[u8]| {
        let mut key = Zeroizing::new([0; 32]);
        hkdf.expand_multi_info(&[purpose, &context], key.as_mut_slice())
            .ok()?;
        Some(key)
    };
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(expand(b"proof ")?.as_slice()).ok()?;
    mac.update(&context);
    let keys = HistoryKeys {
        chunks: expand(b"chunks")?,
    };
    Some((keys, mac.finalize().into_bytes().into()))
}
