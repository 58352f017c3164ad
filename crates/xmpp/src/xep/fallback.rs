//! XEP-0428: Fallback Indication: parts of a body that only those need who do not know better.

use std::ops::Range;

use super::character_counting::{bytes_of, length};
use crate::ns;
use crate::xml::{Element, Writer};

/// More regions than that in one indication are not read.
const MOST_REGIONS: usize = 16;

/// Which part of a text is there for fallback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Region {
    /// All of it.
    Whole,
    /// These code points (XEP-0426).
    Part(Range<u32>),
}

/// `<fallback/>` (§2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fallback {
    /// The namespace that the fallback stands for.
    pub namespace: String,
    /// Which parts of the body are a fallback; none when only the subject is one.
    pub body: Vec<Region>,
}

impl Fallback {
    /// The whole body stands for `namespace`.
    #[must_use]
    pub fn whole(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            body: vec![Region::Whole],
        }
    }

    /// These code points of the body stand for `namespace`.
    #[must_use]
    pub fn part(namespace: &str, range: Range<u32>) -> Self {
        Self {
            namespace: namespace.to_owned(),
            body: vec![Region::Part(range)],
        }
    }

    /// Reads `<fallback/>`. `None` when it is another element, or does not say what it stands for.
    #[must_use]
    pub fn read(element: Element<'_>) -> Option<Self> {
        if !element.is("fallback", ns::FALLBACK) {
            return None;
        }
        let namespace = element.attr("for")?.to_owned();
        let mut body = Vec::new();
        let mut any = false;
        for child in element.children().take(MOST_REGIONS) {
            any = true;
            if child.name() != "body" {
                continue;
            }
            let number = |name| child.attr(name).map(|text| text.trim().parse::<u32>());
            match (number("start"), number("end")) {
                (None, None) => body.push(Region::Whole),
                (Some(Ok(start)), Some(Ok(end))) if start < end => {
                    body.push(Region::Part(start..end));
                }
                // What cannot be understood hides nothing.
                _ => {}
            }
        }
        if !any {
            body.push(Region::Whole);
        }
        Some(Self { namespace, body })
    }

    /// The indication as XML.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::with_capacity(128);
        writer.start("fallback").xmlns(ns::FALLBACK);
        writer.attr("for", &self.namespace);
        for region in &self.body {
            writer.start("body");
            if let Region::Part(range) = region {
                writer.attr("start", range.start.to_string());
                writer.attr("end", range.end.to_string());
            }
            writer.end();
        }
        writer.end();
        writer.finish()
    }
}

/// The body without what is there only for those who do not understand one of `understood` (namespaces).
/// Regions that do not fit the body hide nothing.
#[must_use]
pub fn without_fallback(body: &str, fallbacks: &[Fallback], understood: &[&str]) -> String {
    let mut hidden: Vec<Range<usize>> = Vec::new();
    for fallback in fallbacks {
        if !understood.contains(&fallback.namespace.as_str()) {
            continue;
        }
        for region in &fallback.body {
            match region {
                Region::Whole => return String::new(),
                Region::Part(range) => hidden.extend(bytes_of(body, range.clone())),
            }
        }
    }
    hidden.sort_by_key(|range| range.start);
    let mut shown = String::with_capacity(body.len());
    let mut at = 0;
    for range in hidden {
        if range.start > at {
            shown.push_str(&body[at..range.start]);
        }
        at = at.max(range.end);
    }
    shown.push_str(&body[at..]);
    shown
}

/// Where code points of the body stand in what [`without_fallback`] leaves of it. `None` when some of them are left out. Takes
/// regions as they are: those of a reference in a reply count the quotation, too.
#[must_use]
pub fn range_without_fallback(
    range: Range<u32>,
    body: &str,
    fallbacks: &[Fallback],
    understood: &[&str],
) -> Option<Range<u32>> {
    let place = bytes_of(body, range)?;
    let kept = |part: &str| without_fallback_len(part, body, fallbacks, understood);
    let (start, end) = (kept(&body[..place.start])?, kept(&body[..place.end])?);
    let inside = length(&body[place]);
    (end - start == inside).then_some(start..end)
}

/// How many code points of the beginning of a body are left.
fn without_fallback_len(
    beginning: &str,
    body: &str,
    fallbacks: &[Fallback],
    understood: &[&str],
) -> Option<u32> {
    let mut hidden: Vec<Range<usize>> = Vec::new();
    for fallback in fallbacks {
        if !understood.contains(&fallback.namespace.as_str()) {
            continue;
        }
        for region in &fallback.body {
            match region {
                Region::Whole => return None,
                Region::Part(range) => hidden.extend(bytes_of(body, range.clone())),
            }
        }
    }
    let left = beginning
        .char_indices()
        .filter(|(at, _)| !hidden.iter().any(|range| range.contains(at)))
        .count();
    u32::try_from(left).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    fn read(text: &str) -> Option<Fallback> {
        Fallback::read(Tree::parse(text).expect("XML").root())
    }

    #[test]
    fn the_example_of_the_specification() {
        let reply = "urn:xmpp:reply:0";
        let text = "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='33'/></fallback>";
        let fallback = Fallback::part(reply, 0..33);
        assert_eq!(read(text).as_ref(), Some(&fallback));
        assert_eq!(fallback.to_xml(), text);
        let body = "> Anna wrote:\n> Hi, how are you?\nGreat";
        assert_eq!(
            without_fallback(body, std::slice::from_ref(&fallback), &[reply]),
            "Great"
        );
        let place =
            |range| range_without_fallback(range, body, &[Fallback::part(reply, 0..33)], &[reply]);
        assert_eq!(place(33..38), Some(0..5));
        assert_eq!(place(32..38), None, "a part of it is not shown");
        assert_eq!(place(2..6), None);
        assert_eq!(place(33..99), None);
        assert_eq!(
            without_fallback(body, &[fallback], &[]),
            body,
            "nobody understands replies"
        );
    }

    #[test]
    fn whole_bodies_and_what_hides_nothing() {
        let element = |inner: &str| {
            read(&format!(
                "<fallback xmlns='urn:xmpp:fallback:0' for='a'>{inner}</fallback>"
            ))
            .expect("a fallback")
        };
        for whole in ["", "<body/>", "<subject/><body/>"] {
            assert_eq!(
                without_fallback("x", &[element(whole)], &["a"]),
                "",
                "{whole}"
            );
        }
        for nothing in [
            "<subject/>",
            "<body start='1'/>",
            "<body start='3' end='1'/>",
            "<body start='0' end='99'/>",
            "<body start='-1' end='1'/>",
        ] {
            assert_eq!(
                without_fallback("füx", &[element(nothing)], &["a"]),
                "füx",
                "{nothing}"
            );
        }
        let overlapping = element("<body start='1' end='3'/><body start='0' end='2'/>");
        assert_eq!(without_fallback("aüöb", &[overlapping], &["a"]), "b");
        assert_eq!(read("<fallback xmlns='urn:xmpp:fallback:0'/>"), None);
    }
}
