//! XEP-0446: File metadata element: what is told about a file before anybody has it.

use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::avatar::decode;
use super::hashes::Hash;
use super::http_upload::{LONGEST_NAME, clean_name, is_media_type};
use super::thumbnails::Thumbnail;
use crate::ns;
use crate::xml::{Element, Writer};

/// More thumbnails than that of one file are not read.
pub const MOST_THUMBNAILS: usize = 4;
/// Longest description, in bytes; a longer one is cut.
pub const LONGEST_DESCRIPTION: usize = 4096;
/// Most bars of a waveform; one with more is not read.
pub const MOST_BARS: usize = 256;

/// `<file/>` (§2). Everything may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileMetadata {
    /// Its name: without folders, control characters and signs that turn the direction of writing, at most
    /// [`LONGEST_NAME`] bytes.
    pub name: Option<String>,
    /// Its media type. Without one it is `application/octet-stream`.
    pub media_type: Option<String>,
    /// Its size in bytes, of the file itself, not of its encrypted form.
    pub size: Option<u64>,
    /// When it was changed last.
    pub date: Option<Timestamp>,
    /// Width of a picture or video, in pixels.
    pub width: Option<u32>,
    /// Height of a picture or video, in pixels.
    pub height: Option<u32>,
    /// How long audio or video takes, in milliseconds.
    pub length_milliseconds: Option<u64>,
    /// What its sender says of it, at most [`LONGEST_DESCRIPTION`] bytes.
    pub description: Option<String>,
    /// Digests of the file itself, at most [`super::hashes::MOST_HASHES`].
    pub hashes: Vec<Hash>,
    /// Small pictures of it, at most [`MOST_THUMBNAILS`].
    pub thumbnails: Vec<Thumbnail>,
    /// How loud a voice message is from its beginning to its end: at most [`MOST_BARS`] bars, 0 silent, 255 loudest.
    /// Ours: `<waveform xmlns='urn:hauspost:voice:0'/>`, Base64, a byte for each bar.
    pub waveform: Vec<u8>,
}

impl FileMetadata {
    /// Reads `<file/>`. What in it cannot be used is as if it were not there. `None` for other elements.
    #[must_use]
    pub fn read(element: Element<'_>) -> Option<Self> {
        // XEP-0385 takes the element of Jingle File Transfer, from which this one was made.
        if element.name() != "file"
            || ![ns::FILE_METADATA, ns::JINGLE_FILE_TRANSFER].contains(&element.namespace())
        {
            return None;
        }
        let mut file = Self {
            hashes: Hash::read_all(element),
            thumbnails: element
                .children()
                .filter_map(Thumbnail::read)
                .take(MOST_THUMBNAILS)
                .collect(),
            ..Self::default()
        };
        for child in element.children() {
            if child.is("waveform", ns::VOICE) && file.waveform.is_empty() {
                file.waveform = waveform(&child.text());
            }
            if child.namespace() != element.namespace() {
                continue;
            }
            let text = child.text();
            let text = text.trim();
            match child.name() {
                "name" => file.name = clean_name(text).map(|name| shortened(&name)),
                "media-type" => {
                    file.media_type = Some(text.to_owned()).filter(|it| is_media_type(it))
                }
                "size" => file.size = text.parse().ok(),
                "date" => file.date = Timestamp::parse(text).ok(),
                "width" => file.width = text.parse().ok(),
                "height" => file.height = text.parse().ok(),
                // Version 0.1 of the specification, and the examples of XEP-0448 still.
                "dimensions" | "dimension" => {
                    if let Some((width, height)) = text.split_once('x') {
                        file.width = width.parse().ok();
                        file.height = height.parse().ok();
                    }
                }
                "length" => file.length_milliseconds = text.parse().ok(),
                // More than one are the same in other languages.
                "desc" if file.description.is_none() && !text.is_empty() => {
                    let end = text.floor_char_boundary(LONGEST_DESCRIPTION);
                    file.description = Some(text[..end].to_owned());
                }
                _ => {}
            }
        }
        Some(file)
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        fn number(writer: &mut Writer, name: &str, value: Option<impl ToString>) {
            if let Some(value) = value {
                writer.leaf_text(name, None, &value.to_string());
            }
        }
        writer.start("file").xmlns(ns::FILE_METADATA);
        number(writer, "media-type", self.media_type.as_ref());
        number(writer, "name", self.name.as_ref());
        number(writer, "date", self.date);
        number(writer, "size", self.size);
        number(writer, "width", self.width);
        number(writer, "height", self.height);
        number(writer, "length", self.length_milliseconds);
        number(writer, "desc", self.description.as_ref());
        for hash in &self.hashes {
            hash.write(writer);
        }
        for thumbnail in &self.thumbnails {
            thumbnail.write(writer);
        }
        if !self.waveform.is_empty() {
            writer.leaf_text(
                "waveform",
                Some(ns::VOICE),
                &STANDARD.encode(&self.waveform),
            );
        }
        writer.end();
    }
}

