//! The client engine: one [`Client`] is one account on one device. It keeps the connection, the conversations and the
//! end-to-end encryption, and gives plain data to those who draw.
//!
//! It opens no socket, asks no clock and draws no randomness. The runtime feeds it with what it saw
//! ([`Input`]), drains what it is to do ([`Output`]), and calls again at the deadline. What the person wants is a
//! [`Command`]: it shows at once and settles later. What there is to see comes as immutable snapshots
//! ([`views`]); [`Event`]s say which of them have changed.
//!
//! Everything is kept in a [`Storage`]. One call is one commit: whatever a message leads to (keys that have moved, a line in the
//! timeline, a stanza that must be answered for) is written down together, before anything of it goes out. A
//! client that is dropped at any point and opened again on the same storage goes on where it was.

mod border;
mod client;
mod command;
mod commands;
mod connection;
mod conversations;
mod event;
mod features;
pub mod files;
mod handover;
pub mod history;
mod messages;
mod outbox;
mod payload;
pub mod previews;
pub mod question;
pub mod search;
mod session;
mod settings;
pub mod storage;
pub mod text;
mod timeline;
mod turn;
pub mod views;

pub use border::{
    ChannelBindings, CloseReason, DownloadId, DownloadOrder, Input, Output, Security, TlsFacts,
    TlsVersion, Transfer, TransportFacts, TransportKind, UploadId, UploadSlot,
};
pub use client::{Client, ClientError};
pub use command::{Command, CommandError, Done, Draft, Picture};
pub use connection::invitation::{Invitation, InvitationError};
pub use event::{ConnectionState, Event, HistoryProgress, TransferProgress};
pub use settings::{Credentials, Settings};
pub use storage::{MemoryStorage, Storage, StorageError};
pub use views::{ConversationId, MessageKey};

pub use base::{BareJid, FullJid, Jid, Moment, Now, Redacted, Timestamp};
pub use omemo::{
    DeviceId, DeviceView, Failure, Form, IdentityKey, Policy, Randomness, Reader, Readership,
    Trust, Unreachable, Unreached, VerificationUri, fingerprint, read_fingerprint,
};
pub use xmpp::condition::StanzaCondition;
pub use xmpp::xep::muc::{Affiliation, Role};
