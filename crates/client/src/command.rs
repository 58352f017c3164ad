//! What the person wants.

use base::{BareJid, Redacted, Timestamp};
use bytes::Bytes;
use omemo::{DeviceId, IdentityKey, Policy};

use crate::border::{DownloadId, Transfer, UploadId};
use crate::history::Role;
use crate::question::{Question, QuestionId};
use crate::storage::StorageError;
use crate::views::{Availability, ConversationId, Mention, MessageKey, Notify};

/// What the person wants. It shows at once and settles when the server has it; what is done offline goes out later.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Command {
    /// Opens a conversation with somebody; gives [`Done::Conversation`].
    OpenChat {
        /// With whom.
        with: BareJid,
    },
    /// Says something; gives [`Done::Message`].
    Send {
        /// Where.
        conversation: ConversationId,
        /// What.
        message: Draft,
    },
    /// Says something else in place of what was said (XEP-0308).
    Edit {
        /// Where.
        conversation: ConversationId,
        /// A message of ours.
        message: MessageKey,
        /// What it says now; its `reply` counts for nothing.
        draft: Draft,
    },
    /// Takes back a message of ours (XEP-0424), or in a room that of somebody else (XEP-0425).
    Remove {
        /// Where.
        conversation: ConversationId,
        /// Which.
        message: MessageKey,
        /// Why, for those in the room.
        reason: Option<String>,
    },
    /// Our reactions to a message are these (XEP-0444), each an emoji; none takes them back.
    React {
        /// Where.
        conversation: ConversationId,
        /// To which message.
        message: MessageKey,
        /// All of them.
        reactions: Vec<String>,
    },
    /// Tries again to send a message that failed.
    Resend {
        /// Where.
        conversation: ConversationId,
        /// Which.
        message: MessageKey,
    },
    /// Throws a message away that failed or was not sent yet.
    Discard {
        /// Where.
        conversation: ConversationId,
        /// Which.
        message: MessageKey,
    },
    /// The person has seen this message and those before it (XEP-0490, XEP-0333).
    MarkRead {
        /// Where.
        conversation: ConversationId,
        /// The newest that was seen.
        message: MessageKey,
    },
    /// The person leaves a conversation: its unread line goes.
    Leave {
        /// Which.
        conversation: ConversationId,
    },
    /// The person types, or has stopped (XEP-0085).
    Typing {
        /// Where.
        conversation: ConversationId,
        /// Whether.
        typing: bool,
    },
    /// Keeps what was typed and not sent; empty for nothing.
    SetDraft {
        /// Where.
        conversation: ConversationId,
        /// What.
        text: Redacted<String>,
    },
    /// What to hear of a conversation (XEP-0492).
    SetNotify {
        /// Which.
        conversation: ConversationId,
        /// What.
        notify: Notify,
    },
    /// Mutes a conversation for a time; then it is as it was.
    Mute {
        /// Which.
        conversation: ConversationId,
        /// For how long.
        until: Timestamp,
    },
    /// Pins a message for all who are in the conversation, or no longer.
    Pin {
        /// Where.
        conversation: ConversationId,
        /// Which.
        message: MessageKey,
        /// Whether.
        pinned: bool,
    },
    /// Reminds the person of a message, on all devices of theirs; see [`Event::Reminder`](crate::Event::Reminder).
    Remind {
        /// Where.
        conversation: ConversationId,
        /// Which.
        message: MessageKey,
        /// When; `None` for no more.
        at: Option<Timestamp>,
    },
    /// Pins a conversation, or no longer (XEP-0469).
    SetPinned {
        /// Which.
        conversation: ConversationId,
        /// Whether.
        pinned: bool,
    },
    /// Whether what is said here is encrypted from now on. Policy of the server may refuse what is not.
    SetEncryption {
        /// Where.
        conversation: ConversationId,
        /// Whether.
        on: bool,
    },
    /// Fetches messages from before the oldest that is kept.
    LoadEarlier {
        /// Where.
        conversation: ConversationId,
    },
    /// Makes a private group, encrypted, with these people; gives [`Done::Conversation`].
    CreateGroup {
        /// What it is called.
        name: String,
        /// Who is in it from the beginning.
        members: Vec<BareJid>,
    },
    /// Makes an open room, readable by the server; gives [`Done::Conversation`].
    CreateRoom {
        /// What it is called.
        name: String,
    },
    /// Joins a room and keeps it (XEP-0402); gives [`Done::Conversation`].
    Join {
        /// Which.
        room: BareJid,
        /// The name to have in it; without one the usual.
        nick: Option<String>,
    },
    /// Leaves a group or room for good. What was said in it stays here.
    Part {
        /// Which.
        conversation: ConversationId,
    },
    /// Lets somebody into a group or room.
    Invite {
        /// Which.
        conversation: ConversationId,
        /// Whom.
        who: BareJid,
    },
    /// Takes somebody out of a group or room.
    Expel {
        /// Which.
        conversation: ConversationId,
        /// Whom.
        who: BareJid,
    },
    /// Gives a group or room a subject (XEP-0045 §8.1).
    SetSubject {
        /// Which.
        conversation: ConversationId,
        /// What.
        subject: String,
    },
    /// Adds somebody to the roster and asks to see when they are online.
    AddContact {
        /// Whom.
        account: BareJid,
        /// What to call them.
        name: Option<String>,
    },
    /// Takes somebody out of the roster.
    RemoveContact {
        /// Whom.
        account: BareJid,
    },
    /// Answers [`Event::ContactRequest`](crate::Event::ContactRequest).
    AnswerContact {
        /// Whom.
        account: BareJid,
        /// Whether they may see when we are online.
        allow: bool,
    },
    /// Wants nothing more of somebody (XEP-0191), or no longer so.
    SetBlocked {
        /// Whom.
        account: BareJid,
        /// Whether.
        blocked: bool,
    },
    /// What others see of us.
    SetAvailability {
        /// Whether we are there.
        availability: Availability,
        /// In words.
        status: String,
    },
    /// Whether the person looks at this device (XEP-0352).
    SetActive(bool),
    /// What we are called (XEP-0172).
    SetNickname(String),
    /// Our picture (XEP-0084); without one there is none.
    SetPicture(Option<Picture>),
    /// Which devices are written to.
    SetPolicy(Policy),
    /// The person has compared the keys of a device, and they match.
    Verify {
        /// Whose.
        account: BareJid,
        /// Which.
        identity: IdentityKey,
    },
    /// The person believes a device without having compared.
    Accept {
        /// Whose.
        account: BareJid,
        /// Which.
        identity: IdentityKey,
    },
    /// The person does not believe a device.
    Distrust {
        /// Whose.
        account: BareJid,
        /// Which.
        identity: IdentityKey,
    },
    /// The person has scanned a QR code or got an address `xmpp:…?omemo-sid-…`; gives [`Done::Verified`].
    VerifyUri(String),
    /// Starts a new session with a device in place of a broken one.
    ReplaceSession {
        /// Whose.
        account: BareJid,
        /// Which.
        device: DeviceId,
    },
    /// Takes a device of ours out: it is lost. It is logged out, too, where the server can (XEP-0494).
    RevokeDevice {
        /// Which.
        device: DeviceId,
    },
    /// Asks where to put a file; gives [`Done::Upload`], later
    /// [`Output::Upload`](crate::Output::Upload).
    RequestUpload {
        /// Its name there; better one that says nothing.
        name: String,
        /// The size of what will be put there, in bytes.
        size: u64,
        /// Its media type there.
        media_type: Option<String>,
    },
    /// The file is where it should be, or is not.
    FileUploaded {
        /// Which.
        upload: UploadId,
        /// Whether.
        success: bool,
    },
    /// Fetches a file; gives [`Done::Download`] and [`Output::Download`](crate::Output::Download). `aesgcm:` addresses are
    /// taken apart first ([`files::AesgcmAddress`](crate::files::AesgcmAddress)).
    Download {
        /// Where it is, `https:`.
        url: Redacted<String>,
        /// How large it is said to be, in bytes.
        size: Option<u64>,
    },
    /// The runtime has moved so many bytes of a file, all together.
    TransferMoved {
        /// Which.
        transfer: Transfer,
        /// So many.
        bytes: u64,
    },
    /// The file that was to be fetched is there, or is not.
    FileDownloaded {
        /// Which.
        download: DownloadId,
        /// Why not, for the person; `None` when it is there.
        failed: Option<String>,
    },
    /// Nobody wants this file any more.
    CancelTransfer(Transfer),
    /// Shows a code for handing history from one device of the person to another; gives [`Done::HistoryCode`]. Mostly the new
    /// device shows it.
    ShowHistoryCode {
        /// What this device is.
        role: Role,
    },
    /// The person has scanned the code that the other device shows. What follows is told by
    /// [`Event::History`](crate::Event::History).
    ScanHistoryCode {
        /// What it says.
        text: Redacted<String>,
        /// What this device is.
        role: Role,
    },
    /// Ends a hand-over.
    StopHistory,
    /// A part of a history is here, as [`Output::FetchChunk`](crate::Output::FetchChunk) has asked; `None` when it cannot be
    /// had.
    ChunkFetched {
        /// Which.
        download: DownloadId,
        /// Its bytes.
        bytes: Option<Bytes>,
    },
    /// Asks something, or wants something done with an answer; gives [`Done::Asked`], later
    /// [`Event::Answered`](crate::Event::Answered).
    Ask(Question),
    /// Looks for the first link of a text that is being written and asks our server what is behind it; gives [`Done::Link`],
    /// and then comes [`Event::Preview`](crate::Event::Preview). The server learns the link.
    LookAtLink {
        /// The text, as it is so far.
        text: Redacted<String>,
    },
    /// Connects and logs in with what is kept.
    Connect,
    /// Says good-bye and stays away until [`Command::Connect`].
    Disconnect,
    /// Logs this device out for good. Its keys are taken from the server, its token is ended (XEP-0484), and all that is kept
    /// here is deleted; then comes [`Event::LoggedOut`](crate::Event::LoggedOut).
    LogOut,
}

