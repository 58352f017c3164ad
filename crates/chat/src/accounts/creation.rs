//! New accounts.

use std::net::IpAddr;
use std::sync::Arc;

use base::{BareJid, Now};
use store::{AccountId, AuditNote, NewAccount, Registered, Role};
use xmpp::sasl::Password;

use super::{Act, Authority, Door, Refusal};
use crate::Chat;
use crate::config::RegistrationMode;

/// An account that somebody wants to make for himself.
pub struct AccountDraft {
    /// The name before the @, as it was typed.
    pub name: String,
    /// The password.
    pub password: Password,
    /// Name for people.
    pub display_name: Option<String>,
    /// Token of an invitation that was looked at before; whether it has ended since does not matter.
    pub token: Option<String>,
    /// From where he comes.
    pub peer: IpAddr,
    /// By the page of the invitation in a browser: works in every mode.
    pub in_browser: bool,
}

impl Chat {
    /// The localpart that somebody has typed, with or without our domain.
    ///
    /// # Errors
    /// [`Refusal::NameInvalid`].
    pub fn localpart(&self, name: &str) -> Result<String, Refusal> {
        let name = name.trim();
        let local = match name.rsplit_once('@') {
            Some((local, domain)) if domain.eq_ignore_ascii_case(&self.domain()) => local,
            Some(_) => return Err(Refusal::NameInvalid),
            None => name,
        };
        let local = base::jid::local_part_strict(local).map_err(|_| Refusal::NameInvalid)?;
        BareJid::new(Some(&local), &self.domain()).map_err(|_| Refusal::NameInvalid)?;
        Ok(local)
    }

    /// Makes an account, as an administrator does. Names that invitations keep for somebody are
    /// taken.
    ///
    /// # Errors
    /// [`Refusal::NameTaken`], and those of who may not.
    pub async fn create_account(
        &self,
        mut account: NewAccount,
        by: &Authority,
        now: Now,
    ) -> Result<AccountId, Refusal> {
        by.may(Act::CreateAccounts)?;
        if account.role != Role::Person {
            by.may(Act::SetRoles)?;
        }
        account.audit = Some(self.created(&account, by, now));
        match self
            .store()
            .account_register(account, None, now.wall)
            .await?
        {
            Registered::Created(id) => Ok(id),
            Registered::Taken | Registered::Spent => Err(Refusal::NameTaken),
        }
    }

    /// What the audit log is told of a new account.
    #[must_use]
    pub fn created(&self, account: &NewAccount, by: &Authority, now: Now) -> AuditNote {
        let address = format!("{}@{}", account.localpart, self.domain());
        let role = match account.role {
            Role::Person => "",
            role => role.name(),
        };
        by.note(now.wall, "account.created", &address, role)
    }

    /// Makes an account for somebody who is not logged in, where the house rules let him. With an
    /// invitation that says so, inviter and invited are contacts from then on.
    ///
    /// # Errors
    /// Every refusal about names, passwords, invitations and registration.
    pub async fn register(&self, draft: AccountDraft, now: Now) -> Result<BareJid, Refusal> {
        let config = self.config();
        let rules = &config.registration;
        let AccountDraft {
            name,
            password,
            display_name,
            token,
            peer,
            in_browser,
        } = draft;
        let open = match (&token, rules.mode) {
            (Some(_), RegistrationMode::Off) => in_browser,
            (None, mode) => mode == RegistrationMode::Open && !in_browser,
            (Some(_), _) => true,
        };
        if !open {
            return Err(Refusal::RegistrationClosed);
        }
        let local = self.localpart(&name)?;
        self.check_password(&local, &password)?;
        let mut hash = None;
        let mut inviter = None;
        let mut named = false;
        if let Some(token) = &token {
            let invitation = self.known_invitation(token).await?;
            if let Some(wanted) = &invitation.localpart {
                if **wanted != *local {
                    return Err(Refusal::NameOfInvitation);
                }
                named = true;
            }
            if !self.makes_accounts(&invitation).await? {
                return Err(Refusal::RegistrationClosed);
            }
            inviter = invitation.inviter.filter(|_| invitation.subscribe);
            hash = Some(invitation.hash);
        }
        if !named && rules.reserved_names.iter().any(|name| **name == *local) {
            return Err(Refusal::NameReserved);
        }
        // Before the work of milliseconds, and before it counts; the store decides.
        if self.store().account_find(&local).await?.is_some() {
            return Err(Refusal::NameTaken);
        }
        if hash.is_none() {
            let (per_address, in_all) = (rules.per_address_per_hour, rules.per_hour);
            let limiter = &self.house.registrations;
            if !limiter.admit(peer, now.moment, per_address, in_all) {
                return Err(Refusal::TooManyRegistrations);
            }
        }
        let keys = self.derive_keys(password).await?;
        let address =
            BareJid::new(Some(&local), &self.domain()).map_err(|_| Refusal::NameInvalid)?;
        let (door, how) = match (in_browser, token.is_some()) {
            (true, _) => (Door::Web, "by invitation"),
            (false, true) => (Door::Xmpp, "by invitation"),
            (false, false) => (Door::Xmpp, "by open registration"),
        };
        let by = Authority::of(&address, Role::Person, door);
        let account = NewAccount {
            localpart: local.as_str().into(),
            display_name: display_name.map(Into::into),
            keys,
            audit: Some(by.note(now.wall, "account.registered", address.as_str(), how)),
            ..NewAccount::default()
        };
        let made = self
            .store()
            .account_register(account, hash.as_deref(), now.wall);
        match made.await? {
            Registered::Created(_) => {}
            Registered::Taken => return Err(Refusal::NameTaken),
            Registered::Spent => return Err(Refusal::InvitationUsed),
        }
        tracing::info!(account = %address, invited = token.is_some(), "an account was registered");
        if let Some(inviter) = inviter
            && let Some(inviter) = self.store().account(inviter).await?
        {
            self.introduce(&address, &inviter.localpart).await?;
        }
        Ok(address)
    }

    /// Makes two accounts of this server contacts of each other.
    async fn introduce(&self, one: &BareJid, other: &Arc<str>) -> Result<(), Refusal> {
        let other = BareJid::new(Some(other), &self.domain()).map_err(|_| Refusal::NameInvalid)?;
        let (Some(one), Some(other)) = (self.account(one).await?, self.account(&other).await?)
        else {
            return Ok(());
        };
        if self.befriend(&one, &other).await.is_err() {
            // The account is there all the same, and the two can ask each other.
            tracing::warn!("an invited account could not be made a contact of its inviter");
        }
        Ok(())
    }
}
