//! The message archive: XEP-0313 pages, and what XEP-0160 keeps for those who are away.

pub(crate) mod codec;

use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;

use crate::{ArchiveId, Batch, OwnerId, Reading, Store};

/// One owner's copy of an archived stanza.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveOwner<'a> {
    /// In whose archive it is.
    pub id: OwnerId,
    /// Bare address of the other side, normalised; for group chats the room.
    pub with: &'a str,
    /// Resource of the other side; in group chats the nickname.
    pub with_resource: Option<&'a str>,
    /// Facts about this copy.
    pub flags: EntryFlags,
}

/// Facts about one owner's copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct EntryFlags {
    /// The owner sent it.
    pub outgoing: bool,
    /// It waits for the owner: it is in [`Store::offline`] until [`Batch::offline_clear`], or, when it is hidden,
    /// [`Batch::offline_remove`].
    pub offline: bool,
    /// It is no part of the archive and only waits for the owner; deleted when the owner has it
    /// (`no-permanent-store`, or the owner keeps no archive).
    pub hidden: bool,
    /// It came from a room.
    pub groupchat: bool,
    /// It says something about other messages (a receipt, a marker, a reaction, a correction): no
    /// new message in the [inbox](Store::inbox).
    pub quiet: bool,
    /// It names people whom it is for (XEP-0372); whom, its text says.
    pub mentions: bool,
}

/// Which entries a query wants. The default wants all of them, the first page of 50.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveQuery {
    /// Only exchanged with this address, normalised: bare (any resource) or full (exactly that).
    pub with: Option<Arc<str>>,
    /// Not before this time.
    pub start: Option<Timestamp>,
    /// Not after this time.
    pub end: Option<Timestamp>,
    /// Only behind this entry, which must be in the archive.
    pub after_id: Option<ArchiveId>,
    /// Only before this entry, which must be in the archive.
    pub before_id: Option<ArchiveId>,
    /// Exactly these entries, all of which must be in the archive. Empty means no such filter.
    pub ids: Vec<ArchiveId>,
    /// Which page of what matches.
    pub position: PagePosition,
    /// Most entries on the page. 0 asks for the count only (XEP-0059 §2.6).
    pub max: usize,
    /// Newest first on the page. Does not change what is on it.
    pub flipped: bool,
}

impl Default for ArchiveQuery {
    fn default() -> Self {
        Self {
            with: None,
            start: None,
            end: None,
            after_id: None,
            before_id: None,
            ids: Vec::new(),
            position: PagePosition::First,
            max: 50,
            flipped: false,
        }
    }
}

/// Place of a page in what matches (XEP-0059). Named entries must be in the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PagePosition {
    /// The oldest.
    First,
    /// The newest (`<before/>` without an id).
    Last,
    /// Those next after this entry.
    After(ArchiveId),
    /// Those just before this entry.
    Before(ArchiveId),
}

/// One archived message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveItem {
    /// Its id in the owner's archive.
    pub id: ArchiveId,
    /// When it was archived.
    pub timestamp: Timestamp,
    /// Facts about it.
    pub flags: EntryFlags,
    /// The whole `<message/>` as it was submitted.
    pub stanza: Bytes,
}

/// A message that another archive had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedEntry {
    /// When it was archived there.
    pub at: Timestamp,
    /// Bare address of the other side, normalised.
    pub with: Arc<str>,
    /// Resource of the other side.
    pub with_resource: Option<Arc<str>>,
    /// Facts about it; none is hidden.
    pub flags: EntryFlags,
    /// The whole `<message/>`.
    pub stanza: Bytes,
}

/// A page of the archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArchivePage {
    /// The entries; oldest first, unless flipped.
    pub items: Vec<ArchiveItem>,
    /// Nothing that matches lies beyond the page in the direction of paging.
    pub complete: bool,
    /// Oldest entry of the page.
    pub first: Option<ArchiveId>,
    /// Newest entry of the page.
    pub last: Option<ArchiveId>,
    /// How many entries match, over all pages, where that is cheap to say.
    pub count: Option<u64>,
}

