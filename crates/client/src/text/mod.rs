//! What a message says, as a tree of plain data that anybody can draw: styled as XEP-0393 has it, with links, mentions and
//! emoji. And the way back: what a person types, with `:names:` of emoji and with mentions, as what is sent.
//!
//! ```
//! use client::text::{Block, Document, Span};
//!
//! let document = Document::parse("Look: *https://example.org*!", &[]);
//! let [Block::Line(spans)] = &document.blocks[..] else { panic!() };
//! assert_eq!(spans[0], Span::Text("Look: ".into()));
//! let Span::Strong(strong) = &spans[1] else { panic!() };
//! assert!(matches!(&strong[0], Span::Link { url, .. } if url == "https://example.org"));
//! ```
//!
//! Reading takes time in proportion to the text, whatever is in it.

mod compose;
mod emoji;
mod inline;
mod links;
mod styling;

#[cfg(test)]
mod tests;

use base::BareJid;

use crate::views::Mention;

pub use compose::{Composed, Composition, EmojiChoice, emoji_choices, with_emoji};
pub use links::{LinkKind, link_kind, links};
pub use styling::DEEPEST_QUOTE;

/// A text, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// Its blocks, from top to bottom.
    pub blocks: Vec<Block>,
}

/// A block of a text (XEP-0393 §5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A line; an empty one has no spans.
    Line(Vec<Span>),
    /// Preformatted lines.
    Pre {
        /// What stood behind the opening marks, such as the name of a language; it may be empty.
        info: String,
        /// The lines, as they are.
        text: String,
    },
    /// What somebody else has said.
    Quote(Vec<Block>),
}

/// A part of a line. The marks that styled it are left out: each kind has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// Plain text.
    Text(String),
    /// Between `*`.
    Strong(Vec<Span>),
    /// Between `_`.
    Emphasis(Vec<Span>),
    /// Between `~`.
    Strikethrough(Vec<Span>),
    /// Between `` ` ``; nothing in it is styled.
    Code(String),
    /// An address that one can open.
    Link {
        /// What to open: always what the text shows, with a scheme before it where that is left out.
        url: String,
        /// What to show.
        text: String,
    },
    /// Somebody is mentioned (XEP-0372).
    Mention {
        /// Who.
        account: BareJid,
        /// What to show.
        text: String,
    },
    /// One emoji.
    Emoji(String),
}

impl Document {
    /// Reads a body. `mentions` that do not fit it, or cross a mark, are left out.
    #[must_use]
    pub fn parse(body: &str, mentions: &[Mention]) -> Self {
        styling::read(body, mentions, true)
    }

    /// Reads a body whose sender wants no styling (XEP-0393 §6): only links, mentions and emoji are found in it.
    #[must_use]
    pub fn parse_unstyled(body: &str, mentions: &[Mention]) -> Self {
        styling::read(body, mentions, false)
    }

    /// How many emoji it consists of, if of nothing else but them and white space: such messages are shown large.
    #[must_use]
    pub fn only_emoji(&self) -> Option<usize> {
        let mut count = 0;
        for block in &self.blocks {
            let Block::Line(spans) = block else {
                return None;
            };
            for span in spans {
                match span {
                    Span::Emoji(_) => count += 1,
                    Span::Text(text) if text.trim().is_empty() => {}
                    _ => return None,
                }
            }
        }
        (count > 0).then_some(count)
    }

    /// The words without marks, each line behind the one before: for notifications and for lists. Quotes are left out,
    /// unless there is nothing else.
    #[must_use]
    pub fn plain(&self) -> String {
        let mut text = String::new();
        plain_blocks(&self.blocks, false, &mut text);
        if text.trim().is_empty() {
            text.clear();
            plain_blocks(&self.blocks, true, &mut text);
        }
        text.truncate(text.trim_end().len());
        text
    }

    /// The addresses in it that a person may have meant to share: not those in quotes and preformatted text.
    #[must_use]
    pub fn urls(&self) -> Vec<&str> {
        let mut urls = Vec::new();
        for block in &self.blocks {
            if let Block::Line(spans) = block {
                urls_of(spans, &mut urls);
            }
        }
        urls
    }
}

// The depth of both is bounded: see `styling`.
fn plain_blocks(blocks: &[Block], quotes: bool, out: &mut String) {
    for block in blocks {
        match block {
            Block::Line(spans) => plain_spans(spans, out),
            Block::Pre { text, .. } => out.push_str(text),
            Block::Quote(blocks) if quotes => {
                plain_blocks(blocks, quotes, out);
                continue;
            }
            Block::Quote(_) => continue,
        }
        out.push('\n');
    }
}

fn plain_spans(spans: &[Span], out: &mut String) {
    for span in spans {
        match span {
            Span::Text(text)
            | Span::Code(text)
            | Span::Link { text, .. }
            | Span::Mention { text, .. }
            | Span::Emoji(text) => out.push_str(text),
            Span::Strong(inner) | Span::Emphasis(inner) | Span::Strikethrough(inner) => {
                plain_spans(inner, out);
            }
        }
    }
}

fn urls_of<'d>(spans: &'d [Span], urls: &mut Vec<&'d str>) {
    for span in spans {
        match span {
            Span::Link { url, .. } if !urls.contains(&url.as_str()) && urls.len() < 64 => {
                urls.push(url);
            }
            Span::Strong(inner) | Span::Emphasis(inner) | Span::Strikethrough(inner) => {
                urls_of(inner, urls);
            }
            _ => {}
        }
    }
}
