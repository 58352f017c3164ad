//! Files that people have uploaded (XEP-0363): who may put what where, and until when it is kept.
//!
//! The bytes are objects elsewhere; here is the record of each. A record begins as a *slot* and is
//! *kept* once its object is whole and durable. Whoever deletes takes the object first and the
//! record last, so that a crash in between leaves something to begin again from.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;

use crate::batch::Write;
use crate::{AccountId, Batch, Reading, Store};

/// What a file is for (XEP-0363 §5), as far as its life depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum UploadPurpose {
    /// Sent in a message: goes with the house's retention.
    #[default]
    Message,
    /// An avatar or the like: stays as long as its account.
    Profile,
    /// Goes at a time that its owner has set, or with the house's retention, whichever is first.
    Ephemeral,
    /// Stays as long as its account.
    Permanent,
}

/// A slot to be made.
#[derive(Clone, PartialEq, Eq)]
pub struct NewUpload {
    /// Key of the record and name of the object: derived from the secret in the file's address, so
    /// that neither gives that away.
    pub id: Arc<str>,
    /// Whose quota it counts against.
    pub account: AccountId,
    /// Name of the file, for people.
    pub name: Arc<str>,
    /// Media type that its owner gave.
    pub content_type: Option<Arc<str>>,
    /// Exact size in bytes.
    pub size: u64,
    /// What it is for.
    pub purpose: UploadPurpose,
    /// SHA-256 of the token with which the slot is filled.
    pub token: [u8; 32],
    /// Now.
    pub created: Timestamp,
    /// Until when the filling may begin.
    pub slot_ends: Timestamp,
    /// When the file goes, if its owner has set a time.
    pub expires: Option<Timestamp>,
}

/// What a new slot must keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadBounds {
    /// Bytes of all files and open slots of one account.
    pub account_bytes: u64,
    /// Open slots of one account.
    pub slots: u32,
    /// How long messages' files are kept, if not for ever; tells when there is space again.
    pub retention: Option<Duration>,
}

/// What became of a slot that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// It is made.
    Made,
    /// The account's quota is used up.
    Full {
        /// Bytes that its files and slots take.
        used: u64,
        /// When enough of them will have gone, if that is known.
        fits_at: Option<Timestamp>,
    },
    /// Too many of its slots are open.
    TooManySlots {
        /// When the first of them ends.
        next: Timestamp,
    },
}

/// A slot or file.
#[derive(Clone, PartialEq, Eq)]
pub struct Upload {
    /// Key of the record and name of the object.
    pub id: Arc<str>,
    /// Its owner; `None` when that account is gone, and the file is to follow.
    pub account: Option<AccountId>,
    /// Name of the file, for people.
    pub name: Arc<str>,
    /// Media type that its owner gave.
    pub content_type: Option<Arc<str>>,
    /// Exact size in bytes.
    pub size: u64,
    /// What it is for.
    pub purpose: UploadPurpose,
    /// SHA-256 of the token with which the slot is filled; zeros once that has happened.
    pub token: [u8; 32],
    /// Until when the filling of a slot may begin; when a kept file goes, if that is set.
    pub due: Option<Timestamp>,
    /// When and with which content it was filled; `None` while it is a slot.
    pub kept: Option<Kept>,
    /// Name of a transfer to the object store that has begun and that the store would not forget.
    pub transfer: Option<Arc<str>>,
}

/// That a file is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Since when.
    pub at: Timestamp,
    /// SHA-256 of its content.
    pub digest: [u8; 32],
}

/// What the files and open slots of an account take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UploadUsage {
    /// Their sizes together, in bytes.
    pub bytes: u64,
    /// How many there are.
    pub files: u64,
}

impl Upload {
    /// Whether it is a whole file that may be read at `now`.
    #[must_use]
    pub fn is_readable(&self, now: Timestamp) -> bool {
        self.kept.is_some() && self.account.is_some() && self.due.is_none_or(|due| now < due)
    }

    /// Whether it is a slot whose filling may begin at `now`.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.kept.is_none() && self.account.is_some() && self.due.is_none_or(|due| now < due)
    }
}

// The name is content and does not belong in a log.
impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            account,
            size,
            kept,
            ..
        } = self;
        write!(f, "Upload({id}, {account:?}, {size} bytes, {kept:?}, …)")
    }
}

impl fmt::Debug for NewUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewUpload({:?}, {} bytes, …)", self.account, self.size)
    }
}

impl Batch {
    /// Notes the name of a transfer that has begun for a slot (or that it has ended), so that it can
    /// be ended after a crash.
    pub fn upload_transfer(&mut self, id: &str, transfer: Option<&str>) {
        self.push(Write::UploadTransfer(id.into(), transfer.map(Into::into)));
    }

    /// Deletes the record of a slot or file. Its object must be gone before.
    pub fn upload_remove(&mut self, id: &str) {
        self.push(Write::UploadRemove(id.into()));
    }
}

impl Store {
    /// Makes a slot, if `bounds` allow it. Of slots asked for at once none goes beyond the bounds.
    pub fn upload_reserve(&self, upload: NewUpload, bounds: UploadBounds) -> Reading<Reserved> {
        self.backend().upload_reserve(upload, bounds)
    }

    /// The slot or file of this id, in whatever state.
    pub fn upload(&self, id: &str) -> Reading<Option<Upload>> {
        self.backend().upload(id.into())
    }

    /// Makes a file of a slot whose object is durable now. False when the slot is gone, filled
    /// already, or its account is gone: the object must then go.
    pub fn upload_keep(&self, id: &str, kept: Kept) -> Reading<bool> {
        self.backend().upload_keep(id.into(), kept)
    }

    /// Up to `max` slots and files that are to go at `now`: those whose time has come, those of
    /// removed accounts, and files for messages that were kept before `before`.
    pub fn upload_due(
        &self,
        now: Timestamp,
        before: Option<Timestamp>,
        max: usize,
    ) -> Reading<Vec<Upload>> {
        self.backend().upload_due(now, before, max)
    }

    /// Up to `max` slots that are not filled, whose ids come after `after`, in the order of ids.
    pub fn upload_slots(&self, after: &str, max: usize) -> Reading<Vec<Upload>> {
        self.backend().upload_slots(after.into(), max)
    }

    /// Ids that begin with `prefix` (ASCII), in order, and for each whether it is a file.
    pub fn upload_ids(&self, prefix: &str) -> Reading<Vec<(Arc<str>, bool)>> {
        self.backend().upload_ids(prefix.into())
    }

    /// What the files and open slots of an account take.
    pub fn upload_usage(&self, account: AccountId) -> Reading<UploadUsage> {
        self.backend().upload_usage(account)
    }
}
