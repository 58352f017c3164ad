//! The audit log over the admin socket.

use base::Timestamp;
use serde::{Deserialize, Serialize};
use store::{AuditEntry, AuditQuery};

/// Entries in one page.
const PAGE: usize = 1_000;

/// Which entries are wanted; times as in XEP-0082.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct AuditWish {
    /// Only those before this number, newest first.
    #[serde(default)]
    pub before: Option<u64>,
    /// Only those behind this number, oldest first.
    #[serde(default)]
    pub after: Option<u64>,
    /// By this actor.
    #[serde(default)]
    pub actor: Option<String>,
    /// To this subject.
    #[serde(default)]
    pub subject: Option<String>,
    /// Whose action is this, or begins with this and a dot.
    #[serde(default)]
    pub action: Option<String>,
    /// Not earlier.
    #[serde(default)]
    pub since: Option<String>,
    /// Earlier.
    #[serde(default)]
    pub until: Option<String>,
    /// With these letters.
    #[serde(default)]
    pub text: Option<String>,
    /// At most so many; no more than 1,000 come at once.
    #[serde(default)]
    pub max: Option<usize>,
}

impl AuditWish {
    /// The query of the store.
    pub(super) fn query(self) -> Result<AuditQuery, String> {
        let time = |text: Option<String>| {
            let time = text.map(|text| {
                Timestamp::parse(&text).map_err(|_| {
                    format!("{text} is no point in time; write it like 2026-11-23T08:00:00Z")
                })
            });
            time.transpose()
        };
        Ok(AuditQuery {
            before: self.before,
            after: self.after,
            actor: self.actor.map(Into::into),
            subject: self.subject.map(Into::into),
            action: self.action.map(Into::into),
            since: time(self.since)?,
            until: time(self.until)?,
            text: self.text.map(Into::into),
            max: self.max.unwrap_or(PAGE).min(PAGE),
        })
    }
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct AuditLine {
    /// Its place, from 1.
    pub number: u64,
    /// When (XEP-0082).
    pub at: String,
    /// Who.
    pub actor: String,
    /// By which door.
    pub door: String,
    /// What.
    pub action: String,
    /// To whom or what.
    pub subject: String,
    /// What else there is to know.
    pub detail: String,
    /// Digest over it and all before it, in hexadecimal digits.
    pub digest: String,
}

impl From<&AuditEntry> for AuditLine {
    fn from(entry: &AuditEntry) -> Self {
        let note = &entry.note;
        Self {
            number: entry.number,
            at: note.at.to_string(),
            actor: note.actor.to_string(),
            door: note.door.to_string(),
            action: note.action.to_string(),
            subject: note.subject.to_string(),
            detail: note.detail.to_string(),
            digest: entry.digest.to_string(),
        }
    }
}
