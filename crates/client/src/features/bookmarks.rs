//! XEP-0402: PEP Native Bookmarks: the rooms that we are in, on all devices; and in them what is set for each (XEP-0469:
//! Bookmark Pinning, XEP-0492: Chat Notification Settings). For conversations with one person the same settings are kept
//! in a node of our own, `urn:hauspost:settings:0`, because a bookmark is a room for every other client.

use base::{BareJid, Timestamp};
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

fn notify_name(notify: Notify) -> &'static str {
    match notify {
        Notify::Always => "always",
        Notify::OnMention => "on-mention",
        Notify::Never => "never",
    }
}

fn notify_of(name: &str) -> Option<Notify> {
    match name {
        "always" => Some(Notify::Always),
        "on-mention" => Some(Notify::OnMention),
        "never" => Some(Notify::Never),
        _ => None,
    }
}

/// `<notify/>` and `<pinned/>` of a conversation.
fn write_settings(record: &Record, writer: &mut Writer) {
    let own = record.notify.is_some() || record.muted_until.is_some();
    if own || !record.notify_rest.is_empty() {
        writer.start("notify").xmlns(ns::NOTIFICATION_SETTINGS);
        if let Some(until) = record.muted_until {
            // Who does not know for how long hears nothing until one of our devices says so.
            writer.start("never").start("advanced");
            writer.start("muted").xmlns(SETTINGS);
            writer.attr("until", until.to_string());
            if let Some(notify) = record.notify {
                writer.attr("then", notify_name(notify));
            }
            writer.end().end().end();
        } else if let Some(notify) = record.notify {
            writer.start(notify_name(notify)).end();
        }
        writer.raw(&record.notify_rest).end();
    }
    if record.pinned {
        writer.leaf("pinned", ns::BOOKMARKS_PINNING);
    }
}

/// What is set for a conversation.
#[derive(Debug, Default, PartialEq, Eq)]
struct Set {
    notify: Option<Notify>,
    muted_until: Option<Timestamp>,
    /// What else stands in `<notify/>`: it is of other programs (XEP-0492 §4).
    notify_rest: String,
    pinned: bool,
    /// What stands beside that.
    rest: String,
}

fn read_settings<'t>(elements: impl Iterator<Item = Element<'t>>) -> Set {
    let mut set = Set::default();
    for element in elements {
        if element.is("notify", ns::NOTIFICATION_SETTINGS) {
            for child in element.children() {
                let notify = notify_of(child.name());
                let ours = child.attr("identity-category").is_none() && set.notify.is_none();
                let (Some(notify), true) = (notify, ours) else {
                    set.notify_rest.push_str(&child.raw());
                    continue;
                };
                set.notify = Some(notify);
                let muted = child
                    .child("advanced", ns::NOTIFICATION_SETTINGS)
                    .and_then(|advanced| advanced.child("muted", SETTINGS));
                if let Some(muted) = muted {
                    set.muted_until = muted.attr("until").and_then(|until| until.parse().ok());
                    set.notify = muted.attr("then").and_then(notify_of);
                }
            }
        } else if element.is("pinned", ns::BOOKMARKS_PINNING) {
            set.pinned = true;
        } else {
            set.rest.push_str(&element.raw());
        }
    }
    set
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
            let set = read_settings(payload.children());
            let number =
                self.conversations
                    .find_or_add(&jid, ConversationKind::Person, turn.now.wall);
            self.take_settings(number, set, turn);
            return Ok(());
        }
        let Some(bookmark) = Bookmark::read(payload) else {
            return Ok(());
        };
        let wrapped = format!("<extensions>{}</extensions>", bookmark.extensions.concat());
        let mut set = match Tree::parse(&wrapped) {
            Ok(tree) => read_settings(tree.root().children()),
            Err(_) => Set::default(),
        };
        let rest = std::mem::take(&mut set.rest);
        self.bookmarked(&jid, bookmark.nick, bookmark.autojoin, rest, turn);
        if let Some(number) = self.conversations.find(&jid) {
            self.take_settings(number, set, turn);
            if let Some(name) = bookmark.name.filter(|name| !name.is_empty())
                && let Some(record) = self.conversations.change(number)
                && record.name.is_none()
            {
                record.name = Some(name);
            }
        }
        Ok(())
    }

    fn take_settings(&mut self, number: u32, set: Set, turn: &Turn<'_>) {
        let muted_until = set.muted_until.filter(|until| *until > turn.now.wall);
        let same = self.conversations.get(number).is_none_or(|record| {
            record.notify == set.notify
                && record.pinned == set.pinned
                && record.muted_until == muted_until
                && record.notify_rest == set.notify_rest
        });
        if !same && let Some(record) = self.conversations.change(number) {
            record.notify = set.notify;
            record.pinned = set.pinned;
            record.muted_until = muted_until;
            record.notify_rest = set.notify_rest;
            self.personal.look();
        }
    }

    /// Times of being muted that are over. When the first of the others is.
    pub(crate) fn unmute(&mut self, turn: &Turn<'_>) -> Option<Timestamp> {
        let mut next = None;
        let mut over = Vec::new();
        for record in self.conversations.all() {
            match record.muted_until {
                Some(until) if until <= turn.now.wall => over.push(record.number),
                Some(until) => next = Some(next.map_or(until, |next: Timestamp| next.min(until))),
                None => {}
            }
        }
        for number in over {
            if let Some(record) = self.conversations.change(number) {
                record.muted_until = None;
            }
            self.publish_settings(number, turn);
        }
        next
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
