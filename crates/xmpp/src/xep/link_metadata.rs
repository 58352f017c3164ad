//! XEP-0511: Link Metadata: what the sender found behind a link, in the words of Open Graph.

use super::file_sharing::{LONGEST_URL, clean_url};
use super::thumbnails::LONGEST_URI;
use crate::ns;
use crate::xml::{Element, Writer};

/// More descriptions than that in one message are not read.
pub const MOST_LINKS: usize = 8;
/// More pictures than that of one link are not read.
pub const MOST_PICTURES: usize = 4;
/// Longest title or name of a site, in bytes; a longer one is cut.
pub const LONGEST_TITLE: usize = 512;
/// Longest description, in bytes; a longer one is cut.
pub const LONGEST_TEXT: usize = 2048;

/// `<rdf:Description/>` (§3.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkMetadata {
    /// The link that it is about, as it stands in the body; at most [`LONGEST_URL`] bytes.
    pub about: String,
    /// `og:title`.
    pub title: Option<String>,
    /// `og:description`.
    pub description: Option<String>,
    /// `og:url`: the address that the page itself names, of the web.
    pub url: Option<String>,
    /// `og:site_name`.
    pub site_name: Option<String>,
    /// `og:type`, such as `website` or `article`.
    pub kind: Option<String>,
    /// `og:image`: `cid:`, `https:`, or the picture itself as `data:`; at most [`LONGEST_URI`] bytes each.
    pub images: Vec<String>,
    /// `og:image:alt`: what a picture shows, in words.
    pub image_alt: Option<String>,
}

impl LinkMetadata {
    /// Reads `<rdf:Description/>`. `None` for other elements, and when it does not say what it is about.
    #[must_use]
    pub fn read(element: Element<'_>) -> Option<Self> {
        if !element.is("Description", ns::LINK_METADATA) {
            return None;
        }
        let about = element.attr_ns(ns::LINK_METADATA, "about")?.trim();
        if about.is_empty() || about.len() > LONGEST_URL {
            return None;
        }
        let mut link = Self {
            about: about.to_owned(),
            ..Self::default()
        };
        for child in element.children() {
            let text = child.text();
            // Some write the names with their colon into the one namespace.
            let name = match child.namespace() {
                ns::OPEN_GRAPH => child.name(),
                ns::OPEN_GRAPH_IMAGE if child.name() == "alt" => "image:alt",
                _ => continue,
            };
            match name {
                "title" => link.title = link.title.or_else(|| line(&text)),
                "site_name" => link.site_name = link.site_name.or_else(|| line(&text)),
                "type" => link.kind = link.kind.or_else(|| line(&text)),
                "image:alt" => link.image_alt = link.image_alt.or_else(|| line(&text)),
                "description" => {
                    link.description = link.description.or_else(|| cut(&text, LONGEST_TEXT));
                }
                "url" => link.url = link.url.or_else(|| clean_url(&text, &["https", "http"])),
                "image" => {
                    let uri = text.trim();
                    if !uri.is_empty()
                        && uri.len() <= LONGEST_URI
                        && link.images.len() < MOST_PICTURES
                    {
                        link.images.push(uri.to_owned());
                    }
                }
                _ => {}
            }
        }
        Some(link)
    }

    /// The descriptions in a message: among the elements of its content, at most [`MOST_LINKS`], one for each link.
    pub fn read_all<'t>(content: impl Iterator<Item = Element<'t>>) -> Vec<Self> {
        let mut links: Vec<Self> = Vec::new();
        for link in content.filter_map(Self::read) {
            if links.len() == MOST_LINKS {
                break;
            }
            // The same in another language (§5).
            if links.iter().all(|before| before.about != link.about) {
                links.push(link);
            }
        }
        links
    }

    /// The description as XML.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::with_capacity(512);
        writer.start("rdf:Description");
        writer
            .attr("xmlns:rdf", ns::LINK_METADATA)
            .attr("xmlns:og", ns::OPEN_GRAPH);
        if self.image_alt.is_some() {
            writer.attr("xmlns:ogi", ns::OPEN_GRAPH_IMAGE);
        }
        writer.attr("rdf:about", &self.about);
        let mut leaf = |name: &str, value: &Option<String>| {
            if let Some(value) = value {
                writer.leaf_text(name, None, value);
            }
        };
        leaf("og:title", &self.title);
        leaf("og:description", &self.description);
        leaf("og:url", &self.url);
        leaf("og:type", &self.kind);
        leaf("og:site_name", &self.site_name);
        leaf("ogi:alt", &self.image_alt);
        for image in &self.images {
            writer.leaf_text("og:image", None, image);
        }
        writer.end();
        writer.finish()
    }
}

