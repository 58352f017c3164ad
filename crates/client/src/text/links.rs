//! Addresses in a text that one can open.

use std::ops::Range;

use linkify::{LinkFinder, LinkKind as Found};

/// Longest address that is a link, in bytes.
const LONGEST_LINK: usize = 4096;

/// What opens an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// A browser: `https:` and `http:`.
    Web,
    /// We ourselves: `xmpp:`.
    Xmpp,
    /// Another program: `mailto:`, `tel:`, `geo:`.
    Other,
}

/// What opens an address; `None` for those that are no links. `aesgcm:` is none, since its key must not get into a
/// browser (XEP-0454 §6), and neither is anything that could act, such as `javascript:`.
#[must_use]
pub fn link_kind(url: &str) -> Option<LinkKind> {
    let (scheme, rest) = url.split_once(':')?;
    if rest.is_empty() || url.len() > LONGEST_LINK {
        return None;
    }
    let is = |name: &str| scheme.eq_ignore_ascii_case(name);
    if is("https") || is("http") {
        return rest.starts_with("//").then_some(LinkKind::Web);
    }
    if is("xmpp") {
        return Some(LinkKind::Xmpp);
    }
    (is("mailto") || is("tel") || is("geo")).then_some(LinkKind::Other)
}

/// Where links stand in `text`, in bytes, from left to right.
#[must_use]
pub fn links(text: &str) -> Vec<Range<usize>> {
    // Without a colon there is no scheme, and then no link.
    if memchr::memchr(b':', text.as_bytes()).is_none() {
        return Vec::new();
    }
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut finder = LinkFinder::new();
    finder.kinds(&[Found::Url]).url_must_have_scheme(true);
    let mut at = 0;
    for link in finder.links(text) {
        schemes_without_slashes(text, at..link.start(), &mut found);
        at = link.end();
        // What has two slashes and is none of ours is no link at all, nor is anything in it.
        if link_kind(link.as_str()) == Some(LinkKind::Web) {
            found.push(link.start()..link.end());
        }
    }
    schemes_without_slashes(text, at..text.len(), &mut found);
    found
}

/// `xmpp:juliet@capulet.example` and the like in a part of the text.
fn schemes_without_slashes(text: &str, part: Range<usize>, found: &mut Vec<Range<usize>>) {
    let mut at = part.start;
    while let Some(colon) = memchr::memchr(b':', &text.as_bytes()[at..part.end]) {
        let colon = at + colon;
        let scheme = text[at..colon]
            .rfind(|character: char| !character.is_ascii_alphabetic())
            .map_or(at, |before| {
                let before = at + before;
                before + text[before..].chars().next().map_or(1, char::len_utf8)
            });
        at = colon + 1;
        let rest = &text[at..part.end];
        // Nothing is looked through that cannot become a link: a text may consist of colons.
        let begins = rest.starts_with(|it: char| it.is_alphanumeric() || "+%/-".contains(it));
        if !begins
            || !["xmpp", "mailto", "tel", "geo"]
                .iter()
                .any(|it| text[scheme..colon].eq_ignore_ascii_case(it))
        {
            continue;
        }
        let run = rest.find(ends_link).unwrap_or(rest.len());
        let end = rest[..run]
            .trim_end_matches(['.', ',', ':', ';', '!', '?', '\'', ')', ']'])
            .len();
        let link = scheme..colon + 1 + end;
        at += run;
        if link_kind(&text[link.clone()]).is_some() {
            found.push(link);
        }
    }
}

fn ends_link(character: char) -> bool {
    character.is_whitespace() || character.is_control() || "<>\"`|*_~{}\\^".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_end_where_a_reader_would_end_them() {
        for (text, expected) in [
            (
                "see https://example.org/a?b=c#d.",
                &["https://example.org/a?b=c#d"][..],
            ),
            (
                "(https://en.wikipedia.org/wiki/Link_(film))",
                &["https://en.wikipedia.org/wiki/Link_(film)"],
            ),
            (
                "<https://example.org>, \"http://a.example/\"",
                &["https://example.org", "http://a.example/"],
            ),
            (
                "https://müller.example/straße",
                &["https://müller.example/straße"],
            ),
            (
                "ask xmpp:juliet@capulet.example?message, please",
                &["xmpp:juliet@capulet.example?message"],
            ),
            (
                "mailto:a@b.example or tel:+49-30-1 or geo:52.5,13.4.",
                &["mailto:a@b.example", "tel:+49-30-1", "geo:52.5,13.4"],
            ),
            (
                "(xmpp:room@rooms.example?join)",
                &["xmpp:room@rooms.example?join"],
            ),
            ("no: links, README.md, example.org, 12:30, a@b.example", &[]),
            (
                "aesgcm://a.example/x#00 javascript:alert(1) file:///etc/passwd data:text/html,x",
                &[],
            ),
            ("xmpp: xmpp:. mailto:", &[]),
            ("https://", &[]),
            ("https://a.example\u{200b}", &["https://a.example"]),
        ] {
            let found: Vec<&str> = links(text).into_iter().map(|range| &text[range]).collect();
            // Whether U+200B belongs to an address is the library's business.
            if text.contains('\u{200b}') {
                assert_eq!(found.len(), 1);
                continue;
            }
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn what_opens_them() {
        assert_eq!(link_kind("HTTPS://a.example"), Some(LinkKind::Web));
        assert_eq!(link_kind("xmpp:a@b.example"), Some(LinkKind::Xmpp));
        assert_eq!(link_kind("tel:1"), Some(LinkKind::Other));
        for none in ["https:a.example", "aesgcm://a.example/", "a", "xmpp:", ""] {
            assert_eq!(link_kind(none), None, "{none}");
        }
    }
}
