//! XEP-0264: Jingle Content Thumbnails: a small picture of a file.

use super::http_upload::is_media_type;
use crate::ns;
use crate::xml::{Element, Writer};

/// Longest address of a thumbnail, in bytes: one with the picture in it (`data:`, about 5 KiB by XEP-0454 §4) has room.
pub const LONGEST_URI: usize = 32 * 1024;

/// `<thumbnail/>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbnail {
    /// Where the picture is: `cid:`, `https:`, or the picture itself as `data:`. At most [`LONGEST_URI`] bytes.
    pub uri: String,
    /// Its media type, if it is told.
    pub media_type: Option<String>,
    /// Width in pixels at which it is meant to be shown. Never the size of a buffer (§5).
    pub width: Option<u16>,
    /// Height in pixels at which it is meant to be shown.
    pub height: Option<u16>,
}

impl Thumbnail {
    /// Reads `<thumbnail/>`. `None` for other elements, and without an address of a bearable length.
    #[must_use]
    pub fn read(element: Element<'_>) -> Option<Self> {
        if !element.is("thumbnail", ns::THUMBNAILS) {
            return None;
        }
        let number = |name| element.attr(name)?.trim().parse().ok();
        let uri = element.attr("uri")?.trim();
        (!uri.is_empty() && uri.len() <= LONGEST_URI).then(|| Self {
            uri: uri.to_owned(),
            media_type: element
                .attr("media-type")
                .filter(|text| is_media_type(text))
                .map(Into::into),
            width: number("width"),
            height: number("height"),
        })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.start("thumbnail").xmlns(ns::THUMBNAILS);
        writer
            .attr("uri", &self.uri)
            .attr_opt("media-type", self.media_type.as_ref())
            .attr_opt("width", self.width.map(|width| width.to_string()))
            .attr_opt("height", self.height.map(|height| height.to_string()))
            .end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    #[test]
    fn the_example_of_the_specification() {
        let text = "<thumbnail xmlns='urn:xmpp:thumbs:1' \
            uri='cid:sha1+ffd7c8d28e9c5e82afea41f97108c6b4@bob.xmpp.org' media-type='image/png' width='128' height='96'/>";
        let thumbnail = Thumbnail::read(Tree::parse(text).expect("XML").root()).expect("read");
        assert_eq!((thumbnail.width, thumbnail.height), (Some(128), Some(96)));
        let mut writer = Writer::new();
        thumbnail.write(&mut writer);
        assert_eq!(writer.finish(), text);
        let odd = "<thumbnail xmlns='urn:xmpp:thumbs:1' uri='a' width='99999999' media-type='x'/>";
        let odd = Thumbnail::read(Tree::parse(odd).expect("XML").root()).expect("read");
        assert_eq!((odd.width, odd.media_type), (None, None));
    }
}
