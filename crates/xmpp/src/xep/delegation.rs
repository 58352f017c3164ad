//! XEP-0355: Namespace Delegation.

use crate::ns;
use crate::xep::forwarding::Forwarded;
use crate::xml::{Stanza, Writer};

/// `<delegation/>` that tells an entity what it manages (§4.2).
pub fn announcement<'a>(namespaces: impl Iterator<Item = &'a str>) -> String {
    let mut out = Writer::with_capacity(192);
    out.start("delegation").xmlns(ns::DELEGATION);
    for namespace in namespaces {
        out.start("delegated").attr("namespace", namespace).end();
    }
    out.end();
    out.finish()
}

/// The payload that carries a request to the entity that manages its namespace (§4.3). `request` is a whole stanza as it
/// stands in a client stream.
pub fn forwarded(request: &[u8]) -> String {
    let text = std::str::from_utf8(request).unwrap_or_default();
    let inner = text
        .strip_prefix("<iq")
        .map(|rest| format!("<iq xmlns='{}'{rest}", ns::CLIENT));
    let mut out = Writer::with_capacity(text.len() + 160);
    out.start("delegation")
        .xmlns(ns::DELEGATION)
        .start("forwarded")
        .xmlns(ns::FORWARD)
        .raw(inner.as_deref().unwrap_or_default())
        .end()
        .end();
    out.finish()
}

/// The answer that the managing entity has wrapped up (§4.3); `None` when there is none.
pub fn answer(stanza: &Stanza) -> Option<Stanza> {
    let tree = stanza.child("delegation", ns::DELEGATION)?.tree();
    let forwarded = Forwarded::read(tree.root().child("forwarded", ns::FORWARD)?)?;
    Some(forwarded.stanza)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        assert_eq!(
            announcement(["urn:a", "urn:b"].into_iter()),
            "<delegation xmlns='urn:xmpp:delegation:2'><delegated namespace='urn:a'/>\
             <delegated namespace='urn:b'/></delegation>"
        );
        let payload = forwarded(b"<iq from='a@b/c' type='get' id='1'><x xmlns='urn:a'/></iq>");
        let carrier = Stanza::parse(&format!("<iq type='set' id='2'>{payload}</iq>")).unwrap();
        let inner = answer(&carrier).unwrap();
        assert_eq!(inner.from().as_deref(), Some("a@b/c"));
        assert!(inner.has("x", "urn:a"));
    }
}
