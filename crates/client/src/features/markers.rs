//! XEP-0333: Displayed Markers: somebody has seen a message.

use xmpp::ns;
use xmpp::xml::Writer;

use super::Feature;
use crate::client::Client;
use crate::conversations::Record;
use crate::storage::{Storage, StorageError};
use crate::timeline::record::Entry;
use crate::views::MessageKey;

pub(crate) static FEATURE: Feature = Feature {
    disco: &[ns::CHAT_MARKERS],
    notify: &[],
};

/// Wants to know when it was seen.
pub(crate) fn markable() -> String {
    format!("<markable xmlns='{}'/>", ns::CHAT_MARKERS)
}

impl<S: Storage> Client<S> {
    /// Tells that we have seen this message and those before it; to our own devices by the same stanza, where the server
    /// helps (XEP-0490 §4.4).
    pub(crate) fn send_marker(
        &mut self,
        record: &Record,
        key: MessageKey,
        entry: &Entry,
    ) -> Result<bool, StorageError> {
        let _ = key;
        let small = !record.is_room() || self.rooms.is_small(&record.jid);
        let known = self.people.get(&record.jid);
        let wanted =
            entry.markable && (record.is_room() || known.is_some_and(|person| person.sees_us));
        if !small || !wanted {
            return Ok(false);
        }
        // In a room a message is meant by the id that the room gave it (XEP-0333 §4.1).
        let id = if record.is_room() {
            entry.archive_id.as_ref()
        } else {
            Some(&entry.id)
        };
        let Some(id) = id else {
            return Ok(false);
        };
        let mut writer = Writer::new();
        writer.start("message").attr("to", record.jid.as_str());
        writer.attr(
            "type",
            if record.is_room() {
                "groupchat"
            } else {
                "chat"
            },
        );
        writer
            .start("displayed")
            .xmlns(ns::CHAT_MARKERS)
            .attr("id", id)
            .end();
        let assisted = self.surroundings.displayed_assist;
        if assisted && let Some(archived) = &entry.archive_id {
            let by = if record.is_room() {
                record.jid.as_str()
            } else {
                self.settings.account.as_str()
            };
            writer.raw(&super::displayed::payload(by, archived));
        }
        writer.leaf("store", ns::HINTS).end();
        let sent = self.send(writer.into_bytes()).is_some();
        Ok(sent && assisted && entry.archive_id.is_some())
    }
}
