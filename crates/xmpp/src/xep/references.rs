//! XEP-0372: References: mentions of people, and addresses of data, in a body.

use std::ops::Range;

use base::BareJid;

use super::character_counting::bytes_of;
use super::http_upload::{encode_segment, percent_decoded};
use crate::ns;
use crate::xml::{Element, Writer};

/// Longest address, in bytes.
const LONGEST_URI: usize = 4096;

/// What a reference is to (§3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferenceKind {
    /// A person.
    Mention,
    /// Something that can be fetched.
    Data,
}

/// `<reference/>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// What it is to.
    pub kind: ReferenceKind,
    /// The address that it leads to, at most 4,096 bytes.
    pub uri: String,
    /// The part of the body that it is about, in code points; not empty.
    pub range: Option<Range<u32>>,
    /// The message with the body, when it is another one than that with the reference.
    pub anchor: Option<String>,
}

impl Reference {
    /// A mention of a person at these code points of the body (§3.2).
    #[must_use]
    pub fn mention(jid: &BareJid, range: Range<u32>) -> Self {
        Self {
            kind: ReferenceKind::Mention,
            uri: xmpp_uri(jid),
            range: Some(range),
            anchor: None,
        }
    }

    /// Who is mentioned.
    #[must_use]
    pub fn mentioned(&self) -> Option<BareJid> {
        (self.kind == ReferenceKind::Mention)
            .then(|| jid_of(&self.uri))
            .flatten()
    }

    /// The part of `body` that it is about, in bytes. `None` when it names none, or one that `body` does not have.
    #[must_use]
    pub fn bytes_in(&self, body: &str) -> Option<Range<usize>> {
        bytes_of(body, self.range.clone()?)
    }

    /// The same reference in a body that has `code_points` more before it, as that of a reply has.
    #[must_use]
    pub fn moved_by(mut self, code_points: u32) -> Self {
        self.range = self.range.map(|range| {
            range.start.saturating_add(code_points)..range.end.saturating_add(code_points)
        });
        self
    }

    /// Reads `<reference/>`. `None` for other elements and kinds, and without an address of a bearable length.
    #[must_use]
    pub fn read(element: Element<'_>) -> Option<Self> {
        if !element.is("reference", ns::REFERENCES) {
            return None;
        }
        let kind = match element.attr("type")? {
            "mention" => ReferenceKind::Mention,
            "data" => ReferenceKind::Data,
            _ => return None,
        };
        let uri = element.attr("uri")?;
        let number = |name| element.attr(name)?.trim().parse::<u32>().ok();
        let range = number("begin").zip(number("end"));
        (uri.len() <= LONGEST_URI).then(|| Self {
            kind,
            uri: uri.to_owned(),
            range: range
                .map(|(begin, end)| begin..end)
                .filter(|range| range.start < range.end),
            anchor: element
                .attr("anchor")
                .filter(|anchor| anchor.len() <= LONGEST_URI)
                .map(Into::into),
        })
    }

    /// The reference as XML.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::with_capacity(160);
        writer.start("reference").xmlns(ns::REFERENCES);
        if let Some(range) = &self.range {
            writer.attr("begin", range.start.to_string());
            writer.attr("end", range.end.to_string());
        }
        let kind = match self.kind {
            ReferenceKind::Mention => "mention",
            ReferenceKind::Data => "data",
        };
        writer
            .attr("type", kind)
            .attr("uri", &self.uri)
            .attr_opt("anchor", self.anchor.as_ref())
            .end();
        writer.finish()
    }
}

/// The address of somebody as URI (RFC 5122 §2.2).
#[must_use]
pub fn xmpp_uri(jid: &BareJid) -> String {
    match jid.local() {
        Some(local) => format!("xmpp:{}@{}", encode_segment(local), jid.domain()),
        None => format!("xmpp:{}", jid.domain()),
    }
}

/// The bare address that an `xmpp:` URI or IRI names, whatever it asks to be done with it (RFC 5122 §2.2).
#[must_use]
pub fn jid_of(uri: &str) -> Option<BareJid> {
    let (scheme, rest) = uri.split_once(':')?;
    if !scheme.eq_ignore_ascii_case("xmpp") {
        return None;
    }
    // With an authority, the account to use stands before the path.
    let path = match rest.strip_prefix("//") {
        Some(rest) => rest.split_once('/')?.1,
        None => rest,
    };
    let path = path.split(['?', '#', '/']).next()?;
    BareJid::parse(&percent_decoded(path)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    #[test]
    fn the_example_of_the_specification() {
        let text = "<reference xmlns='urn:xmpp:reference:0' begin='72' end='78' type='mention' uri='xmpp:juliet@capulet.lit'/>";
        let juliet = BareJid::parse("juliet@capulet.lit").expect("an address");
        let reference = Reference::read(Tree::parse(text).expect("XML").root()).expect("read");
        assert_eq!(reference, Reference::mention(&juliet, 72..78));
        assert_eq!(reference.to_xml(), text);
        assert_eq!(reference.mentioned(), Some(juliet));
        let body = "But, soft! what light through yonder window breaks? It is the east, and Juliet is the sun.";
        let range = reference.bytes_in(body).expect("in the body");
        assert_eq!(&body[range], "Juliet");
        assert_eq!(reference.bytes_in("short"), None);
    }

    #[test]
    fn addresses_as_uris() {
        let odd =
            BareJid::parse("nasty!#$%()*+,-.;=?[\\]^_`{|}~node@example.com").expect("an address");
        assert_eq!(jid_of(&xmpp_uri(&odd)), Some(odd));
        let romeo = BareJid::parse("romeo@montague.net").ok();
        for uri in [
            "xmpp:romeo@montague.net",
            "XMPP:romeo@montague.net/orchard",
            "xmpp:romeo@montague.net?message;subject=Hi",
            "xmpp://guest@example.com/romeo@montague.net",
        ] {
            assert_eq!(jid_of(uri), romeo, "{uri}");
        }
        for uri in [
            "romeo@montague.net",
            "mailto:a@b.example",
            "xmpp:",
            "xmpp:a%4",
            "xmpp:a%ff@b",
            "xmpp:a%+4@b",
        ] {
            assert_eq!(jid_of(uri), None, "{uri}");
        }
    }

    #[test]
    fn what_is_no_range_is_none() {
        for attributes in [
            "begin='2' end='2'",
            "begin='3' end='1'",
            "begin='1'",
            "begin='-1' end='2'",
            "",
        ] {
            let text = format!(
                "<reference xmlns='urn:xmpp:reference:0' {attributes} type='data' uri='a:b'/>"
            );
            let reference = Reference::read(Tree::parse(&text).expect("XML").root()).expect("read");
            assert_eq!(reference.range, None, "{attributes}");
        }
    }
}
