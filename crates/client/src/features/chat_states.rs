//! XEP-0085: Chat State Notifications: who is typing.

use xmpp::ns;
use xmpp::xml::Writer;

use super::Feature;
use crate::client::Client;
use crate::conversations::Record;
use crate::storage::Storage;

pub(crate) static FEATURE: Feature = Feature {
    disco: &[ns::CHAT_STATES],
    notify: &[],
};

/// Stands in what is said: whoever says something types no more (§5.3).
pub(crate) fn active() -> String {
    format!("<active xmlns='{}'/>", ns::CHAT_STATES)
}

impl<S: Storage> Client<S> {
    pub(crate) fn send_typing(&mut self, record: &Record, typing: bool) {
        // In a room everyone would be told each time; strangers need not know.
        let known = self.people.get(&record.jid);
        let told = if record.is_room() {
            self.rooms.is_small(&record.jid)
        } else {
            known.is_some_and(|person| person.sees_us)
        };
        if !told {
            return;
        }
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
        writer.leaf(if typing { "composing" } else { "paused" }, ns::CHAT_STATES);
        writer.leaf("no-store", ns::HINTS).end();
        self.send(writer.into_bytes());
    }
}
