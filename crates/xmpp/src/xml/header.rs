//! The begin of a stream: XML declaration and stream header.

use super::XmlError;
use super::found::{Namespace, Sink, StartTag};
use super::reference::attribute_value;

/// The start tag of a stream (RFC 6120 §4.7), whatever its name: that is for the stream to judge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamHeader {
    /// The prefix, as a rule `stream`.
    pub prefix: Option<String>,
    /// The local name, `stream` if all is well.
    pub name: String,
    /// Its namespace, [`crate::ns::STREAMS`] if all is well.
    pub namespace: String,
    /// The default namespace inside: the content namespace, as it was written.
    pub default_namespace: String,
    /// The attribute `to`.
    pub to: Option<String>,
    /// The attribute `from`.
    pub from: Option<String>,
    /// The attribute `id`.
    pub id: Option<String>,
    /// The attribute `xml:lang`.
    pub lang: Option<String>,
    /// The attribute `version`.
    pub version: Option<String>,
}

impl Sink for StreamHeader {
    fn open(&mut self, text: &str, tag: &StartTag<'_>) {
        self.name = tag.local.of(text).to_owned();
        let prefix = text.get(tag.name.start as usize..tag.local.start as usize);
        self.prefix = prefix
            .and_then(|prefix| prefix.strip_suffix(':'))
            .map(str::to_owned);
        self.namespace = tag.namespace.name(text, tag.outside).to_owned();
        self.default_namespace = match tag.default_written {
            Some(value) => attribute_value(value.of(text)).into_owned(),
            None => tag.default.name(text, tag.outside).to_owned(),
        };
        for attribute in tag.attributes {
            let field = match (attribute.namespace, attribute.local.of(text)) {
                (Namespace::None, "to") => &mut self.to,
                (Namespace::None, "from") => &mut self.from,
                (Namespace::None, "id") => &mut self.id,
                (Namespace::None, "version") => &mut self.version,
                (Namespace::Xml, "lang") => &mut self.lang,
                _ => continue,
            };
            *field = Some(attribute_value(attribute.value.of(text)).into_owned());
        }
    }

    fn close(&mut self, _start: usize, _end: usize, _depth: usize) {}
}

/// Checks what stands between `<?xml` and `>`.
pub(super) fn check_declaration(text: &str) -> Result<(), XmlError> {
    let mut rest = text.strip_suffix('?').ok_or(XmlError::NotWellFormed)?;
    let blanks: &[char] = &[' ', '\t', '\r', '\n'];
    let mut seen = 0;
    while !rest.trim_start_matches(blanks).is_empty() {
        let trimmed = rest.trim_start_matches(blanks);
        let (name, value) = trimmed.split_once('=').ok_or(XmlError::NotWellFormed)?;
        let value = value.trim_start_matches(blanks);
        let quote = value.chars().next().filter(|c| matches!(c, '\'' | '"'));
        let (value, after) = quote
            .and_then(|quote| value[1..].split_once(quote))
            .filter(|_| trimmed.len() < rest.len())
            .ok_or(XmlError::NotWellFormed)?;
        let order = match name.trim_end_matches(blanks) {
            "version" if value.starts_with("1.") && value.len() > 2 => 1,
            "encoding" if value.eq_ignore_ascii_case("utf-8") => 2,
            "encoding" => return Err(XmlError::InvalidUtf8),
            "standalone" if matches!(value, "yes" | "no") => 3,
            _ => return Err(XmlError::NotWellFormed),
        };
        if order <= seen || (seen == 0 && order != 1) {
            return Err(XmlError::NotWellFormed);
        }
        seen = order;
        rest = after;
    }
    if seen == 0 {
        Err(XmlError::NotWellFormed)
    } else {
        Ok(())
    }
}
