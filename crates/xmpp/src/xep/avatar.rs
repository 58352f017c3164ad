//! XEP-0084: User Avatar: the metadata, and pictures as they travel.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::ns;
use crate::sasl::ScramHash;
use crate::xml::{Element, Writer};

/// A picture and its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Content type, such as `image/png`.
    pub kind: String,
    /// The picture itself.
    pub data: Vec<u8>,
}

impl Picture {
    /// SHA-1 of the picture in lower-case hexadecimal digits: its id (§3.1).
    #[must_use]
    pub fn id(&self) -> String {
        hexadecimal_sha1(&self.data)
    }

    /// The payload of the data node (§3.1).
    #[must_use]
    pub fn data_payload(&self) -> String {
        let mut out = Writer::with_capacity(self.data.len() * 4 / 3 + 64);
        out.leaf_text("data", Some(ns::AVATAR_DATA), &STANDARD.encode(&self.data));
        out.finish()
    }

    /// The payload of the metadata node (§3.2).
    #[must_use]
    pub fn metadata_payload(&self) -> String {
        let mut out = Writer::new();
        out.start("metadata").xmlns(ns::AVATAR_METADATA);
        out.start("info")
            .attr("bytes", self.data.len().to_string())
            .attr("id", self.id())
            .attr("type", &self.kind)
            .end();
        out.end();
        out.finish()
    }
}

/// The payload of the metadata node that shows no picture (§3.5).
#[must_use]
pub fn no_picture() -> String {
    let mut out = Writer::new();
    out.leaf("metadata", ns::AVATAR_METADATA);
    out.finish()
}

/// Which picture the metadata show that is kept in the data node: the one that is not somewhere else
/// (XEP-0398 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown<'t> {
    /// Its id: the SHA-1 in hexadecimal digits.
    pub id: &'t str,
    /// Its content type.
    pub kind: &'t str,
}

/// Reads the payload of the metadata node. `None` when it shows no picture of the data node.
#[must_use]
pub fn shown(metadata: Element<'_>) -> Option<Shown<'_>> {
    if !metadata.is("metadata", ns::AVATAR_METADATA) {
        return None;
    }
    metadata
        .children()
        .filter(|info| info.is("info", ns::AVATAR_METADATA) && info.attr("url").is_none())
        .find_map(|info| {
            let id = info.attr("id").filter(|id| is_sha1(id))?;
            let kind = info.attr("type").unwrap_or("image/png");
            Some(Shown { id, kind })
        })
}

/// Reads the payload of the data node: the picture.
#[must_use]
pub fn data(payload: Element<'_>) -> Option<Vec<u8>> {
    payload
        .is("data", ns::AVATAR_DATA)
        .then(|| decode(&payload.text()))
        .flatten()
        .filter(|data| !data.is_empty())
}

/// Base64 with any white space in it (XEP-0153 §4.6).
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let compact: String = text
        .chars()
        .filter(|character| !character.is_ascii_whitespace())
        .collect();
    STANDARD.decode(compact).ok()
}

/// Whether a text is a SHA-1 in hexadecimal digits.
fn is_sha1(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn hexadecimal_sha1(data: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let hash = ScramHash::Sha1.digest(data);
    let mut text = String::with_capacity(40);
    for byte in hash.expose() {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from(DIGITS[usize::from(digit)]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    /// XEP-0084 §3.4, example 9: several pictures, only one in the data node.
    #[test]
    fn the_picture_of_the_data_node_is_found() {
        let text = "<metadata xmlns='urn:xmpp:avatar:metadata'>\
            <info bytes='23456' height='64' id='357a8123a30844a3aa99861b6349264ba67a5694' \
             type='image/gif' url='http://avatars.example.org/happy.gif' width='64'/>\
            <info bytes='12345' height='64' id='111f4b3c50d7b0df729d299bc6f8e9ef9066971f' \
             type='image/png' width='64'/></metadata>";
        let tree = Tree::parse(text).expect("XML");
        assert_eq!(
            shown(tree.root()),
            Some(Shown {
                id: "111f4b3c50d7b0df729d299bc6f8e9ef9066971f",
                kind: "image/png"
            })
        );
        let none = Tree::parse(&no_picture()).expect("XML");
        assert_eq!(shown(none.root()), None);
        let odd =
            "<metadata xmlns='urn:xmpp:avatar:metadata'><info id='../x' type='a'/></metadata>";
        assert_eq!(shown(Tree::parse(odd).expect("XML").root()), None);
    }

    #[test]
    fn a_picture_goes_there_and_back() {
        let picture = Picture {
            kind: "image/png".into(),
            data: b"abc".to_vec(),
        };
        assert_eq!(picture.id(), "a9993e364706816aba3e25717850c26c9cd0d89d");
        let tree = Tree::parse(&picture.data_payload()).expect("XML");
        assert_eq!(data(tree.root()).as_deref(), Some(&b"abc"[..]));
        let tree = Tree::parse(&picture.metadata_payload()).expect("XML");
        assert_eq!(
            shown(tree.root()).map(|shown| shown.id),
            Some(&*picture.id())
        );
        let lines = "<data xmlns='urn:xmpp:avatar:data'>YW\n Jj\n</data>";
        assert_eq!(
            data(Tree::parse(lines).expect("XML").root()).as_deref(),
            Some(&b"abc"[..])
        );
    }
}
