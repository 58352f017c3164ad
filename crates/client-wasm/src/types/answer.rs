//! What came of what the person wanted.

use serde::Serialize;

/// What a command did at once.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Done {
    /// It is done, or goes its way.
    Done,
    /// A message stands in the timeline.
    Message {
        /// Which.
        message: String,
    },
    /// A conversation is there.
    Conversation {
        /// Which.
        conversation: String,
    },
    /// It was asked.
    Asked {
        /// Names the question, for the event `answered`.
        #[cfg_attr(test, ts(type = "number"))]
        question: u64,
    },
    /// A code for the other device to scan. Whoever sees it could ask for the history.
    HistoryCode {
        /// As text.
        text: String,
        /// The rows of its QR code: `1` is dark.
        qr: Vec<String>,
    },
    /// The first link of a text, if our server was asked what is behind it.
    Link {
        /// Which.
        link: Option<String>,
    },
    /// What came of comparing.
    Verified {
        /// Whose devices they are.
        account: String,
        /// How many keys are verified now.
        verified: usize,
        /// Devices whose key is another one: somebody may be listening.
        mismatched: Vec<u32>,
    },
}

/// Why something was not done.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// What kind of failure it is, for those who have words of their own for it.
    pub kind: FailureKind,
    /// What happened and what to do, for the person.
    pub text: String,
}

/// Kinds of failures.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum FailureKind {
    /// What it is about is not there (any more).
    NotFound,
    /// It cannot be done.
    NotPossible,
    /// It needs a connection.
    Offline,
    /// What this device keeps could not be read or written.
    Storage,
    /// The page and its engine do not understand each other: reload.
    Protocol,
}

impl Failure {
    /// A failure, and what to do about it.
    pub fn new(kind: FailureKind, text: impl ToString) -> Self {
        Self {
            kind,
            text: text.to_string(),
        }
    }
}

impl From<client::CommandError> for Failure {
    fn from(error: client::CommandError) -> Self {
        use client::CommandError as Error;
        let kind = match &error {
            Error::NoSuchConversation(_) | Error::NoSuchMessage => FailureKind::NotFound,
            Error::Offline => FailureKind::Offline,
            Error::Storage(_) => FailureKind::Storage,
            _ => FailureKind::NotPossible,
        };
        Self::new(kind, error)
    }
}

impl From<client::ClientError> for Failure {
    fn from(error: client::ClientError) -> Self {
        Self::new(FailureKind::Storage, error)
    }
}

impl From<client::Done> for Done {
    fn from(done: client::Done) -> Self {
        match done {
            client::Done::Message(key) => Self::Message {
                message: key.to_string(),
            },
            client::Done::Conversation(id) => Self::Conversation {
                conversation: id.as_str().to_owned(),
            },
            client::Done::Asked(question) => Self::Asked {
                question: question.0,
            },
            client::Done::HistoryCode(text) => Self::HistoryCode {
                qr: super::qr(text.expose()).unwrap_or_default(),
                text: text.into_inner(),
            },
            client::Done::Link(link) => Self::Link { link },
            client::Done::Verified {
                account,
                verified,
                mismatched,
            } => Self::Verified {
                account: account.as_str().to_owned(),
                verified,
                mismatched,
            },
            _ => Self::Done,
        }
    }
}
