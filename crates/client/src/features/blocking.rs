//! XEP-0191: Blocking Command.

use std::collections::BTreeSet;

use base::BareJid;
use xmpp::ns;
use xmpp::xml::{Element, Writer};

use crate::client::Client;
use crate::connection::requests::{Answer, Asked};
use crate::storage::{Storage, StorageError};
use crate::turn::Turn;

fn accounts(element: Element<'_>) -> BTreeSet<BareJid> {
    element
        .children()
        .filter(|item| item.is("item", ns::BLOCKING))
        .filter_map(|item| BareJid::parse(item.attr("jid")?).ok())
        .collect()
}

impl<S: Storage> Client<S> {
    pub(crate) fn fetch_blocklist(&mut self, turn: &Turn<'_>) {
        let list = format!("<blocklist xmlns='{}'/>", ns::BLOCKING);
        self.ask(false, None, &list, Asked::Blocklist, turn);
    }

    pub(crate) fn blocklist_came(&mut self, answer: Answer<'_>) -> Result<(), StorageError> {
        let Some(list) = answer.payload() else {
            return Ok(());
        };
        let blocked = accounts(list);
        self.unblock_all_but(&blocked);
        for account in &blocked {
            self.change_person(account, |person| person.blocked = true);
        }
        Ok(())
    }

    fn unblock_all_but(&mut self, blocked: &BTreeSet<BareJid>) {
        for account in self.people.blocked() {
            if !blocked.contains(&account) {
                self.change_person(&account, |person| person.blocked = false);
            }
        }
    }

    /// Another device of ours has blocked somebody, or no longer.
    pub(crate) fn blocking_pushed(&mut self, element: Element<'_>) -> Result<(), StorageError> {
        let named = accounts(element);
        let blocked = element.name() == "block";
        if !blocked && named.is_empty() {
            self.unblock_all_but(&BTreeSet::new());
        }
        for account in &named {
            self.change_person(account, |person| person.blocked = blocked);
        }
        Ok(())
    }

    /// Whom we have blocked, by their addresses.
    #[must_use]
    pub fn blocked(&self) -> Vec<BareJid> {
        self.people.blocked()
    }

    pub(crate) fn set_blocked(&mut self, account: &BareJid, blocked: bool, turn: &Turn<'_>) {
        let mut writer = Writer::new();
        writer.start(if blocked { "block" } else { "unblock" });
        writer.xmlns(ns::BLOCKING);
        writer
            .start("item")
            .attr("jid", account.as_str())
            .end()
            .end();
        let asked = Asked::Command("change whom you have blocked");
        self.ask(true, None, &writer.finish(), asked, turn);
        self.change_person(account, |person| person.blocked = blocked);
    }
}
