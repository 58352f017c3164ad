//! Drawing: what the app holds, as cells. It decides nothing and changes nothing.

mod list;
mod overlay;
mod style;
mod text;
mod timeline;

#[cfg(test)]
mod tests;

use client::views::{ConversationKind, Seal};
use client::{ConnectionState, MessageKey};
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation;

use super::app::{App, Mode, Open};

pub(crate) use self::text::harmless;

/// Smallest window that something can be shown in.
const LEAST: (u16, u16) = (40, 8);
/// Narrower windows show the list or the conversation.
const BOTH: u16 = 64;
/// Most lines of the composer.
const COMPOSER_LINES: usize = 8;

/// Columns of the list beside a conversation; none when the window is too narrow for both.
fn list_width(width: u16) -> u16 {
    match width {
        0..BOTH => 0,
        BOTH..100 => 24,
        100..140 => 30,
        _ => 36,
    }
}

/// Columns of the timeline in a window of this size.
pub(crate) fn timeline_width((width, _): (u16, u16)) -> usize {
    let list = list_width(width);
    let line = u16::from(list > 0);
    usize::from(width.saturating_sub(list + line + 1))
}

/// Lines of the timeline as the window is now.
pub(crate) fn timeline_height(app: &App) -> usize {
    let (_, height) = app.size;
    let composer = app
        .open
        .as_ref()
        .map_or(1, |open| composer_lines(app, open).0.len());
    usize::from(height)
        .saturating_sub(2 + 1 + 1 + 1 + composer.min(COMPOSER_LINES))
        .max(1)
}

/// How many lines the conversation that is open has.
pub(crate) fn lines_of_all(app: &App, columns: usize) -> usize {
    app.open
        .as_ref()
        .map_or(0, |open| timeline::rows(app, open, columns).len())
}

/// How many lines stand behind a message.
pub(crate) fn lines_behind(app: &App, key: MessageKey, columns: usize) -> usize {
    let Some(open) = &app.open else { return 0 };
    let rows = timeline::rows(app, open, columns);
    rows.iter()
        .rposition(|row| row.key == Some(key))
        .map_or(0, |at| rows.len() - at - 1)
}

/// Draws everything.
pub(crate) fn draw(app: &App, frame: &mut Frame<'_>) {
    let area = frame.area();
    let cursor = draw_into(app, area, frame.buffer_mut());
    if let Some(cursor) = cursor {
        frame.set_cursor_position(cursor);
    }
}

fn draw_into(app: &App, area: Rect, buffer: &mut Buffer) -> Option<(u16, u16)> {
    if area.width < LEAST.0 || area.height < LEAST.1 {
        let columns = usize::from(area.width);
        let said = text::wrap(&[(app.words.too_small.to_owned(), style::PLAIN)], columns);
        for (y, line) in (area.y..area.bottom()).zip(&said) {
            buffer.set_line(area.x, y, line, area.width);
        }
        return None;
    }
    let bar = Rect::new(area.x, area.bottom() - 1, area.width, 1);
    let rest = Rect::new(area.x, area.y, area.width, area.height - 1);
    let list = list_width(area.width);
    let mut cursor = None;
    if list == 0 {
        match &app.open {
            Some(open) if !app.list_in_front => cursor = conversation(app, open, rest, buffer),
            _ => list::draw(app, rest, buffer),
        }
    } else {
        let left = Rect::new(rest.x, rest.y, list, rest.height);
        list::draw(app, left, buffer);
        for y in rest.y..rest.bottom() {
            buffer.set_line(rest.x + list, y, &Line::styled("│", style::DIM), 1);
        }
        let x = rest.x + list + 1;
        let right = Rect::new(x, rest.y, area.right() - x, rest.height);
        match &app.open {
            Some(open) => cursor = conversation(app, open, right, buffer),
            None => {
                let columns = usize::from(right.width.saturating_sub(2));
                let said = text::wrap(
                    &[(app.words.choose_conversation.to_owned(), style::DIM)],
                    columns,
                );
                for (y, line) in (right.y + right.height / 2..right.bottom()).zip(&said) {
                    buffer.set_line(right.x + 1, y, line, right.width.saturating_sub(2));
                }
            }
        }
    }
    status(app, bar, buffer);
    match &app.overlay {
        Some(overlay) => overlay::draw(app, overlay, rest, buffer),
        None => cursor,
    }
}

