//! Keys on Curve25519, in both of the shapes that OMEMO needs: Montgomery for agreement, Edwards for signatures.

use std::fmt;

use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::montgomery::MontgomeryPoint;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::random::{Randomness, secret};

/// The bytes are no key that OMEMO can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a usable key on Curve25519")]
pub struct KeyError;

/// A public X25519 key: the u-coordinate, 32 bytes, little endian (RFC 7748 §5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

/// What stands before a key in the legacy form: libsignal's number for Curve25519.
const LEGACY_TYPE: u8 = 5;

impl PublicKey {
    /// A key of these bytes. Whether it is of use shows when one agrees with it.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A key of 32 bytes.
    ///
    /// # Errors
    /// [`KeyError`] with any other length.
    pub fn read(bytes: &[u8]) -> Result<Self, KeyError> {
        bytes.try_into().map(Self).map_err(|_| KeyError)
    }

    /// A key of 33 bytes, as the legacy form writes it.
    ///
    /// # Errors
    /// [`KeyError`] with another length or another type.
    pub fn read_legacy(bytes: &[u8]) -> Result<Self, KeyError> {
        match bytes.split_first() {
            Some((&LEGACY_TYPE, key)) => Self::read(key),
            _ => Err(KeyError),
        }
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key as the legacy form writes it: 33 bytes.
    #[must_use]
    pub fn legacy(&self) -> [u8; 33] {
        let mut bytes = [LEGACY_TYPE; 33];
        bytes[1..].copy_from_slice(&self.0);
        bytes
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(")?;
        write_hex(f, &self.0[..4])?;
        f.write_str("…)")
    }
}

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// The public identity of a device, in its Curve25519 shape: what is compared, trusted and shown as fingerprint
/// (XEP-0384 §8), because both forms have it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdentityKey(PublicKey);

impl IdentityKey {
    /// The identity with this public key.
    #[must_use]
    pub const fn new(key: PublicKey) -> Self {
        Self(key)
    }

    /// As key for an agreement.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.0
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The same point in its Edwards shape. The Montgomery shape has lost the sign, so it must be said.
    ///
    /// # Errors
    /// [`KeyError`] when it is no point of the curve.
    pub fn edwards(&self, negative: bool) -> Result<EdwardsKey, KeyError> {
        let point = MontgomeryPoint(*self.as_bytes())
            .to_edwards(u8::from(negative))
            .ok_or(KeyError)?;
        EdwardsKey::read(point.compress().as_bytes())
    }

    /// Whether `id` names this key: its bytes, or those of its Edwards shape with either sign. Trust messages of
    /// others use the one or the other (XEP-0434 §4).
    #[must_use]
    pub fn is_named(&self, id: &[u8; 32]) -> bool {
        id == self.as_bytes()
            || EdwardsKey::read(id).is_ok_and(|edwards| edwards.identity() == *self)
    }
}

impl fmt::Display for IdentityKey {
    /// 64 lower-case hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, self.as_bytes())
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentityKey({self})")
    }
}

/// The public identity of a device in its Ed25519 shape, as `urn:xmpp:omemo:2` sends it (XEP-0384 §4.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EdwardsKey {
    bytes: [u8; 32],
    identity: IdentityKey,
}

impl EdwardsKey {
    /// Reads 32 bytes (RFC 8032 §5.1.2).
    ///
    /// # Errors
    /// [`KeyError`] when they are no point, or a point of small order, with which an agreement would be no secret.
    pub fn read(bytes: &[u8]) -> Result<Self, KeyError> {
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| KeyError)?;
        let point = CompressedEdwardsY(bytes).decompress().ok_or(KeyError)?;
        if point.is_small_order() {
            return Err(KeyError);
        }
        Ok(Self {
            bytes,
            identity: IdentityKey(PublicKey(point.to_montgomery().to_bytes())),
        })
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// The same key in the shape in which identities are compared.
    #[must_use]
    pub const fn identity(&self) -> IdentityKey {
        self.identity
    }

    /// Whether `signature` over `message` is of this key: an EdDSA signature (RFC 8032), no matter whether it was made
    /// by EdDSA or by XEdDSA.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        VerifyingKey::from_bytes(&self.bytes).is_ok_and(|key| {
            key.verify_strict(message, &Signature::from_bytes(signature))
                .is_ok()
        })
    }
}

impl fmt::Debug for EdwardsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EdwardsKey({})", self.identity)
    }
}

/// Where libsignal keeps the sign of the signer's Edwards point: the highest bit of a signature, which is otherwise 0.
const SIGN: u8 = 0x80;

/// Checks a signature of the legacy form and gives the signer's Edwards shape, whose sign the signature carries.
pub(crate) fn verify_legacy(
    identity: IdentityKey,
    message: &[u8],
    signature: &[u8; 64],
) -> Result<EdwardsKey, KeyError> {
    let mut plain = *signature;
    plain[63] &= !SIGN;
    let key = identity.edwards(signature[63] & SIGN != 0)?;
    if key.verify(message, &plain) {
        Ok(key)
    } else {
        Err(KeyError)
    }
}

/// A secret X25519 key.
#[derive(Clone)]
pub(crate) struct SecretKey(Zeroizing<[u8; 32]>);

impl SecretKey {
    pub(crate) fn generate(random: &mut dyn Randomness) -> Self {
        Self(secret(random))
    }

    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn public(&self) -> PublicKey {
        // The same as X25519 with the base point, by its table.
        PublicKey(MontgomeryPoint::mul_base_clamped(*self.0).to_bytes())
    }

    /// X25519. The error is for keys with which everybody gets the same result (RFC 7748 §6.1).
    pub(crate) fn agree(&self, other: &PublicKey) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        let shared = Zeroizing::new(x25519_dalek::x25519(*self.0, other.0));
        if shared.ct_eq(&[0; 32]).into() {
            return Err(KeyError);
        }
        Ok(shared)
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

/// The identity of this device. Kept as the seed of an Ed25519 key, from which both shapes follow (XEP-0384 §4.2).
#[derive(Clone)]
pub(crate) struct IdentityKeyPair {
    signing: SigningKey,
    agreement: SecretKey,
    public: EdwardsKey,
}

impl IdentityKeyPair {
    pub(crate) fn from_seed(seed: &[u8; 32]) -> Result<Self, KeyError> {
        let signing = SigningKey::from_bytes(seed);
        let agreement = SecretKey::from_bytes(signing.to_scalar_bytes());
        let public = EdwardsKey::read(signing.verifying_key().as_bytes())?;
        Ok(Self {
            signing,
            agreement,
            public,
        })
    }

    pub(crate) fn seed(&self) -> &[u8; 32] {
        self.signing.as_bytes()
    }

    pub(crate) fn agreement(&self) -> &SecretKey {
        &self.agreement
    }

    pub(crate) fn public(&self) -> &EdwardsKey {
        &self.public
    }

    pub(crate) fn identity(&self) -> IdentityKey {
        self.public.identity
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.signing.sign(message).to_bytes()
    }

    /// A signature as the legacy form has it, with the sign of our point.
    pub(crate) fn sign_legacy(&self, message: &[u8]) -> [u8; 64] {
        let mut signature = self.sign(message);
        signature[63] |= self.public.bytes[31] & SIGN;
        signature
    }
}

impl fmt::Debug for IdentityKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentityKeyPair({}, …)", self.identity())
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
