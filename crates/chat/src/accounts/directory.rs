//! Accounts that a directory keeps (LDAP): they come, change and go with the people in it.

use std::sync::Arc;

use base::{BareJid, Now};
use store::{AccountChange, AccountId, Batch, Identity, Imported, NewAccount, Role};
use xmpp::condition::StreamCondition;

use super::{Act, Authority, Refusal, groups, list};
use crate::Chat;

/// What a directory changes of an account. `None` leaves as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryChange {
    /// Who it is there from now on.
    pub identity: Identity,
    /// Name for people; inner `None` clears it.
    pub display_name: Option<Option<Arc<str>>>,
    /// All groups, those that were given here among them.
    pub groups: Option<Vec<String>>,
    /// Whether it may log in. With `false` everything ends that lets in: sessions, tokens, app passwords, notifications.
    pub enabled: Option<bool>,
    /// Its password is a new one, and all that the old one let in ends: sessions, tokens, app passwords, notifications.
    pub new_password: bool,
    /// The account was one of this server alone until now: its password here ends, with all that it let in.
    pub adopt: bool,
}

impl Chat {
    /// Makes accounts of people of a directory, in one commit. One answer for each: `None` when an account of the name is
    /// there already, which stays as it is.
    ///
    /// # Errors
    /// [`Refusal::GroupsUnusable`] for names that cannot be those of groups, when the store fails, and those of who may not.
    pub async fn create_from_directory(
        &self,
        people: Vec<NewAccount>,
        by: &Authority,
        now: Now,
    ) -> Result<Vec<Option<AccountId>>, Refusal> {
        by.may(Act::CreateAccounts)?;
        let mut drafts = Vec::with_capacity(people.len());
        for mut person in people {
            let names: Vec<String> = person.groups.iter().map(ToString::to_string).collect();
            person.groups = groups::checked(&names)?;
            person.role = Role::Person;
            person.audit = Some(self.created(&person, by, now));
            drafts.push(person);
        }
        let made = self.store().account_import(drafts).await?;
        let made = made.into_iter().map(|made| match made {
            Imported::Created(id) => Some(id),
            Imported::Exists(_) => None,
        });
        Ok(made.collect())
    }

    /// Changes an account as a directory says, in one commit. What follows of it follows at once.
    ///
    /// # Errors
    /// [`Refusal::NoSuchAccount`], [`Refusal::GroupsUnusable`], [`Refusal::LastOwner`], and those of who may not.
    pub async fn follow_directory(
        &self,
        address: &BareJid,
        change: DirectoryChange,
        by: &Authority,
        now: Now,
    ) -> Result<(), Refusal> {
        let account = self.opened_account(address).await?;
        let account = account.ok_or(Refusal::NoSuchAccount)?;
        let turn = account.turn().await;
        let before = self.kept_account(address).await?;
        by.may_to(Act::ChangePeople, address, &before)?;
        let enabled = change.enabled.filter(|enabled| *enabled != before.enabled);
        if enabled.is_some() {
            by.may_to(Act::DisableAccounts, address, &before)?;
        }
        if enabled == Some(false) {
            self.can_be_spared(&before, by).await?;
        }
        let mut batch = Batch::new();
        let mut note = |action: &str, detail: String| {
            batch.audit(by.note(now.wall, action, address.as_str(), detail));
        };
        match enabled {
            Some(true) => note("account.enabled", "is in the directory again".to_owned()),
            Some(false) => note(
                "account.disabled",
                "is not in the directory any more".to_owned(),
            ),
            None => {}
        }
        if change.adopt {
            let source = &change.identity.source;
            note("account.directory", format!("belongs to {source} now"));
        }
        if change.new_password {
            note(
                "account.password",
                "was changed in the directory".to_owned(),
            );
        }
        let groups = match &change.groups {
            Some(names) => Some(groups::checked(names)?).filter(|groups| *groups != before.groups),
            None => None,
        };
        if let Some(groups) = &groups {
            let detail = format!("{} in place of {}", list(groups), list(&before.groups));
            note("account.groups", detail);
        }
        let display_name = change
            .display_name
            .filter(|name| *name != before.display_name);
        if let Some(name) = &display_name {
            let shown = |name: &Option<Arc<str>>| name.as_deref().unwrap_or("–").to_owned();
            let detail = format!(
                "{} in place of {}",
                shown(name),
                shown(&before.display_name)
            );
            note("account.name", detail);
        }
        batch.account_change(
            account.id(),
            AccountChange {
                display_name: display_name.clone(),
                enabled,
                groups: groups.clone(),
                keys: change.adopt.then(Vec::new),
                ..AccountChange::default()
            },
        );
        batch.identity_set(account.id(), change.identity);
        let ends = enabled == Some(false) || change.adopt || change.new_password;
        if ends {
            batch.token_revoke_all(account.id());
            batch.api_token_revoke_all(account.id());
            batch.app_password_remove_all(account.id());
            batch.device_forget_all(account.id());
            for push in self.store().push_registrations(account.id()).await? {
                batch.push_remove(account.id(), &push.target);
            }
            account.sessions().iter().for_each(|entry| entry.dismiss());
        }
        self.store().submit(batch).ticket.await?;
        {
            let mut facts = account.facts();
            if let Some(name) = display_name {
                facts.account.display_name = name;
            }
            if let Some(groups) = &groups {
                facts.account.groups.clone_from(groups);
            }
            if ends {
                facts.push.clear();
            }
        }
        drop(turn);
        if groups.is_some() {
            self.regroup_in_rooms(address);
        }
        if ends {
            self.renewals().note(address, now.moment);
            self.end_sessions(address, StreamCondition::NotAuthorized, now)
                .await;
        }
        Ok(())
    }

    /// Whether the password of an account is kept in a directory, so that it cannot be changed here.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn is_of_directory(&self, address: &BareJid) -> Result<bool, Refusal> {
        let Some(local) = address.local() else {
            return Ok(false);
        };
        let login = self.store().login(local, None).await?;
        Ok(login.is_some_and(|login| login.identity.is_some()))
    }
}
