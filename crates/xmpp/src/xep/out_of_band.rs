//! XEP-0066: Out of Band Data: the address that a message is about.

use super::file_sharing::clean_url;
use crate::ns;
use crate::xml::{Element, Writer};

/// Reads `<x xmlns='jabber:x:oob'/>` (§3): its address, if it is one of the web (`http`, `https`) or an `aesgcm:` one.
#[must_use]
pub fn read(element: Element<'_>) -> Option<String> {
    if !element.is("x", ns::OUT_OF_BAND) {
        return None;
    }
    let url = element.child("url", ns::OUT_OF_BAND)?.text();
    clean_url(&url, &["https", "http", "aesgcm"])
}

/// The address as XML.
#[must_use]
pub fn to_xml(url: &str) -> String {
    let mut writer = Writer::with_capacity(url.len() + 48);
    writer.start("x").xmlns(ns::OUT_OF_BAND);
    writer.leaf_text("url", None, url).end();
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    #[test]
    fn there_and_back() {
        let text = to_xml("https://a.example/x?y&z");
        let tree = Tree::parse(&text).expect("XML");
        assert_eq!(
            read(tree.root()).as_deref(),
            Some("https://a.example/x?y&z")
        );
        let other = Tree::parse("<x xmlns='jabber:x:oob'><url>javascript:alert(1)</url></x>");
        assert_eq!(read(other.expect("XML").root()), None);
    }
}
