//! XEP-0490: Message Displayed Synchronization: what was read on one of our devices is read on all.

use base::BareJid;
use xmpp::ns;
use xmpp::xml::{Element, Writer};

use super::Feature;
use super::pep::Publicity;
use crate::client::Client;
use crate::connection::requests::{Answer, Asked};
use crate::conversations::Record;
use crate::storage::{Storage, StorageError};
use crate::turn::Turn;

pub(crate) static FEATURE: Feature = Feature {
    disco: &[],
    notify: &[ns::DISPLAYED],
};

/// `<displayed/>` for a message of an archive.
pub(crate) fn payload(by: &str, archive_id: &str) -> String {
    let mut writer = Writer::new();
    writer.start("displayed").xmlns(ns::DISPLAYED);
    writer.start("stanza-id").xmlns(ns::STANZA_ID);
    writer.attr("by", by).attr("id", archive_id).end().end();
    writer.finish()
}

impl<S: Storage> Client<S> {
    pub(crate) fn publish_displayed(
        &mut self,
        record: &Record,
        archive_id: &str,
        turn: &Turn<'_>,
    ) -> bool {
        let by = if record.is_room() {
            record.jid.as_str()
        } else {
            self.settings.account.as_str()
        };
        let payload = payload(by, archive_id);
        self.publish(
            ns::DISPLAYED,
            record.jid.as_str(),
            &payload,
            Publicity::Private,
            Asked::Nothing,
            turn,
        )
    }

    pub(crate) fn displayed_came(&mut self, answer: Answer<'_>) -> Result<(), StorageError> {
        let items = answer
            .payload()
            .and_then(|pubsub| pubsub.child("items", ns::PUBSUB));
        for item in items.into_iter().flat_map(Element::children) {
            if let (Some(id), Some(payload)) = (item.attr("id"), item.children().next()) {
                self.displayed_item_came(id, payload)?;
            }
        }
        Ok(())
    }

    pub(crate) fn displayed_item_came(
        &mut self,
        id: &str,
        payload: Element<'_>,
    ) -> Result<(), StorageError> {
        let archived = payload
            .child("stanza-id", ns::STANZA_ID)
            .and_then(|stanza_id| stanza_id.attr("id"));
        let (Ok(jid), Some(archived)) = (BareJid::parse(id), archived) else {
            return Ok(());
        };
        match self.conversations.find(&jid) {
            Some(number) => self.read_elsewhere(number, archived),
            None => Ok(()),
        }
    }
}
