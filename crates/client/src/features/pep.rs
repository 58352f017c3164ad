//! XEP-0163: Personal Eventing Protocol: what accounts publish, as it comes, and what we publish.

use base::{BareJid, Jid};
use xmpp::ns;
use xmpp::xml::{Element, Stanza, Writer};

use super::bookmarks;
use crate::client::{Client, keys_failed};
use crate::connection::requests::Asked;
use crate::storage::{Storage, StorageError};
use crate::turn::Turn;

/// Who may see a node of ours, and how many items it keeps.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Publicity {
    /// Our own devices, all items.
    Private,
    /// Anyone, the last item.
    Open,
}

impl<S: Storage> Client<S> {
    pub(crate) fn publish(
        &mut self,
        node: &str,
        item: &str,
        payload: &str,
        publicity: Publicity,
        asked: Asked,
        turn: &Turn<'_>,
    ) -> bool {
        let mut writer = Writer::new();
        writer.start("pubsub").xmlns(ns::PUBSUB);
        writer.start("publish").attr("node", node);
        writer
            .start("item")
            .attr("id", item)
            .raw(payload)
            .end()
            .end();
        writer
            .start("publish-options")
            .start("x")
            .xmlns(ns::DATA_FORMS);
        writer.attr("type", "submit");
        let (access, items) = match publicity {
            Publicity::Private => ("whitelist", Some("max")),
            Publicity::Open => ("open", None),
        };
        let send_last = items.map(|_| "never");
        for (var, value) in [
            ("FORM_TYPE", Some(ns::PUBSUB_PUBLISH_OPTIONS)),
            ("pubsub#persist_items", Some("true")),
            ("pubsub#max_items", items),
            ("pubsub#send_last_published_item", send_last),
            ("pubsub#access_model", Some(access)),
        ] {
            if let Some(value) = value {
                writer.start("field").attr("var", var);
                if var == "FORM_TYPE" {
                    writer.attr("type", "hidden");
                }
                writer.leaf_text("value", None, value).end();
            }
        }
        writer.end().end().end();
        self.ask(true, None, &writer.finish(), asked, turn)
    }

    /// All items of a node of our own.
    pub(crate) fn fetch_items(&mut self, node: &str, asked: Asked, turn: &Turn<'_>) {
        let mut writer = Writer::new();
        writer.start("pubsub").xmlns(ns::PUBSUB);
        writer.start("items").attr("node", node).end().end();
        self.ask(false, None, &writer.finish(), asked, turn);
    }

    /// A message may tell of what an account has published. Says whether it did.
    pub(crate) fn event_came(
        &mut self,
        from: &Jid,
        message: &Stanza,
        turn: &mut Turn<'_>,
    ) -> Result<bool, StorageError> {
        let Some(event) = message.child("event", ns::PUBSUB_EVENT) else {
            return Ok(false);
        };
        let account = from.bare();
        self.machine
            .notified(&account, message, turn.now.wall, turn.random)
            .map_err(keys_failed)?;
        let own = account == self.settings.account;
        let tree = event.tree();
        for child in tree.root().children() {
            let Some(node) = child.attr("node") else {
                continue;
            };
            for item in child.children() {
                let id = item.attr("id").unwrap_or_default();
                let payload = item.children().next();
                let gone = item.name() == "retract";
                if own {
                    self.own_item_came(node, id, payload, gone, turn)?;
                }
                if let Some(payload) = payload {
                    self.item_came(&account, node, id, payload, turn)?;
                }
            }
        }
        Ok(true)
    }

    fn own_item_came(
        &mut self,
        node: &str,
        id: &str,
        payload: Option<Element<'_>>,
        gone: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        match (node, payload) {
            (ns::BOOKMARKS | bookmarks::SETTINGS, Some(payload)) => {
                self.bookmark_came(id, payload, turn)
            }
            (ns::BOOKMARKS, None) if gone => self.bookmark_is_gone(id, turn),
            (ns::DISPLAYED, Some(payload)) => self.displayed_item_came(id, payload),
            _ => Ok(()),
        }
    }

    fn item_came(
        &mut self,
        account: &BareJid,
        node: &str,
        id: &str,
        payload: Element<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        match node {
            ns::AVATAR_METADATA => self.avatar_came(account, id, payload, turn),
            crate::features::nickname::NICK => self.nickname_came(account, payload),
            _ => Ok(()),
        }
    }
}
