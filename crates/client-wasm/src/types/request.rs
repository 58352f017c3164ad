//! What the page asks of the engine, and what it gets.

use serde::{Deserialize, Serialize};

use super::answer::{Done, Failure};
use super::command::Command;
use super::conversation::{Conversation, ConversationList};
use super::event::{Event, Session};
use super::people::{Contact, Device, Member, OwnKey, Profile, Readers};
use super::timeline::{Item, ReadBy, Timeline};

/// Something to look at. It is told once, and again whenever it changes.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(
    tag = "view",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum View {
    /// Who is signed in, and how far we are with the server: `Session`.
    Session,
    /// The list: `ConversationList`.
    Conversations,
    /// One of its rows: `Conversation`, or `null`.
    Conversation {
        /// Which.
        conversation: String,
    },
    /// A part of a timeline: `Timeline`. What it shows is moved by `core.timeline`.
    Timeline {
        /// Which.
        conversation: String,
        /// The message around which it begins; without one it begins with the newest.
        #[serde(default)]
        #[cfg_attr(test, ts(optional = nullable))]
        around: Option<String>,
    },
    /// Who is in a group or room: `Member[]`.
    Members {
        /// Which.
        conversation: String,
    },
    /// The messages that are pinned in a conversation, the one that was pinned last in front: `Message[]`.
    Pins {
        /// Which.
        conversation: String,
    },
    /// Who can read what is said in a conversation: `Readers`.
    Readers {
        /// Which.
        conversation: String,
    },
    /// The devices of somebody: `Device[]`.
    Devices {
        /// Whose.
        account: String,
    },
    /// What is known of somebody: `Profile`.
    Profile {
        /// Of whom.
        account: String,
    },
    /// Everybody in the roster, by name: `Contact[]`.
    Contacts,
    /// Who wants to see when we are there: `string[]`, addresses.
    ContactRequests,
}

/// How a view looks now.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(
    tag = "view",
    content = "value",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Shown {
    /// Of [`View::Session`].
    Session(Session),
    /// Of [`View::Conversations`].
    Conversations(ConversationList),
    /// Of [`View::Conversation`].
    Conversation(Option<Conversation>),
    /// Of [`View::Timeline`].
    Timeline(Timeline),
    /// Of [`View::Members`].
    Members(Vec<Member>),
    /// Of [`View::Pins`].
    Pins(Vec<super::Message>),
    /// Of [`View::Readers`].
    Readers(Readers),
    /// Of [`View::Devices`].
    Devices(Vec<Device>),
    /// Of [`View::Profile`].
    Profile(Profile),
    /// Of [`View::Contacts`].
    Contacts(Vec<Contact>),
    /// Of [`View::ContactRequests`].
    ContactRequests(Vec<String>),
}

/// A step from one list to the next. Steps are done one after the other; each counts in the list as it is then.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Change<T> {
    /// This goes.
    Remove {
        /// From where.
        at: usize,
    },
    /// This comes.
    Insert {
        /// To where.
        at: usize,
        /// What.
        item: T,
    },
    /// This is another one now, and stays where it is.
    Replace {
        /// Where.
        at: usize,
        /// What.
        item: T,
    },
}

impl<T> From<client::views::ListChange<T>> for Change<T> {
    fn from(change: client::views::ListChange<T>) -> Self {
        use client::views::ListChange;
        match change {
            ListChange::Remove { at } => Self::Remove { at },
            ListChange::Insert { at, item } => Self::Insert { at, item },
            ListChange::Replace { at, item } => Self::Replace { at, item },
        }
    }
}

/// What is new in a view.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Update {
    /// All of it.
    Whole {
        /// How it looks now.
        shown: Shown,
    },
    /// The list of conversations, as steps from what it was.
    Conversations {
        /// The steps.
        changes: Vec<Change<Conversation>>,
        /// As [`ConversationList::unread`].
        unread: usize,
    },
    /// A timeline, as steps from what it was.
    Timeline {
        /// The steps.
        changes: Vec<Change<Item>>,
        /// As [`Timeline::has_earlier`].
        has_earlier: bool,
        /// As [`Timeline::has_later`].
        has_later: bool,
        /// As [`Timeline::read_by`].
        read_by: Vec<ReadBy>,
    },
}

/// Something that is asked once.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(
    tag = "query",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Query {
    /// Finds what was said, newest first; gives `found`.
    Search {
        /// Words and filters, as the person has typed them.
        text: String,
        /// Where the page before has ended.
        #[serde(default)]
        #[cfg_attr(test, ts(optional = nullable))]
        from: Option<String>,
        /// How many at most.
        limit: usize,
    },
    /// Emoji by the beginnings of their names; gives `emoji`.
    Emoji {
        /// What stands behind the colon.
        prefix: String,
        /// How many at most.
        limit: usize,
    },
    /// This device's key; gives `ownKey`.
    OwnKey,
    /// A text as QR code; gives `qr`.
    Qr {
        /// It.
        text: String,
    },
}

/// An emoji to choose.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct EmojiChoice {
    /// The emoji.
    pub emoji: String,
    /// Its name, without colons.
    pub name: String,
}

/// Some of what was found.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// The messages, newest first.
    pub messages: Vec<FoundMessage>,
    /// Where it goes on; `null` when there are no more.
    pub next: Option<String>,
}

/// A message that was found.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct FoundMessage {
    /// Where it was said.
    pub conversation: String,
    /// What that is called.
    pub conversation_name: String,
    /// The message.
    pub message: super::Message,
}

/// What the page asks.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Request {
    /// Wants to see something, under a name of its own choice.
    Subscribe {
        /// The name.
        subscription: String,
        /// What.
        view: View,
    },
    /// Does not look any more.
    Unsubscribe {
        /// The name.
        subscription: String,
    },
    /// Moves the part that a subscription of a timeline shows.
    Move {
        /// The name.
        subscription: String,
        /// Where to.
        to: MoveTo,
    },
    /// Wants something done.
    Command {
        /// What.
        command: Command,
    },
    /// Asks something.
    Query {
        /// What.
        query: Query,
    },
}

/// Where the part of a timeline goes.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum MoveTo {
    /// More of what was before.
    Earlier,
    /// More of what was behind.
    Later,
    /// To the newest.
    Latest,
    /// To a message and what is around it.
    Around {
        /// Which.
        message: String,
    },
}

/// What the engine says.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Reply {
    /// A command was done.
    Done {
        /// What came of it.
        done: Done,
    },
    /// What was found.
    Found {
        /// It.
        found: Found,
    },
    /// Emoji.
    Emoji {
        /// They.
        choices: Vec<EmojiChoice>,
    },
    /// This device's key.
    OwnKey {
        /// It.
        key: OwnKey,
    },
    /// A QR code.
    Qr {
        /// Each a row of modules, `1` for dark.
        rows: Vec<String>,
    },
    /// It was not done.
    Failed {
        /// Why.
        failure: Failure,
    },
}

/// What the engine says by itself.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Told {
    /// A view has changed.
    View {
        /// The name of the subscription.
        subscription: String,
        /// What is new.
        update: Update,
    },
    /// Something has happened.
    Event {
        /// What.
        event: Event,
    },
}
