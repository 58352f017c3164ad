//! What there is to see: immutable plain data, fetched whole, with differences between two of them.

mod conversation;
mod diff;
mod people;
mod timeline;

use std::sync::Arc;

use base::Redacted;

pub use conversation::{
    Availability, Conversation, ConversationId, ConversationKind, ConversationList, LastMessage,
    Notify, Seal,
};
pub use diff::{ListChange, diff};
pub use people::{Contact, Member, PictureId, Profile};
pub use timeline::{
    Body, Delivery, Mention, Message, MessageKey, Notice, Protection, Reaction, Removal, Reply,
    Sender, Timeline, TimelineItem, Window,
};

/// What somebody has said or named; hidden when debugging.
pub type Text = Redacted<Arc<str>>;

pub(crate) fn text(text: &str) -> Text {
    Redacted::new(Arc::from(text))
}
