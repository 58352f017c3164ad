//! The audit log: who changed what in the house, in the order in which it happened.
//!
//! Entries are only ever added. Each carries a digest over itself and the digest before it, and the newest is kept a second time
//! beside them, so an entry that was changed, taken out or cut off at the end shows in a [check](crate::Store::check). Somebody who
//! can write to the file can make a new chain from the start; against him helps a digest that was noted elsewhere
//! ([`AuditHead`], which is compared with what is there under its number).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base::Timestamp;
use sha2::{Digest, Sha256};

use crate::batch::Write;
use crate::{Batch, Reading, Store};

/// Something that was done, to be added to the log in the batch that does it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditNote {
    /// When.
    pub at: Timestamp,
    /// Who: an address, or `console` for whoever has the machine, or `house` for what the server does by itself.
    pub actor: Arc<str>,
    /// The door it came through: `console`, `xmpp`, `rest`, `web`, `scim`, `directory`.
    pub door: Arc<str>,
    /// What, as a stable word with dots: `account.created`.
    pub action: Arc<str>,
    /// To whom or what: an address, the key of a setting.
    pub subject: Arc<str>,
    /// What else there is to know, for people; neither secrets nor content.
    pub detail: Arc<str>,
}

/// Digest of an entry and, by way of the one before it, of all before it (SHA-256).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuditDigest([u8; 32]);

impl AuditDigest {
    /// What stands before the first entry.
    pub const START: Self = Self([0; 32]);

    /// The digest of these 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest of the entry `number` that stands behind the one with this digest. All lengths are part of it, so no two
    /// entries are written alike.
    #[must_use]
    pub fn follow(self, number: u64, note: &AuditNote) -> Self {
        let AuditNote {
            at,
            actor,
            door,
            action,
            subject,
            detail,
        } = note;
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(number.to_be_bytes());
        hash.update(at.micros().to_be_bytes());
        for text in [actor, door, action, subject, detail] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        }
        Self(hash.finalize().into())
    }
}

impl fmt::Display for AuditDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for AuditDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its place: 1 is the first, and none is left out.
    pub number: u64,
    /// What was done.
    pub note: AuditNote,
    /// Digest of this entry and all before it.
    pub digest: AuditDigest,
}

/// Where the log ends, or ended once: to be noted where the server cannot write. In text `12:9f86…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditHead {
    /// Number of the newest entry; 0 for an empty log.
    pub number: u64,
    /// Its digest.
    pub digest: AuditDigest,
}

impl AuditHead {
    /// That of an empty log.
    pub const START: Self = Self {
        number: 0,
        digest: AuditDigest::START,
    };
}

impl fmt::Display for AuditHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number, self.digest)
    }
}

/// A text that names no [`AuditHead`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not the head of an audit log: a number, a colon and 64 hexadecimal digits, as `hauspost audit head` prints them"
)]
pub struct NotAHead;

impl FromStr for AuditHead {
    type Err = NotAHead;

    fn from_str(text: &str) -> Result<Self, NotAHead> {
        let (number, hex) = text.trim().split_once(':').ok_or(NotAHead)?;
        let number = number.parse().map_err(|_| NotAHead)?;
        if hex.len() != 64 || !hex.is_ascii() {
            return Err(NotAHead);
        }
        let mut bytes = [0; 32];
        for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(&hex[at..at + 2], 16).map_err(|_| NotAHead)?;
        }
        let digest = AuditDigest(bytes);
        Ok(Self { number, digest })
    }
}

/// Which entries are wanted; what is empty or `None` leaves none out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Only those with smaller numbers: the next page of a list that is newest first.
    pub before: Option<u64>,
    /// Only those with larger numbers, and then oldest first: for exports.
    pub after: Option<u64>,
    /// By this actor.
    pub actor: Option<Arc<str>>,
    /// To this subject.
    pub subject: Option<Arc<str>>,
    /// Whose action is this, or begins with this and a dot.
    pub action: Option<Arc<str>>,
    /// Not earlier than this.
    pub since: Option<Timestamp>,
    /// Earlier than this.
    pub until: Option<Timestamp>,
    /// With these letters in actor, subject or detail, whatever their case (ASCII).
    pub text: Option<Arc<str>>,
    /// At most so many.
    pub max: usize,
}

/// Entries of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditPage {
    /// Newest first, or oldest first where [`AuditQuery::after`] was given.
    pub entries: Vec<AuditEntry>,
    /// Whether there are more behind the last.
    pub more: bool,
}

impl Batch {
    /// Adds to the audit log what this batch does.
    pub fn audit(&mut self, note: AuditNote) {
        self.push(Write::Audit(Box::new(note)));
    }
}

impl Store {
    /// Entries of the audit log.
    pub fn audit(&self, query: AuditQuery) -> Reading<AuditPage> {
        self.backend().audit(query)
    }

    /// Where the audit log ends, as it is kept beside the entries.
    pub fn audit_head(&self) -> Reading<AuditHead> {
        self.backend().audit_head()
    }

    /// What is wrong with the audit log: entries that were changed, taken out or cut off, also behind heads that were `noted`
    /// elsewhere. Empty: nothing.
    pub fn audit_check(&self, noted: Vec<AuditHead>) -> Reading<Vec<String>> {
        self.backend().audit_check(noted)
    }
}
