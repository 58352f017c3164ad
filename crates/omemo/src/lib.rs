//! The end-to-end-encryption machine: OMEMO.

mod codec;
mod crypto;
mod form;
mod ratchet;
mod wire;

#[cfg(test)]
mod tests;

pub use codec::StateError;
pub use crypto::{EdwardsKey, IdentityKey, KeyError, PublicKey, Randomness};
