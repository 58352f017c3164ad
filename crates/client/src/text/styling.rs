//! XEP-0393: Message Styling: blocks, and the spans in them.

use super::inline::{self, Mentions};
use super::{Block, Document, Span};
use crate::views::Mention;

/// Quotes that are deeper are shown as lines: nobody can follow them, and a text may have thousands.
pub const DEEPEST_QUOTE: usize = 16;

const FENCE: &str = "```";

/// A line and where it begins in the body.
type Line<'t> = (usize, &'t str);

pub(super) fn read(body: &str, mentions: &[Mention], styled: bool) -> Document {
    let mentions = Mentions::of(body, mentions);
    let mut lines: Vec<Line<'_>> = Vec::new();
    let mut at = 0;
    for line in body.split('\n') {
        lines.push((at, line));
        at += line.len() + 1;
    }
    let mut blocks = Vec::new();
    if styled {
        read_blocks(&lines, 0, &mentions, &mut blocks);
    } else {
        for (offset, line) in lines {
            let mut spans = Vec::new();
            inline::read(line, offset, &mentions, &mut spans);
            blocks.push(Block::Line(spans));
        }
    }
    Document { blocks }
}

/// §5.1. Recurses once for each level of quotes.
fn read_blocks(lines: &[Line<'_>], depth: usize, mentions: &Mentions<'_>, out: &mut Vec<Block>) {
    let mut rest = lines;
    while let Some((&(offset, line), after)) = rest.split_first() {
        if let Some(info) = line.strip_prefix(FENCE) {
            let end = after.iter().position(|(_, line)| *line == FENCE);
            let inside = &after[..end.unwrap_or(after.len())];
            let inside: Vec<&str> = inside.iter().map(|(_, line)| *line).collect();
            out.push(Block::Pre {
                info: info.trim().to_owned(),
                text: inside.join("\n"),
            });
            rest = &after[end.map_or(after.len(), |end| end + 1)..];
        } else if line.starts_with('>') && depth < DEEPEST_QUOTE {
            let quoted: Vec<Line<'_>> = rest.iter().map_while(unquoted).collect();
            rest = &rest[quoted.len()..];
            let mut blocks = Vec::new();
            read_blocks(&quoted, depth + 1, mentions, &mut blocks);
            out.push(Block::Quote(blocks));
        } else {
            let mut spans = Vec::new();
            read_spans(line, offset, mentions, &mut spans);
            out.push(Block::Line(spans));
            rest = after;
        }
    }
}

/// A line of a quote without its mark, and without the first white space behind that (§5.1.3).
fn unquoted<'t>(&(offset, line): &Line<'t>) -> Option<Line<'t>> {
    let inner = line.strip_prefix('>')?;
    let trimmed = match inner.chars().next() {
        Some(first) if first.is_whitespace() => &inner[first.len_utf8()..],
        _ => inner,
    };
    Some((offset + line.len() - trimmed.len(), trimmed))
}

const MARKS: [u8; 4] = *b"*_~`";

/// §5.2. Recurses at most once for each kind of mark: a span of a kind ends at the first mark that may end it, so none
/// of its own kind can be whole inside.
fn read_spans(text: &str, offset: usize, mentions: &Mentions<'_>, out: &mut Vec<Span>) {
    let bytes = text.as_bytes();
    // Kinds of which no closing mark follows any more: looked for once, not once for each opening one.
    let mut exhausted = [false; MARKS.len()];
    let mut plain = 0;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let kind = MARKS.iter().position(|mark| *mark == byte);
        let Some(kind) = kind.filter(|kind| !exhausted[*kind] && may_open(text, at)) else {
            at += 1;
            continue;
        };
        match closing(text, at) {
            Closing::At(end) => {
                inline::read(&text[plain..at], offset + plain, mentions, out);
                let inner = &text[at + 1..end];
                let mut spans = Vec::new();
                if byte != b'`' {
                    read_spans(inner, offset + at + 1, mentions, &mut spans);
                }
                out.push(match byte {
                    b'*' => Span::Strong(spans),
                    b'_' => Span::Emphasis(spans),
                    b'~' => Span::Strikethrough(spans),
                    _ => Span::Code(inner.to_owned()),
                });
                at = end + 1;
                plain = at;
            }
            // Two marks with nothing between them: neither of them is one.
            Closing::Empty => at += 2,
            Closing::None => {
                exhausted[kind] = true;
                at += 1;
            }
        }
    }
    inline::read(&text[plain..], offset + plain, mentions, out);
}

/// Whether a mark stands where one may open: at the beginning (which, inside a span, is behind another opening mark), or
/// behind white space; and not before white space.
fn may_open(text: &str, at: usize) -> bool {
    let before = text[..at].chars().next_back();
    let behind = text[at + 1..].chars().next();
    before.is_none_or(char::is_whitespace) && behind.is_some_and(|it| !it.is_whitespace())
}

enum Closing {
    At(usize),
    Empty,
    None,
}

/// The first mark behind an opening one that may close it: one that is not behind white space.
fn closing(text: &str, opening: usize) -> Closing {
    let from = opening + 1;
    let bytes = text.as_bytes();
    for found in memchr::memchr_iter(bytes[opening], &bytes[from..]) {
        let end = from + found;
        if found == 0 {
            return Closing::Empty;
        }
        if !text[..end].ends_with(char::is_whitespace) {
            return Closing::At(end);
        }
    }
    Closing::None
}
