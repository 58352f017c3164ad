//! urn:hauspost:encryption:0: Encryption Policy
//!
//! Where the house's rules say `required`, a message that the server could read goes back to its sender,
//! with words that say what to do. There are three rules: between people of ours, in private groups, and
//! with whoever is elsewhere (other servers, and components, which are gateways to others). The rules hold
//! for what is said from now on: archives, waiting messages and copies (XEP-0280) are never looked at.
//!
//! *What can be read*: a body with something in it, the other elements of the standard that hold words,
//! pictures or addresses of files ([`READABLE`]), and a subject, but for a room's own, which is part of how it is
//! shown, as its name is. Beside the payload of OMEMO, in either form, a body may stand: it is what clients
//! say to those that cannot decrypt (XEP-0380), and nobody but they could tell it from anything else.
//! An `<encrypted/>` without a payload hands over a key and is no encrypted message: a body beside it is words.
//! Other encryption (OpenPGP, OTR) is none here, but a message with nothing to read in it passes.
//!
//! *What passes*: chat states, receipts, markers, retractions with the words that XEP-0424 gives them,
//! reactions that are no words, invitations (XEP-0249, XEP-0045 §7.8) without a body, calls (XEP-0353), keys.
//! Whatever the house says itself: announcements, invitations of rooms, moderation. Errors are looked at
//! like any other message, as they may hold what they answer: one with words in it is dropped, since
//! nobody may be told of an error in an error.
//!
//! *Which rooms are private groups*: those that not everybody in the house may enter, by their present
//! configuration: for members only, or with a password. A department's room is none: its people are those
//! of a group of the directory, so the house knows who reads there, and no client could find all their devices.
//! In a private group that hides addresses nobody can encrypt (XEP-0384 §5.8): what is refused there says so.
//! A private message in a room is one between two people, and in a private group also one of the group.
//!
//! `default` and `off` are for clients: the server refuses nothing, and forbids nobody to encrypt. What
//! applies is in service discovery, see `docs/encryption.md`. XEP-0504 has fields for gateways only.

use store::{RoomConfig, Whois};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::disco::Form;
use xmpp::xml::{Child, Stanza};

use super::{Feature, MessageContext, Module, Seat, Verdict};
use crate::config::{EncryptionPolicy, EncryptionRule};
use crate::{Chat, ChatConfig, Language, Sender, Words};

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "encryption",
    specification: "urn:hauspost:encryption:0",
    title: "Encryption policy",
    version: "0",
    features: &[Feature {
        var: ns::ENCRYPTION_POLICY,
        seat: Seat::Host,
    }],
    message: Some(message),
    ..Module::NONE
};

/// Which rule is for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Talk {
    /// Between people of ours.
    Direct,
    /// To all in a private group, whose setting up may let them encrypt or not.
    Group { possible: bool },
    /// With somebody elsewhere.
    Remote,
}

impl Talk {
    const fn rule(self, policy: &EncryptionPolicy) -> EncryptionRule {
        match self {
            Self::Direct => policy.direct,
            Self::Group { .. } => policy.groups,
            Self::Remote => policy.remote,
        }
    }
}

impl Talk {
    /// Of a message to all in a room; `None` where everybody may read.
    pub(crate) fn in_room(config: &RoomConfig) -> Option<Self> {
        is_private(config).then(|| Self::Group {
            possible: config.members_only && config.whois == Whois::Anyone,
        })
    }

    /// Of a message between two people.
    pub(crate) fn between(sender: &Sender, recipient_is_ours: bool) -> Option<Self> {
        match sender {
            Sender::House(_) => None,
            Sender::Client { .. } | Sender::Account { .. } if recipient_is_ours => {
                Some(Self::Direct)
            }
            Sender::Client { .. } | Sender::Account { .. } | Sender::Elsewhere(_) => {
                Some(Self::Remote)
            }
        }
    }
}

/// Whether people encrypt what they say in a room: it is a private group, and the house's rules have it so.
pub(crate) fn is_sealed(chat: &Chat, config: &RoomConfig) -> bool {
    let rules = &chat.config().encryption;
    Talk::in_room(config).is_some_and(|talk| talk.rule(rules) != EncryptionRule::Off)
}

/// Whether a room is a private group.
pub(crate) fn is_private(config: &RoomConfig) -> bool {
    config.group.is_none() && (config.members_only || config.password.is_some())
}

/// A message on its way to or from an account of ours.
fn message(context: &mut MessageContext<'_>) -> Verdict {
    let talk = Talk::between(context.sender, context.recipient.is_some());
    match talk.and_then(|talk| refusal(context.chat, talk, context.stanza)) {
        Some(error) => Verdict::Reject(error),
        None => Verdict::Next,
    }
}

