//! The list of conversations.

use client::views::{Availability, Conversation, Notify};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{style, text, timeline};
use crate::chat::app::{App, Filter, Section};

/// Draws the list into its area.
pub(super) fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    let words = app.words;
    let columns = usize::from(area.width);
    let filter = match app.filter {
        Filter::All => String::new(),
        Filter::Unread => format!(" · {}", words.filter_unread),
        Filter::Mentions => format!(" · {}", words.filter_mentions),
    };
    let title = text::cut(&format!("{}{filter}", words.conversations), columns);
    buffer.set_line(
        area.x,
        area.y,
        &Line::styled(title, style::BOLD),
        area.width,
    );

    let mut lines: Vec<(Line<'static>, bool)> = Vec::new();
    let mut chosen_at = 0;
    let mut section = None;
    let rows = app.rows();
    for (of, row) in &rows {
        if section != Some(*of) {
            section = Some(*of);
            let heading = match of {
                Section::Pinned => words.pinned,
                Section::People => words.people,
                Section::Groups => words.groups,
                Section::Rooms => words.rooms,
            };
            lines.push((Line::styled(text::cut(heading, columns), style::DIM), false));
        }
        let is_open = app.open.as_ref().is_some_and(|open| open.id == row.id);
        if is_open {
            chosen_at = lines.len();
        }
        lines.push((head(app, row, columns), is_open));
        lines.push((preview(app, row, columns), is_open));
    }
    if rows.is_empty() {
        let said = match app.filter {
            Filter::All => words.no_conversations,
            _ => words.nothing_unread,
        };
        let wrapped = text::wrap(&[(said.to_owned(), style::DIM)], columns);
        lines.extend(wrapped.into_iter().map(|line| (line, false)));
    }

    let height = usize::from(area.height.saturating_sub(1));
    // The conversation that is open is in sight.
    let start = (chosen_at + 2).saturating_sub(height);
    for (at, (line, is_open)) in lines.iter().skip(start).take(height).enumerate() {
        let Ok(offset) = u16::try_from(at + 1) else {
            break;
        };
        let y = area.y + offset;
        buffer.set_line(area.x, y, line, area.width);
        if *is_open {
            buffer.set_style(Rect::new(area.x, y, area.width, 1), style::CHOSEN);
        }
    }
}

/// Presence, name, time and what is unread.
fn head(app: &App, row: &Conversation, columns: usize) -> Line<'static> {
    let (presence, colour) = presence(row);
    let badge = if row.mentions > 0 {
        Span::styled(format!(" @{}", row.unread), style::AMBER)
    } else if row.unread > 0 {
        let style = match row.notify {
            Notify::Always => style::ACCENT.patch(style::BOLD),
            _ => style::DIM,
        };
        Span::styled(format!(" {}", row.unread), style)
    } else if row.notify == Notify::Never {
        Span::styled(format!(" {}", app.words.muted), style::DIM)
    } else {
        let time = row
            .last
            .as_ref()
            .map_or_else(String::new, |last| timeline::short(app, last.time));
        Span::styled(format!(" {time}"), style::DIM)
    };
    let room = columns.saturating_sub(2 + badge.width());
    let name = text::cut(&row.name, room);
    let gap = " ".repeat(room - text::width(&name));
    let style = if row.unread > 0 {
        style::BOLD
    } else {
        style::PLAIN
    };
    Line::from(vec![
        Span::styled(format!("{presence} "), colour),
        Span::styled(name, style),
        Span::raw(gap),
        badge,
    ])
}

fn presence(row: &Conversation) -> (char, Style) {
    use client::views::ConversationKind::{Group, Person, Room};
    match (row.kind, row.availability) {
        (Group | Room, Availability::Offline) => ('□', style::DIM),
        (Group | Room, _) => ('■', style::DIM),
        (Person, Availability::Online) => ('●', Style::new().fg(ratatui::style::Color::Green)),
        (Person, Availability::Busy) => ('●', style::RED),
        (Person, Availability::Away | Availability::ExtendedAway) => ('◐', style::AMBER),
        (Person, Availability::Offline) => ('○', style::DIM),
    }
}

/// One line of the newest message, or the draft.
fn preview(app: &App, row: &Conversation, columns: usize) -> Line<'static> {
    let words = app.words;
    let room = columns.saturating_sub(2);
    let draft = row.draft.expose();
    let is_open = app.open.as_ref().is_some_and(|open| open.id == row.id);
    if !draft.is_empty() && !is_open {
        let said = text::cut(&format!("{}: {draft}", words.draft), room);
        return Line::from(vec![Span::raw("  "), Span::styled(said, style::AMBER)]);
    }
    if let Some(typing) = row.typing.first() {
        let said = text::cut(&(words.typing)(&[typing.as_ref()]), room);
        return Line::from(vec![Span::raw("  "), Span::styled(said, style::ACCENT)]);
    }
    let said = row.last.as_ref().map_or_else(String::new, |last| {
        let said = if last.removed {
            words.removed_short
        } else if last.unreadable {
            words.unreadable_short
        } else if last.text.expose().starts_with("aesgcm:") {
            // An address with its key: it is a file, and is not for showing.
            words.file_short
        } else {
            last.text.expose().as_ref()
        };
        let sender = if last.own {
            words.you
        } else {
            last.sender.as_ref()
        };
        match sender {
            "" => said.to_owned(),
            _ => format!("{sender}: {said}"),
        }
    });
    Line::from(vec![
        Span::raw("  "),
        Span::styled(text::cut(&said, room), style::DIM),
    ])
}
