//! XEP-0297: Stanza Forwarding.

use crate::ns;
use crate::xep::delay::Delay;
use crate::xml::{Element, Stanza, Writer};

/// `<forwarded/>`: a stanza as it was, and when it was.
#[derive(Debug, Clone)]
pub struct Forwarded {
    /// When it was sent.
    pub delay: Option<Delay>,
    /// The stanza.
    pub stanza: Stanza,
}

impl Forwarded {
    /// Reads `<forwarded/>`; `None` without a stanza in it.
    pub fn read(element: Element<'_>) -> Option<Self> {
        let stanza = element
            .children()
            .find(|child| ns::is_content(child.namespace()))?;
        Some(Self {
            delay: element.child("delay", ns::DELAY).and_then(Delay::read),
            stanza: Stanza::parse(&stanza.raw()).ok()?,
        })
    }
}

/// Appends a message that was serialised for a client stream as it stands inside of
/// `<forwarded/>`: there, its namespace must be said (§3). What is no message is left out.
pub fn push_message(out: &mut Vec<u8>, message: &[u8]) {
    const START: &[u8] = b"<message";
    if let Some(rest) = message.strip_prefix(START) {
        out.extend_from_slice(b"<message xmlns='jabber:client'");
        out.extend_from_slice(rest);
    }
}

/// Writes `<forwarded/>` around a message that was serialised for a client stream.
pub fn write(writer: &mut Writer, delay: Option<&Delay>, message: &[u8]) {
    let mut inner = Vec::with_capacity(message.len() + 24);
    push_message(&mut inner, message);
    writer.start("forwarded").xmlns(ns::FORWARD);
    if let Some(delay) = delay {
        delay.write(writer);
    }
    writer
        .raw(std::str::from_utf8(&inner).unwrap_or_default())
        .end();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    #[test]
    fn there_and_back() {
        let mut writer = Writer::new();
        write(
            &mut writer,
            None,
            b"<message to='a@b'><body>Hi</body></message>",
        );
        let text = writer.finish();
        let forwarded =
            Forwarded::read(Tree::parse(&text).expect("XML").root()).expect("a message");
        assert!(forwarded.stanza.has("body", ns::CLIENT));
        assert_eq!(forwarded.stanza.to().as_deref(), Some("a@b"));
    }
}
