//! What becomes of accounts: made, changed, let in by other ways, and removed.
//!
//! One set of functions, whoever asks: in-band registration, ad-hoc commands, the command line over
//! the admin socket or on a stopped server, and the web pages.

mod access;
mod app_passwords;
mod arrival;
mod creation;
mod groups;
mod invitations;
mod keys;
mod limiter;
mod refusal;
mod removal;
mod renewals;

use std::sync::Arc;

use base::{BareJid, Now};
use store::{Account, AccountChange, Batch};
use xmpp::condition::StreamCondition;

pub use access::Admission;
pub use app_passwords::NewAppPassword;
pub use creation::AccountDraft;
pub use invitations::{InvitationWish, NewInvitation};
pub(crate) use limiter::RegistrationLimiter;
pub use refusal::Refusal;
pub(crate) use removal::Removals;
pub(crate) use renewals::Renewals;

use crate::Chat;

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
    /// [`Refusal::NoSuchAccount`].
    pub async fn set_enabled(
        &self,
        address: &BareJid,
        enabled: bool,
        now: Now,
    ) -> Result<(), Refusal> {
        let account = self.kept_account(address).await?;
        let mut batch = Batch::new();
        let change = AccountChange {
            enabled: Some(enabled),
            ..AccountChange::default()
        };
        batch.account_change(account.id, change);
        if !enabled {
            batch.token_revoke_all(account.id);
        }
        self.store().submit(batch).ticket.await?;
        if !enabled {
            self.end_sessions(address, StreamCondition::NotAuthorized, now)
                .await;
        }
        Ok(())
    }

    /// Lets an account administer the server, or not.
    ///
    /// # Errors
    /// [`Refusal::NoSuchAccount`].
    pub async fn set_admin(&self, address: &BareJid, admin: bool) -> Result<(), Refusal> {
        let account = self.kept_account(address).await?;
        let mut batch = Batch::new();
        let change = AccountChange {
            admin: Some(admin),
            ..AccountChange::default()
        };
        batch.account_change(account.id, change);
        self.store().submit(batch).ticket.await?;
        if let Some(cached) = self.cached_account(address.as_str()) {
            cached.facts().account.admin = admin;
        }
        Ok(())
    }

    /// Puts an account into these groups of the directory, and out of all others. What follows from a
    /// group ends or begins at once: whoever is in a department's room and is of the department no
    /// more is taken out of it.
    ///
    /// # Errors
    /// [`Refusal::NoSuchAccount`], and [`Refusal::GroupsUnusable`] for names that cannot be those of
    /// groups.
    pub async fn set_groups(
        &self,
        address: &BareJid,
        groups: &[String],
    ) -> Result<Vec<Arc<str>>, Refusal> {
        let groups = groups::checked(groups)?;
        let account = self.opened_account(address).await?;
        let account = account.ok_or(Refusal::NoSuchAccount)?;
        let _turn = account.turn().await;
        let mut batch = Batch::new();
        let change = AccountChange {
            groups: Some(groups.clone()),
            ..AccountChange::default()
        };
        batch.account_change(account.id(), change);
        self.store().submit(batch).ticket.await?;
        account.facts().account.groups.clone_from(&groups);
        crate::rooms::groups_changed(self, address);
        Ok(groups)
    }

    /// The addresses of all administrators, disabled ones included.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn administrators(&self) -> Result<Vec<Account>, Refusal> {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = self.store().account_list(after.as_deref(), PAGE).await?;
            let last = page
                .accounts
                .last()
                .map(|account| account.localpart.clone());
            found.extend(page.accounts.into_iter().filter(|account| account.admin));
            if !page.more || last.is_none() {
                return Ok(found);
            }
            after = last;
        }
    }

    /// Whether somebody else administers the server, so that this account can go. For those who ask
    /// from within the messenger; whoever has the command line can always make another.
    ///
    /// # Errors
    /// [`Refusal::NoSuchAccount`] and [`Refusal::LastAdministrator`].
    pub async fn can_be_spared(&self, address: &BareJid) -> Result<(), Refusal> {
        let account = self.kept_account(address).await?;
        if !account.admin || !account.enabled {
            return Ok(());
        }
        let others = self.administrators().await?;
        let stays = others
            .iter()
            .any(|other| other.enabled && other.id != account.id);
        if stays {
            Ok(())
        } else {
            Err(Refusal::LastAdministrator)
        }
    }
}
