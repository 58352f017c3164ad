//! What a message is about, as far as keeping and copying it depend on that.

use base::Jid;
use xmpp::ns;
use xmpp::xml::Stanza;

use super::MessageType;

/// Something that a person would miss in an archive (XEP-0313 §6.1.1): words, encrypted words, or
/// what says something about other messages.
pub(crate) fn is_conversation(message: &Stanza) -> bool {
    message
        .children()
        .any(|child| match (child.namespace(), child.name()) {
            (ns::CLIENT, "body" | "subject") => true,
            (ns::OMEMO | ns::OMEMO_LEGACY, "encrypted")
            | (ns::OPENPGP, "openpgp")
            | (ns::ENCRYPTION, "encryption") => true,
            (ns::RECEIPTS, "received") => true,
            (ns::CHAT_MARKERS, name) => name != "markable",
            (ns::REACTIONS, "reactions")
            | (ns::RETRACTION, "retract")
            | (ns::FASTENING, "apply-to") => true,
            (ns::CORRECTION, "replace") => true,
            (ns::JINGLE_MESSAGE, _) => true,
            (ns::CONFERENCE, "x") => true,
            _ => false,
        })
}

/// Words that only the devices of those they are meant for can read.
pub(crate) fn is_encrypted(message: &Stanza) -> bool {
    message.children().any(|child| {
        matches!(
            (child.namespace(), child.name()),
            (ns::OMEMO | ns::OMEMO_LEGACY, "encrypted") | (ns::OPENPGP, "openpgp")
        )
    })
}

/// A message that says something about others only: a receipt, a marker, a reaction, a correction, a
/// retraction. What is inside of encryption cannot be told apart and counts as words.
pub(crate) fn is_about_others(message: &Stanza) -> bool {
    let mut words = false;
    for child in message.children() {
        match (child.namespace(), child.name()) {
            (ns::REACTIONS, "reactions")
            | (ns::RETRACTION, "retract")
            | (ns::FASTENING, "apply-to")
            | (ns::CORRECTION, "replace") => return true,
            (ns::CLIENT, "body" | "subject") | (ns::OPENPGP, "openpgp") | (ns::CONFERENCE, "x") => {
                words = true;
            }
            // Without a payload it moves a ratchet on, and says nothing.
            (ns::OMEMO | ns::OMEMO_LEGACY, "encrypted") => {
                let tree = child.tree();
                words |= tree.root().child("payload", child.namespace()).is_some();
            }
            (ns::JINGLE_MESSAGE, _) => words = true,
            _ => {}
        }
    }
    !words
}

/// Whom a message names outside of what is encrypted (XEP-0372 §3.1.2): addresses as they stand there.
pub(crate) fn mentioned(message: &Stanza) -> Vec<Jid> {
    let references = message
        .children()
        .filter(|child| child.is("reference", ns::REFERENCES));
    let named = references.filter_map(|child| {
        let tree = child.tree();
        let reference = tree.root();
        let uri = (reference.attr("type") == Some("mention")).then(|| reference.attr("uri"))??;
        let (scheme, rest) = uri.split_once(':')?;
        let address = rest.split(['?', '#']).next().unwrap_or_default();
        let plain = scheme.eq_ignore_ascii_case("xmpp") && !address.starts_with("//");
        plain.then(|| Jid::parse(&decoded(address)?).ok())?
    });
    named.take(MOST_MENTIONED).collect()
}

/// Most people that one message can name.
const MOST_MENTIONED: usize = 100;

/// Text without percent-encoding (RFC 5122 §2.1).
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let value = digit(rest.next())? * 16 + digit(rest.next())?;
            u8::try_from(value).ok()?
        } else {
            byte
        });
    }
    String::from_utf8(bytes).ok()
}

/// A message that holds nothing but a chat state (XEP-0085) and notes about itself.
pub(crate) fn is_only_chat_state(message: &Stanza) -> bool {
    let mut state = false;
    for child in message.children() {
        match child.namespace() {
            ns::CHAT_STATES => state = true,
            ns::HINTS | ns::STANZA_ID => {}
            _ if child.name() == "thread" => {}
            _ => return false,
        }
    }
    state && message.type_().as_deref() != Some("error")
}

/// The payloads by which XEP-0280 §6.1 knows instant messaging: receipts, chat states, markers.
pub(crate) fn is_instant_messaging(message: &Stanza) -> bool {
    message.children().any(|child| {
        matches!(
            child.namespace(),
            ns::RECEIPTS | ns::CHAT_STATES | ns::CHAT_MARKERS
        )
    })
}

