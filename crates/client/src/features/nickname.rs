//! XEP-0172: User Nickname: what people call themselves.

use base::BareJid;
use xmpp::xml::{Element, escape};

use super::Feature;
use super::pep::Publicity;
use crate::client::Client;
use crate::connection::requests::Asked;
use crate::storage::{Storage, StorageError};
use crate::turn::Turn;

/// The namespace, and the node.
pub(crate) const NICK: &str = "http://jabber.org/protocol/nick";
/// Longer ones are cut, in characters.
const LONGEST: usize = 100;

pub(crate) static FEATURE: Feature = Feature {
    disco: &[NICK],
    notify: &[NICK],
};

impl<S: Storage> Client<S> {
    pub(crate) fn nickname_came(
        &mut self,
        account: &BareJid,
        payload: Element<'_>,
    ) -> Result<(), StorageError> {
        if payload.is("nick", NICK) && self.is_of_interest(account) {
            let name: String = payload.text().trim().chars().take(LONGEST).collect();
            self.change_person(account, |person| {
                person.nickname = (!name.is_empty()).then_some(name);
            });
        }
        Ok(())
    }

    /// Whether something is to be kept of this account: what strangers publish is not.
    pub(crate) fn is_of_interest(&self, account: &BareJid) -> bool {
        *account == self.settings.account
            || self
                .people
                .get(account)
                .is_some_and(|person| person.in_roster)
            || self.conversations.find(account).is_some()
            || self.rooms.has_member(account)
    }

    pub(crate) fn set_nickname(&mut self, name: &str, turn: &Turn<'_>) -> bool {
        let payload = format!("<nick xmlns='{NICK}'>{}</nick>", escape(name));
        let asked = Asked::Command("change your name");
        self.publish(NICK, "current", &payload, Publicity::Open, asked, turn)
    }
}
