//! Keys, key derivation and ciphers: the audited primitives, put together as X3DH, the Double Ratchet and OMEMO name
//! their parts. Nothing here keeps state.

mod cipher;
mod derivation;
mod keys;
mod random;

pub use keys::{EdwardsKey, IdentityKey, KeyError, PublicKey};
pub use random::Randomness;

pub(crate) use cipher::{cbc_decrypt, cbc_encrypt, equal, gcm_decrypt, gcm_encrypt_detached};
pub(crate) use derivation::{Key, expand, expand_with, mac};
pub(crate) use keys::{IdentityKeyPair, SecretKey, verify_legacy};
pub(crate) use random::{array, secret};