/// Why a message does not go on, if it does not.
pub(crate) fn refusal(chat: &Chat, talk: Talk, stanza: &Stanza) -> Option<StanzaError> {
    let required = talk.rule(&chat.config().encryption) == EncryptionRule::Required;
    // A room's subject is no secret of its people: who has not entered may see it, too.
    let subject_counts = !matches!(talk, Talk::Group { .. });
    if !required || !can_be_read(stanza, subject_counts) {
        return None;
    }
    let language = stanza
        .lang()
        .map_or(Language::English, |tag| Language::of_tag(&tag));
    Some(
        StanzaError::new(StanzaCondition::PolicyViolation)
            .text_in(language.tag(), words(talk).of(language))
            .app(format!(
                "<encryption-required xmlns='{}'/>",
                ns::ENCRYPTION_POLICY
            )),
    )
}

const fn words(talk: Talk) -> Words {
    match talk {
        Talk::Direct => Words::new(
            "Was Leute dieser Organisation einander schreiben, wird hier Ende-zu-Ende verschlüsselt; diese \
             Nachricht war es nicht und wurde nicht zugestellt. Bitte in diesem Chat OMEMO einschalten und sie noch \
             einmal senden. Wenn Ihr Programm kein OMEMO kann, nehmen Sie bitte eines, das es kann.",
            "What people of this organisation write to each other is end-to-end encrypted here; this message was not, \
             and it was not delivered. Please switch on OMEMO in this chat and send it again. If your program does \
             not have OMEMO, please use one that has it.",
        ),
        Talk::Group { possible: true } => Words::new(
            "Private Gruppen sind hier Ende-zu-Ende verschlüsselt; diese Nachricht war es nicht und wurde nicht \
             zugestellt. Bitte in dieser Gruppe OMEMO einschalten und sie noch einmal senden. Wenn Ihr Programm kein \
             OMEMO kann, nehmen Sie bitte eines, das es kann.",
            "Private groups are end-to-end encrypted here; this message was not, and it was not delivered. Please \
             switch on OMEMO in this group and send it again. If your program does not have OMEMO, please use one \
             that has it.",
        ),
        Talk::Group { possible: false } => Words::new(
            "Private Gruppen sind hier Ende-zu-Ende verschlüsselt, und so, wie diese eingerichtet ist, geht das \
             nicht. Wem sie gehört, kann sie auf »nur für Mitglieder« und »Adressen für alle sichtbar« stellen oder \
             sie für alle öffnen.",
            "Private groups are end-to-end encrypted here, and the way this one is set up nobody can encrypt in it. \
             One of its owners can set it to members only with addresses that anyone may see, or open it to everybody.",
        ),
        Talk::Remote => Words::new(
            "Mit Leuten auf anderen Servern wird hier nur Ende-zu-Ende verschlüsselt geschrieben; diese Nachricht war \
             es nicht und wurde nicht zugestellt. Bitte in diesem Chat OMEMO einschalten und sie noch einmal senden.",
            "Messages to and from other servers are end-to-end encrypted here; this one was not, and it was not \
             delivered. Please switch on OMEMO in this chat and send it again.",
        ),
    }
}

/// Elements that hold something for people to read, beside body and subject.
const READABLE: &[(&str, &str)] = &[
    (ns::XHTML_IM, "html"),
    (ns::OUT_OF_BAND, "x"),
    (ns::FILE_SHARING, "file-sharing"),
    (ns::BITS_OF_BINARY, "data"),
    (ns::LINK_METADATA, "Description"),
    (ns::DATA_FORMS, "x"),
    (ns::FORWARD, "forwarded"),
];
/// Longest emoji that a reaction may be, in bytes; families with tones of skin are among the longest.
const LONGEST_EMOJI: usize = 48;
/// Longest that a client may say to those that cannot retract, in bytes.
const LONGEST_FALLBACK: usize = 256;

/// Whether a message holds something that can be read on its way.
fn can_be_read(message: &Stanza, subject_counts: bool) -> bool {
    let mut sealed = false;
    let mut said = 0;
    for child in message.children() {
        match (child.namespace(), child.name()) {
            (ns::CLIENT, "body") => said += length(&child),
            (ns::CLIENT, "subject") if subject_counts && length(&child) > 0 => return true,
            (ns::OMEMO | ns::OMEMO_LEGACY, "encrypted") => sealed |= has_payload(&child),
            (ns::REACTIONS, "reactions") if has_words(&child) => return true,
            // Mentions point at the body; with something in them they are files (XEP-0385).
            (ns::REFERENCES, "reference") if holds_elements(&child) => return true,
            readable if READABLE.contains(&readable) => return true,
            _ => {}
        }
    }
    said > 0 && !sealed && !(said <= LONGEST_FALLBACK && retracts(message))
}

