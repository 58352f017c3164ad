//! The timeline: what was said, as lines.

use client::files::Attachment;
use client::views::{Body, Delivery, Message, Notice, Protection, TimelineItem};
use client::{MessageKey, Timestamp, Trust};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{style, text};
use crate::chat::app::{App, Open};
use crate::words::Words;

/// Messages of one sender within this time stand under one name, in microseconds.
const GROUPED: i64 = 5 * 60 * 1_000_000;

/// A line, and the message that it belongs to.
pub(super) struct Row {
    pub(super) line: Line<'static>,
    pub(super) key: Option<MessageKey>,
}

impl Row {
    fn new(line: impl Into<Line<'static>>) -> Self {
        Self {
            line: line.into(),
            key: None,
        }
    }
}

/// Lines of a timeline, from top to bottom.
struct Builder<'a> {
    app: &'a App,
    open: &'a Open,
    words: &'static Words,
    columns: usize,
    rows: Vec<Row>,
    /// Who has said the last thing, and when.
    last: Option<(String, Timestamp)>,
}

/// All lines of the conversation that is open.
pub(super) fn rows(app: &App, open: &Open, columns: usize) -> Vec<Row> {
    let mut builder = Builder {
        app,
        open,
        words: app.words,
        columns,
        rows: Vec::new(),
        last: None,
    };
    if open.timeline.has_earlier {
        builder.centred(app.words.earlier, style::DIM);
    } else if open.timeline.items.is_empty() {
        builder.centred(app.words.nothing_yet, style::DIM);
    }
    for item in &open.timeline.items {
        builder.item(item);
    }
    builder.rows
}