/// Head, timeline, what goes on, composer.
fn conversation(app: &App, open: &Open, area: Rect, buffer: &mut Buffer) -> Option<(u16, u16)> {
    let inner = Rect::new(
        area.x + 1,
        area.y,
        area.width.saturating_sub(1),
        area.height,
    );
    head(app, open, inner, buffer);
    let (lines, (column, row)) = composer_lines(app, open);
    let shown = lines.len().min(COMPOSER_LINES);
    let shown_lines = u16::try_from(shown).unwrap_or(1);
    let composer = Rect::new(
        inner.x,
        inner.bottom().saturating_sub(shown_lines),
        inner.width,
        shown_lines,
    );
    let going = Rect::new(inner.x, composer.y.saturating_sub(1), inner.width, 1);
    let rule = going;
    let top = inner.y + 2;
    let timeline = Rect::new(
        inner.x,
        top,
        inner.width,
        going.y.saturating_sub(top).saturating_sub(1),
    );
    timeline::draw(app, open, timeline, buffer);
    let above = Rect::new(inner.x, timeline.bottom(), inner.width, 1);
    going_on(app, open, above, buffer);
    composer_rule(app, open, rule, buffer);
    let suggestions = open.composer.suggestions(&open.members);
    if !suggestions.is_empty() && app.overlay.is_none() {
        let count = u16::try_from(suggestions.len())
            .unwrap_or(0)
            .min(timeline.height);
        for (at, suggestion) in (0..count).zip(&suggestions) {
            let y = rule.y - count + at;
            let chosen = usize::from(at) == open.composer.chosen().min(suggestions.len() - 1);
            let style = if chosen { style::CHOSEN } else { style::ACCENT };
            let wide = usize::from(inner.width).min(34);
            let label = text::cut(&suggestion.label, wide - 2);
            let gap = " ".repeat(wide - 1 - text::width(&label));
            buffer.set_line(
                inner.x,
                y,
                &Line::styled(format!(" {label}{gap}"), style),
                inner.width,
            );
        }
    }
    // The cursor's line is in sight.
    let first = (row + 1).saturating_sub(shown);
    for (y, line) in (composer.y..composer.bottom()).zip(lines.iter().skip(first)) {
        buffer.set_line(composer.x, y, line, composer.width);
    }
    let x = composer.x
        + u16::try_from(column)
            .unwrap_or(0)
            .min(composer.width.saturating_sub(1));
    let y = composer.y + u16::try_from(row - first).unwrap_or(0);
    open.pick.is_none().then_some((x, y))
}

/// Who it is, and who can read.
fn head(app: &App, open: &Open, area: Rect, buffer: &mut Buffer) {
    let words = app.words;
    let columns = usize::from(area.width);
    let name = text::cut(&app.name_of(open.id.jid()), columns / 2);
    let mut about = String::new();
    let mut seal = Span::raw("");
    if let Some(row) = &open.row {
        about = match row.kind {
            ConversationKind::Person if row.status.is_empty() => {
                words.availability[row.availability as usize].to_owned()
            }
            ConversationKind::Person => {
                format!(
                    "{}: {}",
                    words.availability[row.availability as usize], row.status
                )
            }
            _ => row.subject.to_string(),
        };
        let people = match row.kind {
            ConversationKind::Person => String::new(),
            _ => format!(" · {}", (words.count_people)(open.members.len())),
        };
        seal = match row.seal {
            Seal::Encrypted => {
                let readers = open.readers.map_or_else(String::new, |(devices, open)| {
                    format!(" · {}", (words.readers)(devices, open))
                });
                let said = format!("{}{people}{readers}", words.sealed);
                Span::styled(text::cut(&said, columns), style::ACCENT)
            }
            Seal::Off => Span::styled(format!("{}{people}", words.seal_off), style::AMBER),
            Seal::Open => Span::styled(format!("{}{people}", words.seal_open), style::DIM),
        };
    }
    let room = columns.saturating_sub(text::width(&name) + 2);
    let first = Line::from(vec![
        Span::styled(name, style::BOLD),
        Span::styled(format!("  {}", text::cut(&about, room)), style::DIM),
    ]);
    buffer.set_line(area.x, area.y, &first, area.width);
    buffer.set_line(area.x, area.y + 1, &Line::from(seal), area.width);
}

/// Who is typing, and whether there is something newer below.
fn going_on(app: &App, open: &Open, area: Rect, buffer: &mut Buffer) {
    let words = app.words;
    let line = if open.scroll > 0 || open.timeline.has_later {
        let unread = open.row.as_ref().map_or(0, |row| row.unread);
        let unread = usize::try_from(unread).unwrap_or(usize::MAX);
        Line::styled((words.newer_below)(unread), style::ACCENT)
    } else {
        let typing: Vec<&str> = open
            .row
            .iter()
            .flat_map(|row| row.typing.iter().map(AsRef::as_ref))
            .collect();
        if typing.is_empty() {
            return;
        }
        let said = text::cut(&(words.typing)(&typing), usize::from(area.width));
        Line::styled(said, style::DIM)
    };
    buffer.set_line(area.x, area.y, &line, area.width);
}

