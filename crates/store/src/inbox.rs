//! The inbox: where an account's conversations stand.
//!
//! A conversation is everything that an archive has of one other address. Its newest message and how
//! many are unread are kept up to date as entries move from the journal to chunks, and what is still
//! in the journal is added when somebody asks: so a message that is archived costs nothing more.

use std::sync::Arc;

use crate::batch::Write;
use crate::{AccountId, ArchiveId, ArchiveItem, Batch, OwnerId, Reading, Store};

/// Unread messages that are counted at the most.
pub const MOST_UNREAD: usize = 1000;

/// Whether a message, given by its text, mentions somebody.
pub type Mentions = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// One conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Bare address of the other side, normalised: a person or a room.
    pub peer: Arc<str>,
    /// The newest message in it, [quiet](crate::EntryFlags::quiet) ones not looked at.
    pub last: ArchiveItem,
    /// Messages of others behind the last one that was displayed, and behind the last one that the
    /// account has sent itself; at most [`MOST_UNREAD`], which then means that many or more.
    pub unread: usize,
    /// How many of them mention the account, in rooms; see [`Store::inbox`].
    pub mentions: usize,
    /// Up to here its messages were displayed.
    pub displayed: Option<ArchiveId>,
}

/// Which conversations are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InboxQuery {
    /// Only what has changed since an answer with this [`InboxPage::version`].
    pub since: Option<ArchiveId>,
    /// Only those whose newest message is older than this one: the next page.
    pub before: Option<ArchiveId>,
    /// Most conversations on the page.
    pub max: usize,
    /// The page ends when its messages take this many bytes; one conversation always fits.
    pub max_bytes: usize,
    /// Conversations whose messages are in an archive of their own, each with its bare address and
    /// the owner of the archive: rooms.
    pub rooms: Vec<(Arc<str>, OwnerId)>,
}

/// Conversations, the one with the newest message first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InboxPage {
    /// The conversations.
    pub conversations: Vec<Conversation>,
    /// There are no more behind them.
    pub complete: bool,
    /// How many match in all, those on other pages too.
    pub count: usize,
    /// What is known with this page; `None` for an account that never had a message.
    pub version: Option<ArchiveId>,
}

impl Batch {
    /// Remembers that a conversation was displayed up to the entry `through` of its archive. One
    /// that is older than what is known changes nothing.
    pub fn inbox_displayed(&mut self, account: AccountId, peer: &str, through: ArchiveId) {
        self.push_versioned(Write::InboxDisplayed(account, peer.into(), through));
    }
}

impl Store {
    /// Where an account's conversations stand. `mentions` says of the text of a message in a room
    /// whether it mentions the account; it is asked for each unread one.
    pub fn inbox(
        &self,
        account: AccountId,
        query: InboxQuery,
        mentions: Mentions,
    ) -> Reading<InboxPage> {
        self.backend().inbox(account, query, mentions)
    }
}
