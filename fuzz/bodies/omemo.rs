//! Any bytes as a message with OMEMO keys: no panic, what is left is well-formed, every key of the
//! recipient stays, and leaving out once more changes nothing.

use xmpp::xep::omemo::{KeyedMessage, Recipient};
use xmpp::xml::{Element, Stanza, Tree};

/// How many elements of this name carry this device number.
fn count(element: Element<'_>, device: &str) -> usize {
    let mut open = vec![element];
    let mut found = 0;
    while let Some(element) = open.pop() {
        found += usize::from(element.name() == "key" && element.attr("rid") == Some(device));
        open.extend(element.children());
    }
    found
}

/// Holds for any bytes.
pub(crate) fn check(data: &[u8]) {
    let Some((&first, inner)) = data.split_first() else {
        return;
    };
    let namespace = if first & 1 == 0 {
        "urn:xmpp:omemo:2"
    } else {
        "eu.siacs.conversations.axolotl"
    };
    let mut message = match first & 2 {
        0 => format!("<message><encrypted xmlns='{namespace}'><header sid='1'>").into_bytes(),
        _ => Vec::new(),
    };
    message.extend_from_slice(inner);
    if first & 2 == 0 {
        message.extend_from_slice(b"</header></encrypted></message>");
    }
    let message = message.into();
    let Some(found) = KeyedMessage::find(&message) else {
        return;
    };
    let devices = [1, 2];
    let recipient = Recipient {
        account: "a@b",
        devices: &devices,
    };
    let copy = found.for_recipient(recipient);
    let text = std::str::from_utf8(&copy).expect("still UTF-8");
    assert!(Stanza::parse(text).is_ok(), "still well-formed");
    assert!(copy.len() <= message.len());
    let (before, after) = (
        Tree::parse(std::str::from_utf8(&message).expect("was UTF-8")).expect("was well-formed"),
        Tree::parse(text).expect("still well-formed"),
    );
    for device in ["1", "2"] {
        assert_eq!(count(before.root(), device), count(after.root(), device));
    }
    if let Some(again) = KeyedMessage::find(&copy) {
        assert_eq!(again.for_recipient(recipient), copy);
    }
}
