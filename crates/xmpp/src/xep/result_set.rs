//! XEP-0059: Result Set Management.

use crate::condition::{StanzaCondition, StanzaError};
use crate::ns;
use crate::xml::{Element, Writer};

/// `<set/>` of a request: which page of a long answer is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// Most items on the page; 0 asks for their number only (§2.7).
    pub max: Option<u32>,
    /// The page behind this item (§2.2).
    pub after: Option<String>,
    /// The page before this item (§2.3); empty asks for the last page (§2.5).
    pub before: Option<String>,
    /// The page that begins at this place (§2.6).
    pub index: Option<u32>,
}

impl PageRequest {
    /// Reads `<set/>`.
    ///
    /// # Errors
    /// `bad-request` when a number is none.
    pub fn read(element: Element<'_>) -> Result<Self, StanzaError> {
        let mut request = Self::default();
        for child in element
            .children()
            .filter(|child| child.namespace() == ns::RSM)
        {
            let text = child.text();
            let number = || {
                text.trim().parse().map_err(|_| {
                    StanzaError::new(StanzaCondition::BadRequest).text(format!(
                        "<{}/> of a result set is a whole number",
                        child.name()
                    ))
                })
            };
            match child.name() {
                "max" => request.max = Some(number()?),
                "index" => request.index = Some(number()?),
                "after" => request.after = Some(text.into_owned()),
                "before" => request.before = Some(text.into_owned()),
                _ => {}
            }
        }
        Ok(request)
    }

    /// Writes `<set/>`.
    pub fn write(&self, writer: &mut Writer) {
        writer.start("set").xmlns(ns::RSM);
        let number = |number: Option<u32>| number.map(|number| number.to_string());
        for (name, value) in [
            ("max", number(self.max)),
            ("after", self.after.clone()),
            ("before", self.before.clone()),
            ("index", number(self.index)),
        ] {
            match value.as_deref() {
                Some("") => {
                    writer.start(name).end();
                }
                Some(value) => {
                    writer.leaf_text(name, None, value);
                }
                None => {}
            }
        }
        writer.end();
    }
}

/// `<set/>` of an answer: what the page is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageAnswer {
    /// First item of the page.
    pub first: Option<String>,
    /// Place of the first item in the whole.
    pub index: Option<u64>,
    /// Last item of the page.
    pub last: Option<String>,
    /// Number of items in the whole.
    pub count: Option<u64>,
}

impl PageAnswer {
    /// Reads `<set/>`; numbers that are none count as absent.
    pub fn read(element: Element<'_>) -> Self {
        let text = |name| {
            element
                .child(name, ns::RSM)
                .map(|child| child.text().into_owned())
        };
        let first = element.child("first", ns::RSM);
        Self {
            first: text("first"),
            index: first.and_then(|first| first.attr("index")?.trim().parse().ok()),
            last: text("last"),
            count: text("count").and_then(|count| count.trim().parse().ok()),
        }
    }

    /// Writes `<set/>`.
    pub fn write(&self, writer: &mut Writer) {
        writer.start("set").xmlns(ns::RSM);
        if let Some(first) = &self.first {
            writer.start("first");
            writer.attr_opt("index", self.index.map(|index| index.to_string()));
            writer.text(first).end();
        }
        if let Some(last) = &self.last {
            writer.leaf_text("last", None, last);
        }
        if let Some(count) = self.count {
            writer.leaf_text("count", None, &count.to_string());
        }
        writer.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    fn read(inner: &str) -> Result<PageRequest, StanzaError> {
        let text = format!("<set xmlns='http://jabber.org/protocol/rsm'>{inner}</set>");
        PageRequest::read(Tree::parse(&text).expect("XML").root())
    }

    #[test]
    fn requests_of_the_specification() {
        let last = read("<max>10</max><before/>").expect("a request");
        assert_eq!(last.max, Some(10));
        assert_eq!(last.before.as_deref(), Some(""));
        let next = read("<max>10</max><after>peter@rabbit.lit</after>").expect("a request");
        assert_eq!(next.after.as_deref(), Some("peter@rabbit.lit"));
        assert_eq!(
            read("<max>ten</max>").expect_err("no number").condition,
            StanzaCondition::BadRequest
        );
        assert!(read("<max>-1</max>").is_err());
    }

    #[test]
    fn there_and_back() {
        let request = PageRequest {
            max: Some(3),
            before: Some(String::new()),
            ..PageRequest::default()
        };
        let mut writer = Writer::new();
        request.write(&mut writer);
        assert_eq!(
            PageRequest::read(Tree::parse(&writer.finish()).expect("XML").root()),
            Ok(request)
        );
        let answer = PageAnswer {
            first: Some("a".into()),
            index: Some(0),
            last: Some("b".into()),
            count: Some(800),
        };
        let mut writer = Writer::new();
        answer.write(&mut writer);
        assert_eq!(
            PageAnswer::read(Tree::parse(&writer.finish()).expect("XML").root()),
            answer
        );
    }
}
