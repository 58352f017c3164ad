//! Invitations: the link of the first administrator, accounts by invitation, and contacts to be.

use std::sync::Arc;

use base::Timestamp;

use crate::batch::Write;
use crate::{AccountId, Batch, NewAccount, Reading, Store};

/// What an invitation is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InvitationPurpose {
    /// Makes the first administrator.
    Administrator,
    /// Makes an account (XEP-0401 account creation).
    Account,
    /// Makes a contact of the inviter (XEP-0379), and an account where there is none yet.
    Contact,
}

/// An invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Hash of the secret in the link. The secret itself is never stored.
    pub hash: Vec<u8>,
    /// What it is good for.
    pub purpose: InvitationPurpose,
    /// Localpart that it is for, if it is not free to choose. Nobody else gets it meanwhile.
    pub localpart: Option<Arc<str>>,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// When it was used last.
    pub used: Option<Timestamp>,
    /// Who invites. With that account its invitations end.
    pub inviter: Option<AccountId>,
    /// How often it may be used.
    pub uses: u32,
    /// How often it was used.
    pub times: u32,
    /// The account that is made by it and the inviter see each other from the start.
    pub subscribe: bool,
}

impl Invitation {
    /// One that makes an account once and names nobody; a caller fills in what it has.
    #[must_use]
    pub fn new(hash: Vec<u8>, purpose: InvitationPurpose, created: Timestamp) -> Self {
        Self {
            hash,
            purpose,
            localpart: None,
            created,
            expires: created,
            used: None,
            inviter: None,
            uses: 1,
            times: 0,
            subscribe: false,
        }
    }

    /// Whether it can be used at `now`.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.times < self.uses && self.expires > now
    }
}

/// What became of a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registered {
    /// The account is there, and one use of the invitation is gone.
    Created(AccountId),
    /// The name is taken, or an open invitation keeps it for somebody.
    Taken,
    /// The invitation is used up, or is none any more.
    Spent,
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

    /// Deletes the invitations that ended before `before`.
    pub fn invitation_expire(&mut self, before: Timestamp) {
        self.push(Write::InvitationExpire(before));
    }
}

impl Store {
    /// The invitation with this hash, used and expired ones included.
    pub fn invitation(&self, hash: &[u8]) -> Reading<Option<Invitation>> {
        self.backend().invitation(hash.into())
    }

    /// The invitations of an inviter, or (with `None`) of everybody but the first administrator's
    /// link: newest first, at most `max`.
    pub fn invitations(&self, inviter: Option<AccountId>, max: usize) -> Reading<Vec<Invitation>> {
        self.backend().invitations(inviter, max)
    }

    /// Takes one use of an invitation: of any number of callers no more get it than it has uses.
    /// `None` when there is none, it was used up before, or it has ended at `now`.
    pub fn invitation_redeem(&self, hash: &[u8], now: Timestamp) -> Reading<Option<Invitation>> {
        self.backend().invitation_redeem(hash.into(), now)
    }

    /// Makes an account whose name nobody has and no other invitation keeps, and takes one use of
    /// `invitation` (its hash) with it: both or nothing. Whether the invitation has ended by time is
    /// the caller's to say, since who has begun in time may finish (XEP-0445 §4.1).
    pub fn account_register(
        &self,
        account: NewAccount,
        invitation: Option<&[u8]>,
        now: Timestamp,
    ) -> Reading<Registered> {
        self.backend()
            .account_register(account, invitation.map(Into::into), now)
    }
}
