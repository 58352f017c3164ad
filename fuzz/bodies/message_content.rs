//! The elements inside of a message: files, previews, references, fallbacks, history that is offered. What was read is
//! bounded, and is read again from what we would write.

use client::files::Attachment;
use client::history::Offer;
use client::previews;
use client::text::Document;
use xmpp::xep::fallback::{Fallback, without_fallback};
use xmpp::xep::file_sharing::{FileSharing, MOST_FILES, MOST_SOURCES};
use xmpp::xep::link_metadata::LinkMetadata;
use xmpp::xep::out_of_band;
use xmpp::xep::references::Reference;
use xmpp::xml::{Element, Tree};

fn tree(text: &str) -> Tree {
    Tree::parse(text).expect("what we write is XML")
}

/// See above. Behind a NUL stands a body.
pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (elements, body) = text
        .split_once('\0')
        .unwrap_or((text, "https://a.example/"));
    let files = Attachment::read_all(body, elements);
    assert!(files.len() <= MOST_FILES);
    for file in &files {
        assert!(file.locations.len() <= MOST_SOURCES);
        let _ = file.kind();
        if let Some(message) = file.message() {
            let again = Attachment::read_all(message.text.expose(), message.elements.expose());
            assert_eq!(again.len(), 1);
            assert_eq!(
                Attachment::read_all(message.legacy_text.expose(), "").len(),
                1
            );
        }
    }
    for preview in previews::read(&Document::parse(body, &[]), elements) {
        assert!(body.contains(&preview.url) && !preview.host.is_empty());
    }
    let Ok(content) = Tree::parse(&format!("<content>{elements}</content>")) else {
        return;
    };
    let children: Vec<Element<'_>> = content.root().children().collect();
    let fallbacks: Vec<Fallback> = children
        .iter()
        .filter_map(|child| Fallback::read(*child))
        .collect();
    let understood: Vec<&str> = fallbacks
        .iter()
        .map(|fallback| fallback.namespace.as_str())
        .collect();
    assert!(without_fallback(body, &fallbacks, &understood).len() <= body.len());
    for child in children {
        if let Some(sharing) = FileSharing::read(child) {
            let again = FileSharing::read(tree(&sharing.to_xml()).root()).expect("read again");
            assert_eq!(again.file, sharing.file);
            assert_eq!(again.sources, sharing.sources);
        }
        if let Some(link) = LinkMetadata::read(child) {
            assert_eq!(LinkMetadata::read(tree(&link.to_xml()).root()), Some(link));
        }
        if let Some(reference) = Reference::read(child) {
            assert_eq!(
                Reference::read(tree(&reference.to_xml()).root()).as_ref(),
                Some(&reference)
            );
            let _ = reference.mentioned();
            if let Some(range) = reference.bytes_in(body) {
                assert!(body.get(range).is_some());
            }
        }
        if let Some(offer) = Offer::read(child) {
            assert_eq!(Offer::read(tree(&offer.to_xml()).root()), Some(offer));
        }
        if let Some(url) = out_of_band::read(child) {
            assert_eq!(
                out_of_band::read(tree(&out_of_band::to_xml(&url)).root()),
                Some(url)
            );
        }
    }
}