/// How much text is in an element, in bytes, but for white space around it.
fn length(child: &Child<'_>) -> usize {
    child.tree().root().text().trim().len()
}

fn holds_elements(child: &Child<'_>) -> bool {
    child.tree().root().children().next().is_some()
}

fn has_payload(encrypted: &Child<'_>) -> bool {
    let tree = encrypted.tree();
    let part = |name| tree.root().child(name, encrypted.namespace());
    part("header").is_some()
        && part("payload").is_some_and(|payload| !payload.text().trim().is_empty())
}

/// XEP-0444 §3: a reaction is one emoji. Longer ones, and letters of any script, are words.
fn has_words(reactions: &Child<'_>) -> bool {
    let is_letter = |character: char| character.is_alphabetic() && character < '\u{1f000}';
    reactions.tree().root().children().any(|reaction| {
        let text = reaction.text();
        text.trim().len() > LONGEST_EMOJI || text.chars().any(is_letter)
    })
}

/// XEP-0424 §3: a retraction has a body for those that do not know retractions, marked as such.
fn retracts(message: &Stanza) -> bool {
    message.has("retract", ns::RETRACTION)
        && message
            .child("fallback", ns::FALLBACK)
            .is_some_and(|mark| mark.tree().root().attr("for") == Some(ns::RETRACTION))
}

/// What the house's service discovery says of its rules.
pub(super) fn form(config: &ChatConfig) -> Form {
    let rules = &config.encryption;
    let field = |var: &'static str, rule: EncryptionRule| (var.into(), vec![rule.as_str().into()]);
    Form {
        form_type: ns::ENCRYPTION_POLICY.into(),
        fields: vec![
            field("direct", rules.direct),
            field("groups", rules.groups),
            field("remote", rules.remote),
        ],
    }
}

