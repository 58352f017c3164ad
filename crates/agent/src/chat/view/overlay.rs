//! What lies over the conversation: switcher, search, details, verification, code, reactions, questions, help.

use client::{DeviceView, Trust, fingerprint};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Widget};

use super::{style, text, timeline};
use crate::chat::app::{App, Confirm, DetailsRow, Overlay};
use crate::chat::commands;
use crate::chat::composer::Composer;
use crate::chat::keys::{self, Target};
use crate::chat::source::Found;
use crate::code;
use crate::words::Words;

/// A frame in the middle with a title; gives what is inside.
fn panel(title: &str, area: Rect, width: u16, height: u16, buffer: &mut Buffer) -> Rect {
    let width = width.min(area.width);
    let height = height.min(area.height);
    let at = Rect::new(
        area.x + (area.width - width) / 2,
        area.y + (area.height - height) / 2,
        width,
        height,
    );
    Clear.render(at, buffer);
    let title = text::cut(title, usize::from(width.saturating_sub(4)));
    let block = Block::bordered().title(Line::styled(format!(" {title} "), style::BOLD));
    let inner = block.inner(at);
    block.render(at, buffer);
    Rect::new(
        inner.x + 1,
        inner.y,
        inner.width.saturating_sub(2),
        inner.height,
    )
}