/// A name of at most [`LONGEST_NAME`] bytes, whose ending stays.
fn shortened(name: &str) -> String {
    if name.len() <= LONGEST_NAME {
        return name.to_owned();
    }
    let ending = name
        .rfind('.')
        .and_then(|dot| name.get(dot..))
        .filter(|ending| ending.len() <= 16)
        .unwrap_or_default();
    let end = name.floor_char_boundary(LONGEST_NAME - ending.len());
    [&name[..end], ending].concat()
}

fn waveform(text: &str) -> Vec<u8> {
    if text.len() > MOST_BARS * 2 {
        return Vec::new();
    }
    decode(text)
        .filter(|bars| bars.len() <= MOST_BARS)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    fn read(inner: &str) -> FileMetadata {
        let text = format!("<file xmlns='urn:xmpp:file:metadata:0'>{inner}</file>");
        FileMetadata::read(Tree::parse(&text).expect("XML").root()).expect("a file")
    }

    #[test]
    fn the_example_of_the_specification() {
        let file = read(
            "<media-type>text/plain</media-type><name>test.txt</name>\
             <date>2015-07-26T21:46:00+01:00</date><size>6144</size>\
             <hash xmlns='urn:xmpp:hashes:2' algo='sha-1'>w0mcJylzCn+AfvuGdqkty2+KP48=</hash>",
        );
        assert_eq!(file.media_type.as_deref(), Some("text/plain"));
        assert_eq!(file.name.as_deref(), Some("test.txt"));
        assert_eq!(file.date, Timestamp::parse("2015-07-26T20:46:00Z").ok());
        assert_eq!(file.size, Some(6144));
        assert_eq!(file.hashes.len(), 1);
    }

    #[test]
    fn everything_goes_there_and_back() {
        let file = FileMetadata {
            name: Some("Sprachnachricht <1>.ogg".into()),
            media_type: Some("audio/ogg; codecs=opus".into()),
            size: Some(12_345),
            date: Timestamp::parse("2026-11-23T12:00:00Z").ok(),
            width: Some(1),
            height: Some(2),
            length_milliseconds: Some(63_000),
            description: Some("Über den Garten".into()),
            hashes: Vec::new(),
            thumbnails: vec![Thumbnail {
                uri: "data:image/jpeg;base64,AAAA".into(),
                media_type: Some("image/jpeg".into()),
                width: Some(32),
                height: None,
            }],
            waveform: vec![0, 128, 255],
        };
        let mut writer = Writer::new();
        file.write(&mut writer);
        let text = writer.finish();
        assert_eq!(
            FileMetadata::read(Tree::parse(&text).expect("XML").root()),
            Some(file)
        );
    }

    #[test]
    fn dimensions_of_older_versions() {
        for name in ["dimension", "dimensions"] {
            let file = read(&format!("<{name}>4096x2160</{name}>"));
            assert_eq!((file.width, file.height), (Some(4096), Some(2160)));
        }
        assert_eq!(
            read("<dimensions>4096</dimensions>"),
            FileMetadata::default()
        );
    }

    #[test]
    fn what_cannot_be_used_is_not_there() {
        assert_eq!(
            read(
                "<name>..</name><size>-1</size><media-type>x</media-type><date>now</date><length>long</length>\
                  <waveform xmlns='urn:hauspost:voice:0'>?</waveform>"
            ),
            FileMetadata::default()
        );
        assert_eq!(
            read("<name>../../etc/passwd</name>").name.as_deref(),
            Some("passwd")
        );
        let long = read(&format!(
            "<name>{}.jpeg</name><desc>{}</desc>",
            "ü".repeat(300),
            "ä".repeat(9000)
        ));
        let name = long.name.expect("a name");
        assert!(name.len() <= LONGEST_NAME && name.ends_with("ü.jpeg"));
        assert_eq!(
            long.description.map(|text| text.len()),
            Some(LONGEST_DESCRIPTION)
        );
    }
}