/// What a room's service discovery says of itself: the rule for private groups, or that it is open.
pub(crate) fn room_form(config: &ChatConfig, room: &RoomConfig) -> Form {
    let rule = match Talk::in_room(room) {
        Some(talk) => talk.rule(&config.encryption).as_str(),
        None => "open",
    };
    Form {
        form_type: ns::ENCRYPTION_POLICY.into(),
        fields: vec![("room".into(), vec![rule.into()])],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readable(inner: &str) -> bool {
        let message = Stanza::parse(&format!("<message type='chat'>{inner}</message>"));
        can_be_read(&message.expect("a message"), true)
    }

    const CURRENT: &str = "<encrypted xmlns='urn:xmpp:omemo:2'><header sid='1'><keys jid='a@b'><key rid='2'>AA==\
                           </key></keys></header><payload>AA==</payload></encrypted>";
    const LEGACY: &str = "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'><key rid='2'>AA==</key>\
                          <iv>AA==</iv></header><payload>AA==</payload></encrypted>";
    const KEYS: &str = "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'><key rid='2'>AA==</key>\
                        <iv>AA==</iv></header></encrypted>";

    #[test]
    fn words_files_and_pictures_can_be_read() {
        for inner in [
            "<body>Hi</body>",
            "<body xml:lang='en'/><body xml:lang='de'>Hallo</body>",
            "<subject>Hi</subject>",
            "<html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'>Hi</body></html>",
            "<x xmlns='jabber:x:oob'><url>https://example.org/a</url></x>",
            "<file-sharing xmlns='urn:xmpp:sfs:0'/>",
            "<data xmlns='urn:xmpp:bob' cid='a@bob.xmpp.org' type='image/png'>AA==</data>",
            "<reference xmlns='urn:xmpp:reference:0' type='data'><media-sharing xmlns='urn:xmpp:sims:1'/></reference>",
            "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'/></forwarded>",
            "<reactions xmlns='urn:xmpp:reactions:0' id='a'><reaction>yes, at noon</reaction></reactions>",
            "<reactions xmlns='urn:xmpp:reactions:0' id='a'><reaction>да</reaction></reactions>",
            "<body>?OTR:AAMC</body>",
            "<body>Hi</body><openpgp xmlns='urn:xmpp:openpgp:0'>AA==</openpgp>",
            "<body>Hi</body><x xmlns='jabber:x:conference' jid='a@b'/>",
        ] {
            assert!(readable(inner), "{inner}");
        }
    }

    #[test]
    fn what_holds_no_words_passes() {
        for inner in [
            "",
            "<body/>",
            "<body>\n</body>",
            "<subject/>",
            "<composing xmlns='http://jabber.org/protocol/chatstates'/>",
            "<received xmlns='urn:xmpp:receipts' id='a'/>",
            "<displayed xmlns='urn:xmpp:chat-markers:0' id='a'/>",
            "<x xmlns='jabber:x:conference' jid='a@b'/>",
            "<propose xmlns='urn:xmpp:jingle-message:0' id='a'/>",
            "<openpgp xmlns='urn:xmpp:openpgp:0'>AA==</openpgp>",
            "<body xmlns='urn:example'>Hi</body>",
            "<reactions xmlns='urn:xmpp:reactions:0' id='a'><reaction>👍🏽</reaction><reaction>1️⃣</reaction>\
             <reaction>🅰️</reaction><reaction>🧑🏻‍❤️‍💋‍🧑🏼</reaction></reactions>",
            "<reference xmlns='urn:xmpp:reference:0' type='mention' uri='xmpp:a@b'/>",
        ] {
            assert!(!readable(inner), "{inner}");
        }
    }

    #[test]
    fn beside_a_payload_a_body_may_stand_and_nothing_else() {
        for encrypted in [CURRENT, LEGACY] {
            assert!(!readable(encrypted));
            assert!(!readable(&format!(
                "{encrypted}<body>It is encrypted.</body>"
            )));
            assert!(!readable(&format!(
                "<body>It is encrypted.</body>{KEYS}{encrypted}"
            )));
            for other in ["<subject>Hi</subject>", "<x xmlns='jabber:x:oob'/>"] {
                assert!(readable(&format!("{encrypted}{other}")), "{other}");
            }
        }
    }

    #[test]
    fn a_body_beside_keys_alone_is_words() {
        assert!(!readable(KEYS));
        for keys in [
            KEYS,
            "<encrypted xmlns='urn:xmpp:omemo:2'/>",
            "<encrypted xmlns='urn:xmpp:omemo:2'><header sid='1'/><payload/></encrypted>",
            "<encrypted xmlns='urn:xmpp:omemo:2'><payload>AA==</payload></encrypted>",
            "<encrypted xmlns='urn:xmpp:omemo:2'><header sid='1'/><payload xmlns='urn:example'>AA==</payload></encrypted>",
            "<encryption xmlns='urn:xmpp:eme:0' namespace='urn:xmpp:omemo:2'/>",
        ] {
            assert!(readable(&format!("{keys}<body>Hi</body>")), "{keys}");
        }
    }

    #[test]
    fn a_retraction_may_say_that_it_is_one() {
        let retract = "<retract xmlns='urn:xmpp:message-retract:1' id='a'/>";
        let mark = "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:message-retract:1'/>";
        let body = "<body>/me retracted a previous message.</body>";
        assert!(!readable(&format!("{retract}{mark}{body}")));
        assert!(readable(&format!("{retract}{body}")));
        assert!(readable(&format!("{mark}{body}")));
        let long = format!("<body>{}</body>", "a".repeat(LONGEST_FALLBACK + 1));
        assert!(readable(&format!("{retract}{mark}{long}")));
    }

    #[test]
    fn a_rooms_subject_is_no_secret() {
        let subject = "<message type='groupchat'><subject>Roses</subject></message>";
        let subject = Stanza::parse(subject).expect("a message");
        assert!(!can_be_read(&subject, false));
        let both = "<message type='groupchat'><subject>Roses</subject><body>Hi</body></message>";
        assert!(can_be_read(&Stanza::parse(both).expect("a message"), false));
    }

    #[test]
    fn which_rooms_are_private_groups() {
        let open = RoomConfig::default();
        let possible = |config: &RoomConfig| Talk::in_room(config);
        assert_eq!(possible(&open), None);
        assert_eq!(
            possible(&RoomConfig::group_chat()),
            Some(Talk::Group { possible: true })
        );
        assert_eq!(possible(&RoomConfig::department_room("Sales", true)), None);
        assert_eq!(possible(&RoomConfig::department_room("Sales", false)), None);
        let anonymous = RoomConfig {
            whois: Whois::Moderators,
            ..RoomConfig::group_chat()
        };
        assert_eq!(possible(&anonymous), Some(Talk::Group { possible: false }));
        let listed = RoomConfig {
            listed: true,
            ..RoomConfig::group_chat()
        };
        assert_eq!(possible(&listed), Some(Talk::Group { possible: true }));
        let password = RoomConfig {
            password: Some(base::Redacted::new("cauldron".into())),
            ..open
        };
        assert_eq!(possible(&password), Some(Talk::Group { possible: false }));
    }
}