impl Builder<'_> {
    fn push(&mut self, line: impl Into<Line<'static>>) {
        self.rows.push(Row::new(line));
    }

    fn centred(&mut self, words: &str, style: Style) {
        let words = text::cut(words, self.columns);
        let before = (self.columns - text::width(&words)) / 2;
        self.push(Line::styled(
            format!("{}{words}", " ".repeat(before)),
            style,
        ));
        self.last = None;
    }

    fn ruled(&mut self, words: &str, style: Style) {
        let words = text::cut(words, self.columns.saturating_sub(6));
        let rest = self.columns.saturating_sub(text::width(&words) + 5);
        self.push(Line::styled(
            format!("── {words} {}", "─".repeat(rest)),
            style,
        ));
        self.last = None;
    }

    /// Words under what was said, wrapped.
    fn beneath(&mut self, words: &str, style: Style) {
        let columns = self.columns.saturating_sub(2);
        for mut line in text::wrap(&[(words.to_owned(), style)], columns) {
            line.spans.insert(0, Span::raw("  "));
            self.push(line);
        }
    }

    fn item(&mut self, item: &TimelineItem) {
        match item {
            TimelineItem::Day(day) => {
                let words = day_in_words(self.words, *day, today(self.app));
                self.ruled(&words, style::DIM);
            }
            TimelineItem::Unread => self.ruled(self.words.new, style::AMBER),
            TimelineItem::Missing => self.centred(self.words.missing, style::DIM),
            TimelineItem::Message(message) => self.message(message),
            TimelineItem::Notice { notice, .. } => self.notice(notice),
            _ => {}
        }
    }

    fn notice(&mut self, notice: &Notice) {
        let words = self.words;
        self.last = None;
        let (said, style) = match notice {
            Notice::NewDevice { account, device } => (
                (words.new_device)(&self.app.name_of(account), &device.to_string()),
                style::DIM,
            ),
            Notice::KeyChanged { account, device } => (
                (words.key_changed)(&self.app.name_of(account), &device.to_string()),
                style::RED,
            ),
            Notice::Invited { by } => {
                let by = by.as_ref().map(|by| self.app.name_of(by));
                ((words.invited)(by.as_deref()), style::DIM)
            }
            Notice::Expelled { reason } => ((words.expelled)(reason.expose()), style::RED),
            Notice::Closed { reason } => ((words.closed)(reason.expose()), style::RED),
            Notice::Reminder { text, .. } => ((words.reminder)(text.expose()), style::DIM),
            Notice::Subject { by, subject } => {
                ((words.subject_set)(by, subject.expose()), style::DIM)
            }
            _ => return,
        };
        for line in text::wrap(&[(said, style)], self.columns) {
            self.push(line);
        }
    }

    fn message(&mut self, message: &Message) {
        let first = self.rows.len();
        self.head(message);
        self.reply(message);
        self.body(message);
        self.remarks(message);
        for row in &mut self.rows[first..] {
            row.key = Some(message.key);
        }
        self.seen_by(message.key);
    }

    /// The name and the time, when the one before is of somebody else or long ago.
    fn head(&mut self, message: &Message) {
        let who = message
            .sender
            .account
            .as_ref()
            .map_or_else(|| message.sender.name.to_string(), ToString::to_string);
        let is_grouped = self.last.as_ref().is_some_and(|(last, time)| {
            *last == who && message.time.micros() - time.micros() < GROUPED
        });
        if !is_grouped {
            let name = if message.sender.own {
                self.words.you.to_owned()
            } else {
                text::cut(&message.sender.name, self.columns.saturating_sub(8))
            };
            let style = if message.sender.own {
                style::ACCENT.patch(style::BOLD)
            } else {
                style::name(&who)
            };
            self.push(Line::from(vec![
                Span::styled(name, style),
                Span::styled(
                    format!("  {}", clock(message.time, &self.app.zone)),
                    style::DIM,
                ),
            ]));
        }
        self.last = Some((who, message.time));
    }

    fn reply(&mut self, message: &Message) {
        let Some(reply) = &message.reply else { return };
        let quoted = match reply.text.expose() {
            said if said.is_empty() => self.words.reply_gone,
            said if said.starts_with("aesgcm:") => self.words.file_short,
            said => said,
        };
        let line = format!("┃ {}: {quoted}", reply.sender);
        let line = text::cut(&line, self.columns.saturating_sub(2));
        self.push(Line::styled(format!("  {line}"), style::DIM));
    }

    fn body(&mut self, message: &Message) {
        let columns = self.columns.saturating_sub(2);
        let in_words = |said: String, style: Style| text::wrap(&[(said, style)], columns);
        let words = self.words;
        let mut lines = match &message.body {
            Body::Text {
                text: said,
                elements,
            } => {
                let files = Attachment::read_all(said.expose(), elements.expose());
                match files.is_empty() {
                    true => text::body(said.expose(), &message.mentions, columns),
                    false => files
                        .iter()
                        .flat_map(|file| in_words(file_in_words(words, file), style::ACCENT))
                        .collect(),
                }
            }
            Body::Waiting => in_words(words.waits_for_earlier.to_owned(), style::DIM),
            Body::Unreadable {
                reason,
                suspicious: true,
            } => in_words((words.suspicious)(reason), style::RED),
            Body::Unreadable { reason, .. } => in_words((words.unreadable)(reason), style::DIM),
            Body::Removed(removal) => {
                let mut said = removal
                    .by
                    .as_ref()
                    .map_or_else(|| words.removed.to_owned(), |by| (words.removed_by)(by));
                if let Some(reason) = &removal.reason {
                    said = format!("{said} {}", (words.reason)(reason.expose()));
                }
                in_words(said, style::DIM)
            }
            _ => in_words(words.cannot_show.to_owned(), style::DIM),
        };
        let mut marks = Vec::new();
        if message.edited.is_some() && matches!(message.body, Body::Text { .. }) {
            marks.push(Span::styled(format!(" ({})", words.edited), style::DIM));
        }
        match &message.delivery {
            Delivery::Waiting => marks.push(Span::styled(" ◷", style::DIM)),
            Delivery::Delivered => marks.push(Span::styled(" ✓", style::DIM)),
            Delivery::Displayed => marks.push(Span::styled(" ✓✓", style::ACCENT)),
            Delivery::Failed(_) => marks.push(Span::styled(" !", style::RED)),
            Delivery::Received | Delivery::Kept => {}
        }
        let wide: usize = marks.iter().map(Span::width).sum();
        match lines.last_mut() {
            Some(last) if last.width() + wide <= columns => last.spans.extend(marks),
            _ if marks.is_empty() => {}
            _ => lines.push(Line::from(marks)),
        }
        for mut line in lines {
            let before = if message.mentions_us {
                Span::styled("▌ ", style::AMBER)
            } else {
                Span::raw("  ")
            };
            line.spans.insert(0, before);
            self.push(line);
        }
    }

    /// What is to be said of a message beside itself.
    fn remarks(&mut self, message: &Message) {
        let words = self.words;
        if !message.reactions.is_empty() {
            let pieces: Vec<_> = message
                .reactions
                .iter()
                .map(|reaction| {
                    let style = if reaction.own {
                        style::ACCENT
                    } else {
                        style::PLAIN
                    };
                    (
                        format!("{} {}  ", reaction.emoji, reaction.senders.len()),
                        style,
                    )
                })
                .collect();
            for mut line in text::wrap(&pieces, self.columns.saturating_sub(2)) {
                line.spans.insert(0, Span::raw("  "));
                self.push(line);
            }
        }
        if let Delivery::Failed(why) = &message.delivery {
            self.beneath(&(words.not_sent)(why), style::RED);
            self.beneath(words.send_again, style::DIM);
        }
        match &message.protection {
            Protection::Encrypted {
                trust, time_is_off, ..
            } => {
                let from = match trust {
                    Trust::Undecided => Some((words.from_undecided, style::AMBER)),
                    Trust::Distrusted { .. } => Some((words.from_distrusted, style::RED)),
                    Trust::FirstUse | Trust::Verified { .. } => None,
                };
                if let Some((said, style)) = from {
                    self.beneath(said, style);
                }
                if *time_is_off {
                    self.beneath(words.clock_off, style::DIM);
                }
            }
            Protection::Readable if self.is_sealed() => {
                self.beneath(words.not_encrypted, style::AMBER);
            }
            Protection::Readable | Protection::Own | Protection::Sealed => {}
        }
        for unreached in &message.unreached {
            let who = self.app.name_of(&unreached.account);
            let who = unreached
                .device
                .as_ref()
                .map_or_else(|| who.to_string(), |device| format!("{who}, {device}"));
            let why = (words.why_unreachable)(&unreached.reason);
            self.beneath(&(words.unreached)(&who, why), style::DIM);
        }
    }

    fn is_sealed(&self) -> bool {
        self.open
            .row
            .as_ref()
            .is_some_and(|row| row.seal == client::views::Seal::Encrypted)
    }

    /// Who has read up to here, in groups and rooms; of a person the message's own mark says it.
    fn seen_by(&mut self, key: MessageKey) {
        let is_person = self
            .open
            .row
            .as_ref()
            .is_none_or(|row| row.kind == client::views::ConversationKind::Person);
        let names: Vec<&str> = self
            .open
            .timeline
            .read_by
            .iter()
            .filter(|(_, read)| *read == key)
            .map(|(name, _)| name.as_ref())
            .collect();
        if is_person || names.is_empty() {
            return;
        }
        let said = (self.words.seen_by)(&names);
        self.beneath(&said, style::DIM);
    }
}

