//! What a client asks its own server about a link, to make a preview of it (XEP-0511), in a namespace of ours; see
//! `docs/previews.md`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::condition::{StanzaCondition, StanzaError};
use crate::ns;
use crate::xml::{Element, Writer};

/// Longest address, in bytes.
pub const LONGEST_URL: usize = 2048;
/// Largest picture, in bytes: what it takes as base64 fits into a message (XEP-0511).
pub const LARGEST_PICTURE_BYTES: usize = 12_000;

/// The request: `<preview url='…'/>`.
///
/// # Errors
/// `bad-request` when there is no web address in it.
pub fn read_request(element: Element<'_>) -> Result<String, StanzaError> {
    element
        .attr("url")
        .filter(|url| {
            url.len() <= LONGEST_URL
                && (url.starts_with("https://") || url.starts_with("http://"))
                && !url
                    .bytes()
                    .any(|byte| byte.is_ascii_control() || byte == b' ')
        })
        .map(str::to_owned)
        .ok_or_else(|| {
            StanzaError::new(StanzaCondition::BadRequest)
                .text("The attribute url holds one address of the web (https or http).")
        })
}

/// The request, as a client writes it.
#[must_use]
pub fn request(url: &str) -> String {
    let mut out = Writer::new();
    out.start("preview").xmlns(ns::PREVIEWS).attr("url", url);
    out.end();
    out.finish()
}

/// What was found behind a link. Texts are on one line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preview {
    /// The link, as it was asked for.
    pub url: String,
    /// Where it led in the end.
    pub target: String,
    /// What the page is called.
    pub title: String,
    /// What it is about.
    pub description: Option<String>,
    /// What the site is called.
    pub site_name: Option<String>,
    /// Its picture, made small.
    pub picture: Option<Picture>,
}

/// A picture of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// `image/jpeg` or `image/png`.
    pub media_type: String,
    /// Its bytes; at most [`LARGEST_PICTURE_BYTES`].
    pub data: Vec<u8>,
    /// What it shows, in words.
    pub alt: Option<String>,
}

impl Preview {
    /// As the answer says it.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut out = Writer::new();
        out.start("preview")
            .xmlns(ns::PREVIEWS)
            .attr("url", &self.url)
            .attr("target", &self.target);
        out.start("title").text(&self.title).end();
        for (name, text) in [
            ("description", &self.description),
            ("site", &self.site_name),
        ] {
            if let Some(text) = text {
                out.start(name).text(text).end();
            }
        }
        if let Some(picture) = &self.picture {
            out.start("picture")
                .attr("type", &picture.media_type)
                .attr_opt("alt", picture.alt.as_deref())
                .text(&STANDARD.encode(&picture.data))
                .end();
        }
        out.end();
        out.finish()
    }

    /// Reads an answer; `None` when it says no title, or is none. A picture that is none of those that there are is left out.
    #[must_use]
    pub fn read(element: Element<'_>) -> Option<Self> {
        if !element.is("preview", ns::PREVIEWS) {
            return None;
        }
        let text = |name| {
            let text = element.child(name, ns::PREVIEWS)?.text().into_owned();
            (!text.trim().is_empty()).then_some(text)
        };
        let url = element.attr("url")?.to_owned();
        Some(Self {
            target: element.attr("target").unwrap_or(&url).to_owned(),
            title: text("title")?,
            description: text("description"),
            site_name: text("site"),
            picture: element
                .child("picture", ns::PREVIEWS)
                .and_then(Picture::read),
            url,
        })
    }
}

impl Picture {
    fn read(element: Element<'_>) -> Option<Self> {
        let media_type = element.attr("type")?;
        let data = STANDARD.decode(element.text().trim()).ok()?;
        let known = matches!(media_type, "image/jpeg" | "image/png");
        (known && data.len() <= LARGEST_PICTURE_BYTES).then(|| Self {
            media_type: media_type.to_owned(),
            data,
            alt: element.attr("alt").map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    fn preview() -> Preview {
        Preview {
            url: "https://garden.example/?a=1&b=2".into(),
            target: "https://www.garden.example/".into(),
            title: "The <Garden>".into(),
            description: Some("What to do".into()),
            site_name: None,
            picture: Some(Picture {
                media_type: "image/jpeg".into(),
                data: vec![0xff, 0xd8, 0xff],
                alt: Some("A bed".into()),
            }),
        }
    }

    #[test]
    fn an_answer_is_read_as_it_was_written() {
        let tree = Tree::parse(&preview().to_xml()).expect("XML");
        assert_eq!(Preview::read(tree.root()), Some(preview()));
        let bare = Preview {
            picture: None,
            description: None,
            ..preview()
        };
        let tree = Tree::parse(&bare.to_xml()).expect("XML");
        assert_eq!(Preview::read(tree.root()), Some(bare));
    }

    #[test]
    fn what_is_no_picture_is_left_out() {
        for picture in ["type='image/svg+xml'>AAAA", "type='image/png'>?", ">AAAA"] {
            let xml = format!(
                "<preview xmlns='{}' url='https://a.example/'><title>A</title><picture {picture}</picture></preview>",
                ns::PREVIEWS
            );
            let tree = Tree::parse(&xml).expect("XML");
            let read = Preview::read(tree.root()).expect("a preview");
            assert_eq!(read.picture, None, "{xml}");
        }
    }

    #[test]
    fn one_address_of_the_web_is_asked_for() {
        let read = |url: &str| {
            let tree = Tree::parse(&request(url)).expect("XML");
            read_request(tree.root()).ok()
        };
        let good = "https://a.example/?a=1&b='";
        assert_eq!(read(good).as_deref(), Some(good));
        for bad in [
            "",
            "ftp://a.example/",
            "javascript:x",
            "https://a.example/ b",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(read(&format!("https://{}", "a".repeat(LONGEST_URL))), None);
    }
}
