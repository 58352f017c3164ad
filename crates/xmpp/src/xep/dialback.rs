//! XEP-0220: Server Dialback, with keys as XEP-0185 makes them.

use subtle::ConstantTimeEq;

use crate::condition::{StanzaCondition, StanzaError};
use crate::ns;
use crate::sasl::ScramHash;
use crate::xml::{Stanza, Writer};

/// The key by which `originating` shows to `receiving` that a stream is its own (XEP-0185 §3). `stream` is the id
/// that the receiving server gave the stream. 64 hexadecimal digits.
pub fn key(secret: &[u8], receiving: &str, originating: &str, stream: &str) -> String {
    let secret = hexadecimal(ScramHash::Sha256.digest(secret).expose());
    let parts = [receiving, " ", originating, " ", stream].map(str::as_bytes);
    hexadecimal(ScramHash::Sha256.hmac(secret.as_bytes(), &parts).expose())
}

/// Whether `said` is the [`key`] of these three.
pub fn is_key(said: &str, secret: &[u8], receiving: &str, originating: &str, stream: &str) -> bool {
    let key = key(secret, receiving, originating, stream);
    bool::from(key.as_bytes().ct_eq(said.as_bytes()))
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]));
    digits.collect()
}

/// `<db:result/>` (between originating and receiving server) or `<db:verify/>` (between receiving and
/// authoritative server).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// `<db:result/>`.
    Result,
    /// `<db:verify/>`.
    Verify,
}

/// What an element of dialback says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// No `type`: this key is to be looked at.
    Key(String),
    /// `type='valid'`.
    Valid,
    /// `type='invalid'`.
    Invalid,
    /// `type='error'` (XEP-0220 §2.5).
    Error(StanzaCondition),
}

/// An element of dialback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialback {
    /// Which of the two.
    pub step: Step,
    /// The sending server, as written.
    pub from: String,
    /// The other one, as written.
    pub to: String,
    /// The id of the stream in question; on `<db:verify/>` only.
    pub id: Option<String>,
    /// What it says.
    pub word: Word,
}

impl Dialback {
    /// Reads a first-level element; `None` when it is none of dialback, or lacks an attribute that it must have.
    pub fn read(element: &Stanza) -> Option<Dialback> {
        if element.namespace() != ns::DIALBACK {
            return None;
        }
        let step = match element.name() {
            "result" => Step::Result,
            "verify" => Step::Verify,
            _ => return None,
        };
        let word = match element.type_().as_deref() {
            None => Word::Key(element.tree().root().text().trim().to_owned()),
            Some("valid") => Word::Valid,
            Some("error") => Word::Error(
                StanzaError::of(element)
                    .map_or(StanzaCondition::UndefinedCondition, |error| error.condition),
            ),
            Some(_) => Word::Invalid,
        };
        let id = element.id().map(std::borrow::Cow::into_owned);
        if step == Step::Verify && id.is_none() {
            return None;
        }
        Some(Dialback {
            step,
            from: element.from()?.into_owned(),
            to: element.to()?.into_owned(),
            id,
            word,
        })
    }

    /// The element, for a stream whose header declares the prefix `db`.
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::with_capacity(192);
        writer
            .start(match self.step {
                Step::Result => "db:result",
                Step::Verify => "db:verify",
            })
            .attr("from", &self.from)
            .attr("to", &self.to)
            .attr_opt("id", self.id.as_deref());
        match &self.word {
            Word::Key(key) => {
                writer.text(key);
            }
            Word::Valid => {
                writer.attr("type", "valid");
            }
            Word::Invalid => {
                writer.attr("type", "invalid");
            }
            Word::Error(condition) => {
                writer.attr("type", "error");
                StanzaError::new(*condition).write(&mut writer);
            }
        }
        writer.end();
        writer.finish()
    }

    /// The same between the two servers, the other way round, with another word.
    #[must_use]
    pub fn reply(&self, word: Word) -> Dialback {
        Dialback {
            step: self.step,
            from: self.to.clone(),
            to: self.from.clone(),
            id: self.id.clone(),
            word,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_xep_0185_comes_out() {
        let secret = b"s3cr3tf0rd14lb4ck";
        let expected = "37c69b1cf07a3f67c04a5ef5902fa5114f2c76fe4a2686482ba5b89323075643";
        assert_eq!(
            key(secret, "xmpp.example.com", "example.org", "D60000229F"),
            expected
        );
        assert!(is_key(
            expected,
            secret,
            "xmpp.example.com",
            "example.org",
            "D60000229F"
        ));
        assert!(!is_key(
            expected,
            secret,
            "xmpp.example.com",
            "example.net",
            "D60000229F"
        ));
        assert!(!is_key(
            "",
            secret,
            "xmpp.example.com",
            "example.org",
            "D60000229F"
        ));
    }

    #[test]
    fn every_word_can_be_written_and_read() {
        for word in [
            Word::Key("b4835385f37fe2895af6c196b59097b16862406db80559900d96bf6fa7d23df3".into()),
            Word::Valid,
            Word::Invalid,
            Word::Error(StanzaCondition::PolicyViolation),
        ] {
            for (step, id) in [
                (Step::Result, None),
                (Step::Verify, Some("417GAF25".to_owned())),
            ] {
                let said = Dialback {
                    step,
                    from: "montague.example".into(),
                    to: "capulet.example".into(),
                    id,
                    word: word.clone(),
                };
                let text = said.to_xml().replacen(
                    " from",
                    &format!(" xmlns:db='{}' from", ns::DIALBACK),
                    1,
                );
                let element = Stanza::parse(&text).unwrap();
                assert_eq!(Dialback::read(&element), Some(said));
            }
        }
        let without_id = "<v:verify xmlns:v='jabber:server:dialback' from='a' to='b'>x</v:verify>";
        assert_eq!(Dialback::read(&Stanza::parse(without_id).unwrap()), None);
    }
}
