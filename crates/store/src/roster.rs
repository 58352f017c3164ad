//! Rosters with versions, and requests that wait for an answer (RFC 6121 §2, §3).

use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;

use crate::batch::Write;
use crate::{AccountId, Batch, Reading, RosterVersion, Store};

/// Subscription state of a roster item (RFC 6121 §2.1.2.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Subscription {
    /// Neither sees the other's presence.
    #[default]
    None,
    /// The owner sees the contact's presence.
    To,
    /// The contact sees the owner's presence.
    From,
    /// Both see each other's presence.
    Both,
}

/// One contact in one roster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RosterItem {
    /// Bare address of the contact, normalised.
    pub contact: Arc<str>,
    /// The owner's name for the contact.
    pub name: Option<Arc<str>>,
    /// Groups, in the order in which they were set. They must not contain the character U+001F
    /// (which XML cannot carry anyway).
    pub groups: Vec<Arc<str>>,
    /// Who sees whom.
    pub subscription: Subscription,
    /// The owner asked for the contact's presence and waits (`ask='subscribe'`).
    pub ask: bool,
    /// The contact's future request is granted already (RFC 6121 §3.4).
    pub approved: bool,
    /// Roster version at which the item changed last; set by the store, ignored in writes.
    pub version: RosterVersion,
}

/// A whole roster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// Items, ordered by contact.
    pub items: Vec<RosterItem>,
    /// Version of the whole.
    pub version: RosterVersion,
}

/// One step between two versions of a roster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RosterChange {
    /// The item was added or changed.
    Set(RosterItem),
    /// The contact was removed at this version.
    Removed(Arc<str>, RosterVersion),
}

/// What happened to a roster since a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterChanges {
    /// Last change of each contact since then, oldest first.
    pub changes: Vec<RosterChange>,
    /// Version of the whole now.
    pub version: RosterVersion,
}

/// A contact's request for the owner's presence that was not answered yet (RFC 6121 §3.1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterRequest {
    /// Bare address of who asks, normalised.
    pub contact: Arc<str>,
    /// The whole `<presence type='subscribe'/>` as it is to be delivered.
    pub presence: Bytes,
    /// When it came.
    pub received: Timestamp,
}

impl Batch {
    /// Adds or replaces the item of a contact. Its new version, and the roster's, is
    /// [`Submitted::version`](crate::Submitted::version).
    pub fn roster_set(&mut self, account: AccountId, item: RosterItem) {
        self.push_versioned(Write::RosterSet(account, Box::new(item)));
    }

    /// Removes a contact; a client with an older version hears of it.
    pub fn roster_remove(&mut self, account: AccountId, contact: &str) {
        self.push_versioned(Write::RosterRemove(account, contact.into()));
    }

    /// Keeps a contact's request until it is answered; replaces an earlier one.
    pub fn request_set(&mut self, account: AccountId, request: RosterRequest) {
        self.push(Write::RequestSet(account, Box::new(request)));
    }

    /// Forgets a contact's request.
    pub fn request_remove(&mut self, account: AccountId, contact: &str) {
        self.push(Write::RequestRemove(account, contact.into()));
    }
}

impl Store {
    /// The whole roster.
    pub fn roster(&self, account: AccountId) -> Reading<Roster> {
        self.backend().roster(account)
    }

    /// What changed since `version`. `None` when that is too long ago to say, or not a version of
    /// this roster's past: then the whole roster is to be sent.
    pub fn roster_changes_since(
        &self,
        account: AccountId,
        version: RosterVersion,
    ) -> Reading<Option<RosterChanges>> {
        self.backend().roster_changes_since(account, version)
    }
}
