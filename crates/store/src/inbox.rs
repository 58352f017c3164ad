//! The inbox: where an account's conversations stand.
//!
//! A conversation is everything that an archive has of one other address. Its newest message and how
//! many are unread are kept up to date as entries move from the journal to chunks, and what is still
//! in the journal is added when somebody asks: so a message that is archived costs nothing more.
//!
//! A room has one archive for all who read it. Its chunks carry the sums of what they hold, and who has
//! spoken last when is noted as entries move: what is unread for one reader is summed up, and only the
//! chunk in which the reader's mark lies is read.

use std::sync::Arc;

use crate::batch::Write;
use crate::{AccountId, ArchiveId, ArchiveItem, Batch, OwnerId, Reading, RosterVersion, Store};

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
    /// The room, if it is one.
    pub room: Option<OwnerId>,
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
    /// The rooms that the account may read, each of which has an archive of its own. One in which
    /// nothing was said stands with what the account's own archive has of its address.
    pub rooms: Vec<InboxRoom>,
    /// The domain of rooms: what the account's own archive has of its addresses (invitations, private
    /// messages) is no conversation, but for the rooms above.
    pub rooms_domain: Option<Arc<str>>,
    /// Bare address of the account, as rooms know it: whoever has said something has read what came
    /// before.
    pub reader: Arc<str>,
}

/// A room in the list of conversations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxRoom {
    /// Its bare address.
    pub address: Arc<str>,
    /// Whose archive has its messages.
    pub owner: OwnerId,
    /// When it became one of the account's, as far as that is known: a change like a new message.
    pub since: RosterVersion,
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
    /// whether it mentions the account; it is asked for each unread one that names
    /// [somebody](crate::EntryFlags::mentions).
    pub fn inbox(
        &self,
        account: AccountId,
        query: InboxQuery,
        mentions: Mentions,
    ) -> Reading<InboxPage> {
        self.backend().inbox(account, query, mentions)
    }
}
