//! XEP-0420: Stanza Content Encryption, with OMEMO's profile (XEP-0384 §5.5.1).

use std::time::Duration;

use base::{BareJid, Jid, Timestamp};
use xmpp::ns;
use xmpp::xml::{Element, Tree, Writer};

use crate::crypto::Randomness;

/// A text is padded to at least this many bytes, and then by up to 200 more (XEP-0420 §4).
const PADDED_BYTES: usize = 256;
const MORE_PADDING: u16 = 201;

/// What an envelope says that does not fit the stanza around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeFault {
    /// The text is no envelope.
    #[error("the encrypted text is no envelope")]
    Malformed,
    /// Somebody else than the stanza's sender wrote it.
    #[error("the envelope names another sender")]
    From,
    /// It was meant for another chat, or for a group without saying for which.
    #[error("the envelope was meant for another chat")]
    To,
}

/// What the stanza around an envelope says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outside<'a> {
    pub(crate) from: &'a BareJid,
    pub(crate) to: &'a BareJid,
    /// Whether it came through a group chat, where `<to/>` must be there.
    pub(crate) group: bool,
}

/// An envelope that fits its stanza.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Envelope {
    /// The elements in `<content/>`, each self-contained, those left out that only a server may read.
    pub(crate) content: String,
    /// When the sender says that it was written.
    pub(crate) time: Option<Timestamp>,
}

/// Elements that must not stand inside (XEP-0420 §7).
fn is_for_servers(element: Element<'_>) -> bool {
    match element.namespace() {
        ns::HINTS | ns::ADDRESS | ns::ENCRYPTION => true,
        ns::STANZA_ID => element.name() == "stanza-id",
        _ => false,
    }
}

impl Envelope {
    /// `content` is XML text: elements that need nothing from around them.
    pub(crate) fn write(
        content: &str,
        from: &BareJid,
        to: &BareJid,
        time: Timestamp,
        random: &mut dyn Randomness,
    ) -> String {
        let mut length = [0; 2];
        random.fill(&mut length);
        let more = usize::from(u16::from_le_bytes(length) % MORE_PADDING);
        let padding = PADDED_BYTES.saturating_sub(content.len()) + more;
        let mut bytes = vec![0; padding];
        random.fill(&mut bytes);
        let mut writer = Writer::with_capacity(content.len() + padding + 320);
        writer
            .start("envelope")
            .xmlns(ns::SCE)
            .start("content")
            .raw(content)
            .end()
            .start("from")
            .attr("jid", from)
            .end()
            .start("to")
            .attr("jid", to)
            .end()
            .start("time")
            .attr("stamp", time.to_string())
            .end()
            .leaf_text(
                "rpad",
                None,
                &bytes
                    .iter()
                    .map(|byte| char::from(b'0' + byte % 10))
                    .collect::<String>(),
            )
            .end();
        writer.finish()
    }

    /// Reads an envelope and holds it against the stanza that it came in.
    pub(crate) fn read(text: &[u8], outside: Outside<'_>) -> Result<Self, EnvelopeFault> {
        let text = std::str::from_utf8(text).map_err(|_| EnvelopeFault::Malformed)?;
        // The schema lets declarations and space stand around it in some clients' texts.
        let tree = Tree::parse(text.trim()).map_err(|_| EnvelopeFault::Malformed)?;
        let root = tree.root();
        if !root.is("envelope", ns::SCE) {
            return Err(EnvelopeFault::Malformed);
        }
        let affix = |name: &str, fault: EnvelopeFault| -> Result<Option<BareJid>, EnvelopeFault> {
            let mut named = root.children().filter(|child| child.is(name, ns::SCE));
            let (first, second) = (named.next(), named.next());
            match (first, second) {
                (None, _) => Ok(None),
                // Two of them would leave it to the reader which one counts.
                (Some(_), Some(_)) => Err(EnvelopeFault::Malformed),
                (Some(element), None) => element
                    .attr("jid")
                    .and_then(|jid| Jid::parse(jid).ok())
                    .map(|jid| Some(jid.bare()))
                    .ok_or(fault),
            }
        };
        if affix("from", EnvelopeFault::From)?.is_some_and(|from| from != *outside.from) {
            return Err(EnvelopeFault::From);
        }
        match affix("to", EnvelopeFault::To)? {
            Some(to) if to != *outside.to => return Err(EnvelopeFault::To),
            None if outside.group => return Err(EnvelopeFault::To),
            _ => {}
        }
        let time = root
            .child("time", ns::SCE)
            .map(|time| {
                time.attr("stamp")
                    .and_then(|stamp| Timestamp::parse(stamp).ok())
                    .ok_or(EnvelopeFault::Malformed)
            })
            .transpose()?;
        let content = root
            .child("content", ns::SCE)
            .ok_or(EnvelopeFault::Malformed)?
            .children()
            .filter(|child| !is_for_servers(*child))
            .map(|child| child.raw().into_owned())
            .collect();
        Ok(Self { content, time })
    }
}

