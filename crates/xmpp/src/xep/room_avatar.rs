//! XEP-0486: MUC Avatars.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::ns;
use crate::xml::Element;

/// Hashes of the pictures in a card, as XEP-0153 §3.1 makes them; a picture that cannot be decoded has
/// none.
#[must_use]
pub fn hashes(card: Element<'_>) -> Vec<String> {
    card.children()
        .filter(|child| child.is("PHOTO", ns::VCARD))
        .filter_map(|photo| photo.child("BINVAL", ns::VCARD))
        .filter_map(|value| {
            let text: String = value.text().split_ascii_whitespace().collect();
            let bytes = STANDARD
                .decode(text)
                .ok()
                .filter(|bytes| !bytes.is_empty())?;
            let mut hash = String::with_capacity(40);
            for byte in Sha1::digest(&bytes) {
                // Writing into memory does not fail.
                let _ = write!(hash, "{byte:02x}");
            }
            Some(hash)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    #[test]
    fn hashes_of_pictures() {
        let text = "<vCard xmlns='vcard-temp'><PHOTO><BINVAL>\n aGVs\n bG8=</BINVAL></PHOTO>\
                    <PHOTO><BINVAL>?</BINVAL></PHOTO></vCard>";
        let tree = Tree::parse(text).expect("XML");
        assert_eq!(
            hashes(tree.root()),
            ["aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"]
        );
    }
}
