//! XEP-0447: Stateless file sharing: a file in a message, and where it can be had; the sharing of XEP-0385 is read as well.

use super::encrypted_files::EncryptedSource;
use super::file_metadata::FileMetadata;
use crate::ns;
use crate::xml::{Element, Writer};

/// More sources than that of one file are not read.
pub const MOST_SOURCES: usize = 8;
/// More files than that in one message are not read.
pub const MOST_FILES: usize = 32;
/// Longest address of a source, in bytes.
pub const LONGEST_URL: usize = 4096;

/// How a file is meant to be shown (§3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// In the conversation.
    Inline,
    /// To be kept; not to be fetched before somebody asks for it.
    Attachment,
}

/// Where a file can be had. Other kinds of sources are not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// As it is, from an address of the web.
    Url(String),
    /// Encrypted (XEP-0448).
    Encrypted(EncryptedSource),
}

/// `<file-sharing/>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSharing {
    /// Which of the files of the message it is, when there are several.
    pub id: Option<String>,
    /// How it is meant to be shown, if that is told.
    pub disposition: Option<Disposition>,
    /// What is told about it.
    pub file: FileMetadata,
    /// Where it can be had, at most [`MOST_SOURCES`]. None: they will be told later (§3.3).
    pub sources: Vec<Source>,
}

impl FileSharing {
    /// Reads `<file-sharing/>`, or the `<reference/>` with `<media-sharing/>` of XEP-0385. `None` for other elements.
    #[must_use]
    pub fn read(element: Element<'_>) -> Option<Self> {
        if element.is("reference", ns::REFERENCES) {
            return Self::read_media_sharing(element.child("media-sharing", ns::MEDIA_SHARING)?);
        }
        if !element.is("file-sharing", ns::FILE_SHARING) {
            return None;
        }
        let file = element.children().find_map(FileMetadata::read)?;
        let disposition = match element.attr("disposition") {
            Some("inline") => Some(Disposition::Inline),
            Some("attachment") => Some(Disposition::Attachment),
            _ => None,
        };
        let sources = element
            .child("sources", ns::FILE_SHARING)
            .map(read_sources)
            .unwrap_or_default();
        Some(Self {
            id: element
                .attr("id")
                .filter(|id| !id.is_empty() && id.len() <= 255)
                .map(Into::into),
            disposition,
            file,
            sources,
        })
    }

    fn read_media_sharing(element: Element<'_>) -> Option<Self> {
        let file = element.children().find_map(FileMetadata::read)?;
        let urls = element
            .child("sources", ns::MEDIA_SHARING)
            .into_iter()
            .flat_map(Element::children)
            .filter(|child| child.is("reference", ns::REFERENCES))
            .filter_map(|child| clean_url(child.attr("uri")?, &["https", "http"]))
            .take(MOST_SOURCES);
        Some(Self {
            id: None,
            disposition: Some(Disposition::Inline),
            file,
            sources: urls.map(Source::Url).collect(),
        })
    }

    /// The files of a message: among the elements of its content, at most [`MOST_FILES`]. Where a sender repeats a file
    /// in the form of XEP-0385 for older clients (§3.6), only the newer form counts.
    pub fn read_all<'t>(content: impl Iterator<Item = Element<'t>>) -> Vec<Self> {
        let (mut current, mut older) = (Vec::new(), Vec::new());
        for element in content {
            let into = match element.name() {
                "file-sharing" => &mut current,
                _ => &mut older,
            };
            if into.len() < MOST_FILES {
                into.extend(Self::read(element));
            }
        }
        if current.is_empty() { older } else { current }
    }

    /// The sharing as XML.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::with_capacity(1024);
        writer.start("file-sharing").xmlns(ns::FILE_SHARING);
        let disposition = self.disposition.map(|disposition| match disposition {
            Disposition::Inline => "inline",
            Disposition::Attachment => "attachment",
        });
        writer
            .attr_opt("disposition", disposition)
            .attr_opt("id", self.id.as_ref());
        self.file.write(&mut writer);
        if !self.sources.is_empty() {
            writer.start("sources");
            for source in &self.sources {
                match source {
                    Source::Url(url) => {
                        writer.start("url-data").xmlns(ns::URL_DATA);
                        writer.attr("target", url).end();
                    }
                    Source::Encrypted(source) => source.write(&mut writer),
                }
            }
            writer.end();
        }
        writer.end();
        writer.finish()
    }
}

