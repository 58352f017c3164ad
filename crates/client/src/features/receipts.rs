//! XEP-0184: Message Delivery Receipts: a device of the other person has a message.

use base::BareJid;
use xmpp::ns;
use xmpp::xml::Writer;

use super::Feature;
use crate::client::Client;
use crate::storage::Storage;

pub(crate) static FEATURE: Feature = Feature {
    disco: &[ns::RECEIPTS],
    notify: &[],
};

/// Asks for a receipt.
pub(crate) fn request() -> String {
    format!("<request xmlns='{}'/>", ns::RECEIPTS)
}

impl<S: Storage> Client<S> {
    /// Tells somebody who wants to know that we have their message. Who may not see when we are there does not learn it
    /// this way either (§8).
    pub(crate) fn send_receipt(&mut self, to: &BareJid, id: &str) {
        let known = self.people.get(to);
        if !known.is_some_and(|person| person.sees_us) {
            return;
        }
        let mut writer = Writer::new();
        writer.start("message").attr("to", to.as_str());
        writer.attr("type", "chat");
        writer
            .start("received")
            .xmlns(ns::RECEIPTS)
            .attr("id", id)
            .end();
        writer.leaf("store", ns::HINTS).end();
        self.send(writer.into_bytes());
    }
}