/// The line above the composer: what its text will be.
fn composer_rule(app: &App, open: &Open, area: Rect, buffer: &mut Buffer) {
    let words = app.words;
    let columns = usize::from(area.width);
    let said = match &open.mode {
        Mode::New => None,
        Mode::Edit { .. } => Some(words.editing.to_owned()),
        Mode::Reply { sender, .. } => Some((words.replying)(sender)),
    };
    let (said, style) = match said {
        Some(said) => (format!("── {said} · {} ", words.escape_ends), style::ACCENT),
        None => (String::new(), style::DIM),
    };
    let said = text::cut(&said, columns);
    let rest = "─".repeat(columns - text::width(&said));
    buffer.set_line(
        area.x,
        area.y,
        &Line::styled(format!("{said}{rest}"), style),
        area.width,
    );
}

/// The lines of the composer, and where the cursor is in them: column and line.
fn composer_lines(app: &App, open: &Open) -> (Vec<Line<'static>>, (usize, usize)) {
    let columns = timeline_width(app.size).max(2);
    let cannot = open.row.as_ref().and_then(|row| row.cannot_write.clone());
    if let Some(why) = cannot {
        return (
            text::wrap(&[(why.to_string(), style::DIM)], columns),
            (0, 0),
        );
    }
    if open.composer.is_empty() {
        let said = (app.words.write_here)(&app.name_of(open.id.jid()));
        return (
            vec![Line::styled(text::cut(&said, columns), style::DIM)],
            (0, 0),
        );
    }
    // Cut where the line ends, not between words: the cursor stays where it is typed.
    let mut lines = vec![String::new()];
    let mut cursor = (0, 0);
    let mut used = 0;
    let composed = open.composer.text();
    for (at, grapheme) in composed.grapheme_indices(true) {
        let wide = if grapheme == "\t" {
            1
        } else {
            text::width(grapheme)
        };
        if grapheme != "\n" && used + wide > columns - 1 {
            lines.push(String::new());
            used = 0;
        }
        if at == open.composer.cursor() {
            cursor = (used, lines.len() - 1);
        }
        if grapheme == "\n" {
            lines.push(String::new());
            used = 0;
        } else if let Some(line) = lines.last_mut() {
            line.push_str(&text::harmless(grapheme));
            used += wide;
        }
    }
    if open.composer.cursor() == composed.len() {
        cursor = (used, lines.len() - 1);
    }
    (lines.into_iter().map(Line::raw).collect(), cursor)
}

/// The lowest line: what is to be told, how far we are, what keys there are.
fn status(app: &App, area: Rect, buffer: &mut Buffer) {
    let words = app.words;
    let columns = usize::from(area.width);
    if let Some(remark) = &app.remark {
        let style = if remark.urgent {
            style::RED.patch(style::BOLD)
        } else {
            style::ACCENT
        };
        buffer.set_line(
            area.x,
            area.y,
            &Line::styled(text::cut(&remark.text, columns), style),
            area.width,
        );
        return;
    }
    let (said, style) = match &app.connection {
        ConnectionState::Online => match app.catching_up {
            Some(left) => ((words.catching_up)(left), style::DIM),
            None => (words.online.to_owned(), style::DIM),
        },
        ConnectionState::Connecting => (words.connecting.to_owned(), style::DIM),
        ConnectionState::Waiting { until, text } => {
            let seconds = until.since(app.now).as_secs();
            ((words.waiting)(seconds, text), style::AMBER)
        }
        _ => (words.offline.to_owned(), style::AMBER),
    };
    let said = text::cut(&format!("{} {said}", app.account), columns);
    let hints = match &app.open {
        Some(open) if open.pick.is_some() => words.pick_hints,
        _ => words.hints,
    };
    let rest = columns.saturating_sub(text::width(&said) + 2);
    let hints = if text::width(hints) <= rest {
        hints
    } else {
        "F1"
    };
    let hints = if text::width(hints) <= rest {
        hints
    } else {
        ""
    };
    let gap = " ".repeat(columns - text::width(&said) - text::width(hints));
    let line = Line::from(vec![
        Span::styled(said, style),
        Span::raw(gap),
        Span::styled(hints, style::DIM),
    ]);
    buffer.set_line(area.x, area.y, &line, area.width);
}
