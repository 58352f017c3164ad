//! New passwords.

use std::sync::Arc;

use base::{BareJid, Now, Redacted};
use store::{AccountChange, Batch, PushRegistration, ScramRecord};
use xmpp::condition::StreamCondition;
use xmpp::sasl::{Password, ScramHash, ScramKeys};

use super::{Act, Authority, Refusal};
use crate::{Chat, SessionEntry};

impl Chat {
    /// The keys of a password for every hash, each with a salt of its own. Takes milliseconds of
    /// CPU, away from the connections.
    ///
    /// # Errors
    /// [`Refusal::PasswordUnusable`].
    pub async fn derive_keys(&self, password: Password) -> Result<Vec<ScramRecord>, Refusal> {
        let salts = ScramHash::ALL.iter().map(|hash| {
            let salt = self.house.ids.lock().bytes("salt");
            (*hash, salt[..16].to_vec(), self.config().scram_iterations)
        });
        self.stretch(password, salts.collect()).await
    }

    /// Stretches a password with these salts and iterations.
    pub(super) async fn stretch(
        &self,
        password: Password,
        salts: Vec<(ScramHash, Vec<u8>, u32)>,
    ) -> Result<Vec<ScramRecord>, Refusal> {
        let (tell, told) = futures_channel::oneshot::channel();
        self.offload(Box::new(move || {
            let records: Result<Vec<ScramRecord>, _> = salts
                .iter()
                .map(|(hash, salt, iterations)| {
                    let iterations = (*iterations).max(xmpp::sasl::MINIMUM_ITERATIONS);
                    ScramKeys::derive(&password, salt, iterations, *hash)
                        .map(|keys| to_record(&keys))
                })
                .collect();
            let _ = tell.send(records);
        }));
        match told.await {
            Ok(Ok(records)) => Ok(records),
            Ok(Err(_)) => Err(Refusal::PasswordUnusable),
            Err(_) => Err(Refusal::Store(store::StoreError::Closed)),
        }
    }

    /// Checks a password that somebody chose.
    ///
    /// # Errors
    /// [`Refusal::PasswordShort`] and [`Refusal::PasswordUnusable`].
    pub fn check_password(&self, local: &str, password: &Password) -> Result<(), Refusal> {
        let least = self.config().registration.shortest_password;
        if password.expose().chars().count() < least {
            return Err(Refusal::PasswordShort(least));
        }
        if xmpp::sasl::prepare(password.expose()).is_none() || password.expose() == local {
            return Err(Refusal::PasswordUnusable);
        }
        Ok(())
    }

    /// The keys of a password that somebody chose for the account `local`, where it may be one.
    ///
    /// # Errors
    /// [`Refusal::PasswordShort`] and [`Refusal::PasswordUnusable`].
    pub async fn keys_of(
        &self,
        local: &str,
        password: Redacted<String>,
    ) -> Result<Vec<ScramRecord>, Refusal> {
        let password = Password::new(password.into_inner());
        self.check_password(local, &password)?;
        self.derive_keys(password).await
    }

    /// Gives an account new keys. All that let in before ends with the old ones: tokens (those of the REST interface, too), app
    /// passwords, what devices knew, notifications, and every session but `keep`.
    ///
    /// # Errors
    /// [`Refusal::NoSuchAccount`], [`Refusal::PasswordElsewhere`], and those of who may not.
    pub async fn set_keys(
        &self,
        address: &BareJid,
        keys: Vec<ScramRecord>,
        keep: Option<&Arc<SessionEntry>>,
        by: &Authority,
        now: Now,
    ) -> Result<(), Refusal> {
        let account = self.kept_account(address).await?;
        by.may_to(Act::SetPasswords, address, &account)?;
        if self.is_of_directory(address).await? {
            return Err(Refusal::PasswordElsewhere);
        }
        let mut batch = Batch::new();
        batch.audit(by.note(now.wall, "account.password", address.as_str(), ""));
        let change = AccountChange {
            keys: Some(keys),
            ..AccountChange::default()
        };
        batch.account_change(account.id, change);
        batch.token_revoke_all(account.id);
        batch.api_token_revoke_all(account.id);
        batch.app_password_remove_all(account.id);
        batch.device_forget_all(account.id);
        if let Some(device) = keep.and_then(|keep| self.device_of(keep.admission(), now)) {
            batch.device_seen(account.id, device);
        }
        {
            let cached = self.cached_account(address.as_str());
            let _turn = match &cached {
                Some(cached) => Some(cached.turn().await),
                None => None,
            };
            let own = keep.and_then(|keep| keep.admission().device_key());
            let stays = |push: &PushRegistration| {
                keep.is_some_and(|keep| keep.has_push(&push.target))
                    || own.is_some() && push.device == own
            };
            for push in self.store().push_registrations(account.id).await? {
                if !stays(&push) {
                    batch.push_remove(account.id, &push.target);
                }
            }
            for entry in cached.iter().flat_map(|cached| cached.sessions()) {
                if !keep.is_some_and(|keep| Arc::ptr_eq(&entry, keep)) {
                    entry.dismiss();
                }
            }
            self.store().submit(batch).ticket.await?;
            self.renewals().note(address, now.moment);
            if let Some(cached) = &cached {
                cached.facts().push.retain(stays);
            }
        }
        let why = StreamCondition::NotAuthorized;
        match keep {
            None => self.end_sessions(address, why, now).await,
            Some(keep) => {
                self.end_some_sessions(address, why, now, |entry| !Arc::ptr_eq(entry, keep))
                    .await;
            }
        }
        Ok(())
    }

    /// Ends those sessions of an account that `which` names, connected or not.
    pub(crate) async fn end_some_sessions(
        &self,
        address: &BareJid,
        why: StreamCondition,
        now: Now,
        which: impl Fn(&Arc<SessionEntry>) -> bool,
    ) {
        let Some(account) = self.cached_account(address.as_str()) else {
            return;
        };
        for entry in account.sessions().iter().filter(|entry| which(entry)) {
            entry.mailbox().close(why);
            if let Some(waiting) = self.resumables().claim_waiting(entry) {
                waiting.end_session(now).await;
            }
        }
    }
}

/// The keys as the store keeps them.
pub(crate) fn to_record(keys: &ScramKeys) -> ScramRecord {
    ScramRecord {
        hash: keys.hash.name().into(),
        iterations: keys.iterations,
        salt: keys.salt.clone(),
        stored_key: keys.stored_key.expose().to_vec(),
        server_key: keys.server_key.expose().to_vec(),
    }
}
