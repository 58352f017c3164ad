//! The end-to-end-encryption machine: OMEMO (XEP-0384) in both of its living forms.

mod account;
mod bundle;
mod codec;
mod crypto;
mod device_list;
mod envelope;
mod error;
mod form;
mod machine;
mod payload;
mod ratchet;
mod records;
mod session;
mod store;
mod trust;
mod wire;

#[cfg(test)]
mod tests;

pub use bundle::BundleFault;
pub use codec::StateError;
pub use crypto::{EdwardsKey, IdentityKey, KeyError, PublicKey, Randomness};
pub use device_list::{DeviceList, MAX_DEVICES};
pub use envelope::EnvelopeFault;
pub use error::Error;
pub use machine::{
    Answer, Audience, Config, Content, Decrypted, DeviceView, Encrypted, Event, Failure, Incoming,
    Machine, Outgoing, Preparation, Reader, Readership, Received, Request, RequestId, RequestKind,
    Unreachable, Unreached, Verification,
};
#[cfg(feature = "conformance")]
pub use store::conformance;
pub use store::{Changes, KeyStore, MemoryError, MemoryStore, RecordBytes};
pub use trust::{Claim, Policy, Trust, UriFault, VerificationUri, fingerprint, read_fingerprint};
pub use xmpp::xep::omemo::{DeviceId, Form};
