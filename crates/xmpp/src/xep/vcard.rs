//! XEP-0054: vcard-temp, as far as a server looks into a card: its picture (XEP-0153 §3.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::avatar::{Picture, decode};
use crate::ns;
use crate::xml::{Element, Writer};

/// The picture in a card. `None` when there is none, or none that can be read.
#[must_use]
pub fn picture(card: Element<'_>) -> Option<Picture> {
    let photo = card.child("PHOTO", ns::VCARD)?;
    let data = decode(&photo.child("BINVAL", ns::VCARD)?.text())?;
    if data.is_empty() {
        return None;
    }
    let kind = photo
        .child("TYPE", ns::VCARD)
        .map(|kind| kind.text().trim().to_owned());
    // The type is a hint: the data themselves tell it for sure (XEP-0153 §5).
    let kind = match sniffed(&data) {
        Some(kind) => kind.to_owned(),
        None => kind
            .filter(|kind| kind.starts_with("image/"))
            .unwrap_or_else(|| "image/png".to_owned()),
    };
    Some(Picture { kind, data })
}

/// The card without its pictures: all else as it was.
#[must_use]
pub fn without_picture(card: Element<'_>) -> String {
    let has_picture = card.children().any(|child| child.is("PHOTO", ns::VCARD));
    if has_picture {
        rewritten(card, None)
    } else {
        card.raw().into_owned()
    }
}

/// The card with this picture in place of others.
#[must_use]
pub fn with_picture(card: Element<'_>, picture: &Picture) -> String {
    rewritten(card, Some(picture))
}

fn rewritten(card: Element<'_>, picture: Option<&Picture>) -> String {
    let mut out = Writer::with_capacity(512);
    out.start("vCard").xmlns(ns::VCARD);
    for (prefix, _, name, value) in card.attributes() {
        if prefix.is_empty() {
            out.attr(name, value);
        }
    }
    for child in card.children() {
        if !child.is("PHOTO", ns::VCARD) {
            out.raw(&child.raw());
        }
    }
    if let Some(picture) = picture {
        out.start("PHOTO").leaf_text("TYPE", None, &picture.kind);
        out.leaf_text("BINVAL", None, &STANDARD.encode(&picture.data));
        out.end();
    }
    out.end();
    out.finish()
}

/// The content type that the first bytes of a picture show.
fn sniffed(data: &[u8]) -> Option<&'static str> {
    const SIGNS: &[(&[u8], &str)] = &[
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
    ];
    if data.starts_with(b"RIFF") && data.get(8..12) == Some(b"WEBP") {
        return Some("image/webp");
    }
    SIGNS
        .iter()
        .find(|(sign, _)| data.starts_with(sign))
        .map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    #[test]
    fn the_picture_goes_in_and_out() {
        let text = "<vCard xmlns='vcard-temp'><FN>Juliet</FN><PHOTO><TYPE>image/jpeg</TYPE>\
            <BINVAL>\n iVBORw0K\n GgoA </BINVAL></PHOTO><NICKNAME/></vCard>";
        let tree = Tree::parse(text).expect("XML");
        let found = picture(tree.root()).expect("a picture");
        assert_eq!(found.kind, "image/png", "the bytes say what it is");
        let without = without_picture(tree.root());
        let bare = Tree::parse(&without).expect("XML");
        assert_eq!(picture(bare.root()), None);
        assert!(bare.root().child("FN", ns::VCARD).is_some());
        let with = with_picture(bare.root(), &found);
        let again = Tree::parse(&with).expect("XML");
        assert_eq!(picture(again.root()), Some(found));
    }

    #[test]
    fn no_picture_is_none() {
        for photo in [
            "",
            "<PHOTO/>",
            "<PHOTO><BINVAL/></PHOTO>",
            "<PHOTO><BINVAL>***</BINVAL></PHOTO>",
            "<PHOTO><EXTVAL>http://example.org/x.png</EXTVAL></PHOTO>",
        ] {
            let text = format!("<vCard xmlns='vcard-temp'>{photo}</vCard>");
            assert_eq!(picture(Tree::parse(&text).expect("XML").root()), None);
        }
    }
}
