//! The small records: what is known of devices, what was decided about keys, what is still to be sent.

use base::{BareJid, Timestamp};
use zeroize::Zeroizing;

use crate::codec::{Decoder, Encoder, StateError};
use crate::crypto::IdentityKey;
use crate::machine::{Content, Decrypted};
use crate::trust::Trust;

const VERSION: u8 = 1;

/// A device of which the key is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeviceRecord {
    pub(crate) identity: IdentityKey,
    /// The key in its Edwards shape, when a bundle or a key exchange has shown it.
    pub(crate) edwards: Option<[u8; 32]>,
}

impl DeviceRecord {
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Encoder::new(VERSION, 80);
        out.identity(&self.identity);
        out.option(self.edwards.as_ref(), |out, key| {
            out.array(key);
        });
        out.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        let (_, mut from) = Decoder::new(bytes, VERSION)?;
        let record = Self {
            identity: from.identity()?,
            edwards: from.option(Decoder::array)?,
        };
        from.finish()?;
        Ok(record)
    }
}

/// What was decided about a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TrustRecord {
    pub(crate) trust: Trust,
    /// When; for a decision that came in a trust message, when that was written.
    pub(crate) since: Timestamp,
}

const TRUSTS: [Trust; 6] = [
    Trust::Undecided,
    Trust::FirstUse,
    Trust::Verified { automatic: false },
    Trust::Verified { automatic: true },
    Trust::Distrusted { automatic: false },
    Trust::Distrusted { automatic: true },
];

fn write_trust(out: &mut Encoder, trust: Trust) {
    let number = TRUSTS.iter().position(|other| *other == trust);
    out.byte(number.and_then(|n| u8::try_from(n).ok()).unwrap_or(0));
}

fn read_trust(from: &mut Decoder<'_>) -> Result<Trust, StateError> {
    let number = usize::from(from.byte()?);
    TRUSTS.get(number).copied().ok_or(StateError::Damaged)
}

impl TrustRecord {
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Encoder::new(VERSION, 16);
        write_trust(&mut out, self.trust);
        out.time(self.since);
        out.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        let (_, mut from) = Decoder::new(bytes, VERSION)?;
        let record = Self {
            trust: read_trust(&mut from)?,
            since: from.time()?,
        };
        from.finish()?;
        Ok(record)
    }
}

/// Why a device is to get an empty message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owed {
    /// It waits for an answer in the session there is: a key exchange to be confirmed, or a heartbeat.
    Answer,
    /// A session must be started first, because there is none or because it was asked for.
    NewSession,
}

impl Owed {
    pub(crate) fn encode(self) -> Zeroizing<Vec<u8>> {
        let mut out = Encoder::new(VERSION, 4);
        out.flag(self == Self::NewSession);
        out.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        let (_, mut from) = Decoder::new(bytes, VERSION)?;
        let new = from.flag()?;
        from.finish()?;
        Ok(if new { Self::NewSession } else { Self::Answer })
    }
}

/// A decision about a key that came in a trust message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) owner: BareJid,
    /// As it came: which shape of the key it is shows when the key is known.
    pub(crate) key: [u8; 32],
    pub(crate) trust: bool,
    pub(crate) time: Timestamp,
}

/// Decisions of a device whose own key is not verified yet (XEP-0450 §5.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) decisions: Vec<Decision>,
}

impl Pending {
    pub(crate) fn is_empty(&self) -> bool {
        self.decisions.is_empty()
    }

    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Encoder::new(VERSION, 8 + 96 * self.decisions.len());
        out.count(self.decisions.len());
        for decision in &self.decisions {
            out.text(decision.owner.as_str())
                .array(&decision.key)
                .flag(decision.trust)
                .time(decision.time);
        }
        out.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        let (_, mut from) = Decoder::new(bytes, VERSION)?;
        let decisions = from.list(|from| {
            Ok(Decision {
                owner: from.jid()?,
                key: from.array()?,
                trust: from.flag()?,
                time: from.time()?,
            })
        })?;
        from.finish()?;
        Ok(Self { decisions })
    }
}

/// A trust message that is still to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Letter {
    pub(crate) to: BareJid,
    /// The one key that it is for; without one, all verified keys of `to` and our own.
    pub(crate) only: Option<IdentityKey>,
    pub(crate) content: String,
}

impl Letter {
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Encoder::new(VERSION, 128 + self.content.len());
        out.text(self.to.as_str());
        out.option(self.only.as_ref(), |out, key| {
            out.identity(key);
        });
        out.text(&self.content);
        out.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        let (_, mut from) = Decoder::new(bytes, VERSION)?;
        let letter = Self {
            to: from.jid()?,
            only: from.option(Decoder::identity)?,
            content: from.text()?.to_owned(),
        };
        from.finish()?;
        Ok(letter)
    }
}

/// A message that was decrypted and that the caller has not taken over yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) message: Decrypted,
}

impl Delivery {
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let message = &self.message;
        let (text, elements) = match &message.content {
            Content::Text(text) => (text, false),
            Content::Elements(text) => (text, true),
        };
        let mut out = Encoder::new(VERSION, 256 + text.expose().len());
        out.text(message.account.as_str())
            .number(message.device)
            .identity(&message.identity);
        write_trust(&mut out, message.trust);
        out.flag(elements).text(text.expose());
        out.option(message.time, |out, time| {
            out.time(time);
        });
        out.flag(message.time_is_off);
        out.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        let (_, mut from) = Decoder::new(bytes, VERSION)?;
        let account = from.jid()?;
        let device = from.number()?;
        let identity = from.identity()?;
        let trust = read_trust(&mut from)?;
        let elements = from.flag()?;
        let text = base::Redacted::new(from.text()?.to_owned());
        let message = Decrypted {
            account,
            device,
            identity,
            trust,
            content: if elements {
                Content::Elements(text)
            } else {
                Content::Text(text)
            },
            time: from.option(Decoder::time)?,
            time_is_off: from.flag()?,
        };
        from.finish()?;
        Ok(Self { message })
    }
}
