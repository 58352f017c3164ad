//! Link previews (XEP-0511): made by the sender, who opens the link anyway, and sent inside the encrypted message. Who
//! receives one fetches nothing: neither the page nor its picture, so no link tells anybody who reads what.
//!
//! Sending: [`to_fetch`] says which links; the runtime fetches them (with bounds, and never from the house's own network
//! on behalf of others) and fills in [`Found`]; [`elements`] are the XML for [`Draft::elements`](crate::Draft::elements).
//! Receiving: [`read`].

use xmpp::xep::link_metadata::LinkMetadata;
use xmpp::xep::thumbnails::Thumbnail;
use xmpp::xml::{Element, Tree};

use crate::text::{Document, LinkKind, link_kind};

/// Most previews of one message.
pub const MOST_PREVIEWS: usize = 3;
/// Largest picture of a preview, as text in its own address (`data:`), in bytes.
pub const LARGEST_PICTURE_BYTES: usize = 16 * 1024;
/// Most bytes of XML for all previews of a message: what leaves room for the message in every server's limit.
pub const MOST_BYTES: usize = 48 * 1024;

/// What somebody found behind a link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The link, as [`to_fetch`] gave it.
    pub link: String,
    /// What the page is called (`og:title`, else `<title/>`). Without one there is no preview.
    pub title: String,
    /// What it is about, in a sentence or two.
    pub description: Option<String>,
    /// What the site is called.
    pub site_name: Option<String>,
    /// A small picture, as PNG, JPEG, GIF or WebP in its own address (`data:…;base64,`), made anew from that of the page.
    pub picture: Option<String>,
    /// What the picture shows, in words.
    pub picture_alt: Option<String>,
}

/// A preview to be shown. Its sender has made it: what it says need not be what is behind the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The link, as it stands in the text.
    pub url: String,
    /// The host of the link, to be shown whatever else the preview says.
    pub host: String,
    /// What the page is called.
    pub title: String,
    /// What it is about.
    pub description: Option<String>,
    /// What the site says it is called.
    pub site_name: Option<String>,
    /// A small picture that is here already.
    pub picture: Option<Thumbnail>,
    /// What the picture shows, in words.
    pub picture_alt: Option<String>,
}

/// The links of a text of which previews are made, in their order: those to the web that stand neither in quotes nor in
/// code.
#[must_use]
pub fn to_fetch(document: &Document) -> Vec<&str> {
    let urls = document.urls().into_iter();
    urls.filter(|url| link_kind(url) == Some(LinkKind::Web))
        .take(MOST_PREVIEWS)
        .collect()
}

/// What was found as XML elements, for the inside of the message. What is too long is cut, what is too large left out.
#[must_use]
pub fn elements(found: &[Found]) -> String {
    let mut xml = String::new();
    for one in found.iter().take(MOST_PREVIEWS) {
        let picture = one.picture.clone().filter(|picture| is_picture(picture));
        let link = LinkMetadata {
            about: one.link.clone(),
            title: Some(one.title.clone()),
            description: one.description.clone(),
            site_name: one.site_name.clone(),
            image_alt: picture.as_ref().and(one.picture_alt.clone()),
            images: picture.into_iter().collect(),
            ..LinkMetadata::default()
        };
        // Reading it cuts what is too long, as it does for everybody else.
        let bounded = Tree::parse(&link.to_xml())
            .ok()
            .and_then(|tree| LinkMetadata::read(tree.root()))
            .filter(|link| link.title.is_some());
        let Some(mut bounded) = bounded else {
            continue;
        };
        let mut text = bounded.to_xml();
        if xml.len() + text.len() > MOST_BYTES {
            bounded.images.clear();
            text = bounded.to_xml();
        }
        if xml.len() + text.len() <= MOST_BYTES {
            xml.push_str(&text);
        }
    }
    xml
}

/// The previews of a message: `document` is its text, `elements` the XML of its other elements, as
/// [`Body::Text`](crate::views::Body::Text) has them. A preview of what is no link in the text is none; pictures that would
/// have to be fetched are left out.
#[must_use]
pub fn read(document: &Document, elements: &str) -> Vec<Preview> {
    let Ok(tree) = Tree::parse(&format!("<content>{elements}</content>")) else {
        return Vec::new();
    };
    let content: Vec<Element<'_>> = tree.root().children().collect();
    let links = LinkMetadata::read_all(content.into_iter());
    let urls = document.urls();
    let shown = urls.iter().filter_map(|url| {
        let link = links.iter().find(|link| link.about == **url)?;
        let host = host_of(url)?;
        Some(Preview {
            url: (*url).to_owned(),
            host,
            title: link.title.clone()?,
            description: link.description.clone(),
            site_name: link.site_name.clone(),
            picture: link.images.iter().find_map(|image| thumbnail(image)),
            picture_alt: link.image_alt.clone(),
        })
    });
    shown.take(MOST_PREVIEWS).collect()
}

