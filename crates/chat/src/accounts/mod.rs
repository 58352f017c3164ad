//! What becomes of accounts: made, changed, let in by other ways, and removed.
//!
//! One set of functions, whoever asks: in-band registration, ad-hoc commands, the command line over
//! the admin socket or on a stopped server, and the web pages.

mod access;
mod api_tokens;
mod app_passwords;
mod arrival;
mod authority;
mod creation;
mod directory;
mod groups;
mod invitations;
mod keys;
mod limiter;
mod refusal;
mod removal;
mod renewals;
mod rights;

use std::sync::Arc;

use base::{BareJid, Now};
use store::{Account, AccountChange, Batch, Role};
use xmpp::condition::StreamCondition;

pub(crate) use api_tokens::ApiSessions;
pub use api_tokens::{ApiTokenWish, ApiVisitor, NewApiToken, Scope};
pub use app_passwords::NewAppPassword;
pub use authority::{Authority, Door};
pub use creation::AccountDraft;
pub use directory::DirectoryChange;
pub use invitations::{InvitationWish, NewInvitation};
pub(crate) use keys::to_record;
pub(crate) use limiter::RegistrationLimiter;
pub use refusal::Refusal;
pub(crate) use removal::Removals;
pub(crate) use renewals::Renewals;
pub(crate) use rights::document as roles_document;
pub use rights::{Act, RIGHTS, Right};

use crate::Chat;

/// Longest name for people, in bytes.
const MOST_NAME: usize = 256;
/// Accounts read at once where all are looked at.
const PAGE: usize = 1_000;

impl Chat {
    /// The account of an address as it is kept, disabled ones included.
    ///
    /// # Errors
    /// [`Refusal::NoSuchAccount`] when there is none.
    pub async fn kept_account(&self, address: &BareJid) -> Result<Account, Refusal> {
        let local = address
            .local()
            .filter(|_| address.domain() == &*self.domain())
            .ok_or(Refusal::NoSuchAccount)?;
        let account = self.store().account_find(local).await?;
        account.ok_or(Refusal::NoSuchAccount)
    }

    /// Lets an account log in, or not; then its sessions and tokens end.
    ///
    /// # Errors
    /// [`Refusal::NoSuchAccount`], [`Refusal::LastOwner`], and those of who may not.
    pub async fn set_enabled(
        &self,
        address: &BareJid,
        enabled: bool,
        by: &Authority,
        now: Now,
    ) -> Result<(), Refusal> {
        let account = self.kept_account(address).await?;
        by.may_to(Act::DisableAccounts, address, &account)?;
        if !enabled {
            self.can_be_spared(&account, by).await?;
        }
        let mut batch = Batch::new();
        let action = if enabled {
            "account.enabled"
        } else {
            "account.disabled"
        };
        batch.audit(by.note(now.wall, action, address.as_str(), ""));
        let change = AccountChange {
            enabled: Some(enabled),
            ..AccountChange::default()
        };
        batch.account_change(account.id, change);
        if !enabled {
            batch.token_revoke_all(account.id);
            batch.api_token_revoke_all(account.id);
        }
        self.store().submit(batch).ticket.await?;
        if !enabled {
            // Whoever is just coming in is found by this.
            self.renewals().note(address, now.moment);
            self.end_sessions(address, StreamCondition::NotAuthorized, now)
                .await;
        }
        Ok(())
    }

    /// Gives an account a role.
    ///
    /// # Errors
    /// [`Refusal::NoSuchAccount`], [`Refusal::LastOwner`], and those of who may not.
    pub async fn set_role(
        &self,
        address: &BareJid,
        role: Role,
        by: &Authority,
        now: Now,
    ) -> Result<(), Refusal> {
        let account = self.kept_account(address).await?;
        by.may_to(Act::SetRoles, address, &account)?;
        if account.role == role {
            return Ok(());
        }
        if role != Role::Owner {
            self.can_be_spared(&account, by).await?;
        }
        let mut batch = Batch::new();
        let change = AccountChange {
            role: Some(role),
            ..AccountChange::default()
        };
        batch.account_change(account.id, change);
        let detail = format!("{} in place of {}", role.name(), account.role.name());
        batch.audit(by.note(now.wall, "account.role", address.as_str(), detail));
        self.store().submit(batch).ticket.await?;
        if let Some(cached) = self.cached_account(address.as_str()) {
            cached.facts().account.role = role;
        }
        Ok(())
    }

