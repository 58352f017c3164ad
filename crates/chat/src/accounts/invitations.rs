//! Invitations by link (XEP-0401, XEP-0445, XEP-0379).

use std::time::Duration;

use base::{BareJid, Now, Timestamp};
use store::{Batch, Invitation, InvitationPurpose};
use xmpp::sasl::ScramHash;

use super::{Act, Authority, Refusal};
use crate::config::RegistrationMode;
use crate::{Account, Chat, Work};

/// Invitations listed at once.
const MOST_LISTED: usize = 500;
/// Longest token that is looked at, in bytes.
const MOST_TOKEN: usize = 200;

/// The invitation that somebody wants to make.
#[derive(Clone, Debug, Default)]
pub struct InvitationWish {
    /// For an account of this name; as it was typed.
    pub name: Option<String>,
    /// The invited and the inviter see each other from the start.
    pub subscribe: bool,
    /// How often it may be used; 0 is once.
    pub uses: u32,
    /// How long it lasts, if not as long as the house rules say.
    pub lifetime: Option<Duration>,
}

/// An invitation that was just made.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    /// `xmpp:` address for programs.
    pub uri: String,
    /// The page for people; `None` when browsers do not reach this server.
    pub page: Option<String>,
    /// The token in both.
    pub token: String,
    /// When it ends.
    pub expires: Timestamp,
}

fn hash(token: &str) -> Vec<u8> {
    ScramHash::Sha256.digest(token.as_bytes()).expose().to_vec()
}

impl Chat {
    /// Makes an invitation to an account (XEP-0401 §3.2). Without an inviter it is the house's own.
    ///
    /// # Errors
    /// [`Refusal::NameInvalid`], [`Refusal::NameTaken`], and those of who may not.
    pub async fn invite_to_account(
        &self,
        inviter: Option<&Account>,
        wish: InvitationWish,
        by: &Authority,
        now: Now,
    ) -> Result<NewInvitation, Refusal> {
        by.may(Act::CreateAccounts)?;
        let local = match &wish.name {
            Some(name) => {
                let local = self.localpart(name)?;
                let others = self.store().invitations(None, MOST_LISTED).await?;
                let kept = others.iter().any(|other| {
                    other.localpart.as_deref() == Some(&*local) && other.is_open(now.wall)
                });
                if kept || self.store().account_find(&local).await?.is_some() {
                    return Err(Refusal::NameTaken);
                }
                Some(local)
            }
            None => None,
        };
        let (token, mut invitation) = self.draft(InvitationPurpose::Account, &wish, now);
        invitation.localpart = local.as_deref().map(Into::into);
        invitation.inviter = inviter.map(Account::id);
        invitation.subscribe = wish.subscribe && inviter.is_some();
        if invitation.localpart.is_some() {
            invitation.uses = 1;
        }
        self.keep(token, invitation, by, now).await
    }

    /// Makes an invitation to be a contact (XEP-0401 §3.1), and to make an account where the house
    /// rules allow that.
    ///
    /// # Errors
    /// [`Refusal::TooManyInvitations`].
    pub async fn invite_contact(
        &self,
        inviter: &Account,
        wish: InvitationWish,
        now: Now,
    ) -> Result<NewInvitation, Refusal> {
        let most = self.config().registration.invitations;
        let open = self.store().invitations(Some(inviter.id()), MOST_LISTED);
        let open = open.await?;
        if open.iter().filter(|one| one.is_open(now.wall)).count() >= most {
            return Err(Refusal::TooManyInvitations(most));
        }
        let (token, mut invitation) = self.draft(InvitationPurpose::Contact, &wish, now);
        invitation.inviter = Some(inviter.id());
        invitation.subscribe = true;
        self.keep(token, invitation, &Authority::of_client(inviter), now)
            .await
    }

    fn draft(
        &self,
        purpose: InvitationPurpose,
        wish: &InvitationWish,
        now: Now,
    ) -> (String, Invitation) {
        let token = String::from(self.new_id("invitation"));
        let lifetime = wish
            .lifetime
            .unwrap_or(self.config().registration.invitation_lifetime);
        let invitation = Invitation {
            expires: now.wall + lifetime,
            uses: wish.uses.clamp(1, 1_000),
            ..Invitation::new(hash(&token), purpose, now.wall)
        };
        (token, invitation)
    }

    async fn keep(
        &self,
        token: String,
        invitation: Invitation,
        by: &Authority,
        now: Now,
    ) -> Result<NewInvitation, Refusal> {
        let uri = self.invitation_uri(&invitation, &token).await?;
        let expires = invitation.expires;
        let mut batch = Batch::new();
        let detail = match &invitation.localpart {
            Some(local) => format!("for {local}, until {expires}"),
            None => format!("{} times, until {expires}", invitation.uses),
        };
        let id = invitation_id(&invitation);
        batch.audit(by.note(now.wall, "invitation.made", &id, detail));
        batch.invitation_set(invitation);
        self.store().submit(batch).ticket.await?;
        let config = self.config();
        let base = config.registration.public_url.trim_end_matches('/');
        Ok(NewInvitation {
            uri,
            page: (!base.is_empty()).then(|| format!("{base}/invite/{token}")),
            token,
            expires,
        })
    }

    /// The `xmpp:` address of an invitation (XEP-0401 §3.1 and §3.2).
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn invitation_uri(
        &self,
        invitation: &Invitation,
        token: &str,
    ) -> Result<String, Refusal> {
        let domain = self.domain();
        if invitation.purpose != InvitationPurpose::Contact {
            let local = invitation.localpart.as_deref();
            let at = local.map_or_else(String::new, |local| format!("{}@", escaped(local)));
            return Ok(format!("xmpp:{at}{domain}?register;preauth={token}"));
        }
        let inviter = self.inviter(invitation).await?;
        let (inviter, _) = inviter.ok_or(Refusal::InvitationUnknown)?;
        let in_band = self.config().registration.mode != RegistrationMode::Off;
        let ibr = if in_band && self.makes_accounts(invitation).await? {
            ";ibr=y"
        } else {
            ""
        };
        let local = escaped(inviter.local().unwrap_or_default());
        Ok(format!("xmpp:{local}@{domain}?roster;preauth={token}{ibr}"))
    }