/// What is to be said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// In words, as XEP-0393 would style them.
    pub text: Redacted<String>,
    /// To which message of the conversation it answers (XEP-0461).
    pub reply: Option<MessageKey>,
    /// To whom alone, in an open room: the name there (XEP-0045 §7.5).
    pub private_to: Option<String>,
    /// Whom it mentions (XEP-0372).
    pub mentions: Vec<Mention>,
    /// What else it says, such as files and previews: XML elements, each self-contained. They go where the text goes.
    pub elements: Redacted<String>,
    /// In place of `text`, for devices that speak only the legacy form, which carries nothing else: `aesgcm:` addresses.
    pub legacy_text: Option<Redacted<String>>,
    /// A link of which a preview goes along, if it has been found by [`Command::LookAtLink`].
    pub preview: Option<String>,
}

impl Draft {
    /// Plain words.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: Redacted::new(text.into()),
            ..Self::default()
        }
    }
}

/// A picture (XEP-0084).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// `image/png` should be among the forms that one publishes.
    pub media_type: String,
    /// Width in pixels.
    pub width: u16,
    /// Height in pixels.
    pub height: u16,
    /// Its bytes.
    pub bytes: Bytes,
}

/// What a command did at once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Done {
    /// It is done, or goes its way.
    Done,
    /// A message stands in the timeline.
    Message(MessageKey),
    /// A conversation is there.
    Conversation(ConversationId),
    /// A question was asked.
    Asked(QuestionId),
    /// An upload was asked for.
    Upload(UploadId),
    /// A file is being fetched.
    Download(DownloadId),
    /// The link that is looked at, if there is one.
    Link(Option<String>),
    /// A code for the other device to scan, as text for a QR code. Whoever sees it could ask for the history.
    HistoryCode(Redacted<String>),
    /// What came of comparing.
    Verified {
        /// Whose devices they are.
        account: BareJid,
        /// How many keys are verified now.
        verified: usize,
        /// Devices whose key is another one: somebody may be listening.
        mismatched: Vec<DeviceId>,
    },
}

/// Why a command was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// There is no such conversation.
    #[error("there is no conversation {0}: open it first")]
    NoSuchConversation(ConversationId),
    /// There is no such message.
    #[error("there is no such message here any more")]
    NoSuchMessage,
    /// It cannot be done; the text says why and what to do instead.
    #[error("{0}")]
    NotPossible(String),
    /// It can be done only while we are online.
    #[error("this needs a connection: try again when you are online")]
    Offline,
    /// The storage failed. The client is to be dropped and opened again.
    #[error(transparent)]
    Storage(#[from] StorageError),
}
