//! Batches: what is to be written together, all of it or nothing.

use std::sync::Arc;

use base::Timestamp;
use smallvec::SmallVec;

use crate::archive::codec;
use crate::rooms::RoomWrite;
use crate::{
    AccountChange, AccountId, Activity, ApiToken, AppPasswordId, ArchiveId, ArchiveOwner,
    ArchivePreferences, AuditNote, Device, Identity, Invitation, KeptAnswer, NodeWrite, Outgoing,
    OwnerId, RoomId, RosterItem, RosterRequest, RosterVersion, ScramRecord, Ticket, TokenRecord,
};
use crate::{PushRegistration, PushTarget};

/// Gathers writes of all domains. Each domain's file has the methods that add to it.
///
/// A batch is kept whole or not at all.
#[derive(Debug, Default)]
pub struct Batch {
    /// Archive entries as [`codec`] writes them, without ids.
    pub(crate) entries: Vec<u8>,
    /// One for each copy, in the order of the ids.
    pub(crate) copies: SmallVec<[Copy; 2]>,
    /// All other writes, in order.
    pub(crate) writes: Vec<Write>,
    /// Whether a write needs a roster version.
    pub(crate) versioned: bool,
}

/// One owner's copy of an entry of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Copy {
    pub(crate) owner: OwnerId,
    /// Where its owner record begins in the encoded entries.
    pub(crate) owner_at: u32,
    /// Where the stanza's length begins in the encoded entries.
    pub(crate) stanza_at: u32,
    /// Whether it waits for the owner.
    pub(crate) offline: bool,
    /// Whether it is no part of the archive.
    pub(crate) hidden: bool,
}

/// A batch on its way to the disk.
#[derive(Debug)]
pub struct Submitted {
    /// Ids of the archived copies, in the order in which they were added to the batch.
    pub ids: SmallVec<[ArchiveId; 2]>,
    /// Version that the roster writes of the batch get; [`RosterVersion::NONE`] when it has none.
    pub version: RosterVersion,
    /// Resolves when the batch is kept.
    pub ticket: Ticket,
}

impl Submitted {
    /// What there is of an empty batch.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            ids: SmallVec::new(),
            version: RosterVersion::NONE,
            ticket: Ticket::DONE,
        }
    }
}

impl Batch {
    /// A batch with nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.copies.is_empty() && self.writes.is_empty()
    }

    /// Adds all writes of `other` behind those of this batch; ids of `other` follow in order.
    pub fn append(&mut self, other: Batch) {
        let base = self.entries.len() as u32;
        self.entries.extend_from_slice(&other.entries);
        self.copies
            .extend(other.copies.into_iter().map(|copy| Copy {
                owner_at: copy.owner_at + base,
                stanza_at: copy.stanza_at + base,
                ..copy
            }));
        self.writes.extend(other.writes);
        self.versioned |= other.versioned;
    }

    /// Rough size in bytes, for bounds.
    pub(crate) fn weight(&self) -> usize {
        self.entries.len() + 64 + self.writes.len() * 256
    }

    pub(crate) fn push(&mut self, write: Write) {
        self.writes.push(write);
    }

    pub(crate) fn push_versioned(&mut self, write: Write) {
        self.versioned = true;
        self.writes.push(write);
    }

    pub(crate) fn push_entry(&mut self, stanza: &[u8], owners: &[ArchiveOwner<'_>]) -> usize {
        let first = self.copies.len();
        codec::push_entry(&mut self.entries, &mut self.copies, stanza, owners);
        first
    }
}

/// A write that is not an archive entry.
#[derive(Debug)]
#[allow(
    missing_docs,
    reason = "each is documented at the method of Batch that makes it"
)]
pub enum Write {
    AccountChange(AccountId, Box<AccountChange>),
    AccountAddKey(AccountId, Box<ScramRecord>),
    AccountRemovalBegin(AccountId),
    AccountRemovalCancel(AccountId, bool),
    IdentitySet(AccountId, Box<Identity>),
    Audit(Box<AuditNote>),
    ApiTokenAdd(AccountId, Box<ApiToken>),
    ApiTokenRevoke(AccountId, Option<Arc<str>>),
    ApiTokenUsed(AccountId, Arc<str>, Timestamp),
    ApiTokenExpire(Timestamp),
    AnswerKeep(Box<KeptAnswer>, Timestamp, usize),
    AppPasswordUsed(AccountId, AppPasswordId, Timestamp),
    AppPasswordRemove(AccountId, Option<AppPasswordId>),
    DeviceSeen(AccountId, Box<Device>),
    DeviceForget(AccountId, Option<Arc<str>>),
    DeviceExpire(Timestamp),
    RosterSet(AccountId, Box<RosterItem>),
    RosterRemove(AccountId, Arc<str>),
    RequestSet(AccountId, Box<RosterRequest>),
    RequestRemove(AccountId, Arc<str>),
    OfflineClear(OwnerId, ArchiveId),
    OfflineRemove(OwnerId, Box<[ArchiveId]>),
    OfflineMark(OwnerId, ArchiveId),
    Block(AccountId, Arc<str>),
    Unblock(AccountId, Arc<str>),
    UnblockAll(AccountId),
    Private(AccountId, Arc<str>, Option<Box<str>>),
    Vcard(AccountId, Option<Box<str>>),
    Node(OwnerId, Box<NodeWrite>),
    NodeItemsExpire(Timestamp),
    Activity(AccountId, Box<Activity>),
    Preferences(AccountId, Box<ArchivePreferences>),
    DevicesListed(AccountId, Arc<[u32]>),
    InboxDisplayed(AccountId, Arc<str>, ArchiveId),
    TokenIssue(AccountId, Box<TokenRecord>),
    TokenUsed {
        account: AccountId,
        client: Arc<str>,
        secret: Box<[u8]>,
        count: Option<u64>,
        at: Timestamp,
    },
    TokenRevoke(AccountId, Option<Arc<str>>),
    TokenExpire(Timestamp),
    InvitationSet(Box<Invitation>),
    InvitationRemove(Box<[u8]>),
    InvitationExpire(Timestamp),
    Setting(Arc<str>, Option<Box<[u8]>>),
    Room(RoomId, RoomWrite),
    OutgoingSet(Box<Outgoing>),
    OutgoingRemove(u64),
    UploadTransfer(Arc<str>, Option<Arc<str>>),
    UploadRemove(Arc<str>),
    PushSet(AccountId, Box<PushRegistration>),
    PushRemove(AccountId, Box<PushTarget>),
}
