//! What the screen shows and what the person does there, apart from drawing and from the engine: keys and events in,
//! effects out.

use std::path::PathBuf;
use std::sync::Arc;

use client::files::Attachment;
use client::views::{
    Body, Conversation, ConversationKind, ConversationList, Member, Message, Timeline,
    TimelineItem, Window,
};
use client::{
    BareJid, Command, ConnectionState, ConversationId, DeviceView, Done, Draft, Event, MessageKey,
    Redacted, Timestamp,
};
use jiff::tz::TimeZone;

use super::composer::Composer;
use super::source::{Found, Source};
use super::view;
use crate::words::Words;

/// Messages of a conversation that are looked at first, and how many more with each step back.
const STEP: usize = 200;

/// What is to be done about what the person did.
#[derive(Debug)]
pub(crate) enum Effect {
    /// The engine is to do this.
    Do(Command),
    /// A file is to be sent.
    SendFile {
        conversation: ConversationId,
        path: PathBuf,
    },
    /// A file is to be fetched.
    SaveFile(Box<Attachment>),
    /// The end.
    Quit,
}

/// Which conversations the list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filter {
    All,
    Unread,
    Mentions,
}

/// A part of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Section {
    Pinned,
    People,
    Groups,
    Rooms,
}

/// What the composer's text will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mode {
    New,
    /// In place of a message; with what was typed before.
    Edit {
        message: MessageKey,
        before: String,
    },
    /// An answer to a message.
    Reply {
        message: MessageKey,
        sender: Arc<str>,
    },
}

/// The conversation that is looked at.
pub(crate) struct Open {
    pub(crate) id: ConversationId,
    pub(crate) row: Option<Arc<Conversation>>,
    pub(crate) timeline: Timeline,
    window: Window,
    pub(crate) members: Vec<Member>,
    /// Devices that can read, and those of them that are not verified.
    pub(crate) readers: Option<(usize, usize)>,
    pub(crate) composer: Composer,
    pub(crate) mode: Mode,
    /// The selected message.
    pub(crate) pick: Option<MessageKey>,
    /// Lines between the bottom of the view and the newest one.
    pub(crate) scroll: usize,
    /// The newest that the person was shown.
    seen: Option<MessageKey>,
    typing: bool,
}

impl Open {
    /// All messages of the view, the oldest first.
    pub(crate) fn messages(&self) -> impl DoubleEndedIterator<Item = &Arc<Message>> {
        self.timeline.items.iter().filter_map(|item| match item {
            TimelineItem::Message(message) => Some(message),
            _ => None,
        })
    }

    pub(crate) fn message(&self, key: MessageKey) -> Option<&Arc<Message>> {
        self.messages().find(|message| message.key == key)
    }

    fn newest(&self) -> Option<MessageKey> {
        self.messages().next_back().map(|message| message.key)
    }
}

/// What lies over the conversation.
pub(crate) enum Overlay {
    Switcher {
        query: Composer,
        chosen: usize,
    },
    Search {
        query: Composer,
        found: Result<Vec<Found>, String>,
        chosen: usize,
    },
    Details {
        rows: Vec<DetailsRow>,
        chosen: usize,
    },
    Verify {
        theirs: Box<DeviceView>,
        ours: Option<Box<DeviceView>>,
    },
    Code,
    React {
        message: MessageKey,
        query: Composer,
        chosen: usize,
    },
    Confirm(Confirm),
    Help {
        scroll: usize,
    },
}

/// A line of the details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DetailsRow {
    Heading(String),
    Member(Box<Member>),
    Device(Box<DeviceView>),
    Empty(&'static str),
}

/// What the person is asked before it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Confirm {
    Remove(ConversationId, MessageKey),
    Expel(ConversationId, BareJid),
    Part(ConversationId),
}

/// A line that tells something until the next key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remark {
    pub(crate) text: String,
    pub(crate) urgent: bool,
}

/// Everything that is shown.
pub(crate) struct App {
    pub(crate) words: &'static Words,
    pub(crate) zone: TimeZone,
    pub(crate) account: BareJid,
    pub(crate) now: Timestamp,
    pub(crate) size: (u16, u16),
    pub(crate) list: Arc<ConversationList>,
    pub(crate) filter: Filter,
    pub(crate) open: Option<Open>,
    pub(crate) overlay: Option<Overlay>,
    pub(crate) connection: ConnectionState,
    pub(crate) catching_up: Option<u64>,
    pub(crate) remark: Option<Remark>,
    /// What others verify our devices by.
    pub(crate) uri: String,
    /// On a narrow terminal: the list is shown in place of the conversation.
    pub(crate) list_in_front: bool,
    /// Views have changed since the last look.
    stale: bool,
}

