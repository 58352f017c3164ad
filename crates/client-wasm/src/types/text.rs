//! Text as a tree.

use client::text;
use serde::Serialize;

/// A block of a text.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Block {
    /// A line; an empty one has no spans.
    Line {
        /// From its beginning to its end.
        spans: Vec<Span>,
    },
    /// Preformatted lines.
    Pre {
        /// What stood behind the opening marks, such as the name of a language; it may be empty.
        info: String,
        /// The lines, as they are.
        text: String,
    },
    /// What somebody else has said.
    Quote {
        /// From top to bottom.
        blocks: Vec<Block>,
    },
}

/// A part of a line.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Span {
    /// Plain text.
    Text {
        /// The text.
        text: String,
    },
    /// Strong.
    Strong {
        /// What is so.
        spans: Vec<Span>,
    },
    /// Emphasised.
    Emphasis {
        /// What is so.
        spans: Vec<Span>,
    },
    /// Struck through.
    Strikethrough {
        /// What is so.
        spans: Vec<Span>,
    },
    /// As one would type it into a machine.
    Code {
        /// The text.
        text: String,
    },
    /// An address that one can open: of the web, of mail, of a telephone, or of somebody (`xmpp:`).
    Link {
        /// What to open; what the text shows, with a scheme before it where that is left out.
        url: String,
        /// What to show.
        text: String,
    },
    /// Somebody is mentioned.
    Mention {
        /// Who, by address.
        account: String,
        /// What to show.
        text: String,
        /// It is us.
        own: bool,
    },
    /// One emoji.
    Emoji {
        /// It.
        text: String,
    },
}

/// The tree of a document. `own` is our address.
pub fn blocks(document: &text::Document, own: &str) -> Vec<Block> {
    document.blocks.iter().map(|it| block(it, own)).collect()
}

// The depth of both is bounded by that of `client::text`.
fn block(block: &text::Block, own: &str) -> Block {
    match block {
        text::Block::Line(line) => Block::Line {
            spans: spans(line, own),
        },
        text::Block::Pre { info, text } => Block::Pre {
            info: info.clone(),
            text: text.clone(),
        },
        text::Block::Quote(inner) => Block::Quote {
            blocks: inner.iter().map(|it| self::block(it, own)).collect(),
        },
    }
}

fn spans(line: &[text::Span], own: &str) -> Vec<Span> {
    let one = |span: &text::Span| match span {
        text::Span::Text(text) => Span::Text { text: text.clone() },
        text::Span::Strong(inner) => Span::Strong {
            spans: spans(inner, own),
        },
        text::Span::Emphasis(inner) => Span::Emphasis {
            spans: spans(inner, own),
        },
        text::Span::Strikethrough(inner) => Span::Strikethrough {
            spans: spans(inner, own),
        },
        text::Span::Code(text) => Span::Code { text: text.clone() },
        text::Span::Link { url, text } => Span::Link {
            url: url.clone(),
            text: text.clone(),
        },
        text::Span::Mention { account, text } => Span::Mention {
            account: account.as_str().to_owned(),
            text: text.clone(),
            own: account.as_str() == own,
        },
        text::Span::Emoji(text) => Span::Emoji { text: text.clone() },
    };
    line.iter().map(one).collect()
}
