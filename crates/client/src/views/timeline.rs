//! What was said in a conversation.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base::{BareJid, Timestamp};
use omemo::{DeviceId, Trust, Unreached};

use super::Text;
use super::conversation::ConversationId;

/// Names a message within its conversation. The larger, the later it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageKey {
    /// Microseconds since 1970, as far as order allows.
    pub(crate) order: u64,
    /// Which of those that have the same.
    pub(crate) tie: u32,
}

impl MessageKey {
    pub(crate) const FIRST: Self = Self { order: 0, tie: 0 };
    pub(crate) const BYTES: usize = 12;

    pub(crate) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&self.order.to_be_bytes());
        bytes[8..].copy_from_slice(&self.tie.to_be_bytes());
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (order, tie) = bytes.split_at_checked(8)?;
        Some(Self {
            order: u64::from_be_bytes(order.try_into().ok()?),
            tie: u32::from_be_bytes(tie.try_into().ok()?),
        })
    }
}

/// 24 digits; [`str::parse`] reads them.
impl fmt::Display for MessageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:08x}", self.order, self.tie)
    }
}

impl FromStr for MessageKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (order, tie) = text.split_at_checked(16).filter(|_| text.len() == 24)?;
            Some(Self {
                order: u64::from_str_radix(order, 16).ok()?,
                tie: u32::from_str_radix(tie, 16).ok()?,
            })
        };
        read().ok_or("the key of a message has 24 hexadecimal digits")
    }
}

/// Which part of a timeline is wanted; the numbers count messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// The newest.
    Latest(usize),
    /// Those before this one.
    Before(MessageKey, usize),
    /// Those behind this one.
    After(MessageKey, usize),
    /// This one, and as many as that on either side.
    Around(MessageKey, usize),
    /// From this one (with it) to the newest: what is being looked at.
    From(MessageKey),
}

/// A part of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// Of which conversation.
    pub conversation: ConversationId,
    /// What there is, the oldest first.
    pub items: Vec<TimelineItem>,
    /// There is something before, here or in the archive.
    pub has_earlier: bool,
    /// There is something behind.
    pub has_later: bool,
    /// Up to where others have read, by their names, in groups and rooms; of a person, one.
    pub read_by: Vec<(Arc<str>, MessageKey)>,
}

/// A line of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimelineItem {
    /// A new day begins, by the offset from UTC that the settings say: days since 1970-01-01.
    Day(i64),
    /// What follows is unread. It stays until the conversation is left.
    Unread,
    /// Here messages are missing that are still to be fetched.
    Missing,
    /// Something was said.
    Message(Arc<Message>),
    /// Something has happened.
    Notice {
        /// Where it stands.
        key: MessageKey,
        /// When.
        time: Timestamp,
        /// What.
        notice: Notice,
    },
}

/// Something that has happened in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// Somebody has a device that is new, and it is trusted on first use.
    NewDevice {
        /// Whose.
        account: BareJid,
        /// Which.
        device: DeviceId,
    },
    /// A device has another key than before: it is not written to until somebody has looked at it.
    KeyChanged {
        /// Whose.
        account: BareJid,
        /// Which.
        device: DeviceId,
    },
    /// We are in a group or room now, because this one wanted it.
    Invited {
        /// Who, if it is known.
        by: Option<BareJid>,
    },
    /// We are in a group or room no more.
    Expelled {
        /// Why, for the person.
        reason: Text,
    },
    /// The group or room was closed for good.
    Closed {
        /// Why, for the person; empty when nobody said.
        reason: Text,
    },
    /// The person wanted to be reminded of a message.
    Reminder {
        /// Of which, if it is still here.
        message: Option<MessageKey>,
        /// One line of it.
        text: Text,
    },
    /// Its subject is another one.
    Subject {
        /// Who has set it.
        by: Arc<str>,
        /// What it says.
        subject: Text,
    },
}

/// Something that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where it stands.
    pub key: MessageKey,
    /// The id that it has for others.
    pub id: Arc<str>,
    /// Its id in the archive, once it is known.
    pub archive_id: Option<Arc<str>>,
    /// Who said it.
    pub sender: Sender,
    /// When.
    pub time: Timestamp,
    /// What.
    pub body: Body,
    /// To what it answers.
    pub reply: Option<Reply>,
    /// Whom it mentions.
    pub mentions: Vec<Mention>,
    /// It mentions us.
    pub mentions_us: bool,
    /// When it was changed last.
    pub edited: Option<Timestamp>,
    /// What others feel about it, the first one first.
    pub reactions: Vec<Reaction>,
    /// How far it came; of what others say, [`Delivery::Received`].
    pub delivery: Delivery,
    /// How it was protected on its way.
    pub protection: Protection,
    /// Whom it could not reach.
    pub unreached: Vec<Unreached>,
    /// It was said in a room to one alone: the other's name there.
    pub private: Option<Arc<str>>,
    /// Another device of ours has handed it over: its word stands for what was said.
    pub handed_over: bool,
    /// It is pinned.
    pub pinned: bool,
    /// The person is reminded of it then.
    pub remind_at: Option<Timestamp>,
}

/// Who says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// What to call them.
    pub name: Arc<str>,
    /// The account, where it is known.
    pub account: Option<BareJid>,
    /// The name in the room.
    pub nick: Option<Arc<str>>,
    /// It is us.
    pub own: bool,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Body {
    /// Words, and what else belongs to them.
    Text {
        /// The words, as XEP-0393 styles them; without the quotation of what it answers to.
        text: Text,
        /// Other elements as XML, such as files and previews; empty for none.
        elements: Text,
    },
    /// It has come and waits for those before it to be decrypted.
    Waiting,
    /// It cannot be read; the text says why, for the person.
    Unreadable {
        /// Why.
        reason: Arc<str>,
        /// It was changed on its way, or is not by whom it says: not only lost, but suspicious.
        suspicious: bool,
    },
    /// It was taken back.
    Removed(Removal),
}

/// Who has taken a message back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Its sender when empty, else a moderator (XEP-0425).
    pub by: Option<Arc<str>>,
    /// Why.
    pub reason: Option<Text>,
}

/// To what a message answers (XEP-0461).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Which message, when it is here.
    pub to: Option<MessageKey>,
    /// Who had said it.
    pub sender: Arc<str>,
    /// One line of it; empty when it is not here.
    pub text: Text,
}

/// Somebody is mentioned (XEP-0372).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mention {
    /// Where in the text it begins, in Unicode characters.
    pub begin: u32,
    /// Where it ends.
    pub end: u32,
    /// Who.
    pub account: BareJid,
}

/// What some feel about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// The emoji.
    pub emoji: Arc<str>,
    /// Whose it is, by name.
    pub senders: Vec<Arc<str>>,
    /// We are among them.
    pub own: bool,
}

/// How far a message came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// It came to us.
    Received,
    /// It waits to be sent.
    Waiting,
    /// The server has it.
    Kept,
    /// A device of the other person has it (XEP-0184).
    Delivered,
    /// The other person has seen it (XEP-0333).
    Displayed,
    /// It was not sent or not taken; the text says why and what to do, for the person.
    Failed(Arc<str>),
}

/// How a message was protected on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protection {
    /// Encrypted by a device of ours.
    Own,
    /// Encrypted by a device of its sender.
    Encrypted {
        /// Which.
        device: DeviceId,
        /// How far that device was trusted when the message came.
        trust: Trust,
        /// When it says it was written is not when it was sent: a clock is wrong, or somebody sent it again.
        time_is_off: bool,
    },
    /// The servers could read it.
    Readable,
    /// Encrypted, and not read by us.
    Sealed,
}