/// Whether two times are further apart than the margin.
pub(crate) fn apart(one: Timestamp, other: Timestamp, margin: Duration) -> bool {
    one.since(other).max(other.since(one)) > margin
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Seeded;

    fn jid(text: &str) -> BareJid {
        BareJid::parse(text).unwrap()
    }

    fn read(text: &str, group: bool) -> Result<Envelope, EnvelopeFault> {
        Envelope::read(
            text.as_bytes(),
            Outside {
                from: &jid("romeo@montague.example"),
                to: &jid("juliet@capulet.example"),
                group,
            },
        )
    }

    #[test]
    fn there_and_back() {
        let time = Timestamp::parse("2026-11-23T12:00:00Z").unwrap();
        let write = |content: &str, seed| {
            Envelope::write(
                content,
                &jid("romeo@montague.example"),
                &jid("juliet@capulet.example"),
                time,
                &mut Seeded::new(seed),
            )
        };
        let body = "<body xmlns='jabber:client'>Soft &amp; light</body>";
        assert_eq!(
            read(&write(body, 1), true),
            Ok(Envelope {
                content: body.to_owned(),
                time: Some(time)
            })
        );
        let lengths: std::collections::BTreeSet<usize> =
            (0..20).map(|seed| write(body, seed).len()).collect();
        assert!(lengths.len() > 10, "{lengths:?}");
    }

    #[test]
    fn what_does_not_fit_the_stanza_is_refused() {
        let envelope = |affixes: &str| {
            format!("<envelope xmlns='urn:xmpp:sce:1'>{affixes}<content/></envelope>")
        };
        let from = "<from jid='romeo@montague.example/orchard'/>";
        let to = "<to jid='juliet@capulet.example'/>";
        assert!(read(&envelope(""), false).is_ok());
        assert!(read(&envelope(&format!("{from}{to}")), true).is_ok());
        for (affixes, group, fault) in [
            ("", true, EnvelopeFault::To),
            ("<to jid='room@chat.example'/>", false, EnvelopeFault::To),
            ("<to/>", false, EnvelopeFault::To),
            (
                "<from jid='tybalt@capulet.example'/>",
                false,
                EnvelopeFault::From,
            ),
            ("<from jid='@'/>", false, EnvelopeFault::From),
            ("<time/>", false, EnvelopeFault::Malformed),
            ("<time stamp='yesterday'/>", false, EnvelopeFault::Malformed),
            (&format!("{to}{to}"), false, EnvelopeFault::Malformed),
        ] {
            assert_eq!(read(&envelope(affixes), group), Err(fault), "{affixes}");
        }
        for text in [
            "",
            "<body/>",
            "<envelope xmlns='urn:xmpp:sce:1'/>",
            "<envelope xmlns='urn:xmpp:sce:1'>",
        ] {
            assert_eq!(read(text, false), Err(EnvelopeFault::Malformed));
        }
    }

    #[test]
    fn what_only_servers_may_read_is_left_out() {
        let text = "<envelope xmlns='urn:xmpp:sce:1'><content><store xmlns='urn:xmpp:hints'/>\
            <stanza-id xmlns='urn:xmpp:sid:0' id='1' by='a'/><origin-id xmlns='urn:xmpp:sid:0' id='2'/>\
            <encryption xmlns='urn:xmpp:eme:0'/><body xmlns='jabber:client'>x</body></content></envelope>";
        assert_eq!(
            read(text, false).unwrap().content,
            "<origin-id xmlns='urn:xmpp:sid:0' id='2'/><body xmlns='jabber:client'>x</body>"
        );
    }
}