    /// A name for people as it is kept: trimmed; an empty one is none.
    ///
    /// # Errors
    /// [`Refusal::NameUnusable`].
    pub fn display_name(&self, name: Option<&str>) -> Result<Option<Arc<str>>, Refusal> {
        let name = name.map(str::trim).filter(|name| !name.is_empty());
        let bad = |name: &str| name.len() > MOST_NAME || name.chars().any(char::is_control);
        if name.is_some_and(bad) {
            return Err(Refusal::NameUnusable(MOST_NAME));
        }
        Ok(name.map(Into::into))
    }

    /// Names of groups as they are kept: trimmed, sorted, each once.
    ///
    /// # Errors
    /// [`Refusal::GroupsUnusable`].
    pub fn group_names(&self, names: &[String]) -> Result<Vec<Arc<str>>, Refusal> {
        groups::checked(names)
    }

    /// Gives an account another name for people, or (`None`) the localpart in its place.
    ///
    /// # Errors
    /// [`Refusal::NoSuchAccount`], [`Refusal::NameUnusable`], and those of who may not.
    pub async fn set_display_name(
        &self,
        address: &BareJid,
        name: Option<&str>,
        by: &Authority,
        now: Now,
    ) -> Result<(), Refusal> {
        let name = self.display_name(name)?;
        let account = self.opened_account(address).await?;
        let account = account.ok_or(Refusal::NoSuchAccount)?;
        let _turn = account.turn().await;
        let before = account.facts().account.clone();
        by.may_to(Act::ChangePeople, address, &before)?;
        if before.display_name == name {
            return Ok(());
        }
        let mut batch = Batch::new();
        let detail = name.clone().unwrap_or_default();
        batch.audit(by.note(now.wall, "account.name", address.as_str(), detail));
        let change = AccountChange {
            display_name: Some(name.clone()),
            ..AccountChange::default()
        };
        batch.account_change(account.id(), change);
        self.store().submit(batch).ticket.await?;
        account.facts().account.display_name = name;
        Ok(())
    }

    /// Puts an account into these groups of the directory, and out of all others. What follows from a
    /// group ends or begins at once: whoever is in a department's room and is of the department no
    /// more is taken out of it.
    ///
    /// # Errors
    /// [`Refusal::NoSuchAccount`], [`Refusal::GroupsUnusable`] for names that cannot be those of
    /// groups, and those of who may not.
    pub async fn set_groups(
        &self,
        address: &BareJid,
        groups: &[String],
        by: &Authority,
        now: Now,
    ) -> Result<Vec<Arc<str>>, Refusal> {
        let groups = groups::checked(groups)?;
        let account = self.opened_account(address).await?;
        let account = account.ok_or(Refusal::NoSuchAccount)?;
        let _turn = account.turn().await;
        let before = account.facts().account.clone();
        by.may_to(Act::ChangePeople, address, &before)?;
        if before.groups == groups {
            return Ok(groups);
        }
        let mut batch = Batch::new();
        let detail = format!("{} in place of {}", list(&groups), list(&before.groups));
        batch.audit(by.note(now.wall, "account.groups", address.as_str(), detail));
        let change = AccountChange {
            groups: Some(groups.clone()),
            ..AccountChange::default()
        };
        batch.account_change(account.id(), change);
        self.store().submit(batch).ticket.await?;
        account.facts().account.groups.clone_from(&groups);
        self.regroup_in_rooms(address);
        Ok(groups)
    }

    /// Everybody who has a role, disabled ones included.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn people_with_roles(&self) -> Result<Vec<Account>, Refusal> {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = self.store().account_list(after.as_deref(), PAGE).await?;
            let last = page
                .accounts
                .last()
                .map(|account| account.localpart.clone());
            let accounts = page.accounts.into_iter();
            found.extend(accounts.filter(|account| account.role != Role::Person));
            if !page.more || last.is_none() {
                return Ok(found);
            }
            after = last;
        }
    }

    /// Whether somebody else owns the server, so that this account can go.
    async fn can_be_spared(&self, account: &Account, by: &Authority) -> Result<(), Refusal> {
        if account.role != Role::Owner || !account.enabled || by.is_console() {
            return Ok(());
        }
        let others = self.people_with_roles().await?;
        let stays = others
            .iter()
            .any(|other| other.role == Role::Owner && other.enabled && other.id != account.id);
        if stays {
            Ok(())
        } else {
            Err(Refusal::LastOwner)
        }
    }
}

/// Names in one line, or a dash for none.
fn list(names: &[Arc<str>]) -> String {
    if names.is_empty() {
        return "–".to_owned();
    }
    names.join(", ")
}
