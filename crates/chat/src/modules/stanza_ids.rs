//! XEP-0359: Unique and Stable Stanza IDs

use base::Jid;
use bytes::Bytes;
use store::ArchiveId;
use xmpp::ns;
use xmpp::xml::{Child, Writer};

use super::{Feature, Module, Seat};

/// The declaration. Messages get the id under which the archive keeps them, and ids that claim to
/// come from their accounts are taken out on the way.
pub(super) static MODULE: Module = Module {
    name: "stanza_ids",
    specification: "XEP-0359",
    title: "Unique and Stable Stanza IDs",
    version: "0.7.0",
    features: &[Feature {
        var: ns::STANZA_ID,
        seat: Seat::Account,
    }],
    ..Module::NONE
};

/// Whether a child of a message is an id that only the account `by` may give (§4).
pub(crate) fn claims(child: &Child<'_>, by: &str) -> bool {
    if !child.is("stanza-id", ns::STANZA_ID) {
        return false;
    }
    let tree = child.tree();
    let claimed = tree.root().attr("by").unwrap_or_default();
    // Another spelling of the same address deceives as well.
    claimed == by || Jid::parse(claimed).is_ok_and(|claimed| claimed.as_str() == by)
}

/// Who is said to have given an id, if a child of a message is one.
pub(crate) fn giver(child: &Child<'_>) -> Option<Jid> {
    if !child.is("stanza-id", ns::STANZA_ID) {
        return None;
    }
    let tree = child.tree();
    tree.root().attr("by").and_then(|by| Jid::parse(by).ok())
}

/// The message with the id under which the archive of `by` keeps it (§3.1).
pub(crate) fn with_id(message: &Bytes, by: &str, id: ArchiveId) -> Bytes {
    let mut element = Writer::with_capacity(by.len() + 80);
    element
        .start("stanza-id")
        .xmlns(ns::STANZA_ID)
        .attr("by", by)
        .attr("id", id.to_string())
        .end();
    with_child(message, &element.finish())
}

/// The message with one more child, behind the others.
pub(crate) fn with_child(message: &Bytes, child: &str) -> Bytes {
    const END: &[u8] = b"</message>";
    // A message without content has no end tag, and nothing that would be kept.
    let Some(start) = message.strip_suffix(END) else {
        return message.clone();
    };
    let mut out = Vec::with_capacity(message.len() + child.len());
    out.extend_from_slice(start);
    out.extend_from_slice(child.as_bytes());
    out.extend_from_slice(END);
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use xmpp::xml::Stanza;

    #[test]
    fn forged_ids_are_seen_in_every_spelling() {
        let claimed = |by: &str| {
            let text =
                format!("<message><stanza-id xmlns='urn:xmpp:sid:0' by='{by}' id='1'/></message>");
            let stanza = Stanza::parse(&text).expect("a message");
            stanza
                .children()
                .any(|child| claims(&child, "romeo@example.org"))
        };
        assert!(claimed("romeo@example.org"));
        assert!(claimed("Romeo@EXAMPLE.org"));
        assert!(!claimed("room@rooms.example.org"));
        assert!(!claimed(""));
    }

    #[test]
    fn the_id_is_the_last_child() {
        let message = Bytes::from_static(b"<message><body>Hi</body></message>");
        let text = with_id(&message, "a@b", ArchiveId::from_number(1));
        let expected = "<message><body>Hi</body><stanza-id xmlns='urn:xmpp:sid:0' by='a@b' id='0000000000001'/></message>";
        assert_eq!(std::str::from_utf8(&text), Ok(expected));
        let empty = Bytes::from_static(b"<message/>");
        assert_eq!(with_id(&empty, "a@b", ArchiveId::from_number(1)), empty);
    }
}