/// First and last entry of an archive (XEP-0313 `<metadata/>`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveBounds {
    /// The oldest entry.
    pub first: ArchiveId,
    /// The newest entry.
    pub last: ArchiveId,
}

impl Batch {
    /// Archives a stanza for one owner. Gives the place of its id in
    /// [`Submitted::ids`](crate::Submitted::ids).
    pub fn archive(&mut self, owner: ArchiveOwner<'_>, stanza: &[u8]) -> usize {
        self.archive_shared(stanza, &[owner])
    }

    /// Archives one stanza for several owners; its text is journalled once. Gives the place of the
    /// first owner's id in [`Submitted::ids`](crate::Submitted::ids); the others follow in order.
    pub fn archive_shared(&mut self, stanza: &[u8], owners: &[ArchiveOwner<'_>]) -> usize {
        self.push_entry(stanza, owners)
    }

    /// Forgets that entries up to `through` (included) wait for the owner. Hidden ones wait on: they are kept nowhere
    /// else.
    pub fn offline_clear(&mut self, owner: impl Into<OwnerId>, through: ArchiveId) {
        self.push(crate::batch::Write::OfflineClear(owner.into(), through));
    }

    /// Deletes hidden entries that have waited: the owner has them. What is not hidden, or waits no more, stays as it is.
    pub fn offline_remove(&mut self, owner: impl Into<OwnerId>, entries: &[ArchiveId]) {
        self.push(crate::batch::Write::OfflineRemove(
            owner.into(),
            entries.into(),
        ));
    }

    /// Lets an entry that is in the archive wait for the owner again, because it was not acknowledged.
    pub fn offline_mark(&mut self, owner: impl Into<OwnerId>, entry: ArchiveId) {
        self.push(crate::batch::Write::OfflineMark(owner.into(), entry));
    }
}

impl Store {
    /// A page of an owner's archive.
    ///
    /// # Errors
    /// [`ItemNotFound`](crate::StoreError::ItemNotFound) when an id that the query names is not in
    /// the archive.
    pub fn archive_page(
        &self,
        owner: impl Into<OwnerId>,
        query: ArchiveQuery,
    ) -> Reading<ArchivePage> {
        self.backend().archive_page(owner.into(), query)
    }

    /// Puts messages that another archive had into an owner's own, oldest first: those of one call
    /// together, or none. They come behind all that is in it already, so the archive should be new. Gives
    /// their ids, which are of their times.
    ///
    /// # Errors
    /// [`NoSuchAccount`](crate::StoreError::NoSuchAccount) when the owner is gone.
    pub fn archive_import(
        &self,
        owner: impl Into<OwnerId>,
        entries: Vec<ImportedEntry>,
    ) -> Reading<Vec<ArchiveId>> {
        self.backend().archive_import(owner.into(), entries)
    }

    /// First and last entry of an owner's archive; `None` when it is empty.
    pub fn archive_bounds(&self, owner: impl Into<OwnerId>) -> Reading<Option<ArchiveBounds>> {
        self.backend().archive_bounds(owner.into())
    }

    /// Up to `max` entries that wait for the owner, oldest first, those after `after` only.
    pub fn offline(
        &self,
        owner: impl Into<OwnerId>,
        after: Option<ArchiveId>,
        max: usize,
    ) -> Reading<Vec<ArchiveItem>> {
        self.backend().offline(owner.into(), after, max)
    }

    /// How many entries wait for the owner.
    pub fn offline_count(&self, owner: impl Into<OwnerId>) -> Reading<u64> {
        self.backend().offline_count(owner.into())
    }

    /// Deletes all entries of all owners that are older than `before`, in slices between commits.
    /// Gives how many entries were deleted.
    pub fn archive_expire(&self, before: Timestamp) -> Reading<u64> {
        self.backend().archive_expire(before)
    }

    /// Deletes the entries of one owner that are older than `before`; with a time in the future,
    /// all. Gives how many entries were deleted.
    pub fn archive_purge(&self, owner: impl Into<OwnerId>, before: Timestamp) -> Reading<u64> {
        self.backend().archive_purge(owner.into(), before)
    }
}
