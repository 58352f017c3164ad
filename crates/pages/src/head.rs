//! The head of a page: `<title/>`, Open Graph, and what Twitter's cards say.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

use crate::{LONGEST_ADDRESS, LONGEST_TEXT, LONGEST_TITLE, charset, line};

/// Bytes of a page that are looked at; a head is not longer.
const MOST: usize = 1024 * 1024;
/// Most bytes of a title that are gathered.
const TITLE: usize = 8 * LONGEST_TITLE;

/// What a page says of itself. Texts are on one line and bounded; addresses are as they stand there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// What it is called (`og:title`, else `twitter:title`, else `<title/>`).
    pub title: Option<String>,
    /// What it is about (`og:description`, else the others).
    pub description: Option<String>,
    /// What the site is called (`og:site_name`).
    pub site_name: Option<String>,
    /// The address of its picture; it may be relative to [`base`](Self::base) or to the page.
    pub picture: Option<String>,
    /// What the picture shows (`og:image:alt`).
    pub picture_alt: Option<String>,
    /// What addresses are relative to (`<base/>`).
    pub base: Option<String>,
}

/// Reads the head of a page. `charset` is the encoding of its `Content-Type`, if that says one.
#[must_use]
pub fn read(page: &[u8], charset: Option<&str>) -> Facts {
    let text = charset::decode(page.get(..MOST).unwrap_or(page), charset);
    let input = BufferQueue::default();
    input.push_back(StrTendril::from_slice(&text));
    let tokenizer = Tokenizer::new(Head::default(), TokenizerOpts::default());
    // A script is passed over like anything else.
    while !input.is_empty() {
        let _ = tokenizer.feed(&input);
        if tokenizer.sink.0.borrow().over {
            break;
        }
    }
    tokenizer.end();
    tokenizer.sink.0.into_inner().facts()
}

/// Takes the tokens of a page.
#[derive(Default)]
struct Head(RefCell<Found>);

/// What was found so far: each the first of its kind.
#[derive(Default)]
struct Found {
    /// The head has ended.
    over: bool,
    in_title: bool,
    title: Option<String>,
    base: Option<String>,
    /// By the place in [`NAMES`].
    said: [Option<String>; NAMES.len()],
}

/// What `<meta/>` may be called, in lower case.
const NAMES: [&str; 13] = [
    "og:title",
    "twitter:title",
    "og:description",
    "twitter:description",
    "description",
    "og:site_name",
    "application-name",
    "og:image:secure_url",
    "og:image",
    "og:image:url",
    "twitter:image",
    "og:image:alt",
    "twitter:image:alt",
];

impl TokenSink for Head {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut found = self.0.borrow_mut();
        if found.over {
            return TokenSinkResult::Continue;
        }
        match token {
            Token::TagToken(tag) => found.tag(&tag),
            Token::CharacterTokens(text) => {
                if found.in_title {
                    let title = found.title.get_or_insert_default();
                    if title.len() < TITLE {
                        title.push_str(&text);
                    }
                }
                TokenSinkResult::Continue
            }
            _ => TokenSinkResult::Continue,
        }
    }
}

impl Found {
    fn tag(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let starts = tag.kind == TagKind::StartTag;
        match (&*tag.name, starts) {
            ("title", true) => {
                self.in_title = self.title.is_none();
                TokenSinkResult::RawData(RawKind::Rcdata)
            }
            ("title", false) => {
                self.in_title = false;
                TokenSinkResult::Continue
            }
            ("style" | "noframes" | "iframe" | "xmp", true) => {
                TokenSinkResult::RawData(RawKind::Rawtext)
            }
            ("textarea", true) => TokenSinkResult::RawData(RawKind::Rcdata),
            ("script", true) => TokenSinkResult::RawData(RawKind::ScriptData),
            ("meta", true) => {
                self.meta(tag);
                TokenSinkResult::Continue
            }
            ("base", true) => {
                if self.base.is_none() {
                    self.base = attribute(tag, "href").filter(|it| it.len() <= LONGEST_ADDRESS);
                }
                TokenSinkResult::Continue
            }
            ("body", true) | ("head", false) => {
                self.over = true;
                TokenSinkResult::Continue
            }
            _ => TokenSinkResult::Continue,
        }
    }