/// A text in one line, without control characters, cut to [`LONGEST_TITLE`].
fn line(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().take(LONGEST_TITLE).collect();
    cut(&words.join(" "), LONGEST_TITLE)
}

fn cut(text: &str, longest: usize) -> Option<String> {
    let clean: String = text
        .trim()
        .chars()
        .filter(|character| !character.is_control() || *character == '\n')
        .take(longest)
        .collect();
    let end = clean.floor_char_boundary(longest);
    let clean = clean[..end].trim_end();
    (!clean.is_empty()).then(|| clean.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    fn read(text: &str) -> Option<LinkMetadata> {
        LinkMetadata::read(Tree::parse(text).expect("XML").root())
    }

    #[test]
    fn the_example_of_the_specification() {
        let link = read(
            "<rdf:Description xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns:og='https://ogp.me/ns#' \
             xmlns:ogi='https://ogp.me/ns#image:' rdf:about='https://the.link.example.com/what-was-linked-to'>\
             <og:title>The Best Webpage</og:title>\
             <og:description>This is a great webpage and you will really like it</og:description>\
             <og:url>https://example.com/canonical-url/for/what-was-linked-to</og:url>\
             <og:image>https://link.to.example.com/image.png</og:image>\
             <og:image>data:image/jpeg,...</og:image>\
             <ogi:alt>Alt text for the social media image</ogi:alt>\
             <og:video>https://videos.example.com/video-embed.html</og:video>\
             <og:type>website</og:type><og:site_name>Example Website</og:site_name></rdf:Description>",
        )
        .expect("read");
        assert_eq!(
            link.about,
            "https://the.link.example.com/what-was-linked-to"
        );
        assert_eq!(link.title.as_deref(), Some("The Best Webpage"));
        assert_eq!(link.images.len(), 2);
        assert_eq!(
            link.image_alt.as_deref(),
            Some("Alt text for the social media image")
        );
        assert_eq!(read(&link.to_xml()), Some(link));
    }

    #[test]
    fn what_it_is_about_must_be_said_in_its_namespace() {
        let element = |attribute: &str| {
            format!(
                "<rdf:Description xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' {attribute}/>"
            )
        };
        assert!(read(&element("rdf:about='https://a.example/'")).is_some());
        assert_eq!(read(&element("about='https://a.example/'")), None);
        assert_eq!(read(&element("rdf:about=''")), None);
    }

    #[test]
    fn texts_have_an_end_and_no_line_breaks_in_titles() {
        let link = LinkMetadata {
            about: "https://a.example/".into(),
            title: Some(format!("a\n\tb{}", "ü".repeat(2000))),
            description: Some("ä".repeat(5000)),
            images: vec!["https://a.example/i.png".into(); 9],
            url: Some("javascript:alert(1)".into()),
            ..LinkMetadata::default()
        };
        let read = read(&link.to_xml()).expect("read");
        let title = read.title.expect("a title");
        assert!(title.starts_with("a bü") && title.len() <= LONGEST_TITLE);
        assert_eq!(read.description.map(|text| text.len()), Some(LONGEST_TEXT));
        assert_eq!(read.images.len(), MOST_PICTURES);
        assert_eq!(read.url, None);
        let tree = Tree::parse(&format!("<a>{}</a>", link.to_xml().repeat(3))).expect("XML");
        assert_eq!(LinkMetadata::read_all(tree.root().children()).len(), 1);
    }
}
