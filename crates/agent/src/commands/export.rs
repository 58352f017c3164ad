//! `export`: prints what was said.

use super::{Connection, Whereabouts, say};
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
                Format::Json => say(&serde_json::to_string(&message)?),
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
            let lines: Vec<String> = text.lines().map(harmless).collect();
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
