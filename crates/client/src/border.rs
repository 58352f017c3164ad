//! What goes over the border of the machine: what the runtime saw, and what it is to do.

use std::fmt;

use base::Redacted;
use bytes::Bytes;

use crate::event::Event;

pub use xmpp::sasl::ChannelBindings;
pub use xmpp::stream::{
    Security, TlsFacts, TlsVersion, Transport as TransportFacts, TransportKind,
};

/// What the runtime saw.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Input {
    /// The connection that [`Output::Connect`] asked for is there.
    Connected(TransportFacts),
    /// TLS is up, as [`Output::StartTls`] asked.
    TlsEstablished(TlsFacts),
    /// Bytes have come; on a WebSocket a whole frame.
    Received(Bytes),
    /// The connection is gone, or could not be made.
    Closed(CloseReason),
    /// Whether the machine has a network. Without one nobody tries to connect; with one the next attempt is due.
    Online(bool),
}

/// Why a connection is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The other side closed it, or it broke.
    Ended,
    /// Nobody answered at any address; with what went wrong, for the person.
    Unreachable(String),
    /// The certificate of the server does not fit or is not to be believed; with what is wrong with it, for the person.
    Certificate(String),
}

/// What the runtime is to do, in this order.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Output {
    /// Make a connection to the server of this domain. The runtime knows how: natively SRV records, direct TLS and
    /// STARTTLS; in a browser the WebSocket. An earlier connection is of no interest any more.
    Connect {
        /// The domain of the account.
        domain: String,
    },
    /// Start TLS on the connection; then [`Input::TlsEstablished`].
    StartTls,
    /// Write bytes to the connection; on a WebSocket one frame.
    Write(Bytes),
    /// Close the connection, after what was written.
    Disconnect,
    /// Put the sealed bytes of a file where the server said, then [`Command::FileUploaded`](crate::Command::FileUploaded).
    Upload(UploadSlot),
    /// Fetch a file with `GET`, then [`Command::FileDownloaded`](crate::Command::FileDownloaded).
    Download(DownloadOrder),
    /// Put these bytes where the server said, then [`Command::FileUploaded`](crate::Command::FileUploaded).
    UploadChunk {
        /// Where.
        slot: UploadSlot,
        /// What: it is sealed.
        bytes: Bytes,
    },
    /// Fetch a file into memory, then [`Command::ChunkFetched`](crate::Command::ChunkFetched).
    FetchChunk(DownloadOrder),
    /// Nobody wants this file any more: stop, and say nothing.
    StopTransfer(Transfer),
    /// Something has changed that somebody may want to show.
    Event(Event),
}

/// Where to put a file (XEP-0363).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadSlot {
    /// Which one was asked for.
    pub upload: UploadId,
    /// Where to put it, with `PUT`.
    pub put: Redacted<String>,
    /// Headers to send with it.
    pub headers: Vec<(String, Redacted<String>)>,
    /// Where it can be had then.
    pub get: Redacted<String>,
    /// Its size, in bytes.
    pub size: u64,
}

/// Names an upload within its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UploadId(pub u64);

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadOrder {
    /// Which one was wanted.
    pub download: DownloadId,
    /// Where it is, `https:`.
    pub url: Redacted<String>,
    /// How large it is said to be, in bytes: more is not taken.
    pub size: Option<u64>,
}

/// Names a download within its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DownloadId(pub u64);

impl fmt::Display for DownloadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A file on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transfer {
    /// To the server.
    Upload(UploadId),
    /// From it.
    Download(DownloadId),
}