    fn meta(&mut self, tag: &Tag) {
        let name = attribute(tag, "property").or_else(|| attribute(tag, "name"));
        let Some(name) = name.map(|name| name.trim().to_ascii_lowercase()) else {
            return;
        };
        let known = NAMES.iter().position(|known| *known == name);
        if let Some(place) = known.and_then(|at| self.said.get_mut(at))
            && place.is_none()
        {
            *place = attribute(tag, "content").filter(|content| !content.trim().is_empty());
        }
    }

    fn facts(self) -> Facts {
        let said = |names: &[&str], most| {
            let values = names
                .iter()
                .filter_map(|name| NAMES.iter().position(|known| known == name));
            values
                .filter_map(|at| self.said.get(at)?.as_deref())
                .find_map(|text| line(text, most))
        };
        let address = |names: &[&str]| {
            let values = names
                .iter()
                .filter_map(|name| NAMES.iter().position(|known| known == name));
            values
                .filter_map(|at| self.said.get(at)?.as_deref().map(str::trim))
                .find(|address| address.len() <= LONGEST_ADDRESS)
                .map(str::to_owned)
        };
        let title = said(&["og:title", "twitter:title"], LONGEST_TITLE);
        Facts {
            title: title.or_else(|| line(self.title.as_deref()?, LONGEST_TITLE)),
            description: said(
                &["og:description", "twitter:description", "description"],
                LONGEST_TEXT,
            ),
            site_name: said(&["og:site_name", "application-name"], LONGEST_TITLE),
            picture: address(&[
                "og:image:secure_url",
                "og:image",
                "og:image:url",
                "twitter:image",
            ]),
            picture_alt: said(&["og:image:alt", "twitter:image:alt"], LONGEST_TEXT),
            base: self.base.clone(),
        }
    }
}

fn attribute(tag: &Tag, name: &str) -> Option<String> {
    let found = tag.attrs.iter().find(|it| &*it.name.local == name)?;
    Some(found.value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn what_a_page_says_of_itself() {
        let page = "<!DOCTYPE html><html><head><base href='/x/'><TITLE>Plain &amp; simple</TITLE>\
            <meta property='og:title' content='The &quot;Garden&quot;'><meta name=description content='old words'>\
            <META PROPERTY=OG:DESCRIPTION CONTENT='What is\nto do'><meta property=og:site_name content=Leaf>\
            <meta property='og:image' content=' bed.png?a=1&amp;b=2 '><meta property='og:image:alt' content='A bed'>\
            </head><body><meta property='og:title' content='Not this'>";
        assert_eq!(
            read(page.as_bytes(), None),
            Facts {
                title: some("The \"Garden\""),
                description: some("What is to do"),
                site_name: some("Leaf"),
                picture: some("bed.png?a=1&b=2"),
                picture_alt: some("A bed"),
                base: some("/x/"),
            }
        );
    }

    #[test]
    fn a_plain_page_has_its_title() {
        for page in [
            "<title> Plain\n page </title>",
            "<script>document.write(\"<title>Not this</title>\")</script><title>Plain page</title><title>Nor this</title>",
            "<style><title>Not this</title></style><title>Plain page",
            "<!-- <title>Not this</title> --><title>Plain page</title>",
            "<meta property='og:title' content=' '><title>Plain page</title>",
            "<title>Plain page</title><body><svg><title>Not this",
        ] {
            let expected = Facts {
                title: some("Plain page"),
                ..Facts::default()
            };
            assert_eq!(read(page.as_bytes(), None), expected, "{page}");
        }
    }

    #[test]
    fn nothing_is_boundless() {
        let long = "ü".repeat(2 * MOST);
        let page = format!("<title>{long}</title><meta name=description content='{long}'>");
        let facts = read(page.as_bytes(), None);
        assert_eq!(
            facts.title.map(|it| it.chars().count()),
            Some(LONGEST_TITLE)
        );
        let page = format!(
            "<meta property=og:image content='https://x/{}'>",
            "a".repeat(9_000)
        );
        assert_eq!(read(page.as_bytes(), None), Facts::default());
        for page in [
            "<".repeat(200_000),
            "<a ".repeat(100_000),
            "&".repeat(200_000),
            "<meta a=b".into(),
            String::new(),
        ] {
            assert_eq!(read(page.as_bytes(), None), Facts::default());
        }
        assert_eq!(read(&[0xff; 4096], None), Facts::default());
    }
}