impl App {
    pub(crate) fn new(
        words: &'static Words,
        zone: TimeZone,
        account: BareJid,
        now: Timestamp,
    ) -> Self {
        Self {
            words,
            zone,
            account,
            now,
            size: (80, 24),
            list: Arc::default(),
            filter: Filter::All,
            open: None,
            overlay: None,
            connection: ConnectionState::Offline,
            catching_up: None,
            remark: None,
            uri: String::new(),
            list_in_front: true,
            stale: true,
        }
    }

    pub(crate) fn tell(&mut self, text: impl Into<String>) {
        self.remark = Some(Remark {
            text: text.into(),
            urgent: false,
        });
    }

    pub(crate) fn warn(&mut self, text: impl Into<String>) {
        self.remark = Some(Remark {
            text: text.into(),
            urgent: true,
        });
    }

    /// Takes up what has changed, and says what follows from what is shown now.
    pub(crate) fn refresh(&mut self, source: &dyn Source) -> Vec<Effect> {
        if !std::mem::take(&mut self.stale) {
            return Vec::new();
        }
        self.list = source.conversations();
        self.uri = source.verification_uri().unwrap_or_default();
        if matches!(self.overlay, Some(Overlay::Details { .. })) {
            self.fill_details(source);
        }
        let width = view::timeline_width(self.size);
        let Some(open) = &mut self.open else {
            return Vec::new();
        };
        let newest = open.newest();
        open.row = self.list.rows.iter().find(|row| row.id == open.id).cloned();
        if let Some(timeline) = source.timeline(&open.id, open.window) {
            open.timeline = timeline;
        }
        open.members = source.members(&open.id);
        open.readers = source.readers(&open.id);
        if open.pick.is_some_and(|pick| open.message(pick).is_none()) {
            open.pick = None;
        }
        if open.scroll > 0
            && let Some(newest) = newest
        {
            // What the person reads stays where it is when something comes below it.
            let below = view::lines_behind(self, newest, width);
            if let Some(open) = &mut self.open {
                open.scroll += below;
            }
        }
        self.seen()
    }

    /// The person sees the newest message: others are told.
    fn seen(&mut self) -> Vec<Effect> {
        let Some(open) = &mut self.open else {
            return Vec::new();
        };
        let at_end = open.scroll == 0 && !open.timeline.has_later;
        let newest = open
            .messages()
            .rev()
            .find(|message| !message.sender.own && !matches!(message.body, Body::Waiting))
            .map(|message| message.key);
        if !at_end || newest.is_none() || newest <= open.seen {
            return Vec::new();
        }
        open.seen = newest;
        let unread = open.row.as_ref().is_some_and(|row| row.unread > 0);
        match newest {
            Some(message) if unread => vec![Effect::Do(Command::MarkRead {
                conversation: open.id.clone(),
                message,
            })],
            _ => Vec::new(),
        }
    }

    /// Takes up what the engine tells.
    pub(crate) fn event(&mut self, event: &Event) {
        self.stale = true;
        match event {
            Event::Connection(state) => self.connection = state.clone(),
            Event::LoginFailed { text } => self.warn(text.clone()),
            Event::Refused { what, text } => self.warn(format!("{what}: {text}")),
            Event::UploadRefused { text, .. } => self.warn(text.clone()),
            Event::ContactRequest(account) => {
                self.tell((self.words.contact_request)(account.as_str()));
            }
            Event::NewOwnDevice { device } => self.warn((self.words.new_own_device)(*device)),
            Event::CatchUp { remaining, done } => {
                self.catching_up = (!done).then_some(*remaining);
            }
            _ => {}
        }
    }

