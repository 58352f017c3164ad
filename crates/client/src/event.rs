//! What has happened, for redrawing, for notifications and for scripts.

use base::{BareJid, Timestamp};

use crate::border::{Transfer, UploadId};
use crate::previews::Preview;
use crate::question::{Answer, QuestionId, Refusal};
use crate::views::{ConversationId, Delivery, MessageKey};

/// Something has changed. Views are fetched anew; an event says which.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// How far we are with the server.
    Connection(ConnectionState),
    /// Nobody can log in any more until [`Client::login`](crate::Client::login) brings other credentials.
    LoginFailed {
        /// What happened and what to do, for the person.
        text: String,
    },
    /// This device is logged out and everything that it had kept is deleted: drop the client, and delete its storage.
    LoggedOut {
        /// The server lets it in no more. Else it did not answer: take this device out on another one.
        ended: bool,
    },
    /// Another device of the person has taken this one out while it was connected. Everything is deleted; what follows is
    /// [`Event::LoggedOut`].
    Revoked,
    /// [`Client::conversations`](crate::Client::conversations) has changed.
    Conversations,
    /// [`Client::timeline`](crate::Client::timeline) of a conversation has changed.
    Timeline(ConversationId),
    /// Somebody else has written, and it is new: to be notified of, if `notify` says so.
    Message {
        /// Where.
        conversation: ConversationId,
        /// Which.
        message: MessageKey,
        /// Whether the person wants to hear of it: not muted, not read elsewhere.
        notify: bool,
        /// It mentions the person.
        mention: bool,
    },
    /// The person wanted to be reminded of a message about now.
    Reminder {
        /// Where.
        conversation: ConversationId,
        /// Of which.
        message: MessageKey,
    },
    /// What became of a message of ours.
    Delivery {
        /// Where.
        conversation: ConversationId,
        /// Which.
        message: MessageKey,
        /// How far it came.
        delivery: Delivery,
    },
    /// Who is in a group or room, or who is there.
    Members(ConversationId),
    /// The devices of an account, or how far they are trusted.
    Devices(BareJid),
    /// Another device of our own account is new: the person should look at it.
    NewOwnDevice {
        /// Its number.
        device: u32,
    },
    /// Somebody wants to see when we are online (RFC 6121 §3.1).
    ContactRequest(BareJid),
    /// A picture was fetched, or another one is shown.
    Picture(BareJid),
    /// The archives are being read.
    CatchUp {
        /// How many messages are still to be decrypted, as far as is known.
        remaining: u64,
        /// All was read.
        done: bool,
    },
    /// Earlier messages were asked for ([`Command::LoadEarlier`](crate::Command::LoadEarlier)), and this came of it.
    Earlier {
        /// Where.
        conversation: ConversationId,
        /// There are still earlier ones.
        more: bool,
        /// Why they could not be had, for the person; `None` when they are there.
        failed: Option<String>,
    },
    /// A file is on its way, is there, or is not.
    Transfer {
        /// Which.
        transfer: Transfer,
        /// How far it came.
        progress: TransferProgress,
    },
    /// What is behind a link ([`Command::LookAtLink`](crate::Command::LookAtLink)).
    Preview {
        /// The link.
        link: String,
        /// How the message would show it; `None` when there is nothing to show.
        preview: Option<Preview>,
    },
    /// History goes from one device of the person to another.
    History(HistoryProgress),
    /// An upload was refused.
    UploadRefused {
        /// Which.
        upload: UploadId,
        /// What happened and what to do, for the person.
        text: String,
    },
    /// What came of a question ([`Command::Ask`](crate::Command::Ask)).
    Answered {
        /// Which.
        question: QuestionId,
        /// What.
        answer: Result<Answer, Refusal>,
    },
    /// The server refused something that a command had asked for.
    Refused {
        /// What was to be done, in a few words.
        what: String,
        /// What happened and what to do, for the person.
        text: String,
    },
}

/// How far a hand-over of history came.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HistoryProgress {
    /// This device is giving.
    Giving {
        /// So many messages so far.
        messages: u64,
    },
    /// This device has given all that it has. The other one may still be fetching.
    Given {
        /// So many messages.
        messages: u64,
    },
    /// This device is taking.
    Taking {
        /// So many messages are new here so far.
        messages: u64,
    },
    /// All is here.
    Taken {
        /// So many messages were new.
        messages: u64,
    },
    /// It has come to an end before that; why and what to do, for the person.
    Failed {
        /// In words.
        text: String,
    },
}

/// How far a file came.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransferProgress {
    /// So many bytes of so many, where that is known. It is told now and then, not for every piece.
    Moving {
        /// So many.
        bytes: u64,
        /// Of so many.
        of: Option<u64>,
    },
    /// It is there.
    Done,
    /// It is not; why and what to do, for the person.
    Failed {
        /// In words.
        text: String,
    },
}

/// How far we are with the server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionState {
    /// Not connected, and nobody tries: no network, no credentials, or logged out.
    Offline,
    /// The next attempt is due at this time.
    Waiting {
        /// When.
        until: Timestamp,
        /// Why the last one failed, for the person.
        text: String,
    },
    /// Connecting and logging in.
    Connecting,
    /// Logged in.
    Online,
}