    /// The invitation of a token that can be used now.
    ///
    /// # Errors
    /// [`Refusal::InvitationUnknown`], [`Refusal::InvitationUsed`] and [`Refusal::InvitationEnded`].
    pub async fn open_invitation(&self, token: &str, now: Now) -> Result<Invitation, Refusal> {
        let invitation = self.known_invitation(token).await?;
        if invitation.times >= invitation.uses {
            return Err(Refusal::InvitationUsed);
        }
        if invitation.expires <= now.wall {
            return Err(Refusal::InvitationEnded);
        }
        Ok(invitation)
    }

    /// The invitation of a token, open or not.
    ///
    /// # Errors
    /// [`Refusal::InvitationUnknown`]; [`Refusal::InvitationEnded`] when whoever has made it may not come in any more.
    pub(super) async fn known_invitation(&self, token: &str) -> Result<Invitation, Refusal> {
        if token.is_empty() || token.len() > MOST_TOKEN {
            return Err(Refusal::InvitationUnknown);
        }
        let found = self.store().invitation(&hash(token)).await?;
        let invitation = found
            .filter(|found| found.purpose != InvitationPurpose::Administrator)
            .ok_or(Refusal::InvitationUnknown)?;
        if let Some(inviter) = invitation.inviter {
            // Who may not come in himself lets nobody in.
            let inviter = self.store().account(inviter).await?;
            if !inviter.is_some_and(|inviter| inviter.enabled) {
                return Err(Refusal::InvitationEnded);
            }
        }
        Ok(invitation)
    }

    /// Whether an invitation lets its bearer make an account: the house's own to an account do; those of somebody as
    /// long as the house lets its users, or this inviter, invite new people.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn makes_accounts(&self, invitation: &Invitation) -> Result<bool, Refusal> {
        let Some(inviter) = invitation.inviter else {
            // The house's own.
            return Ok(invitation.purpose == InvitationPurpose::Account);
        };
        let users_invite = self.config().registration.users_invite;
        let inviter = self.store().account(inviter).await?;
        Ok(inviter.is_some_and(|inviter| {
            inviter.enabled && (users_invite || Act::CreateAccounts.is_open_to(inviter.role))
        }))
    }

    /// The invitations of an inviter, or of everybody; newest first, each with the id to revoke it by.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn invitations(
        &self,
        inviter: Option<&Account>,
    ) -> Result<Vec<(String, Invitation)>, Refusal> {
        let inviter = inviter.map(Account::id);
        let list = self.store().invitations(inviter, MOST_LISTED).await?;
        Ok(list
            .into_iter()
            .map(|invitation| (invitation_id(&invitation), invitation))
            .collect())
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    /// [`Refusal::NothingToRevoke`], and for others than the inviter those of who may not.
    pub async fn revoke_invitation(
        &self,
        inviter: Option<&Account>,
        id: &str,
        by: &Authority,
        now: Now,
    ) -> Result<(), Refusal> {
        if inviter.is_none() {
            by.may(Act::RevokeInvitations)?;
        }
        let list = self.invitations(inviter).await?;
        let found = list.into_iter().find(|(known, _)| known == id);
        let (_, invitation) = found.ok_or(Refusal::NothingToRevoke)?;
        let mut batch = Batch::new();
        batch.invitation_remove(&invitation.hash);
        batch.audit(by.note(now.wall, "invitation.revoked", id, ""));
        Ok(self.store().submit(batch).ticket.await?)
    }

    /// XEP-0379 §3.5, on behalf of the inviter: a request for its presence that brings the token of
    /// one of its invitations is granted, once for each use, and asked back. True when it is.
    pub(crate) fn redeems<'a>(
        &'a self,
        inviter: &'a Account,
        token: &'a str,
        now: Now,
    ) -> Work<bool> {
        let (chat, token, inviter) = (self.clone(), token.to_owned(), inviter.id());
        Box::pin(async move {
            let known = chat.known_invitation(&token).await;
            let own = known.is_ok_and(|known| {
                known.purpose == InvitationPurpose::Contact && known.inviter == Some(inviter)
            });
            own && matches!(
                chat.store()
                    .invitation_redeem(&hash(&token), now.wall)
                    .await,
                Ok(Some(_))
            )
        })
    }

    /// The address of whoever has made an invitation.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn inviter(
        &self,
        invitation: &Invitation,
    ) -> Result<Option<(BareJid, store::Account)>, Refusal> {
        let Some(id) = invitation.inviter else {
            return Ok(None);
        };
        let Some(account) = self.store().account(id).await? else {
            return Ok(None);
        };
        let address = BareJid::new(Some(&account.localpart), &self.domain());
        Ok(address.ok().map(|address| (address, account)))
    }
}

/// What an invitation is revoked by: no part of the token.
fn invitation_id(invitation: &Invitation) -> String {
    base::id::short(invitation.hash.get(..10).unwrap_or_default())
}

/// A localpart within an `xmpp:` address (RFC 5122 §2.2).
fn escaped(local: &str) -> String {
    let mut out = String::with_capacity(local.len());
    for byte in local.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$*+".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn addresses_are_escaped() {
        assert_eq!(escaped("romeo.m+1"), "romeo.m+1");
        assert_eq!(escaped("jül?ia"), "j%C3%BCl%3Fia");
    }
}