/// A file: its name, its size, what is said of it. Its address holds the key and is not shown.
fn file_in_words(words: &Words, attachment: &Attachment) -> String {
    let file = &attachment.file;
    let name = file.name.as_deref().unwrap_or("–");
    let mut said = (words.file)(name);
    if let Some(size) = file.size {
        said = format!("{said}, {}", size_in_words(size));
    }
    if let Some(description) = &file.description {
        said = format!("{said}. {description}");
    }
    said
}

fn size_in_words(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        1_000_000..1_000_000_000 => format!("{} MB", bytes.div_ceil(1_000_000)),
        _ => format!("{} GB", bytes.div_ceil(1_000_000_000)),
    }
}

/// Draws as much as there is room for; the lowest line is `scroll` lines above the newest.
pub(super) fn draw(app: &App, open: &Open, area: Rect, buffer: &mut ratatui::buffer::Buffer) {
    let rows = rows(app, open, usize::from(area.width));
    let height = usize::from(area.height);
    let mut end = rows
        .len()
        .saturating_sub(open.scroll)
        .max(height.min(rows.len()));
    if let Some(pick) = open.pick {
        // The selected message is in sight.
        let of_it = |row: &Row| row.key == Some(pick);
        let first = rows.iter().position(of_it);
        let last = rows.iter().rposition(of_it);
        if let (Some(first), Some(last)) = (first, last) {
            end = end.max(last + 1);
            if first + height < end {
                end = (first + height).min(rows.len());
            }
        }
    }
    let start = end.saturating_sub(height);
    // A short conversation stands at the bottom, next to the composer.
    let gap = height.saturating_sub(end - start);
    for (at, row) in rows[start..end].iter().enumerate() {
        let Ok(offset) = u16::try_from(at + gap) else {
            break;
        };
        let y = area.y + offset;
        buffer.set_line(area.x, y, &row.line, area.width);
        if row.key.is_some() && row.key == open.pick {
            buffer.set_style(Rect::new(area.x, y, area.width, 1), style::CHOSEN);
        }
    }
}

