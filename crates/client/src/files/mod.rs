//! Files: encrypted on their way, described in messages, and what is told of pictures and voices.
//!
//! The client moves no bytes of files: the runtime reads, writes and transfers, and hands what it reads through a
//! [`Sealer`] or an [`Opener`], in chunks of any size. Memory stays bounded, whatever the file.
//!
//! # Sending
//! 1. Describe the file: an [`Attachment`] with name, media type, size, [`picture`] or [`voice`], perhaps a thumbnail.
//! 2. Draw a [`FileKey`], ask for an upload of [`sealed_size`] bytes under a name that says nothing
//!    ([`Command::RequestUpload`](crate::Command::RequestUpload)).
//! 3. Upload what comes out of the [`Sealer`], and behind it the tag that [`Sealer::finish`] gives.
//! 4. [`Attachment::seal`] it with the address and what the sealer told, and send its [`Attachment::message`].
//!
//! # Receiving
//! [`Attachment::read_all`] finds the files of a message. Download, hand the chunks to an [`Opener`], and write what it gives
//! to a **temporary file beside the final one**: until [`Opener::finish`] nobody knows whether the bytes are what the
//! sender sealed, so nothing may look at them, neither a preview nor an indexer. When it succeeds, append what
//! [`Opened::rest`] has, sync, and rename the temporary file to its name; when it fails, delete it. A crash leaves a
//! temporary file, never a wrong one.

mod address;
mod attachment;
mod cipher;
mod opener;
pub mod picture;
mod sealer;
#[cfg(feature = "thumbnails")]
mod thumbnail;
pub mod voice;

#[cfg(test)]
mod tests;

pub use address::{AesgcmAddress, AesgcmMessage};
pub use attachment::{Attachment, AttachmentKind, AttachmentMessage, Location};
pub use cipher::FileKey;
pub use opener::{Expected, OpenError, Opened, Opener, Unverified};
pub use sealer::{SealError, Sealed, Sealer, sealed_size};
#[cfg(feature = "thumbnails")]
pub use thumbnail::{ThumbnailError, thumbnail};

pub use xmpp::xep::encrypted_files::Cipher;
pub use xmpp::xep::file_metadata::FileMetadata;
pub use xmpp::xep::hashes::{Hash, HashFunction};
pub use xmpp::xep::thumbnails::Thumbnail;
