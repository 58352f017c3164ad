//! `export`: prints what was said.

use super::{Connection, Whereabouts, json, say};
use client::files::{AesgcmMessage, Attachment};

use crate::chat::harmless;
use crate::cli::{Export, Format};
use crate::service::record::MessageRecord;
use crate::service::{Answer, Request};

pub(super) async fn export(place: &Whereabouts, export: &Export) -> anyhow::Result<()> {
    let request = Request::Export {
        conversation: export.conversation.clone(),
    };
    let mut conversation = String::new();
    place
        .request(request, Connection::None, |answer| {
            let Answer::Message(message) = answer else {
                return Ok(());
            };
            match export.format {
                Format::Json => say(&json(&message)?),
                Format::Text => {
                    if message.conversation != conversation {
                        if !conversation.is_empty() {
                            say("")?;
                        }
                        conversation.clone_from(&message.conversation);
                        let name = harmless(&message.conversation_name);
                        say(&format!("== {name} ({conversation})"))?;
                    }
                    say(&in_words(&message, &jiff::tz::TimeZone::system()))
                }
            }
        })
        .await
}

/// A line for a person; further lines of a text stand under it.
fn in_words(message: &MessageRecord, zone: &jiff::tz::TimeZone) -> String {
    let time = message.time.parse::<jiff::Timestamp>().map_or_else(
        |_| message.time.clone(),
        |time| {
            time.to_zoned_datetime(zone.clone())
                .strftime("%Y-%m-%d %H:%M")
                .to_string()
        },
    );
    let text = match (&message.text, &message.unreadable) {
        _ if message.removed => "[taken back]".to_owned(),
        (Some(text), _) => {
            let elements = message.elements.as_deref().unwrap_or_default();
            let files = Attachment::read_all(text, elements);
            let address_only = AesgcmMessage::read(text).is_some();
            let words = text.lines().filter(|_| !address_only).map(harmless);
            let lines: Vec<String> = words.chain(files.iter().map(file_in_words)).collect();
            lines.join("\n    ")
        }
        (None, Some(reason)) => format!("[cannot be read: {reason}]"),
        (None, None) => String::new(),
    };
    let edited = if message.edited.is_some() {
        " (edited)"
    } else {
        ""
    };
    let failed = message
        .failure
        .as_deref()
        .map_or_else(String::new, |why| format!(" [not sent: {why}]"));
    format!(
        "{time} {}: {text}{edited}{failed}",
        harmless(&message.sender_name)
    )
}

/// A file in a line: its name and what its sender says of it. Its key is left out.
fn file_in_words(attachment: &Attachment) -> String {
    let file = &attachment.file;
    let name = file.name.as_deref().unwrap_or("without a name");
    let words = file.description.as_deref().unwrap_or_default();
    let words = match words {
        "" => String::new(),
        words => format!(" {}", harmless(words)),
    };
    format!("[file: {}]{words}", harmless(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_of_by_its_name_and_not_by_its_key() {
        let message = |text: &str, elements: Option<&str>| {
            let message: MessageRecord = serde_json::from_value(serde_json::json!({
                "conversation": "romeo@example.org", "conversation_name": "Romeo", "kind": "person", "key": "1", "id": "1",
                "time": "2026-11-23T12:00:00Z", "sender": null, "sender_name": "Romeo", "own": false, "text": text,
                "elements": elements, "unreadable": null, "removed": false, "reply_to": null, "edited": null,
                "reactions": [], "mentions_me": false, "encrypted": true, "device": null, "trust": null,
                "state": "received", "failure": null,
            }))
            .expect("a message");
            in_words(&message, &jiff::tz::TimeZone::UTC)
        };
        let sharing = "<file-sharing xmlns='urn:xmpp:sfs:0'><file xmlns='urn:xmpp:file:metadata:0'><name>plan.pdf</name>\
             <desc>as agreed</desc></file><sources><url-data xmlns='http://jabber.org/protocol/url-data' \
             target='https://example.org/plan'/></sources></file-sharing>";
        assert_eq!(
            message("", Some(sharing)),
            "2026-11-23 12:00 Romeo: [file: plan.pdf] as agreed"
        );
        let address = format!("aesgcm://example.org/plan.pdf#{}", "ab".repeat(44));
        assert_eq!(
            message(&address, None),
            "2026-11-23 12:00 Romeo: [file: plan.pdf]"
        );
        assert_eq!(
            message("Hi\nyou", None),
            "2026-11-23 12:00 Romeo: Hi\n    you"
        );
    }
}
