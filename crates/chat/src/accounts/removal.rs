//! Removal: sessions and tokens end, contacts are told, and everything that was kept goes.
//!
//! It begins with a mark in the store that is kept with the end of all logins. If the server is
//! cut off after that, the next one goes on where the mark is: an account is never half removed.

use std::collections::HashSet;
use std::sync::Arc;

use base::{BareJid, Now};
use parking_lot::Mutex;
use store::{AccountId, Batch};
use xmpp::condition::StreamCondition;

use super::{Act, Authority, Refusal};
use crate::{Account, Chat};

/// Removals that somebody is at work on.
#[derive(Default)]
pub(crate) struct Removals {
    under_way: Mutex<HashSet<AccountId>>,
    /// The store was asked for those that an earlier process has left.
    looked: Mutex<bool>,
}

/// The work on one removal; another can take it up when this is dropped.
struct Hold<'a> {
    removals: &'a Removals,
    account: AccountId,
}

impl Removals {
    /// Nobody removes this account, though it is marked: it is on its way in.
    pub(super) fn keep_off(&self, account: AccountId) {
        self.under_way.lock().insert(account);
    }

    /// The opposite.
    pub(super) fn let_go(&self, account: AccountId) {
        self.under_way.lock().remove(&account);
    }

    fn hold(&self, account: AccountId) -> Option<Hold<'_>> {
        let fresh = self.under_way.lock().insert(account);
        fresh.then_some(Hold {
            removals: self,
            account,
        })
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.removals.under_way.lock().remove(&self.account);
    }
}

impl Chat {
    /// Removes an account with all that is kept of it. Its sessions end, and its contacts are told
    /// that nobody is there any more (XEP-0077 §3.2).
    ///
    /// # Errors
    /// [`Refusal::NoSuchAccount`], [`Refusal::LastOwner`], those of who may not; or when the store has failed, and then the
    /// removal goes on later by itself.
    pub async fn remove_account(
        &self,
        address: &BareJid,
        by: &Authority,
        now: Now,
    ) -> Result<(), Refusal> {
        let kept = self.kept_account(address).await?;
        by.may_to(Act::RemoveAccounts, address, &kept)?;
        self.can_be_spared(&kept, by).await?;
        let account = self.opened_account(address).await?;
        let account = account.ok_or(Refusal::NoSuchAccount)?;
        let mut batch = Batch::new();
        batch.audit(by.note(now.wall, "account.removed", address.as_str(), ""));
        batch.account_removal_begin(account.id());
        batch.token_revoke_all(account.id());
        batch.api_token_revoke_all(account.id());
        self.store().submit(batch).ticket.await?;
        // From here on it is certain to end.
        *self.house.removals.looked.lock() = false;
        self.finish_removal(&account, now).await
    }

    /// Finishes removals that were cut off. Cheap when there is none: called with every tick.
    pub(crate) async fn finish_removals(&self, now: Now) {
        let looked = std::mem::replace(&mut *self.house.removals.looked.lock(), true);
        if looked {
            return;
        }
        let result = self.finish_all(now).await;
        if let Err(error) = result {
            tracing::error!(%error, "an account could not be removed yet");
            *self.house.removals.looked.lock() = false;
        }
    }

    async fn finish_all(&self, now: Now) -> Result<(), Refusal> {
        for kept in self.store().accounts_being_removed().await? {
            let address = BareJid::new(Some(&kept.localpart), &self.domain());
            let Ok(address) = address else { continue };
            if let Some(account) = self.opened_account(&address).await? {
                self.finish_removal(&account, now).await?;
            }
        }
        Ok(())
    }

    async fn finish_removal(&self, account: &Arc<Account>, now: Now) -> Result<(), Refusal> {
        let Some(_hold) = self.house.removals.hold(account.id()) else {
            return Ok(());
        };
        let address = account.jid();
        self.end_sessions(address, StreamCondition::NotAuthorized, now)
            .await;
        self.leave_contacts(account, now)
            .await
            .map_err(|_| Refusal::Store(store::StoreError::Closed))?;
        self.leave_all_rooms(address)
            .await
            .map_err(|_| Refusal::Store(store::StoreError::Closed))?;
        self.store().account_remove(account.id()).await?;
        self.house.accounts.forget(address);
        Ok(())
    }
}
