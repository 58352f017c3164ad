//! One-time invitations: the link of the first administrator, and accounts by invitation.

use std::sync::Arc;

use base::Timestamp;

use crate::batch::Write;
use crate::{Batch, Reading, Store};

/// What an invitation is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InvitationPurpose {
    /// Makes an administrator.
    Administrator,
    /// Makes an account.
    Account,
}

/// An invitation that can be used once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Hash of the secret in the link. The secret itself is never stored.
    pub hash: Vec<u8>,
    /// What it is good for.
    pub purpose: InvitationPurpose,
    /// Localpart that it is for, if it is not free to choose.
    pub localpart: Option<Arc<str>>,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// When it was used.
    pub used: Option<Timestamp>,
}

impl Batch {
    /// Keeps an invitation; replaces one with the same hash.
    pub fn invitation_set(&mut self, invitation: Invitation) {
        self.push(Write::InvitationSet(Box::new(invitation)));
    }

    /// Deletes an invitation.
    pub fn invitation_remove(&mut self, hash: &[u8]) {
        self.push(Write::InvitationRemove(hash.into()));
    }
}

impl Store {
    /// The invitation with this hash, used and expired ones included.
    pub fn invitation(&self, hash: &[u8]) -> Reading<Option<Invitation>> {
        self.backend().invitation(hash.into())
    }

    /// Uses an invitation up: of any number of callers at most one gets it. `None` when there is none,
    /// it was used before, or it has ended at `now`.
    pub fn invitation_redeem(&self, hash: &[u8], now: Timestamp) -> Reading<Option<Invitation>> {
        self.backend().invitation_redeem(hash.into(), now)
    }
}
