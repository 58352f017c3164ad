//! Elements that leave the stream they were written for: over WebSocket and BOSH each stands alone.

use bytes::Bytes;
use xmpp::ns;

/// The element with its namespace declared, as RFC 7395 §3.3 asks: `jabber:client` for a stanza without `xmlns`, and
/// the `stream` prefix where it is used.
pub(super) fn standalone(element: Bytes) -> Bytes {
    let Some(missing) = missing_declaration(&element) else {
        return element;
    };
    let name = element
        .iter()
        .position(|byte| matches!(byte, b' ' | b'>' | b'/' | b'\n' | b'\t' | b'\r'))
        .unwrap_or(element.len());
    let mut out = Vec::with_capacity(element.len() + missing.len());
    out.extend_from_slice(&element[..name]);
    out.extend_from_slice(missing.as_bytes());
    out.extend_from_slice(&element[name..]);
    out.into()
}

fn missing_declaration(element: &[u8]) -> Option<String> {
    let head = start_tag(element)?;
    let text = std::str::from_utf8(head).ok()?;
    if text.starts_with("<stream:") {
        return (!text.contains(" xmlns:stream="))
            .then(|| format!(" xmlns:stream='{}'", ns::STREAMS));
    }
    let stanza = ["<message", "<presence", "<iq"].iter().any(|name| {
        text.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with([' ', '>', '/', '\n', '\t', '\r']))
    });
    (stanza && !text.contains(" xmlns=")).then(|| format!(" xmlns='{}'", ns::CLIENT))
}

/// The first tag, from `<` to its `>`; quotes are respected.
fn start_tag(element: &[u8]) -> Option<&[u8]> {
    let mut quote = None;
    for (index, byte) in element.iter().enumerate() {
        match (quote, byte) {
            (Some(open), byte) if open == *byte => quote = None,
            (None, b'\'' | b'"') => quote = Some(*byte),
            (None, b'>') => return Some(&element[..=index]),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(text: &'static str) -> String {
        String::from_utf8(standalone(Bytes::from_static(text.as_bytes())).to_vec()).expect("text")
    }

    #[test]
    fn stanzas_get_their_namespace_once() {
        assert_eq!(
            done("<message to='a>b'><body/></message>"),
            "<message xmlns='jabber:client' to='a>b'><body/></message>"
        );
        assert_eq!(done("<iq/>"), "<iq xmlns='jabber:client'/>");
        assert_eq!(
            done("<iq xmlns='jabber:client'/>"),
            "<iq xmlns='jabber:client'/>"
        );
        assert_eq!(done("<iqx/>"), "<iqx/>");
        assert_eq!(
            done("<a xmlns='urn:xmpp:sm:3' h='1'/>"),
            "<a xmlns='urn:xmpp:sm:3' h='1'/>"
        );
    }

    #[test]
    fn the_stream_prefix_is_declared() {
        assert_eq!(
            done("<stream:features/>"),
            format!("<stream:features xmlns:stream='{}'/>", ns::STREAMS)
        );
    }
}
