//! A person's own history, handed from one of their devices to another by a QR code.
//!
//! Messages are kept on devices only, so a new device begins without any. The old one can hand over what it has: the person
//! holds the two beside each other, one shows a code and the other scans it.
//!
//! # How it goes
//! 1. One device shows [`Showing::code`]. Mostly it is the new one; an old one without a camera may show as well.
//! 2. The other [`scan`]s it, and gets the keys and an [`Answer`].
//! 3. The old device fills a [`HistorySealer`] with what it has, and uploads each chunk as a file.
//! 4. An [`Offer`] goes to the person's own account in an encrypted message: the answer, and where the chunks are. If it was
//!    the new device that scanned, it first sends one with its answer alone. The device that shows takes the answer by
//!    [`Showing::answered`].
//! 5. The new device downloads the chunks in their order and hands them to a [`HistoryOpener`], which tells when all are
//!    there. [`without_doubles`] leaves out what the new device has already, so that it may all be done again after a
//!    crash, or with another old device.
//!
//! # Construction
//! Both devices draw an X25519 key for this one time. The code holds the public key of the one that shows, and 16 random
//! bytes, the secret. HKDF-SHA256 with the secret as salt and the agreement as material, bound to the account, the roles
//! and both public keys, gives two keys: one for the proof in the answer (HMAC-SHA256 over the same), one for the chunks. A
//! chunk is sealed with AES-256-GCM; its nonce is its number and whether it is the last one (the STREAM construction of
//! Hoang, Reyhanitabar, Rogaway and Vizár, 2015), its head is authenticated with it. So chunks can be neither changed,
//! exchanged, left out, doubled nor cut off without being noticed.
//!
//! # What it withstands
//! - *The server, and whoever keeps or carries the files*, see how many chunks of which size there are, and when. Without the
//!   code they have neither secret nor private key.
//! - *Somebody who changes what goes between the devices* cannot stand between them: the public key of the one that shows
//!   comes by light, and the answer of the other proves that it has seen the secret.
//! - *Somebody who sees the code* (over a shoulder, on a photo) still cannot read what the old device sends to the scanning or
//!   showing device, since that needs a private key. They could make an answer of their own. Therefore an [`Offer`] counts
//!   only when it came by a device of the person's own account whose key is trusted; this module cannot see that, whoever
//!   calls [`Showing::answered`] must.
//! - *A device that is stolen later* has no keys of it any more: they live in memory, for this one time, and are wiped.
//! - A person's own old device is believed: what it says somebody has said is taken for that. Messages that came so are
//!   to be marked as handed over.
//!
//! Ratchet state never travels: nothing here can hold it. The new device has an identity of its own.

mod code;
mod handshake;
mod message;
mod offer;
mod stream;

#[cfg(test)]
mod tests;

pub use code::{Code, CodeError, Role};
pub use handshake::{Answer, HandshakeError, HistoryKeys, Showing, scan};
pub use message::{HistoryMessage, Identity, without_doubles};
pub use offer::{ChunkPlace, Offer};
pub use stream::{
    HistoryError, HistoryOpener, HistorySealer, LARGEST_CHUNK_BYTES, SealedChunk, Summary,
};
