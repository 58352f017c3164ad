//! The list of conversations.

use std::sync::Arc;

use client::views;
use serde::{Deserialize, Serialize};

use super::Time;

/// What kind of conversation it is.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum ConversationKind {
    /// With one person.
    Person,
    /// A private group: members only, encrypted.
    Group,
    /// An open room: readable by its server.
    Room,
}

/// What the person wants to hear of a conversation.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Notify {
    /// Whatever is said.
    Always,
    /// Only what mentions the person.
    OnMention,
    /// Nothing: it is muted.
    Never,
}

/// Whether somebody is there.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Availability {
    /// Not there, or not to be seen.
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
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Seal {
    /// End-to-end encrypted.
    Encrypted,
    /// The person has switched encryption off.
    Off,
    /// It is an open room: readable by the server, and so it is meant.
    Open,
}

/// A row of the list.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Conversation {
    /// Which: the address of the person or room.
    pub id: String,
    /// With whom.
    pub kind: ConversationKind,
    /// What it is called.
    pub name: String,
    /// The department whose room it is.
    pub department: Option<String>,
    /// What a group or room is about just now; empty for nothing.
    pub subject: String,
    /// Its picture, for `core.picture`.
    pub picture: Option<String>,
    /// It stands above the others.
    pub pinned: bool,
    /// What the person wants to hear of it.
    pub notify: Notify,
    /// It is muted until then, and after that as it was.
    pub muted_until: Option<Time>,
    /// Nothing comes from there any more, because the person wants that.
    pub blocked: bool,
    /// Unread messages.
    #[cfg_attr(test, ts(type = "number"))]
    pub unread: u64,
    /// Those of them that mention the person.
    #[cfg_attr(test, ts(type = "number"))]
    pub mentions: u64,
    /// The newest message.
    pub last: Option<LastMessage>,
    /// What was typed and not sent; empty for nothing.
    pub draft: String,
    /// Whether the person is there; of a room, whether we are in it.
    pub availability: Availability,
    /// In the person's words; empty for none.
    pub status: String,
    /// The names of those who are typing.
    pub typing: Vec<String>,
    /// How it is protected.
    pub seal: Seal,
    /// The rules of the house want it encrypted: nothing else gets through.
    pub must_seal: bool,
    /// Something can be said here to one alone.
    pub whispers: bool,
    /// Why nothing can be said here, for the person; `null` when something can.
    pub cannot_write: Option<String>,
    /// When something was said last, or the conversation was opened.
    pub active: Time,
}

/// One line of the newest message.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct LastMessage {
    /// Which.
    pub key: String,
    /// When.
    pub time: Time,
    /// Who said it; empty in a conversation with one person.
    pub sender: String,
    /// We said it.
    pub own: bool,
    /// What; empty when it has no words, or none that can be read.
    pub text: String,
    /// It cannot be read, or not yet.
    pub unreadable: bool,
    /// It was taken back.
    pub removed: bool,
}

/// All conversations: pinned ones first, then the newest first.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ConversationList {
    /// The rows. What has not changed is the same object as before.
    pub rows: Vec<Conversation>,
    /// How many of them have something unread and are not muted.
    pub unread: usize,
}

/// The name of a picture.
pub fn picture(picture: Option<&views::PictureId>) -> Option<String> {
    picture.map(|picture| picture.0.to_string())
}

impl From<&Arc<views::Conversation>> for Conversation {
    fn from(row: &Arc<views::Conversation>) -> Self {
        Self {
            id: row.id.as_str().to_owned(),
            kind: row.kind.into(),
            name: row.name.to_string(),
            department: row.department.as_ref().map(ToString::to_string),
            subject: row.subject.to_string(),
            picture: picture(row.picture.as_ref()),
            pinned: row.pinned,
            notify: row.notify.into(),
            muted_until: row.muted_until.map(Into::into),
            blocked: row.blocked,
            unread: row.unread,
            mentions: row.mentions,
            last: row.last.as_ref().map(|last| LastMessage {
                key: last.key.to_string(),
                time: last.time.into(),
                sender: last.sender.to_string(),
                own: last.own,
                text: words_of(last.text.expose()),
                unreadable: last.unreadable,
                removed: last.removed,
            }),
            draft: row.draft.expose().to_string(),
            availability: row.availability.into(),
            status: row.status.to_string(),
            typing: row.typing.iter().map(ToString::to_string).collect(),
            seal: row.seal.into(),
            must_seal: row.must_seal,
            whispers: row.whispers,
            cannot_write: row.cannot_write.as_ref().map(ToString::to_string),
            active: row.active.into(),
        }
    }
}

impl From<views::ConversationKind> for ConversationKind {
    fn from(kind: views::ConversationKind) -> Self {
        match kind {
            views::ConversationKind::Person => Self::Person,
            views::ConversationKind::Group => Self::Group,
            views::ConversationKind::Room => Self::Room,
        }
    }
}

impl From<views::Notify> for Notify {
    fn from(notify: views::Notify) -> Self {
        match notify {
            views::Notify::Always => Self::Always,
            views::Notify::OnMention => Self::OnMention,
            views::Notify::Never => Self::Never,
        }
    }
}

impl From<Notify> for views::Notify {
    fn from(notify: Notify) -> Self {
        match notify {
            Notify::Always => Self::Always,
            Notify::OnMention => Self::OnMention,
            Notify::Never => Self::Never,
        }
    }
}

impl From<views::Availability> for Availability {
    fn from(availability: views::Availability) -> Self {
        match availability {
            views::Availability::Offline => Self::Offline,
            views::Availability::ExtendedAway => Self::ExtendedAway,
            views::Availability::Away => Self::Away,
            views::Availability::Busy => Self::Busy,
            views::Availability::Online => Self::Online,
        }
    }
}

impl From<Availability> for views::Availability {
    fn from(availability: Availability) -> Self {
        match availability {
            Availability::Offline => Self::Offline,
            Availability::ExtendedAway => Self::ExtendedAway,
            Availability::Away => Self::Away,
            Availability::Busy => Self::Busy,
            Availability::Online => Self::Online,
        }
    }
}

impl From<views::Seal> for Seal {
    fn from(seal: views::Seal) -> Self {
        match seal {
            views::Seal::Encrypted => Self::Encrypted,
            views::Seal::Off => Self::Off,
            views::Seal::Open => Self::Open,
        }
    }
}

/// One line of a message as people read it. The address of a file in the legacy form is no words, and holds its key.
pub fn words_of(line: &str) -> String {
    let is_address = line
        .get(..7)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("aesgcm:"));
    if is_address { "" } else { line }.to_owned()
}
