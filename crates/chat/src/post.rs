//! What the house itself sends: by address, not by session.

use base::{Jid, Now};
use bytes::Bytes;
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::xml::Stanza;

use crate::delivery::Delivery;
use crate::links::outward;
use crate::messages::{self, Planned};
use crate::modules::{is_elsewhere, store_failed};
use crate::undelivered::deliver;
use crate::{Chat, Sender};

impl Chat {
    /// Hands a stanza, complete with its addresses, to the session of ours at a full address, or to any
    /// address of another domain. False when nobody is there. Nothing is kept: for presence, requests,
    /// copies.
    pub fn hand(&self, to: &Jid, stanza: Bytes) -> bool {
        if is_elsewhere(self, to) {
            let from = std::str::from_utf8(&stanza)
                .ok()
                .and_then(|text| Stanza::parse(text).ok())
                .and_then(|stanza| Jid::parse(&stanza.from()?).ok());
            return from.is_some_and(|from| self.send_soon(&from, to, stanza).is_ok());
        }
        let session = to.resource().and_then(|resource| {
            self.cached_account(to.bare_str())
                .and_then(|account| account.session(resource))
        });
        session.is_some_and(|session| Delivery::new(&session, stanza).attempt().is_none())
    }

    /// Sends a message from an address of the house, on the same way as one from a client: it is
    /// kept, copied, waits, or is refused. `message` has its `to`.
    ///
    /// # Errors
    /// What a client would be told.
    pub async fn post(&self, from: Jid, message: &Stanza, now: Now) -> Result<(), StanzaError> {
        self.post_as(&Sender::House(from), message, now).await
    }

    /// The same for any sender.
    pub(crate) async fn post_as(
        &self,
        sender: &Sender,
        message: &Stanza,
        now: Now,
    ) -> Result<(), StanzaError> {
        let to = message.to().and_then(|to| Jid::parse(&to).ok());
        let to = to.ok_or_else(|| StanzaError::new(StanzaCondition::JidMalformed))?;
        if is_elsewhere(self, &to) {
            if let Some(outward) = outward::plan_message(self, sender, message, &to, now)? {
                deliver(self, None, outward.carry(self, now).await?);
            }
            return Ok(());
        }
        let account = self.account(&to.bare()).await;
        let account = account.map_err(|error| store_failed(&error))?;
        match messages::plan(self, sender, message, &to, account.as_ref(), now) {
            Planned::Handled => Ok(()),
            Planned::Refused(error) => Err(error),
            Planned::Send { ticket, deliveries } => {
                ticket.await.map_err(|error| store_failed(&error))?;
                deliver(self, account.as_deref(), deliveries);
                Ok(())
            }
        }
    }
}
