//! XEP-0402: PEP Native Bookmarks: the rooms that we are in, on all devices; and in them what is set for each (XEP-0469:
//! Bookmark Pinning, XEP-0492: Chat Notification Settings). For conversations with one person the same settings are kept
//! in a node of our own, `urn:hauspost:settings:0`, because a bookmark is a room for every other client.

use base::BareJid;
use xmpp::ns;
use xmpp::xep::bookmarks::Bookmark;
use xmpp::xml::{Element, Tree, Writer};

use super::Feature;
use super::pep::Publicity;
use crate::client::Client;
use crate::connection::requests::{Answer, Asked};
use crate::conversations::Record;
use crate::storage::{Storage, StorageError};
use crate::turn::Turn;
use crate::views::{ConversationKind, Notify};

/// What is set for conversations with one person.
pub(crate) const SETTINGS: &str = "urn:hauspost:settings:0";

pub(crate) static FEATURE: Feature = Feature {
    disco: &[],
    notify: &[ns::BOOKMARKS, SETTINGS],
};

/// `<notify/>` and `<pinned/>` of a conversation.
fn write_settings(record: &Record, writer: &mut Writer) {
    if let Some(notify) = record.notify {
        writer.start("notify").xmlns(ns::NOTIFICATION_SETTINGS);
        let name = match notify {
            Notify::Always => "always",
            Notify::OnMention => "on-mention",
            Notify::Never => "never",
        };
        writer.start(name).end().end();
    }
    if record.pinned {
        writer.leaf("pinned", ns::BOOKMARKS_PINNING);
    }
}

/// What is set, as far as it is said for all devices; the rest as it came.
fn read_settings<'t>(
    elements: impl Iterator<Item = Element<'t>>,
) -> (Option<Notify>, bool, String) {
    let (mut notify, mut pinned, mut rest) = (None, false, String::new());
    for element in elements {
        if element.is("notify", ns::NOTIFICATION_SETTINGS) {
            for child in element.children() {
                if child.attr("identity-category").is_none() {
                    notify = match child.name() {
                        "always" => Some(Notify::Always),
                        "on-mention" => Some(Notify::OnMention),
                        "never" => Some(Notify::Never),
                        _ => notify,
                    };
                }
            }
        } else if element.is("pinned", ns::BOOKMARKS_PINNING) {
            pinned = true;
        } else {
            rest.push_str(&element.raw());
        }
    }
    (notify, pinned, rest)
}

impl<S: Storage> Client<S> {
    pub(crate) fn fetch_bookmarks(&mut self, turn: &Turn<'_>) {
        self.fetch_items(ns::BOOKMARKS, Asked::Bookmarks, turn);
        self.fetch_items(SETTINGS, Asked::Bookmarks, turn);
    }

    pub(crate) fn bookmarks_came(
        &mut self,
        answer: Answer<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let items = answer
            .payload()
            .and_then(|pubsub| pubsub.child("items", ns::PUBSUB));
        for item in items.into_iter().flat_map(Element::children) {
            if let (Some(id), Some(payload)) = (item.attr("id"), item.children().next()) {
                self.bookmark_came(id, payload, turn)?;
            }
        }
        Ok(())
    }

    pub(crate) fn bookmark_came(
        &mut self,
        id: &str,
        payload: Element<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let Ok(jid) = BareJid::parse(id) else {
            return Ok(());
        };
        if payload.is("conversation", SETTINGS) {
            let (notify, pinned, _) = read_settings(payload.children());
            let number =
                self.conversations
                    .find_or_add(&jid, ConversationKind::Person, turn.now.wall);
            self.take_settings(number, notify, pinned);
            return Ok(());
        }
        let Some(bookmark) = Bookmark::read(payload) else {
            return Ok(());
        };
        let wrapped = format!("<extensions>{}</extensions>", bookmark.extensions.concat());
        let (notify, pinned, rest) = match Tree::parse(&wrapped) {
            Ok(tree) => read_settings(tree.root().children()),
            Err(_) => (None, false, String::new()),
        };
        self.bookmarked(&jid, bookmark.nick, bookmark.autojoin, rest, turn);
        if let Some(number) = self.conversations.find(&jid) {
            self.take_settings(number, notify, pinned);
            if let Some(name) = bookmark.name.filter(|name| !name.is_empty())
                && let Some(record) = self.conversations.change(number)
                && record.name.is_none()
            {
                record.name = Some(name);
            }
        }
        Ok(())
    }

    fn take_settings(&mut self, number: u32, notify: Option<Notify>, pinned: bool) {
        let same = self
            .conversations
            .get(number)
            .is_none_or(|record| record.notify == notify && record.pinned == pinned);
        if !same && let Some(record) = self.conversations.change(number) {
            record.notify = notify;
            record.pinned = pinned;
        }
    }

    pub(crate) fn bookmark_is_gone(
        &mut self,
        id: &str,
        _turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        if let Ok(jid) = BareJid::parse(id) {
            self.part_room(&jid, true);
        }
        Ok(())
    }

    /// Tells our other devices what is set for a conversation.
    pub(crate) fn publish_settings(&mut self, number: u32, turn: &Turn<'_>) {
        let Some(record) = self.conversations.get(number).cloned() else {
            return;
        };
        if record.is_room() {
            self.publish_bookmark(&record.jid, turn);
            return;
        }
        let mut writer = Writer::new();
        writer.start("conversation").xmlns(SETTINGS);
        write_settings(&record, &mut writer);
        writer.end();
        let asked = Asked::Command("keep the settings of the conversation");
        let payload = writer.finish();
        let id = record.jid.as_str().to_owned();
        self.publish(SETTINGS, &id, &payload, Publicity::Private, asked, turn);
    }

    pub(crate) fn publish_bookmark(&mut self, jid: &BareJid, turn: &Turn<'_>) {
        let number = self.conversations.find(jid);
        let record = number.and_then(|number| self.conversations.get(number));
        let (Some((nick, autojoin, rest)), Some(record)) = (self.bookmark_of(jid), record) else {
            return;
        };
        let mut settings = Writer::new();
        write_settings(record, &mut settings);
        let mut extensions = vec![settings.finish()];
        extensions.push(rest);
        extensions.retain(|extension| !extension.is_empty());
        let bookmark = Bookmark {
            name: record.name.clone(),
            autojoin,
            nick: Some(nick),
            password: None,
            extensions,
        };
        let payload = bookmark.to_xml();
        let asked = Asked::Command("keep the room among yours");
        let id = jid.as_str().to_owned();
        self.publish(
            ns::BOOKMARKS,
            &id,
            &payload,
            Publicity::Private,
            asked,
            turn,
        );
    }
}