fn read_sources(sources: Element<'_>) -> Vec<Source> {
    sources
        .children()
        .filter_map(|child| {
            read_url(child)
                .map(Source::Url)
                .or_else(|| EncryptedSource::read(child).map(Source::Encrypted))
        })
        .take(MOST_SOURCES)
        .collect()
}

/// The addresses of the web among sources.
pub(super) fn read_urls(sources: Element<'_>) -> Vec<String> {
    sources
        .children()
        .filter_map(read_url)
        .take(MOST_SOURCES)
        .collect()
}

/// `<url-data/>` (XEP-0103). Some clients forget its namespace.
fn read_url(element: Element<'_>) -> Option<String> {
    (element.name() == "url-data")
        .then(|| clean_url(element.attr("target")?, &["https", "http"]))
        .flatten()
}

/// An address with one of these schemes and a host, without white space and control characters, of at most
/// [`LONGEST_URL`] bytes.
pub(super) fn clean_url(url: &str, schemes: &[&str]) -> Option<String> {
    let url = url.trim();
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    let bearable = !host.is_empty()
        && url.len() <= LONGEST_URL
        && !url
            .chars()
            .any(|character| character.is_whitespace() || character.is_control());
    (bearable && schemes.iter().any(|one| scheme.eq_ignore_ascii_case(one))).then(|| url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    fn read_all(text: &str) -> Vec<FileSharing> {
        let tree = Tree::parse(&format!("<message>{text}</message>")).expect("XML");
        FileSharing::read_all(tree.root().children())
    }

    const FILE: &str = "<file xmlns='urn:xmpp:file:metadata:0'><media-type>image/jpeg</media-type><name>summit.jpg</name>\
        <size>3032449</size><width>4096</width><height>2160</height></file>";
    const URL: &str = "<url-data xmlns='http://jabber.org/protocol/url-data' \
        target='https://download.montague.lit/4a771ac1-f0b2-4a4a-9700-f2a26fa2bb67/summit.jpg'/>";

    #[test]
    fn there_and_back() {
        let text = format!(
            "<file-sharing xmlns='urn:xmpp:sfs:0' disposition='inline' id='a'>{FILE}<sources>{URL}</sources></file-sharing>"
        );
        let [sharing] = &read_all(&text)[..] else {
            unreachable!("one file");
        };
        assert_eq!(sharing.disposition, Some(Disposition::Inline));
        assert_eq!(sharing.file.width, Some(4096));
        assert_eq!(sharing.sources.len(), 1);
        assert_eq!(sharing.to_xml(), text);
    }

    #[test]
    fn a_file_that_is_said_twice_is_one() {
        let older = "<reference xmlns='urn:xmpp:reference:0' type='data'><media-sharing xmlns='urn:xmpp:sims:1'>\
            <file xmlns='urn:xmpp:jingle:apps:file-transfer:5'><media-type>image/jpeg</media-type><name>summit.jpg</name></file>\
            <sources><reference uri='https://a.example/summit.jpg' type='data' xmlns='urn:xmpp:reference:0'/>\
            <reference uri='xmpp:romeo@montague.lit/resource?jingle' type='data' xmlns='urn:xmpp:reference:0'/></sources>\
            </media-sharing></reference>";
        let current = format!("<file-sharing xmlns='urn:xmpp:sfs:0'>{FILE}</file-sharing>");
        assert_eq!(read_all(&format!("{older}{current}")).len(), 1);
        let [sharing] = &read_all(older)[..] else {
            unreachable!("one file");
        };
        assert_eq!(sharing.file.name.as_deref(), Some("summit.jpg"));
        assert_eq!(
            sharing.sources,
            [Source::Url("https://a.example/summit.jpg".into())]
        );
    }

    #[test]
    fn addresses_of_other_schemes_are_no_sources() {
        for url in [
            "javascript:alert(1)",
            "file:///etc/passwd",
            "https://",
            "https:///x",
            "https://a b/",
            "https://a&#10;/",
            "",
        ] {
            let text = format!(
                "<file-sharing xmlns='urn:xmpp:sfs:0'>{FILE}<sources><url-data target='{url}'/></sources></file-sharing>"
            );
            assert_eq!(read_all(&text)[0].sources, [], "{url}");
        }
    }

    #[test]
    fn there_is_an_end_to_files_and_sources() {
        let many = format!(
            "<file-sharing xmlns='urn:xmpp:sfs:0'>{FILE}<sources>{}</sources></file-sharing>",
            URL.repeat(100)
        );
        let read = read_all(&many.repeat(40));
        assert_eq!(read.len(), MOST_FILES);
        assert_eq!(read[0].sources.len(), MOST_SOURCES);
    }
}