/// Hours and minutes where the person is.
pub(super) fn clock(time: Timestamp, zone: &TimeZone) -> String {
    zoned(time, zone).map_or_else(String::new, |time| {
        format!("{:02}:{:02}", time.hour(), time.minute())
    })
}

fn zoned(time: Timestamp, zone: &TimeZone) -> Option<jiff::ZonedDateTime> {
    let time = jiff::Timestamp::from_microsecond(time.micros()).ok()?;
    Some(time.to_zoned_datetime(zone.clone()))
}

/// The day where the person is.
fn today(app: &App) -> Option<Date> {
    zoned(app.now, &app.zone).map(|now| now.date())
}

/// The time of today, the weekday of this week, else the date: short, for the list.
pub(super) fn short(app: &App, time: Timestamp) -> String {
    let (Some(then), Some(today)) = (zoned(time, &app.zone), today(app)) else {
        return String::new();
    };
    let date = then.date();
    if date == today {
        return clock(time, &app.zone);
    }
    let days = days(today) - days(date);
    if (1..7).contains(&days) {
        let weekday = app.words.weekdays[weekday(date)];
        return weekday.chars().take(2).collect();
    }
    format!("{:02}.{:02}.", date.day(), date.month())
}

fn weekday(date: Date) -> usize {
    usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or_default()
}

/// Days since 1970-01-01.
fn days(date: Date) -> i64 {
    date.to_zoned_datetime(TimeZone::UTC)
        .map_or(0, |date| date.timestamp().as_second().div_euclid(86_400))
}

fn day_in_words(words: &Words, day: i64, today: Option<Date>) -> String {
    let Some(date) = jiff::Timestamp::from_second(day.saturating_mul(86_400))
        .ok()
        .map(|time| time.to_zoned_datetime(TimeZone::UTC).date())
    else {
        return String::new();
    };
    let year = match today {
        Some(today) if date == today => return words.today.to_owned(),
        Some(today) if days(today) - day == 1 => return words.yesterday.to_owned(),
        Some(today) if today.year() == date.year() => None,
        _ => Some(date.year()),
    };
    let month = usize::try_from(date.month() - 1).unwrap_or_default();
    (words.date)(
        words.weekdays[weekday(date)],
        date.day(),
        words.months[month.min(11)],
        year,
    )
}
