//! XEP-0425: Moderated Message Retraction.

use base::Timestamp;

use crate::ns;
use crate::xep::occupant_id;
use crate::xml::{Element, Writer};

/// `<moderate/>`: a moderator wants a message taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModerationRequest {
    /// The id that the room gave to the message.
    pub id: String,
    /// Why.
    pub reason: Option<String>,
}

impl ModerationRequest {
    /// Reads `<moderate/>`; `None` when it names no message or does not ask for a retraction.
    #[must_use]
    pub fn read(element: Element<'_>) -> Option<Self> {
        element.child("retract", ns::RETRACTION)?;
        let reason = element.child("reason", ns::MODERATION);
        Some(Self {
            id: element.attr("id")?.to_owned(),
            reason: reason.map(|reason| reason.text().into_owned()),
        })
    }
}

/// Who has taken a message back.
#[derive(Debug, Clone, Copy)]
pub struct Moderator<'a> {
    /// Address in the room.
    pub by: &'a str,
    /// Its occupant id (XEP-0421).
    pub occupant_id: &'a str,
    /// Why.
    pub reason: Option<&'a str>,
}

impl Moderator<'_> {
    fn write(&self, writer: &mut Writer) {
        writer
            .start("moderated")
            .xmlns(ns::MODERATION)
            .attr("by", self.by);
        occupant_id::write(self.occupant_id, writer);
        writer.end();
        if let Some(reason) = self.reason {
            writer.leaf_text("reason", None, reason);
        }
    }

    /// Writes the `<retract/>` that tells everyone to take the message `id` back (§4).
    pub fn write_retract(&self, id: &str, writer: &mut Writer) {
        writer.start("retract").xmlns(ns::RETRACTION).attr("id", id);
        self.write(writer);
        writer.end();
    }

    /// Writes the `<retracted/>` that stands in the archive in place of the message (§5).
    pub fn write_retracted(&self, at: Timestamp, writer: &mut Writer) {
        writer
            .start("retracted")
            .xmlns(ns::RETRACTION)
            .attr("stamp", at.to_string());
        self.write(writer);
        writer.end();
    }
}