    /// Takes up what a command has done at once.
    pub(crate) fn done(&mut self, done: Done, source: &dyn Source) -> Vec<Effect> {
        self.stale = true;
        match done {
            Done::Conversation(id) => self.go_to(id, source),
            Done::Verified {
                account,
                verified,
                mismatched,
            } => {
                if mismatched.is_empty() {
                    self.tell((self.words.verified_now)(verified));
                } else {
                    let devices: Vec<String> = mismatched.iter().map(ToString::to_string).collect();
                    self.warn((self.words.mismatched)(
                        account.as_str(),
                        &devices.join(", "),
                    ));
                }
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// What to call somebody, or a conversation.
    pub(crate) fn name_of(&self, account: &BareJid) -> String {
        if *account == self.account {
            return self.words.you.to_owned();
        }
        let row = self.list.rows.iter().find(|row| row.id.jid() == account);
        if let Some(row) = row {
            return row.name.to_string();
        }
        let members = self.open.iter().flat_map(|open| &open.members);
        let mut members = members.filter(|member| member.account.as_ref() == Some(account));
        members
            .next()
            .map_or_else(|| account.to_string(), |member| member.name.to_string())
    }

    /// The rows of the list in the order in which they stand.
    pub(crate) fn rows(&self) -> Vec<(Section, &Arc<Conversation>)> {
        let mut rows: Vec<_> = self
            .list
            .rows
            .iter()
            .filter(|row| match self.filter {
                Filter::All => true,
                Filter::Unread => row.unread > 0,
                Filter::Mentions => row.mentions > 0,
            } || self.open.as_ref().is_some_and(|open| open.id == row.id))
            .map(|row| {
                let section = match row.kind {
                    _ if row.pinned => Section::Pinned,
                    ConversationKind::Person => Section::People,
                    ConversationKind::Group => Section::Groups,
                    ConversationKind::Room => Section::Rooms,
                };
                (section, row)
            })
            .collect();
        // Stable: within a section the engine's order stays.
        rows.sort_by_key(|(section, _)| *section);
        rows
    }

    /// Opens a conversation, leaving the one that was open.
    pub(crate) fn go_to(&mut self, id: ConversationId, source: &dyn Source) -> Vec<Effect> {
        self.list_in_front = false;
        if self.open.as_ref().is_some_and(|open| open.id == id) {
            return Vec::new();
        }
        let effects = self.leave();
        let row = source
            .conversations()
            .rows
            .iter()
            .find(|row| row.id == id)
            .cloned();
        let draft = row
            .as_ref()
            .map_or_else(String::new, |row| row.draft.expose().to_string());
        let window = Window::Latest(STEP);
        let timeline = source.timeline(&id, window).unwrap_or_else(|| Timeline {
            conversation: id.clone(),
            items: Vec::new(),
            has_earlier: false,
            has_later: false,
            read_by: Vec::new(),
        });
        self.open = Some(Open {
            id,
            row,
            timeline,
            window,
            members: Vec::new(),
            readers: None,
            composer: Composer::with(&draft),
            mode: Mode::New,
            pick: None,
            scroll: 0,
            seen: None,
            typing: false,
        });
        self.stale = true;
        effects
    }

    /// Goes to a message that was found.
    pub(crate) fn jump_to(&mut self, found: &Found, source: &dyn Source) -> Vec<Effect> {
        let effects = self.go_to(found.conversation.clone(), source);
        if let Some(open) = &mut self.open {
            open.window = Window::Around(found.message.key, STEP / 2);
            if let Some(timeline) = source.timeline(&open.id, open.window) {
                open.timeline = timeline;
            }
            open.pick = Some(found.message.key);
        }
        effects
    }

    /// What follows when the conversation is left, or the program ends.
    pub(crate) fn leave(&mut self) -> Vec<Effect> {
        let Some(open) = &mut self.open else {
            return Vec::new();
        };
        let mut effects = Vec::new();
        let text = match &open.mode {
            Mode::Edit { before, .. } => before.clone(),
            _ => open.composer.text().to_owned(),
        };
        let kept = open.row.as_ref().map_or("", |row| row.draft.expose());
        if text != kept {
            effects.push(Effect::Do(Command::SetDraft {
                conversation: open.id.clone(),
                text: Redacted::new(text),
            }));
        }
        effects.extend(Self::typing(open, false));
        effects.push(Effect::Do(Command::Leave {
            conversation: open.id.clone(),
        }));
        effects
    }

    fn typing(open: &mut Open, typing: bool) -> Option<Effect> {
        if std::mem::replace(&mut open.typing, typing) == typing {
            return None;
        }
        Some(Effect::Do(Command::Typing {
            conversation: open.id.clone(),
            typing,
        }))
    }

    /// The composer's text has changed.
    pub(crate) fn typed(&mut self) -> Vec<Effect> {
        let Some(open) = &mut self.open else {
            return Vec::new();
        };
        let typing = !open.composer.is_empty() && !open.composer.text().starts_with('/');
        Self::typing(open, typing).into_iter().collect()
    }

    /// Says what stands in the composer, or runs it as a command.
    pub(crate) fn submit(&mut self) -> Vec<Effect> {
        let Some(open) = &mut self.open else {
            return Vec::new();
        };
        if open.mode == Mode::New && open.composer.text().starts_with('/') {
            let typed = open.composer.text()[1..].to_owned();
            // `//` says a text that begins with a slash.
            if let Some(text) = typed.strip_prefix('/') {
                open.composer = Composer::with(&format!("/{text}"));
            } else {
                return match super::commands::run(self, &typed) {
                    Ok(effects) => {
                        if let Some(open) = &mut self.open {
                            open.composer = Composer::default();
                        }
                        effects
                    }
                    Err(text) => {
                        self.warn(text);
                        Vec::new()
                    }
                };
            }
        }
        if open.composer.text().trim().is_empty() {
            return Vec::new();
        }
        if let Some(why) = open.row.as_ref().and_then(|row| row.cannot_write.clone()) {
            self.warn(why.to_string());
            return Vec::new();
        }
        let composed = open.composer.take();
        let mut draft = Draft::text(composed.text);
        draft.mentions = composed.mentions;
        let conversation = open.id.clone();
        let command = match std::mem::replace(&mut open.mode, Mode::New) {
            Mode::Edit { message, before } => {
                open.composer = Composer::with(&before);
                Command::Edit {
                    conversation,
                    message,
                    draft,
                }
            }
            mode => {
                if let Mode::Reply { message, .. } = mode {
                    draft.reply = Some(message);
                }
                Command::Send {
                    conversation,
                    message: draft,
                }
            }
        };
        open.pick = None;
        self.show_latest();
        let mut effects = Vec::new();
        if let Some(open) = &mut self.open {
            effects.extend(Self::typing(open, false));
            if open
                .row
                .as_ref()
                .is_some_and(|row| !row.draft.expose().is_empty())
            {
                effects.push(Effect::Do(Command::SetDraft {
                    conversation: open.id.clone(),
                    text: Redacted::new(String::new()),
                }));
            }
        }
        effects.push(Effect::Do(command));
        effects
    }

    /// Goes to the newest message.
    pub(crate) fn show_latest(&mut self) {
        self.stale = true;
        if let Some(open) = &mut self.open {
            open.scroll = 0;
            open.window = Window::Latest(STEP);
        }
    }

    /// Goes up or down by so many lines.
    pub(crate) fn scroll(&mut self, up: bool, lines: usize) -> Vec<Effect> {
        let width = view::timeline_width(self.size);
        let height = view::timeline_height(self);
        let all = view::lines_of_all(self, width);
        let Some(open) = &mut self.open else {
            return Vec::new();
        };
        let top = all.saturating_sub(height);
        let mut effects = Vec::new();
        if up {
            if open.scroll >= top && open.timeline.has_earlier {
                open.window = match open.window {
                    Window::Latest(count) => Window::Latest(count + STEP),
                    Window::Around(key, count) => Window::Around(key, count + STEP),
                    other => other,
                };
                effects.push(Effect::Do(Command::LoadEarlier {
                    conversation: open.id.clone(),
                }));
            }
            open.scroll = (open.scroll + lines).min(top);
        } else if open.scroll == 0 && open.timeline.has_later {
            open.window = Window::Latest(STEP);
        } else {
            open.scroll = open.scroll.saturating_sub(lines);
        }
        self.stale = true;
        effects
    }

    /// Selects a message before or behind the selected one.
    pub(crate) fn pick(&mut self, back: bool) {
        let Some(open) = &mut self.open else { return };
        let keys: Vec<MessageKey> = open.messages().map(|message| message.key).collect();
        let at = open
            .pick
            .and_then(|pick| keys.iter().position(|key| *key == pick));
        open.pick = match (at, back) {
            (None, true) => keys.last().copied(),
            (None, false) => None,
            (Some(at), true) => keys.get(at.saturating_sub(1)).copied(),
            (Some(at), false) => keys.get(at + 1).copied(),
        };
    }

    /// Begins to edit a message, or the last one of ours.
    pub(crate) fn edit(&mut self, message: Option<MessageKey>) {
        let words = self.words;
        let Some(open) = &mut self.open else { return };
        let found = open
            .messages()
            .rev()
            .filter(|found| message.is_none_or(|key| key == found.key))
            .find(|found| {
                message.is_some() || found.sender.own && matches!(found.body, Body::Text { .. })
            })
            .cloned();
        let Some(found) = found else {
            return self.tell(words.nothing_to_edit);
        };
        match &found.body {
            Body::Text { text, .. } if found.sender.own => {
                let before = open.composer.text().to_owned();
                open.composer = Composer::with(text.expose());
                open.mode = Mode::Edit {
                    message: found.key,
                    before,
                };
                open.pick = None;
            }
            _ => self.tell(words.not_yours),
        }
    }

    /// Begins an answer.
    pub(crate) fn reply(&mut self, message: MessageKey) {
        let Some(open) = &mut self.open else { return };
        let Some(found) = open.message(message).cloned() else {
            return;
        };
        open.mode = Mode::Reply {
            message,
            sender: found.sender.name.clone(),
        };
        open.pick = None;
    }

    /// Fetches the files of a message.
    pub(crate) fn save(&mut self, message: MessageKey) -> Vec<Effect> {
        let found = self.open.as_ref().and_then(|open| open.message(message));
        let files = match found.map(|found| &found.body) {
            Some(Body::Text { text, elements }) => {
                Attachment::read_all(text.expose(), elements.expose())
            }
            _ => Vec::new(),
        };
        if files.is_empty() {
            self.tell(self.words.no_file);
        }
        files
            .into_iter()
            .map(|file| Effect::SaveFile(Box::new(file)))
            .collect()
    }

    /// Our reactions with this emoji added, or without it when it was there.
    pub(crate) fn react(&mut self, message: MessageKey, emoji: &str) -> Vec<Effect> {
        let Some(open) = &self.open else {
            return Vec::new();
        };
        let Some(found) = open.message(message) else {
            return Vec::new();
        };
        let mut reactions: Vec<String> = found
            .reactions
            .iter()
            .filter(|reaction| reaction.own)
            .map(|reaction| reaction.emoji.to_string())
            .collect();
        let count = reactions.len();
        reactions.retain(|reaction| reaction != emoji);
        if reactions.len() == count {
            reactions.push(emoji.to_owned());
        }
        vec![Effect::Do(Command::React {
            conversation: open.id.clone(),
            message,
            reactions,
        })]
    }

    pub(crate) fn open_search(&mut self, text: &str) {
        self.overlay = Some(Overlay::Search {
            query: Composer::with(text),
            found: Ok(Vec::new()),
            chosen: 0,
        });
    }

    /// The details are filled with the next look at the source.
    pub(crate) fn open_details(&mut self) {
        self.overlay = Some(Overlay::Details {
            rows: Vec::new(),
            chosen: 0,
        });
    }

    /// Members and devices of the conversation, and our own devices.
    pub(crate) fn fill_details(&mut self, source: &dyn Source) {
        let words = self.words;
        let mut filled = Vec::new();
        let mut accounts = Vec::new();
        if let Some(open) = &self.open {
            let kind = open.row.as_ref().map(|row| row.kind);
            if kind == Some(ConversationKind::Person) {
                accounts.push(open.id.jid().clone());
            } else {
                filled.push(DetailsRow::Heading(words.members.to_owned()));
                for member in &open.members {
                    filled.push(DetailsRow::Member(Box::new(member.clone())));
                    if kind == Some(ConversationKind::Group) && !member.own {
                        accounts.extend(member.account.clone());
                    }
                }
            }
        }
        for account in accounts {
            filled.push(DetailsRow::Heading(format!("{}: {account}", words.devices)));
            Self::fill_devices(source, &account, words, &mut filled);
        }
        filled.push(DetailsRow::Heading(words.own_devices.to_owned()));
        Self::fill_devices(source, &self.account, words, &mut filled);
        if let Some(Overlay::Details { rows, chosen }) = &mut self.overlay {
            let first = filled
                .iter()
                .position(|row| matches!(row, DetailsRow::Device(_)));
            if rows.is_empty() {
                *chosen = first.unwrap_or_default();
            }
            *chosen = (*chosen).min(filled.len().saturating_sub(1));
            *rows = filled;
        }
    }

    fn fill_devices(
        source: &dyn Source,
        account: &BareJid,
        words: &'static Words,
        rows: &mut Vec<DetailsRow>,
    ) {
        let mut devices = source.devices(account);
        devices.sort_by_key(|device| (device.forms.is_empty(), !device.this));
        if devices.is_empty() {
            rows.push(DetailsRow::Empty(words.no_devices));
        }
        rows.extend(
            devices
                .into_iter()
                .map(|device| DetailsRow::Device(Box::new(device))),
        );
    }
}
