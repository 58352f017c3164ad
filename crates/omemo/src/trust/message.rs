//! XEP-0434: Trust Messages, with which XEP-0450 carries decisions about keys from device to device.

use base::{BareJid, Jid};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use xmpp::ns;
use xmpp::xml::{Element, Writer};

use crate::bundle::read_base64;
use crate::crypto::IdentityKey;

/// More keys than this in one message are not read.
const MAX_KEYS: usize = 1_000;

/// A decision about a key, as a trust message has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) owner: BareJid,
    pub(crate) key: [u8; 32],
    pub(crate) trust: bool,
}

/// Writes `<trust-message/>`; decisions of one owner must stand together.
pub(crate) fn write(decisions: &[(BareJid, IdentityKey, bool)]) -> String {
    let mut writer = Writer::with_capacity(160 + 96 * decisions.len());
    writer
        .start("trust-message")
        .xmlns(ns::TRUST_MESSAGES)
        .attr("usage", ns::AUTOMATIC_TRUST)
        .attr("encryption", ns::OMEMO);
    for group in decisions.chunk_by(|one, other| one.0 == other.0) {
        let Some((owner, _, _)) = group.first() else {
            continue;
        };
        writer.start("key-owner").attr("jid", owner);
        for (_, key, trust) in group {
            let name = if *trust { "trust" } else { "distrust" };
            writer.leaf_text(name, None, &BASE64.encode(key.as_bytes()));
        }
        writer.end();
    }
    writer.end();
    writer.finish()
}

/// Reads `<trust-message/>`; `None` when it is none of ours.
pub(crate) fn read(element: Element<'_>) -> Option<Vec<Told>> {
    if !element.is("trust-message", ns::TRUST_MESSAGES)
        || element.attr("usage") != Some(ns::AUTOMATIC_TRUST)
        || !matches!(
            element.attr("encryption"),
            Some(ns::OMEMO | ns::OMEMO_LEGACY)
        )
    {
        return None;
    }
    let mut all = Vec::new();
    for owner in element.children() {
        if !owner.is("key-owner", ns::TRUST_MESSAGES) {
            continue;
        }
        let Some(jid) = owner.attr("jid").and_then(|jid| Jid::parse(jid).ok()) else {
            continue;
        };
        for decision in owner.children() {
            let trust = match decision.name() {
                "trust" => true,
                "distrust" => false,
                _ => continue,
            };
            let key = read_base64(&decision.text(), 64).and_then(|key| key.try_into().ok());
            if let Some(key) = key
                && all.len() < MAX_KEYS
            {
                all.push(Told {
                    owner: jid.bare(),
                    key,
                    trust,
                });
            }
        }
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::PublicKey;
    use xmpp::xml::Tree;

    #[test]
    fn there_and_back() {
        let key = |byte| IdentityKey::new(PublicKey::new([byte; 32]));
        let [alice, bob] =
            ["alice@example.org", "bob@example.com"].map(|jid| BareJid::parse(jid).unwrap());
        let text = write(&[
            (alice.clone(), key(1), true),
            (bob.clone(), key(2), true),
            (bob.clone(), key(3), false),
        ]);
        assert_eq!(text.matches("<key-owner").count(), 2);
        let told = read(Tree::parse(&text).unwrap().root()).unwrap();
        let expected = [(&alice, 1, true), (&bob, 2, true), (&bob, 3, false)];
        assert_eq!(
            told,
            expected.map(|(owner, byte, trust)| Told {
                owner: owner.clone(),
                key: [byte; 32],
                trust
            })
        );
    }

    #[test]
    fn messages_for_other_uses_are_not_ours() {
        let text = write(&[]);
        for (ours, theirs) in [("urn:xmpp:atm:1", "urn:xmpp:x"), ("urn:xmpp:omemo:2", "x")] {
            let other = text.replace(ours, theirs);
            assert_eq!(read(Tree::parse(&other).unwrap().root()), None);
        }
        assert_eq!(read(Tree::parse(&text).unwrap().root()), Some(vec![]));
    }
}
