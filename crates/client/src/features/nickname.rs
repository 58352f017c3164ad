//! XEP-0172: User Nickname: what people call themselves. Our own name stands in our card, too (XEP-0292: vCard4 Over
//! XMPP), because other programs look there.

use base::BareJid;
use xmpp::ns;
use xmpp::xml::{Element, Writer, escape};

use super::Feature;
use super::pep::Publicity;
use crate::client::Client;
use crate::connection::requests::{Answer, Asked};
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
        let sent = self.publish(NICK, "current", &payload, Publicity::Open, asked, turn);
        if sent {
            // It shows at once.
            let own = self.settings.account.clone();
            let shown = Some(name.to_owned()).filter(|name| !name.is_empty());
            self.change_person(&own, |person| person.nickname = shown);
            self.fetch_items(ns::VCARD4, Asked::CardFor(name.to_owned()), turn);
        }
        sent
    }

    /// Asks for our own card: others may have written our name there only.
    pub(crate) fn fetch_own_card(&mut self, turn: &Turn<'_>) {
        self.fetch_items(ns::VCARD4, Asked::OwnCard, turn);
    }

    pub(crate) fn own_card_came(&mut self, answer: Answer<'_>) {
        let Some(card) = card_of(answer) else {
            return;
        };
        let words = |name: &str| {
            let element = card.child(name, ns::VCARD4)?.child("text", ns::VCARD4)?;
            let text: String = element.text().trim().chars().take(LONGEST).collect();
            (!text.is_empty()).then_some(text)
        };
        let own = self.settings.account.clone();
        if let Some(name) = words("nickname").or_else(|| words("fn")) {
            self.change_person(&own, |person| {
                person.nickname.get_or_insert(name);
            });
        }
    }

    /// Writes our name into our card; what else is in it stays.
    pub(crate) fn card_for_name_came(&mut self, name: &str, answer: Answer<'_>, turn: &Turn<'_>) {
        if matches!(answer, Answer::None) || name.is_empty() {
            return;
        }
        let mut writer = Writer::new();
        writer.start("vcard").xmlns(ns::VCARD4);
        writer.start("fn").leaf_text("text", None, name).end();
        let rest = card_of(answer).into_iter().flat_map(Element::children);
        for child in rest.filter(|child| !child.is("fn", ns::VCARD4)) {
            if child.is("nickname", ns::VCARD4) {
                writer.start("nickname").leaf_text("text", None, name).end();
            } else {
                writer.raw(&child.raw());
            }
        }
        writer.end();
        let card = writer.finish();
        let asked = Asked::Nothing;
        self.publish(ns::VCARD4, "current", &card, Publicity::Open, asked, turn);
    }
}

fn card_of(answer: Answer<'_>) -> Option<Element<'_>> {
    let items = answer.payload()?.child("items", ns::PUBSUB)?;
    let mut cards = items.children().filter_map(|item| item.children().next());
    cards.find(|card| card.is("vcard", ns::VCARD4))
}
