//! Accounts that come from elsewhere with all that they have (XEP-0227).
//!
//! Until the last of it is kept, an account on its way in is marked as going away: nobody can log
//! in, and if the server is cut off, the next one removes what was there.

use base::{BareJid, Now};
use store::{AccountId, Batch, NewAccount};

use super::{Authority, Refusal};
use crate::Chat;

impl Chat {
    /// Makes an account that is on its way in.
    ///
    /// # Errors
    /// [`Refusal::NameTaken`] and [`Refusal::NameInvalid`].
    pub async fn begin_arrival(
        &self,
        local: &str,
        by: &Authority,
        now: Now,
    ) -> Result<(AccountId, BareJid), Refusal> {
        let address =
            BareJid::new(Some(local), &self.domain()).map_err(|_| Refusal::NameInvalid)?;
        let account = NewAccount {
            localpart: local.into(),
            ..NewAccount::default()
        };
        let id = self.create_account(account, by, now).await?;
        self.house.removals.keep_off(id);
        let mut batch = Batch::new();
        batch.account_removal_begin(id);
        if let Err(error) = self.store().submit(batch).ticket.await {
            self.house.removals.let_go(id);
            return Err(error.into());
        }
        Ok((id, address))
    }

    /// Everything of it is kept: from now on it is an account like others.
    ///
    /// # Errors
    /// When the store has failed; then it is not.
    pub async fn settle_arrival(&self, account: AccountId, enabled: bool) -> Result<(), Refusal> {
        let mut batch = Batch::new();
        batch.account_removal_cancel(account, enabled);
        let kept = self.store().submit(batch).ticket.await;
        if kept.is_ok() {
            self.house.removals.let_go(account);
        }
        Ok(kept?)
    }

    /// It is not to be: removes what was there.
    ///
    /// # Errors
    /// When the store has failed; then the next start removes it.
    pub async fn give_arrival_up(
        &self,
        account: AccountId,
        address: &BareJid,
        _now: Now,
    ) -> Result<(), Refusal> {
        let removed = self.store().account_remove(account).await;
        self.house.removals.let_go(account);
        self.house.accounts.forget(address);
        removed?;
        Ok(())
    }
}
