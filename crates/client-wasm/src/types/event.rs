//! What has happened, and how things stand.

use client::views;
use serde::Serialize;

use super::Time;
use super::conversation::Availability;
use super::question::{Answer, Refusal};
use super::timeline::Preview;

/// Whether somebody is signed in here, and how far we are with the server.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Session {
    /// Nobody is.
    SignedOut {
        /// The domain of addresses here.
        domain: String,
        /// Another device of theirs has taken this one out: what was kept here is deleted.
        revoked: bool,
    },
    /// Somebody is.
    SignedIn {
        /// Their address.
        account: String,
        /// What they are called.
        name: String,
        /// Their picture, for `core.picture`.
        picture: Option<String>,
        /// The number of this device.
        device: u32,
        /// What others see of us.
        availability: Availability,
        /// In words; empty for none.
        status: String,
        /// How far we are with the server.
        connection: Connection,
        /// Nobody can log in any more until other credentials come: what happened, for the person.
        login_failed: Option<String>,
        /// The reading of what was said while we were away.
        catch_up: Option<CatchUp>,
        /// They have a role in the house: the pages of administration are for them.
        administers: bool,
    },
}

/// How far we are with the server.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Connection {
    /// Not connected, and nobody tries: no network, no credentials, or logged out.
    Offline,
    /// The next attempt is due at a time.
    Waiting {
        /// When.
        until: Time,
        /// Why the last one failed, for the person.
        text: String,
    },
    /// Connecting and logging in.
    Connecting,
    /// Logged in.
    Online,
}

/// How far the reading of the archives is.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct CatchUp {
    /// How many messages are still to be decrypted, as far as is known.
    #[cfg_attr(test, ts(type = "number"))]
    pub remaining: u64,
}

/// Something has happened that is told once: for notifications and for lines that go again. What is to be seen of it is in
/// the views.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Event {
    /// Somebody else has written, and it is new.
    Message {
        /// Where.
        conversation: String,
        /// Which.
        message: String,
        /// Whether the person wants to hear of it.
        notify: bool,
        /// It mentions the person.
        mention: bool,
        /// What the conversation is called.
        title: String,
        /// Who wrote; empty in a conversation with one person.
        sender: String,
        /// One line of it.
        text: String,
    },
    /// The person wanted to be reminded of a message about now.
    Reminder {
        /// Where.
        conversation: String,
        /// Of which.
        message: String,
        /// What the conversation is called.
        title: String,
        /// One line of it.
        text: String,
    },
    /// Another device of our own account is new: the person should look at it.
    NewOwnDevice {
        /// Its number.
        device: u32,
    },
    /// Somebody wants to see when we are there.
    ContactRequest {
        /// Who.
        account: String,
    },
    /// The server refused something that a command had asked for.
    Refused {
        /// What was to be done, in a few words.
        what: String,
        /// What happened and what to do, for the person.
        text: String,
    },
    /// What came of a question.
    Answered {
        /// Which.
        #[cfg_attr(test, ts(type = "number"))]
        question: u64,
        /// What; `null` when it was refused.
        answer: Option<Answer>,
        /// Why it was.
        refusal: Option<Refusal>,
    },
    /// History goes from one device of the person to another.
    History {
        /// How far it is.
        step: HistoryStep,
        /// So many messages so far; when this device takes, those that are new to it.
        #[cfg_attr(test, ts(type = "number"))]
        messages: u64,
        /// Why it has failed, for the person.
        failed: Option<String>,
    },
    /// What is behind a link that is being written.
    Preview {
        /// The link.
        link: String,
        /// How the message would show it; `null` when there is nothing to show.
        preview: Option<Preview>,
    },
    /// A file on its way, to the server or from it.
    Transfer {
        /// Which, as `core.sendFile` or `core.download` named it.
        transfer: String,
        /// How many of its bytes have moved, of all.
        #[cfg_attr(test, ts(type = "number"))]
        sent: u64,
        /// Its size.
        #[cfg_attr(test, ts(type = "number"))]
        size: u64,
        /// Why it failed, for the person.
        failed: Option<String>,
        /// The message stands in the timeline.
        done: bool,
    },
}

/// How far a hand-over of history is.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum HistoryStep {
    /// This device is giving.
    Giving,
    /// It has given all; the other one may still be fetching.
    Given,
    /// This device is taking.
    Taking,
    /// All is here.
    Taken,
    /// It has ended before that.
    Failed,
}

impl From<client::HistoryProgress> for Event {
    fn from(progress: client::HistoryProgress) -> Self {
        use client::HistoryProgress as Progress;
        let (step, messages, failed) = match progress {
            Progress::Giving { messages } => (HistoryStep::Giving, messages, None),
            Progress::Given { messages } => (HistoryStep::Given, messages, None),
            Progress::Taking { messages } => (HistoryStep::Taking, messages, None),
            Progress::Taken { messages } => (HistoryStep::Taken, messages, None),
            Progress::Failed { text } => (HistoryStep::Failed, 0, Some(text)),
            _ => (HistoryStep::Failed, 0, None),
        };
        Self::History {
            step,
            messages,
            failed,
        }
    }
}

impl From<&client::ConnectionState> for Connection {
    fn from(state: &client::ConnectionState) -> Self {
        match state {
            client::ConnectionState::Waiting { until, text } => Self::Waiting {
                until: (*until).into(),
                text: text.clone(),
            },
            client::ConnectionState::Connecting => Self::Connecting,
            client::ConnectionState::Online => Self::Online,
            _ => Self::Offline,
        }
    }
}

/// One line of the first message of a part.
pub fn first_line(part: &views::Timeline) -> Option<String> {
    part.items.iter().find_map(|item| match item {
        views::TimelineItem::Message(message) => match &message.body {
            views::Body::Text { text, .. } => {
                let words: Vec<&str> = text.expose().split_whitespace().take(40).collect();
                Some(words.join(" "))
            }
            _ => None,
        },
        _ => None,
    })
}

/// One line of a message for a notification.
pub fn line_of(conversation: &views::Conversation, key: client::MessageKey) -> (String, String) {
    match &conversation.last {
        Some(last) if last.key == key => (
            last.sender.to_string(),
            super::conversation::words_of(last.text.expose()),
        ),
        _ => (String::new(), String::new()),
    }
}
