//! The end-to-end-encryption machine: OMEMO (XEP-0384) in both of its living forms, `urn:xmpp:omemo:2` with encrypted
//! stanza content (XEP-0420) and `eu.siacs.conversations.axolotl`. Client side only.
//!
//! It opens no socket, asks no clock and draws no randomness: time and randomness are arguments, what must be kept goes
//! to a [`KeyStore`], what must be sent is fetched from [`Machine::requests`]. So it runs in a browser, in a terminal and
//! on the virtual clock of a test alike.
//!
//! ```
//! use base::{BareJid, Timestamp};
//! use omemo::{Audience, Config, Machine, MemoryStore, Outgoing, Preparation};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let mut next = 0u8;
//! # let mut random = |bytes: &mut [u8]| bytes.fill_with(|| { next = next.wrapping_mul(5).wrapping_add(1); next });
//! let now = Timestamp::parse("2026-11-23T12:00:00Z")?;
//! let own = BareJid::parse("romeo@montague.example")?;
//! let mut machine = Machine::open(MemoryStore::new(), own, Config::default(), now, &mut random)?;
//!
//! // A stream is up: send what is asked for, and tell what is answered.
//! machine.connected();
//! for request in machine.requests(now, &mut random)? {
//!     let _stanza = request.stanza("id-1");
//!     // … later: machine.answered(request.id, answer, now, &mut random)?, or machine.mark_sent(request.id)?
//! }
//!
//! // Somebody writes. What is not known yet becomes a request; then nobody blocks anybody.
//! let chat = Audience::direct(BareJid::parse("juliet@capulet.example")?);
//! if machine.prepare(&chat, now)? == Preparation::Ready {
//!     let outgoing = Outgoing {
//!         elements: "<body xmlns='jabber:client'>But, soft!</body>",
//!         text: Some("But, soft!"),
//!     };
//!     let encrypted = machine.encrypt(&chat, outgoing, now, &mut random)?;
//!     for unreached in &encrypted.unreached {
//!         println!("{} {}", unreached.account, unreached.reason);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! From the bottom up: `crypto` (keys, derivation, ciphers from audited crates), `wire` (what both forms look like),
//! `ratchet` (the Double Ratchet), `session` (X3DH, and all sessions with a device), `store` (records, kept atomically),
//! `trust` (whom to believe), `machine` (events in, requests out).

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
