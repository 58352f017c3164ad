//! Writing XML.

use std::borrow::Cow;

use bytes::Bytes;

/// How a character must be written: in text, or in an attribute value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Text,
    Attribute,
}

fn replacement(byte: u8, place: Place) -> Option<&'static str> {
    Some(match byte {
        b'&' => "&amp;",
        b'<' => "&lt;",
        b'>' => "&gt;",
        b'\r' => "&#xD;",
        b'\'' if place == Place::Attribute => "&apos;",
        b'"' if place == Place::Attribute => "&quot;",
        b'\n' if place == Place::Attribute => "&#xA;",
        b'\t' if place == Place::Attribute => "&#x9;",
        // What is no XML character at all cannot be written, not even as a reference.
        0..0x20 if byte != b'\n' && byte != b'\t' => "\u{FFFD}",
        _ => return None,
    })
}

/// Which bytes must be replaced in an attribute value.
static IN_ATTRIBUTE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = byte < 0x20 || matches!(byte as u8, b'&' | b'<' | b'>' | b'\'' | b'"');
        byte += 1;
    }
    table
};

/// Whether an attribute value may be written as it is, as nearly all may.
fn is_plain_in_attribute(value: &str) -> bool {
    !value.bytes().any(|byte| IN_ATTRIBUTE[usize::from(byte)])
}

fn escape_into(out: &mut Vec<u8>, text: &str, place: Place) {
    let mut done = 0;
    let bytes = text.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        if let Some(with) = replacement(byte, place) {
            out.extend_from_slice(&bytes[done..at]);
            out.extend_from_slice(with.as_bytes());
            done = at + 1;
        }
    }
    out.extend_from_slice(&bytes[done..]);
}

fn push_escaped(out: &mut String, text: &str, place: Place) {
    let mut done = 0;
    for (at, byte) in text.bytes().enumerate() {
        if let Some(with) = replacement(byte, place) {
            out.push_str(&text[done..at]);
            out.push_str(with);
            done = at + 1;
        } else if byte == 0xEF
            && matches!(
                text.as_bytes().get(at..at + 3),
                Some([_, 0xBF, 0xBE | 0xBF])
            )
        {
            // U+FFFE and U+FFFF are no XML characters either.
            out.push_str(&text[done..at]);
            out.push('\u{FFFD}');
            done = at + 3;
        }
    }
    out.push_str(&text[done..]);
}

/// Appends `value` to `out` as it must stand inside a quoted attribute value.
pub(crate) fn escape_attribute_into(out: &mut Vec<u8>, value: &str) {
    if is_plain_in_attribute(value) {
        out.extend_from_slice(value.as_bytes());
    } else {
        escape_into(out, value, Place::Attribute);
    }
}

/// The length in bytes of what [`escape_attribute_into`] appends.
pub(crate) fn escaped_attribute_len(value: &str) -> usize {
    if is_plain_in_attribute(value) {
        return value.len();
    }
    value
        .bytes()
        .map(|byte| replacement(byte, Place::Attribute).map_or(1, str::len))
        .sum()
}

/// Escapes `text` so that it may stand in element content and, also, in a quoted attribute value.
/// Characters that XML cannot carry become U+FFFD.
pub fn escape(text: &str) -> Cow<'_, str> {
    let clean = text
        .bytes()
        .all(|byte| byte != 0xEF && replacement(byte, Place::Attribute).is_none());
    if clean {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    push_escaped(&mut out, text, Place::Attribute);
    Cow::Owned(out)
}

/// Builds well-formed XML text. Names are given by the program and not checked; values are escaped.
///
/// ```
/// use xmpp::xml::Writer;
/// let mut writer = Writer::new();
/// writer.start("iq").attr("type", "result").leaf("ping", "urn:xmpp:ping").end();
/// assert_eq!(writer.finish(), "<iq type='result'><ping xmlns='urn:xmpp:ping'/></iq>");
/// ```
#[derive(Debug, Default, Clone)]
pub struct Writer {
    text: String,
    /// Where the names of the open elements stand in `text`.
    open: Vec<(usize, usize)>,
    in_tag: bool,
}

impl Writer {
    /// An empty writer.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty writer with room for `bytes` bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
            ..Self::default()
        }
    }

    fn close_tag(&mut self) {
        if self.in_tag {
            self.text.push('>');
            self.in_tag = false;
        }
    }

    /// Opens an element with this (possibly prefixed) name.
    pub fn start(&mut self, name: &str) -> &mut Self {
        self.close_tag();
        self.text.push('<');
        let at = self.text.len();
        self.text.push_str(name);
        self.open.push((at, self.text.len()));
        self.in_tag = true;
        self
    }

    /// Adds an attribute to the element just opened.
    pub fn attr(&mut self, name: &str, value: impl AsRef<str>) -> &mut Self {
        debug_assert!(self.in_tag, "attribute {name} outside of a start tag");
        self.text.push(' ');
        self.text.push_str(name);
        self.text.push_str("='");
        push_escaped(&mut self.text, value.as_ref(), Place::Attribute);
        self.text.push('\'');
        self
    }

    /// Adds an attribute when there is a value.
    pub fn attr_opt(&mut self, name: &str, value: Option<impl AsRef<str>>) -> &mut Self {
        match value {
            Some(value) => self.attr(name, value),
            None => self,
        }
    }

    /// Declares the default namespace on the element just opened.
    pub fn xmlns(&mut self, namespace: &str) -> &mut Self {
        self.attr("xmlns", namespace)
    }

    /// Adds text to the open element.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.close_tag();
        push_escaped(&mut self.text, text, Place::Text);
        self
    }

    /// Adds XML text as it is. It must be well-formed and close what it opens.
    pub fn raw(&mut self, xml: &str) -> &mut Self {
        if !xml.is_empty() {
            self.close_tag();
            self.text.push_str(xml);
        }
        self
    }

    /// Closes the innermost open element.
    pub fn end(&mut self) -> &mut Self {
        let open = self.open.pop();
        debug_assert!(open.is_some(), "end without start");
        if let Some((from, to)) = open {
            if self.in_tag {
                self.text.push_str("/>");
                self.in_tag = false;
            } else {
                self.text.push_str("</");
                self.text.extend_from_within(from..to);
                self.text.push('>');
            }
        }
        self
    }

    /// An empty element with its own default namespace.
    pub fn leaf(&mut self, name: &str, namespace: &str) -> &mut Self {
        self.start(name).xmlns(namespace).end()
    }

    /// An element that holds only text.
    pub fn leaf_text(&mut self, name: &str, namespace: Option<&str>, text: &str) -> &mut Self {
        self.start(name)
            .attr_opt("xmlns", namespace)
            .text(text)
            .end()
    }

    /// How many bytes are written so far.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether nothing is written yet.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The text; every opened element must have been closed.
    pub fn finish(mut self) -> String {
        debug_assert!(self.open.is_empty(), "an element is left open");
        while !self.open.is_empty() {
            self.end();
        }
        self.text
    }

    /// The text with elements left open, as the head of a stream is.
    pub fn finish_open(mut self) -> String {
        self.close_tag();
        self.text
    }

    /// As [`Writer::finish`], as bytes for the wire.
    pub fn into_bytes(self) -> Bytes {
        Bytes::from(self.finish())
    }
}