/// Whether somebody should be woken for a message: words, calls, invitations.
pub(crate) fn wakes(message: &Stanza, kind: MessageType) -> bool {
    if !matches!(
        kind,
        MessageType::Chat | MessageType::Normal | MessageType::GroupChat
    ) {
        return false;
    }
    message
        .children()
        .any(|child| match (child.namespace(), child.name()) {
            (ns::CLIENT, "body")
            | (ns::OMEMO | ns::OMEMO_LEGACY, "encrypted")
            | (ns::OPENPGP, "openpgp")
            | (ns::CONFERENCE, "x")
            | (ns::JINGLE_MESSAGE, "propose" | "retract") => true,
            (ns::MUC_USER, "x") => child.tree().root().child("invite", ns::MUC_USER).is_some(),
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(inner: &str) -> Stanza {
        Stanza::parse(&format!("<message type='chat'>{inner}</message>")).expect("a message")
    }

    #[test]
    fn what_is_worth_keeping() {
        for inner in [
            "<body>Hi</body>",
            "<encrypted xmlns='urn:xmpp:omemo:2'/>",
            "<encrypted xmlns='eu.siacs.conversations.axolotl'/>",
            "<received xmlns='urn:xmpp:receipts' id='a'/>",
            "<displayed xmlns='urn:xmpp:chat-markers:0' id='a'/>",
            "<reactions xmlns='urn:xmpp:reactions:0' id='a'/>",
            "<retract xmlns='urn:xmpp:message-retract:1' id='a'/>",
            "<active xmlns='http://jabber.org/protocol/chatstates'/><body>Hi</body>",
        ] {
            assert!(is_conversation(&message(inner)), "{inner}");
        }
        for inner in [
            "",
            "<composing xmlns='http://jabber.org/protocol/chatstates'/>",
            "<request xmlns='urn:xmpp:receipts'/>",
            "<markable xmlns='urn:xmpp:chat-markers:0'/>",
            "<body xmlns='urn:example'>Hi</body>",
        ] {
            assert!(!is_conversation(&message(inner)), "{inner}");
        }
    }

    #[test]
    fn what_is_a_message_of_its_own() {
        for inner in [
            "<body>Hi</body>",
            "<encrypted xmlns='urn:xmpp:omemo:2'><header/><payload>AA==</payload></encrypted>",
            "<body>Hi</body><request xmlns='urn:xmpp:receipts'/>",
            "<x xmlns='jabber:x:conference' jid='a@b'/>",
        ] {
            assert!(!is_about_others(&message(inner)), "{inner}");
        }
        for inner in [
            "<received xmlns='urn:xmpp:receipts' id='a'/>",
            "<displayed xmlns='urn:xmpp:chat-markers:0' id='a'/>",
            "<body>Ho</body><replace xmlns='urn:xmpp:message-correct:0' id='a'/>",
            "<body>+1</body><reactions xmlns='urn:xmpp:reactions:0' id='a'/>",
            "<encrypted xmlns='urn:xmpp:omemo:2'><header/></encrypted>",
        ] {
            assert!(is_about_others(&message(inner)), "{inner}");
        }
    }

    #[test]
    fn whom_a_message_names() {
        let named = |kind: &str, uri: &str| {
            let reference =
                format!("<reference xmlns='urn:xmpp:reference:0' type='{kind}' uri='{uri}'/>");
            let named = mentioned(&message(&reference)).into_iter();
            named.map(|jid| jid.to_string()).collect::<Vec<_>>()
        };
        for uri in ["xmpp:anna@x", "XMPP:Anna@X?message", "xmpp:an%6Ea@x#a"] {
            assert_eq!(named("mention", uri), ["anna@x"], "{uri}");
        }
        assert_eq!(named("mention", "xmpp:r@y/O%20a"), ["r@y/O a"]);
        for uri in ["", "anna@x", "xmpp://anna@x", "xmpp:a%2", "xmpp:%ff@x"] {
            assert_eq!(named("mention", uri), [""; 0], "{uri}");
        }
        assert_eq!(named("data", "xmpp:anna@x"), [""; 0]);
    }

    #[test]
    fn nothing_but_typing() {
        let state = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
        assert!(is_only_chat_state(&message(state)));
        assert!(is_only_chat_state(&message(&format!(
            "{state}<thread>a</thread><no-store xmlns='urn:xmpp:hints'/>"
        ))));
        assert!(!is_only_chat_state(&message(&format!("{state}<body/>"))));
        assert!(!is_only_chat_state(&message("")));
    }

    #[test]
    fn who_is_woken_for_what() {
        let wakes = |inner: &str, kind| {
            let text = format!("<message>{inner}</message>");
            super::wakes(&Stanza::parse(&text).expect("a message"), kind)
        };
        for inner in [
            "<body>Hi</body>",
            "<encrypted xmlns='urn:xmpp:omemo:2'/>",
            "<encrypted xmlns='eu.siacs.conversations.axolotl'/>",
            "<propose xmlns='urn:xmpp:jingle-message:0' id='a'/>",
            "<x xmlns='jabber:x:conference' jid='a@b'/>",
            "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@b'/></x>",
        ] {
            assert!(wakes(inner, MessageType::Chat), "{inner}");
            assert!(!wakes(inner, MessageType::Error), "{inner}");
        }
        for inner in [
            "",
            "<received xmlns='urn:xmpp:receipts' id='a'/>",
            "<displayed xmlns='urn:xmpp:chat-markers:0' id='a'/>",
            "<composing xmlns='http://jabber.org/protocol/chatstates'/>",
            "<x xmlns='http://jabber.org/protocol/muc#user'/>",
            "<subject>Hi</subject>",
        ] {
            assert!(!wakes(inner, MessageType::Chat), "{inner}");
        }
        assert!(!wakes("<body>Hi</body>", MessageType::Headline));
    }
}
