//! The end-to-end-encryption machine: OMEMO.
#![allow(dead_code, unused_imports)]

mod bundle;
mod codec;
mod crypto;
mod device_list;
mod envelope;
mod form;
mod payload;
mod ratchet;
mod session;
mod wire;

#[cfg(test)]
mod tests;

pub use bundle::BundleFault;
pub use codec::StateError;
pub use device_list::{DeviceList, MAX_DEVICES};
pub use envelope::EnvelopeFault;
pub use crypto::{EdwardsKey, IdentityKey, KeyError, PublicKey, Randomness};
