//! Text into lines of a width: styled as XEP-0393 has it, wrapped between words, without anything that a terminal
//! would obey.

use client::text::{Block, Document, Span};
use client::views::Mention;
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::style;

/// A piece of text in one style.
pub(super) type Piece = (String, Style);

/// Columns that a text takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// A text without what terminals obey: controls vanish, tabs and line ends become blanks.
pub(crate) fn harmless(text: &str) -> String {
    text.chars()
        .filter_map(|character| match character {
            '\n' | '\t' => Some(' '),
            // Marks that turn the direction of what stands behind them could make a name look like another one.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => None,
            _ => (!character.is_control()).then_some(character),
        })
        .collect()
}

/// The first `columns` columns of a text, with `…` when something is missing.
pub(super) fn cut(text: &str, columns: usize) -> String {
    let text = harmless(text);
    if width(&text) <= columns {
        return text;
    }
    let mut out = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        used += width(grapheme);
        if used + 1 > columns {
            break;
        }
        out.push_str(grapheme);
    }
    if columns > 0 {
        out.push('…');
    }
    out
}

/// The lines of a body, each with what stands before it (marks of quotations).
pub(super) fn body(text: &str, mentions: &[Mention], columns: usize) -> Vec<Line<'static>> {
    let document = Document::parse(text, mentions);
    let mut lines = Vec::new();
    blocks(&document.blocks, "", columns, &mut lines);
    lines
}

fn blocks(blocks_: &[Block], before: &str, columns: usize, lines: &mut Vec<Line<'static>>) {
    let room = columns.saturating_sub(width(before)).max(4);
    let mut push = |wrapped: Vec<Line<'static>>| {
        for mut line in wrapped {
            if !before.is_empty() {
                line.spans.insert(
                    0,
                    ratatui::text::Span::styled(before.to_owned(), style::DIM),
                );
            }
            lines.push(line);
        }
    };
    for block in blocks_ {
        match block {
            Block::Line(found) => {
                let mut pieces = Vec::new();
                spans(found, style::PLAIN, &mut pieces);
                push(wrap(&pieces, room));
            }
            Block::Pre { text, .. } => {
                for line in text.lines() {
                    let line = format!("  {}", line.replace('\t', "    "));
                    push(wrap(&[(line, style::ACCENT)], room));
                }
            }
            Block::Quote(inner) => {
                let deeper = format!("{before}┃ ");
                let mut quoted = Vec::new();
                blocks(inner, &deeper, columns, &mut quoted);
                // What stands before a quotation is in it already.
                for line in quoted {
                    push_plain(&mut push, line, before);
                }
            }
        }
    }
}

/// Takes a line that has its marks.
fn push_plain(push: &mut impl FnMut(Vec<Line<'static>>), mut line: Line<'static>, before: &str) {
    if !before.is_empty()
        && let Some(first) = line.spans.first_mut()
        && let Some(rest) = first.content.strip_prefix(before)
    {
        let rest = rest.to_owned();
        first.content = rest.into();
    }
    push(vec![line]);
}

fn spans(found: &[Span], style: Style, pieces: &mut Vec<Piece>) {
    for span in found {
        match span {
            Span::Text(text) => pieces.push((text.clone(), style)),
            Span::Strong(inner) => spans(inner, style.add_modifier(Modifier::BOLD), pieces),
            Span::Emphasis(inner) => spans(inner, style.add_modifier(Modifier::ITALIC), pieces),
            Span::Strikethrough(inner) => {
                spans(inner, style.add_modifier(Modifier::CROSSED_OUT), pieces);
            }
            Span::Code(text) => pieces.push((text.clone(), style.patch(style::ACCENT))),
            Span::Link { text, .. } => {
                pieces.push((text.clone(), style.add_modifier(Modifier::UNDERLINED)));
            }
            Span::Mention { text, .. } => pieces.push((text.clone(), style.patch(style::AMBER))),
            Span::Emoji(emoji) => pieces.push((emoji.clone(), style)),
        }
    }
}

/// Wraps pieces between words; what is longer than a line is cut where the line ends.
pub(super) fn wrap(pieces: &[Piece], columns: usize) -> Vec<Line<'static>> {
    let columns = columns.max(2);
    let mut lines: Vec<Vec<Piece>> = vec![Vec::new()];
    let mut used = 0;
    for (text, style) in pieces {
        for word in harmless(text).split_word_bounds() {
            let wide = width(word);
            if used + wide > columns && used > 0 {
                lines.push(Vec::new());
                used = 0;
                if word.trim().is_empty() {
                    continue;
                }
            }
            if wide <= columns {
                push(&mut lines, word, *style);
                used += wide;
                continue;
            }
            for grapheme in word.graphemes(true) {
                let wide = width(grapheme);
                if used + wide > columns {
                    lines.push(Vec::new());
                    used = 0;
                }
                push(&mut lines, grapheme, *style);
                used += wide;
            }
        }
    }
    lines
        .into_iter()
        .map(|pieces| {
            Line::from_iter(
                pieces
                    .into_iter()
                    .map(|(text, style)| ratatui::text::Span::styled(text, style)),
            )
        })
        .collect()
}

fn push(lines: &mut [Vec<Piece>], text: &str, style: Style) {
    let Some(line) = lines.last_mut() else { return };
    match line.last_mut() {
        Some((last, same)) if *same == style => last.push_str(text),
        _ => line.push((text.to_owned(), style)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str, columns: usize) -> Vec<String> {
        body(text, &[], columns)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn lines_end_between_words() {
        assert_eq!(
            plain("to be or not to be", 8),
            ["to be or", "not to ", "be"]
        );
        assert_eq!(plain("a-very-long-word", 6), ["a-very", "-long-", "word"]);
        assert_eq!(plain("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(plain("界界界界", 4), ["界界", "界界"]);
        assert_eq!(plain("one\n\ntwo", 8), ["one", "", "two"]);
    }

    #[test]
    fn quotations_have_their_marks_in_every_line() {
        assert_eq!(
            plain("> so he said this\n> > and she that\nyes", 12),
            ["┃ so he said", "┃ this", "┃ ┃ and she ", "┃ ┃ that", "yes"]
        );
    }

    #[test]
    fn nothing_reaches_the_terminal_that_it_would_obey() {
        let hostile = "a\x1b[2Jb\x07c\u{9b}31m\u{202e}d\re";
        assert_eq!(harmless(hostile), "a[2Jbc31mde");
        assert_eq!(plain(hostile, 40), ["a[2Jbc31mde"]);
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(cut("Montague", 8), "Montague");
        assert_eq!(cut("Montague", 5), "Mont…");
        assert_eq!(cut("界界界", 4), "界…");
    }
}