/// The host of an address of the web, without user names that would look like one.
fn host_of(url: &str) -> Option<String> {
    (link_kind(url) == Some(LinkKind::Web)).then_some(())?;
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => host,
    };
    (!host.is_empty()).then(|| host.to_lowercase())
}

const PICTURES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

fn is_picture(uri: &str) -> bool {
    thumbnail(uri).is_some()
}

fn thumbnail(uri: &str) -> Option<Thumbnail> {
    let (media_type, data) = uri.strip_prefix("data:")?.split_once(";base64,")?;
    let known = PICTURES.contains(&media_type)
        && uri.len() <= LARGEST_PICTURE_BYTES
        && data
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
    known.then(|| Thumbnail {
        uri: uri.to_owned(),
        media_type: Some(media_type.to_owned()),
        width: None,
        height: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(link: &str) -> Found {
        Found {
            link: link.to_owned(),
            title: "Der Garten".into(),
            description: Some("Was im November zu tun ist <jetzt>".into()),
            site_name: Some("Gartenblatt".into()),
            picture: Some("data:image/png;base64,iVBORw0KGgo=".into()),
            picture_alt: Some("Ein Beet".into()),
        }
    }

    #[test]
    fn what_the_sender_found_is_what_others_see() {
        let text = Document::parse(
            "> https://old.example/\nschau: https://Garten.example:443/november und xmpp:a@b.example",
            &[],
        );
        assert_eq!(to_fetch(&text), ["https://Garten.example:443/november"]);
        let sent = found("https://Garten.example:443/november");
        let xml = elements(std::slice::from_ref(&sent));
        let [preview] = &read(&text, &xml)[..] else {
            panic!("one preview");
        };
        assert_eq!(preview.url, sent.link);
        assert_eq!(preview.host, "garten.example");
        assert_eq!(preview.title, sent.title);
        assert_eq!(preview.description, sent.description);
        assert_eq!(
            preview.picture.as_ref().map(|it| &it.uri),
            sent.picture.as_ref()
        );
        assert_eq!(preview.picture_alt, sent.picture_alt);
    }

    #[test]
    fn previews_of_what_nobody_wrote_are_none() {
        let text = Document::parse("https://a.example/", &[]);
        assert_eq!(
            read(&text, &elements(&[found("https://evil.example/")])),
            []
        );
        let quoted = Document::parse("> https://a.example/", &[]);
        assert_eq!(read(&quoted, &elements(&[found("https://a.example/")])), []);
        assert_eq!(read(&text, "<broken"), []);
        let mut untitled = found("https://a.example/");
        untitled.title = " ".into();
        assert_eq!(elements(&[untitled]), "");
    }

    #[test]
    fn nothing_is_fetched_and_nothing_is_boundless() {
        let text = Document::parse("https://a.example/", &[]);
        for picture in [
            "https://a.example/tracking.png".to_owned(),
            "data:image/svg+xml;base64,AAAA".into(),
            "data:image/png;base64,<".into(),
            format!(
                "data:image/png;base64,{}",
                "A".repeat(LARGEST_PICTURE_BYTES)
            ),
        ] {
            let mut one = found("https://a.example/");
            one.picture = Some(picture.clone());
            let previews = read(&text, &elements(std::slice::from_ref(&one)));
            assert_eq!(previews[0].picture, None);
            // Nor when others send it.
            let link = LinkMetadata {
                about: one.link,
                title: Some("x".into()),
                images: vec![picture],
                ..LinkMetadata::default()
            };
            assert_eq!(read(&text, &link.to_xml())[0].picture, None);
        }
        let many: Vec<Found> = (0..9)
            .map(|at| Found {
                title: "ü".repeat(100_000),
                description: Some("ü".repeat(100_000)),
                ..found(&format!("https://a.example/{at}"))
            })
            .collect();
        assert!(elements(&many).len() <= MOST_BYTES);
    }

    #[test]
    fn hosts_are_the_hosts() {
        for (url, host) in [
            ("https://bank.example@evil.example/", "evil.example"),
            ("https://evil.example\\@bank.example/", "evil.example"),
            ("https://A.example:8443?x", "a.example"),
            ("https://[2001:db8::1]:443/", "[2001:db8::1]"),
        ] {
            assert_eq!(host_of(url).as_deref(), Some(host), "{url}");
        }
    }
}
