//! On whose authority something is done: what it allows, and what the audit log says of it.

use std::sync::Arc;

use base::{BareJid, Timestamp};
use store::{AuditNote, Role};

use super::Refusal;
use super::rights::{Act, reaches};
use crate::Account;

/// The door that an act came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Door {
    /// The command line on the server's machine.
    Console,
    /// A client, by ad-hoc commands and requests.
    Xmpp,
    /// Pages of the server: the first administrator, invitations.
    Web,
    /// The REST interface.
    Rest,
    /// A directory that accounts come from.
    Directory,
    /// The server itself.
    House,
}

impl Door {
    /// Its name in the audit log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Xmpp => "xmpp",
            Self::Web => "web",
            Self::Rest => "rest",
            Self::Directory => "directory",
            Self::House => "house",
        }
    }
}

/// Who does something, by which door, with which rights.
#[derive(Clone, Debug)]
pub struct Authority {
    actor: Arc<str>,
    door: Door,
    role: Role,
    /// No more than these acts; `None` is all that the role allows.
    scope: Option<Arc<[Act]>>,
}

impl Authority {
    /// Whoever has the server's machine.
    #[must_use]
    pub fn console() -> Self {
        Self::new("console", Door::Console, Role::Owner)
    }

    /// The server itself, by what it was told before; `door` says by whom.
    #[must_use]
    pub fn house(door: Door) -> Self {
        Self::new("house", door, Role::Owner)
    }

    /// Somebody with an account and its role.
    #[must_use]
    pub fn of(address: &BareJid, role: Role, door: Door) -> Self {
        Self::new(address.as_str(), door, role)
    }

    /// A client of an account.
    pub(crate) fn of_client(account: &Account) -> Self {
        Self::of(account.jid(), account.facts().account.role, Door::Xmpp)
    }

    fn new(actor: &str, door: Door, role: Role) -> Self {
        Self {
            actor: actor.into(),
            door,
            role,
            scope: None,
        }
    }

    /// The same, with no more than these acts.
    #[must_use]
    pub fn within(mut self, acts: impl Into<Arc<[Act]>>) -> Self {
        self.scope = Some(acts.into());
        self
    }

    /// Who: an address, `console` or `house`.
    #[must_use]
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// Whether nobody stands above it: whoever has the machine can always make another owner.
    pub(super) const fn is_console(&self) -> bool {
        matches!(self.door, Door::Console)
    }

    /// Whether it is the person of this account, with all that the person may.
    pub(super) fn is_person(&self, address: &BareJid) -> bool {
        *self.actor == *address.as_str() && self.scope.is_none()
    }

    /// With which role.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Whether it allows this.
    #[must_use]
    pub fn allows(&self, act: Act) -> bool {
        let within = self.scope.as_ref().is_none_or(|scope| scope.contains(&act));
        within && act.is_open_to(self.role)
    }

    /// Whether it allows this.
    ///
    /// # Errors
    /// [`Refusal::NotEntitled`].
    pub fn may(&self, act: Act) -> Result<(), Refusal> {
        if self.allows(act) {
            return Ok(());
        }
        Err(Refusal::NotEntitled(act))
    }

    /// Whether it allows this to the account at `address`. Password, sessions and existence of one's own account are one's own
    /// matter, unless it is done by something that has been given less.
    ///
    /// # Errors
    /// [`Refusal::NotEntitled`], and [`Refusal::OutOfReach`] for an account that has more rights.
    pub fn may_to(
        &self,
        act: Act,
        address: &BareJid,
        target: &store::Account,
    ) -> Result<(), Refusal> {
        if self.is_person(address)
            && matches!(
                act,
                Act::SetPasswords | Act::EndSessions | Act::RemoveAccounts
            )
        {
            return Ok(());
        }
        self.may(act)?;
        if reaches(self.role, target.role) {
            return Ok(());
        }
        Err(Refusal::OutOfReach)
    }

    /// What the audit log is told.
    #[must_use]
    pub fn note(
        &self,
        at: Timestamp,
        action: &str,
        subject: &str,
        detail: impl Into<Arc<str>>,
    ) -> AuditNote {
        AuditNote {
            at,
            actor: Arc::clone(&self.actor),
            door: self.door.name().into(),
            action: action.into(),
            subject: subject.into(),
            detail: detail.into(),
        }
    }
}
