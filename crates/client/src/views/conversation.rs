//! The list of conversations.

use std::fmt;
use std::sync::Arc;

use base::{BareJid, JidError, Timestamp};

use super::Text;
use super::people::PictureId;
use super::timeline::MessageKey;

/// Names a conversation: the bare address of the other person, or of the room.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConversationId(BareJid);

impl ConversationId {
    /// Reads an address.
    ///
    /// # Errors
    /// [`JidError`], when it is none.
    pub fn parse(text: &str) -> Result<Self, JidError> {
        BareJid::parse(text).map(Self)
    }

    /// The address.
    #[must_use]
    pub const fn jid(&self) -> &BareJid {
        &self.0
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl From<BareJid> for ConversationId {
    fn from(jid: BareJid) -> Self {
        Self(jid)
    }
}

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What kind of conversation it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConversationKind {
    /// With one person.
    Person,
    /// A private group: members only, addresses known to each other, encrypted.
    Group,
    /// An open room: readable by its server.
    Room,
}

/// What the person wants to hear of a conversation (XEP-0492).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Notify {
    /// Whatever is said.
    #[default]
    Always,
    /// Only what mentions the person.
    OnMention,
    /// Nothing: it is muted.
    Never,
}

/// Whether somebody is there (RFC 6121 §4.7.2.1). The larger, the more so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Availability {
    /// Not there, or not to be seen.
    #[default]
    Offline,
    /// Gone for long.
    ExtendedAway,
    /// Gone for a while.
    Away,
    /// There, and does not want to be disturbed.
    Busy,
    /// There.
    Online,
}

/// How what is said in a conversation is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Seal {
    /// End-to-end encrypted.
    Encrypted,
    /// The person has switched encryption off.
    Off,
    /// It is an open room: readable by the server, and so it is meant.
    Open,
}

/// A row of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Which.
    pub id: ConversationId,
    /// With whom.
    pub kind: ConversationKind,
    /// What it is called.
    pub name: Arc<str>,
    /// The department whose room it is.
    pub department: Option<Arc<str>>,
    /// What a group or room is about just now.
    pub subject: Arc<str>,
    /// Its picture.
    pub picture: Option<PictureId>,
    /// It stands above the others.
    pub pinned: bool,
    /// What the person wants to hear of it.
    pub notify: Notify,
    /// It is muted until then, and after that as it was.
    pub muted_until: Option<Timestamp>,
    /// Nothing comes from there any more, because the person wants that.
    pub blocked: bool,
    /// Unread messages.
    pub unread: u64,
    /// Those of them that mention the person.
    pub mentions: u64,
    /// The newest message.
    pub last: Option<LastMessage>,
    /// What was typed and not sent; empty for nothing.
    pub draft: Text,
    /// Whether the person is there; of a room, whether we are in it.
    pub availability: Availability,
    /// In the person's words.
    pub status: Arc<str>,
    /// The names of those who are typing.
    pub typing: Vec<Arc<str>>,
    /// How it is protected.
    pub seal: Seal,
    /// The rules of the house want it encrypted: nothing else gets through.
    pub must_seal: bool,
    /// Something can be said here to one alone ([`Draft::private_to`](crate::Draft::private_to)).
    pub whispers: bool,
    /// Why nothing can be said here, for the person; `None` when something can.
    pub cannot_write: Option<Arc<str>>,
    /// When something was said last, or the conversation was opened.
    pub active: Timestamp,
}

/// One line of the newest message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastMessage {
    /// Which.
    pub key: MessageKey,
    /// When.
    pub time: Timestamp,
    /// Who said it; empty in a conversation with one person.
    pub sender: Arc<str>,
    /// We said it.
    pub own: bool,
    /// What; empty when it has no words, or none that can be read.
    pub text: Text,
    /// It cannot be read, or not yet.
    pub unreadable: bool,
    /// It was taken back.
    pub removed: bool,
}

/// All conversations: pinned ones first, then the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConversationList {
    /// The rows. What has not changed is the same `Arc` as before.
    pub rows: Vec<Arc<Conversation>>,
    /// How many of them have something unread and are not muted.
    pub unread: usize,
}