/// Lines from the top; `chosen` is in sight and marked. Gives the first that is shown.
fn lines(found: &[Line<'static>], chosen: Option<usize>, area: Rect, buffer: &mut Buffer) {
    let height = usize::from(area.height);
    let start = chosen.map_or(0, |chosen| (chosen + 1).saturating_sub(height));
    for (at, line) in found.iter().enumerate().skip(start).take(height) {
        let Ok(offset) = u16::try_from(at - start) else {
            break;
        };
        buffer.set_line(area.x, area.y + offset, line, area.width);
        if chosen == Some(at) {
            let row = Rect::new(area.x, area.y + offset, area.width, 1);
            buffer.set_style(row, style::CHOSEN);
        }
    }
}

fn below(area: Rect, lines: u16) -> Rect {
    let lines = lines.min(area.height);
    Rect::new(area.x, area.y + lines, area.width, area.height - lines)
}

/// A line to type in; gives where the cursor is.
fn input(query: &Composer, area: Rect, buffer: &mut Buffer) -> (u16, u16) {
    let before = &query.text()[..query.cursor()];
    buffer.set_line(
        area.x,
        area.y,
        &Line::raw(format!("› {}", text::harmless(query.text()))),
        area.width,
    );
    let column = u16::try_from(2 + text::width(&text::harmless(before))).unwrap_or(u16::MAX);
    (area.x + column.min(area.width.saturating_sub(1)), area.y)
}

/// Draws what lies over the conversation; gives where the cursor is, if somebody types in it.
pub(super) fn draw(
    app: &App,
    overlay: &Overlay,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<(u16, u16)> {
    let words = app.words;
    match overlay {
        Overlay::Switcher { query, chosen } => {
            let inner = panel(words.switch_title, area, 64, 18, buffer);
            let cursor = input(query, inner, buffer);
            let found = targets(app, query.text(), usize::from(inner.width));
            if found.is_empty() {
                let said = text::wrap(
                    &[(words.switch_empty.to_owned(), style::DIM)],
                    usize::from(inner.width),
                );
                lines(&said, None, below(inner, 2), buffer);
            } else {
                lines(&found, Some(*chosen), below(inner, 2), buffer);
            }
            Some(cursor)
        }
        Overlay::Search {
            query,
            found,
            chosen,
        } => Some(search(app, query, found, *chosen, area, buffer)),
        Overlay::Details { rows, chosen } => {
            let inner = panel(words.details_title, area, 100, area.height, buffer);
            details(words, rows, *chosen, inner, buffer);
            None
        }
        Overlay::Verify { theirs, ours } => {
            verify(app, theirs, ours.as_deref(), area, buffer);
            None
        }
        Overlay::Code => {
            own_code(app, area, buffer);
            None
        }
        Overlay::React { query, chosen, .. } => {
            let inner = panel(words.react_title, area, 48, 14, buffer);
            let cursor = input(query, inner, buffer);
            let found: Vec<Line<'static>> = keys::reactions(query.text())
                .into_iter()
                .enumerate()
                .map(|(at, emoji)| match query.is_empty() {
                    true => Line::raw(format!("{}  {emoji}", at + 1)),
                    false => Line::raw(emoji.to_owned()),
                })
                .collect();
            lines(&found, Some(*chosen), below(inner, 2), buffer);
            last(words.react_hint, inner, buffer);
            Some(cursor)
        }
        Overlay::Confirm(confirm) => {
            let question = match confirm {
                Confirm::Remove(..) => words.confirm_remove.to_owned(),
                Confirm::Expel(_, who) => (words.confirm_expel)(&app.name_of(who)),
                Confirm::Part(id) => (words.confirm_part)(&app.name_of(id.jid())),
            };
            let inner = panel("?", area, 60, 6, buffer);
            let said = text::wrap(&[(question, style::BOLD)], usize::from(inner.width));
            lines(&said, None, inner, buffer);
            last(words.confirm_keys, inner, buffer);
            None
        }
        Overlay::Help { scroll } => {
            let inner = panel(words.help_title, area, 78, area.height, buffer);
            let all = help(words);
            let most = all.len().saturating_sub(usize::from(inner.height));
            let shown = &all[(*scroll).min(most)..];
            lines(shown, None, inner, buffer);
            None
        }
    }
}

/// A line at the bottom of a panel.
fn last(said: &str, inner: Rect, buffer: &mut Buffer) {
    if inner.height > 0 {
        let line = Line::styled(text::cut(said, usize::from(inner.width)), style::DIM);
        buffer.set_line(inner.x, inner.bottom() - 1, &line, inner.width);
    }
}

fn targets(app: &App, typed: &str, columns: usize) -> Vec<Line<'static>> {
    let words = app.words;
    app.targets(typed)
        .iter()
        .map(|target| match target {
            Target::Conversation(id) => {
                let name = app.name_of(id.jid());
                let name = text::cut(&name, columns / 2);
                let rest = columns.saturating_sub(text::width(&name) + 2);
                Line::from(vec![
                    Span::raw(name),
                    Span::styled(format!("  {}", text::cut(id.as_str(), rest)), style::DIM),
                ])
            }
            Target::NewChat(account) => Line::raw((words.new_chat)(account.as_str())),
            Target::Command(command) => Line::from(vec![
                Span::styled(format!("/{} ", command.name), style::ACCENT),
                Span::styled((command.words)(&words.commands).to_owned(), style::DIM),
            ]),
        })
        .collect()
}

fn search(
    app: &App,
    query: &Composer,
    found: &Result<Vec<Found>, String>,
    chosen: usize,
    area: Rect,
    buffer: &mut Buffer,
) -> (u16, u16) {
    let words = app.words;
    let inner = panel(words.search_title, area, 100, area.height, buffer);
    let cursor = input(query, inner, buffer);
    last(words.search_hint, inner, buffer);
    let columns = usize::from(inner.width);
    let list = Rect::new(
        inner.x,
        inner.y,
        inner.width,
        inner.height.saturating_sub(1),
    );
    let list = below(list, 2);
    match found {
        Err(why) => {
            let said = text::wrap(&[(why.clone(), style::RED)], columns);
            lines(&said, None, list, buffer);
        }
        Ok(found) if found.is_empty() => {
            if !query.text().trim().is_empty() {
                lines(
                    &[Line::styled(words.search_empty, style::DIM)],
                    None,
                    list,
                    buffer,
                );
            }
        }
        Ok(found) => {
            let rows: Vec<Line<'static>> = found
                .iter()
                .map(|found| {
                    let said = match &found.message.body {
                        client::views::Body::Text { text, .. } => text.expose().to_string(),
                        _ => String::new(),
                    };
                    let head = format!(
                        "{} {} · {}: ",
                        timeline::short(app, found.message.time),
                        found.name,
                        found.message.sender.name
                    );
                    let head = text::cut(&head, columns / 2);
                    let rest = columns.saturating_sub(text::width(&head));
                    Line::from(vec![
                        Span::styled(head, style::DIM),
                        Span::raw(text::cut(&said, rest)),
                    ])
                })
                .collect();
            lines(&rows, Some(chosen), list, buffer);
        }
    }
    cursor
}

fn trust(words: &Words, device: &DeviceView) -> (&'static str, ratatui::style::Style) {
    if device.this {
        return (words.this_device, style::ACCENT);
    }
    match device.trust {
        Some(Trust::Verified { .. }) => (words.verified, style::ACCENT),
        Some(Trust::FirstUse) => (words.first_use, style::PLAIN),
        Some(Trust::Undecided) => (words.undecided, style::AMBER),
        Some(Trust::Distrusted { .. }) => (words.distrusted, style::RED),
        None => (words.key_unknown, style::DIM),
    }
}

fn device_name(device: &DeviceView) -> String {
    device.label.as_ref().map_or_else(
        || device.device.to_string(),
        |label| format!("{label} ({})", device.device),
    )
}

fn details(words: &Words, rows: &[DetailsRow], chosen: usize, inner: Rect, buffer: &mut Buffer) {
    let columns = usize::from(inner.width);
    let found: Vec<Line<'static>> = rows
        .iter()
        .map(|row| match row {
            DetailsRow::Heading(heading) => Line::styled(text::cut(heading, columns), style::BOLD),
            DetailsRow::Empty(said) => Line::styled(format!("  {said}"), style::DIM),
            DetailsRow::Member(member) => {
                let mut said = member.name.to_string();
                if member.own {
                    said = format!("{said} ({})", words.you);
                }
                let account = member
                    .account
                    .as_ref()
                    .map_or_else(String::new, ToString::to_string);
                Line::from(vec![
                    Span::raw(format!("  {}", text::cut(&said, columns / 2))),
                    Span::styled(
                        format!("  {}", text::cut(&account, columns / 2)),
                        style::DIM,
                    ),
                ])
            }
            DetailsRow::Device(device) => {
                let (said, colour) = trust(words, device);
                let gone = match device.forms.is_empty() {
                    true => format!(", {}", words.gone),
                    false => String::new(),
                };
                let name = text::cut(&device_name(device), columns / 2);
                Line::from(vec![
                    Span::raw(format!("  {name}  ")),
                    Span::styled(format!("{said}{gone}"), colour),
                ])
            }
        })
        .collect();
    let list = Rect::new(
        inner.x,
        inner.y,
        inner.width,
        inner.height.saturating_sub(1),
    );
    lines(&found, Some(chosen), list, buffer);
    last(words.details_keys, inner, buffer);
}

/// Both fingerprints, each in two lines of four groups.
fn verify(
    app: &App,
    theirs: &DeviceView,
    ours: Option<&DeviceView>,
    area: Rect,
    buffer: &mut Buffer,
) {
    let words = app.words;
    let title = (words.verify_title)(&app.name_of(&theirs.account));
    let inner = panel(&title, area, 60, 14, buffer);
    let mut said = Vec::new();
    for (heading, device) in [
        (words.verify_theirs, Some(theirs)),
        (words.verify_ours, ours),
    ] {
        let Some(device) = device else { continue };
        let name = text::cut(&device_name(device), usize::from(inner.width) / 2);
        said.push(Line::from(vec![
            Span::styled(format!("{heading}  "), style::BOLD),
            Span::styled(name, style::DIM),
        ]));
        let digits = device
            .identity
            .as_ref()
            .map(fingerprint)
            .unwrap_or_default();
        let groups: Vec<&str> = digits.split(' ').collect();
        for half in groups.chunks(4) {
            said.push(Line::raw(format!("  {}", half.join("  "))));
        }
        said.push(Line::default());
    }
    said.push(Line::raw(words.verify_question));
    lines(&said, None, inner, buffer);
    last(words.verify_keys, inner, buffer);
}

fn own_code(app: &App, area: Rect, buffer: &mut Buffer) {
    let words = app.words;
    let drawn = code::half_blocks(&app.uri).unwrap_or_default();
    let wide = drawn.first().map_or(0, |line| line.chars().count());
    let fits = |value: usize, room: u16| u16::try_from(value).is_ok_and(|value| value <= room);
    if drawn.is_empty() || !fits(wide, area.width) || !fits(drawn.len(), area.height) {
        let inner = panel(words.code_title, area, area.width, area.height, buffer);
        let columns = usize::from(inner.width);
        let mut said = text::wrap(&[(words.code_small.to_owned(), style::PLAIN)], columns);
        said.push(Line::default());
        said.extend(text::wrap(&[(app.uri.clone(), style::PLAIN)], columns));
        lines(&said, None, inner, buffer);
        return;
    }
    Clear.render(area, buffer);
    let (Ok(width), Ok(height)) = (u16::try_from(wide), u16::try_from(drawn.len())) else {
        return;
    };
    let x = area.x + (area.width - width) / 2;
    let y = area.y + (area.height - height) / 2;
    for (at, line) in (y..).zip(&drawn) {
        buffer.set_line(x, at, &Line::styled(line.clone(), style::CODE), width);
    }
    if y + height < area.bottom() {
        let hint = text::cut(words.code_hint, usize::from(area.width));
        buffer.set_line(x, y + height, &Line::styled(hint, style::DIM), area.width);
    }
}

fn help(words: &Words) -> Vec<Line<'static>> {
    let key_name = |name: &str| match words.tag {
        "de" => name
            .replace("Ctrl", "Strg")
            .replace("PgUp", "Bild↑")
            .replace("PgDn", "Bild↓")
            .replace("End", "Ende")
            .replace("Shift", "Umschalt"),
        _ => name.to_owned(),
    };
    let two = |left: String, right: &str| {
        let gap = " ".repeat(22_usize.saturating_sub(text::width(&left)).max(1));
        Line::from(vec![
            Span::styled(left, style::ACCENT),
            Span::raw(gap),
            Span::raw(right.to_owned()),
        ])
    };
    let mut all: Vec<Line<'static>> = keys::MAP
        .iter()
        .map(|(name, said)| two(key_name(name), said(&words.keys)))
        .collect();
    all.push(Line::default());
    all.push(Line::styled(words.help_marks, style::BOLD));
    all.extend(
        words
            .marks
            .iter()
            .map(|(mark, said)| two((*mark).to_owned(), said)),
    );
    all.push(Line::default());
    all.push(Line::styled(words.help_commands, style::BOLD));
    all.extend(commands::ALL.iter().map(|command| {
        let usage = format!("/{} {}", command.name, command.takes);
        two(
            usage.trim_end().to_owned(),
            (command.words)(&words.commands),
        )
    }));
    all
}
