//! What keys do.

use client::text::emoji_choices;
use client::views::Body;
use client::{BareJid, Command, ConversationId, MessageKey};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::app::{App, Confirm, DetailsRow, Effect, Filter, Mode, Overlay};
use super::commands::{self, ChatCommand};
use super::composer::Composer;
use super::source::{Found, Source};
use super::view;
use crate::words::Keys;

/// The most used reactions, one key away.
pub(crate) const QUICK: [&str; 6] = ["👍", "❤️", "😂", "🎉", "😮", "😢"];
/// Emoji that are offered at once.
pub(crate) const EMOJI: usize = 8;

/// A key as it is written, and what it does, in words.
type Binding = (&'static str, fn(&Keys) -> &'static str);

/// The keyboard, for the help.
pub(crate) const MAP: &[Binding] = &[
    ("Enter", |keys| keys.send),
    ("Alt+Enter, Ctrl+J", |keys| keys.new_line),
    ("↑", |keys| keys.edit_last),
    ("Tab", |keys| keys.complete),
    ("Ctrl+K", |keys| keys.switch),
    ("Alt+↑ Alt+↓", |keys| keys.next),
    ("Alt+Shift+↑ ↓", |keys| keys.next_unread),
    ("Ctrl+R", |keys| keys.filter),
    ("Ctrl+F", |keys| keys.search),
    ("Ctrl+G", |keys| keys.details),
    ("PgUp PgDn", |keys| keys.scroll),
    ("Ctrl+End", |keys| keys.latest),
    ("Ctrl+↑ Ctrl+↓", |keys| keys.pick),
    ("r e + d", |keys| keys.picked),
    ("Esc", |keys| keys.back),
    ("F1", |keys| keys.help),
    ("Ctrl+Q", |keys| keys.quit),
];

/// A line of the switcher.
pub(crate) enum Target {
    Conversation(ConversationId),
    NewChat(BareJid),
    Command(&'static ChatCommand),
}

impl App {
    /// A key was pressed.
    pub(crate) fn key(&mut self, key: KeyEvent, source: &dyn Source) -> Vec<Effect> {
        self.remark = None;
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        let shift = key.modifiers.contains(KeyModifiers::SHIFT);
        match key.code {
            KeyCode::Char('q' | 'c') if control => return vec![Effect::Quit],
            KeyCode::Char('k') if control => {
                self.overlay = Some(Overlay::Switcher {
                    query: Composer::default(),
                    chosen: 0,
                });
            }
            KeyCode::Char('f') if control => self.open_search(""),
            KeyCode::Char('g') if control => {
                self.open_details();
                self.fill_details(source);
            }
            KeyCode::Char('r') if control => {
                self.filter = match self.filter {
                    Filter::All => Filter::Unread,
                    Filter::Unread => Filter::Mentions,
                    Filter::Mentions => Filter::All,
                };
                self.list_in_front = true;
            }
            KeyCode::F(1) => self.overlay = Some(Overlay::Help { scroll: 0 }),
            KeyCode::Up | KeyCode::Down if alt => {
                return self.step(key.code == KeyCode::Down, shift, source);
            }
            _ if self.overlay.is_some() => return self.key_in_overlay(key, source),
            _ if self.open.as_ref().is_some_and(|open| open.pick.is_some()) && !control => {
                return self.key_on_pick(key);
            }
            _ => return self.key_in_conversation(key, source),
        }
        Vec::new()
    }

    /// Text was pasted.
    pub(crate) fn paste(&mut self, text: &str, source: &dyn Source) -> Vec<Effect> {
        match &mut self.overlay {
            Some(
                Overlay::Switcher { query, .. }
                | Overlay::Search { query, .. }
                | Overlay::React { query, .. },
            ) => {
                query.insert(text.trim());
                self.search_again(source);
                Vec::new()
            }
            Some(_) => Vec::new(),
            None => {
                if let Some(open) = &mut self.open {
                    open.composer.insert(text);
                }
                self.typed()
            }
        }
    }

    /// Goes to the conversation before or behind.
    fn step(&mut self, forward: bool, unread: bool, source: &dyn Source) -> Vec<Effect> {
        self.overlay = None;
        let rows = self.rows();
        let here = self.open.as_ref().map(|open| &open.id);
        let at = rows.iter().position(|(_, row)| Some(&row.id) == here);
        let count = rows.len();
        let next = (1..=count)
            .map(|step| match (at, forward) {
                (None, true) => step - 1,
                (None, false) => count - step,
                (Some(at), true) => (at + step) % count,
                (Some(at), false) => (at + count - step % count) % count,
            })
            .filter_map(|at| rows.get(at))
            .find(|(_, row)| Some(&row.id) != here && (!unread || row.unread > 0))
            .map(|(_, row)| row.id.clone());
        match next {
            Some(id) => self.go_to(id, source),
            None => Vec::new(),
        }
    }

    fn key_in_conversation(&mut self, key: KeyEvent, source: &dyn Source) -> Vec<Effect> {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        let shift = key.modifiers.contains(KeyModifiers::SHIFT);
        let page = view::timeline_height(self).saturating_sub(2).max(1);
        let Some(open) = &mut self.open else {
            return match key.code {
                KeyCode::Down | KeyCode::Enter => self.step(true, false, source),
                KeyCode::Up => self.step(false, false, source),
                _ => Vec::new(),
            };
        };
        let suggestions = open.composer.suggestions(&open.members);
        let offers = !suggestions.is_empty();
        match key.code {
            KeyCode::Up if control => {
                self.pick(true);
                return Vec::new();
            }
            KeyCode::Down if control => {
                self.pick(false);
                return Vec::new();
            }
            KeyCode::PageUp => return self.scroll(true, page),
            KeyCode::PageDown => return self.scroll(false, page),
            KeyCode::Home if control => return self.scroll(true, usize::MAX / 2),
            KeyCode::End if control => {
                self.show_latest();
                return Vec::new();
            }
            KeyCode::Esc => {
                if offers {
                    open.composer.dismiss();
                } else {
                    match std::mem::replace(&mut open.mode, Mode::New) {
                        Mode::Edit { before, .. } => open.composer = Composer::with(&before),
                        Mode::Reply { .. } => {}
                        Mode::New => self.list_in_front = true,
                    }
                }
                return Vec::new();
            }
            KeyCode::Tab if offers => {
                let chosen = open.composer.chosen().min(suggestions.len() - 1);
                if let Some(suggestion) = suggestions.into_iter().nth(chosen) {
                    open.composer.accept(suggestion);
                }
            }
            KeyCode::Up | KeyCode::Down if offers => {
                open.composer
                    .choose(key.code == KeyCode::Down, suggestions.len());
                return Vec::new();
            }
            KeyCode::Enter if alt || shift => open.composer.insert("\n"),
            KeyCode::Char('j') if control => open.composer.insert("\n"),
            KeyCode::Enter => return self.submit(),
            KeyCode::Up => {
                if open.composer.is_empty() && open.mode == Mode::New {
                    self.edit(None);
                } else if !open.composer.up() {
                    open.composer.home();
                }
                return Vec::new();
            }
            KeyCode::Down => {
                if !open.composer.down() {
                    open.composer.end();
                }
                return Vec::new();
            }
            _ => {
                if !edit(&mut open.composer, key) {
                    return Vec::new();
                }
            }
        }
        self.typed()
    }

    /// A key while a message is selected.
    fn key_on_pick(&mut self, key: KeyEvent) -> Vec<Effect> {
        let Some(open) = &mut self.open else {
            return Vec::new();
        };
        let Some(message) = open.pick else {
            return Vec::new();
        };
        let conversation = open.id.clone();
        match key.code {
            KeyCode::Up => self.pick(true),
            KeyCode::Down => self.pick(false),
            KeyCode::PageUp => (0..5).for_each(|_| self.pick(true)),
            KeyCode::PageDown => (0..5).for_each(|_| self.pick(false)),
            KeyCode::Char('r') | KeyCode::Enter => self.reply(message),
            KeyCode::Char('e') => self.edit(Some(message)),
            KeyCode::Char('+' | ':') => {
                self.overlay = Some(Overlay::React {
                    message,
                    query: Composer::default(),
                    chosen: 0,
                });
            }
            KeyCode::Char('d') | KeyCode::Delete => {
                let removable = open
                    .message(message)
                    .is_some_and(|message| !matches!(message.body, Body::Removed(_)));
                if removable {
                    self.overlay = Some(Overlay::Confirm(Confirm::Remove(conversation, message)));
                }
            }
            KeyCode::Char('s') => {
                open.pick = None;
                return vec![Effect::Do(Command::Resend {
                    conversation,
                    message,
                })];
            }
            KeyCode::Char('f') => return self.save(message),
            KeyCode::Char('x') => {
                open.pick = None;
                return vec![Effect::Do(Command::Discard {
                    conversation,
                    message,
                })];
            }
            KeyCode::Esc => open.pick = None,
            _ => {}
        }
        Vec::new()
    }

    fn key_in_overlay(&mut self, key: KeyEvent, source: &dyn Source) -> Vec<Effect> {
        if key.code == KeyCode::Esc {
            self.overlay = None;
            return Vec::new();
        }
        match &mut self.overlay {
            Some(Overlay::Switcher { .. }) => self.key_in_switcher(key, source),
            Some(Overlay::Search { .. }) => self.key_in_search(key, source),
            Some(Overlay::React { message, .. }) => {
                let message = *message;
                self.key_in_reactions(key, message)
            }
            Some(Overlay::Details { rows, chosen }) => {
                match key.code {
                    KeyCode::Up => *chosen = chosen.saturating_sub(1),
                    KeyCode::Down => *chosen = (*chosen + 1).min(rows.len().saturating_sub(1)),
                    KeyCode::Enter => {
                        if let Some(DetailsRow::Device(device)) = rows.get(*chosen)
                            && !device.this
                            && device.identity.is_some()
                        {
                            let theirs = device.clone();
                            let own = source.devices(&self.account);
                            let ours = own.into_iter().find(|device| device.this).map(Box::new);
                            self.overlay = Some(Overlay::Verify { theirs, ours });
                        }
                    }
                    _ => {}
                }
                Vec::new()
            }
            Some(Overlay::Verify { theirs, .. }) => {
                let account = theirs.account.clone();
                let Some(identity) = theirs.identity else {
                    return Vec::new();
                };
                let command = match key.code {
                    KeyCode::Char('y' | 'j') => Command::Verify { account, identity },
                    KeyCode::Char('n') => Command::Distrust { account, identity },
                    KeyCode::Char('q') => {
                        self.overlay = Some(Overlay::Code);
                        return Vec::new();
                    }
                    _ => return Vec::new(),
                };
                self.overlay = None;
                self.tell(self.words.done);
                vec![Effect::Do(command)]
            }
            Some(Overlay::Confirm(confirm)) => {
                if !matches!(key.code, KeyCode::Char('y' | 'j')) {
                    return Vec::new();
                }
                let command = match confirm.clone() {
                    Confirm::Remove(conversation, message) => Command::Remove {
                        conversation,
                        message,
                        reason: None,
                    },
                    Confirm::Expel(conversation, who) => Command::Expel { conversation, who },
                    Confirm::Part(conversation) => Command::Part { conversation },
                };
                self.overlay = None;
                if let Some(open) = &mut self.open {
                    open.pick = None;
                }
                vec![Effect::Do(command)]
            }
            Some(Overlay::Help { scroll }) => {
                match key.code {
                    KeyCode::Up => *scroll = scroll.saturating_sub(1),
                    KeyCode::Down => *scroll += 1,
                    KeyCode::PageUp => *scroll = scroll.saturating_sub(10),
                    KeyCode::PageDown => *scroll += 10,
                    _ => self.overlay = None,
                }
                Vec::new()
            }
            Some(Overlay::Code) | None => {
                self.overlay = None;
                Vec::new()
            }
        }
    }

    /// What the switcher offers for what was typed.
    pub(crate) fn targets(&self, typed: &str) -> Vec<Target> {
        let typed = typed.trim().to_lowercase();
        let mut found: Vec<(bool, Target)> = self
            .list
            .rows
            .iter()
            .filter_map(|row| {
                let name = row.name.to_lowercase();
                let hit = name.contains(&typed) || row.id.as_str().contains(&typed);
                let target = Target::Conversation(row.id.clone());
                hit.then(|| (!name.starts_with(&typed), target))
            })
            .collect();
        found.sort_by_key(|(later, _)| *later);
        let mut targets: Vec<Target> = found.into_iter().map(|(_, target)| target).collect();
        let address = typed.strip_prefix("xmpp:").unwrap_or(&typed);
        if let Ok(address) = BareJid::parse(address)
            && address.local().is_some()
            && !self.list.rows.iter().any(|row| *row.id.jid() == address)
        {
            targets.push(Target::NewChat(address));
        }
        let name = typed.trim_start_matches('/');
        targets.extend(
            commands::ALL
                .iter()
                .filter(|command| {
                    command.name.contains(name)
                        || (command.words)(&self.words.commands)
                            .to_lowercase()
                            .contains(name)
                })
                .map(Target::Command),
        );
        targets
    }

    fn key_in_switcher(&mut self, key: KeyEvent, source: &dyn Source) -> Vec<Effect> {
        let Some(Overlay::Switcher { query, chosen }) = &mut self.overlay else {
            return Vec::new();
        };
        let (typed, at) = (query.text().to_owned(), *chosen);
        match key.code {
            KeyCode::Up => *chosen = chosen.saturating_sub(1),
            KeyCode::Down => *chosen += 1,
            KeyCode::Enter => {
                let target = self.targets(&typed).into_iter().nth(at);
                self.overlay = None;
                if let Some(command) = typed.trim().strip_prefix('/')
                    && command.contains(' ')
                {
                    return self.run_command(command);
                }
                return match target {
                    Some(Target::Conversation(id)) => self.go_to(id, source),
                    Some(Target::NewChat(with)) => vec![Effect::Do(Command::OpenChat { with })],
                    Some(Target::Command(command)) => self.choose_command(command),
                    None => Vec::new(),
                };
            }
            _ => {
                if edit(query, key) {
                    *chosen = 0;
                }
            }
        }
        let count = self.targets(&self.query()).len();
        if let Some(Overlay::Switcher { chosen, .. }) = &mut self.overlay {
            *chosen = (*chosen).min(count.saturating_sub(1));
        }
        Vec::new()
    }

    fn query(&self) -> String {
        match &self.overlay {
            Some(
                Overlay::Switcher { query, .. }
                | Overlay::Search { query, .. }
                | Overlay::React { query, .. },
            ) => query.text().to_owned(),
            _ => String::new(),
        }
    }

    fn run_command(&mut self, typed: &str) -> Vec<Effect> {
        match commands::run(self, typed) {
            Ok(effects) => effects,
            Err(text) => {
                self.warn(text);
                Vec::new()
            }
        }
    }

    /// Runs a command that takes nothing; others are begun in the composer.
    fn choose_command(&mut self, command: &'static ChatCommand) -> Vec<Effect> {
        if command.takes.is_empty() {
            return self.run_command(command.name);
        }
        let Some(open) = &mut self.open else {
            self.tell((self.words.usage)(&format!(
                "/{} {}",
                command.name, command.takes
            )));
            return Vec::new();
        };
        open.composer = Composer::with(&format!("/{} ", command.name));
        Vec::new()
    }

    fn key_in_search(&mut self, key: KeyEvent, source: &dyn Source) -> Vec<Effect> {
        let Some(Overlay::Search {
            query,
            found,
            chosen,
        }) = &mut self.overlay
        else {
            return Vec::new();
        };
        let count = found.as_ref().map_or(0, Vec::len);
        match key.code {
            KeyCode::Up => *chosen = chosen.saturating_sub(1),
            KeyCode::Down => *chosen = (*chosen + 1).min(count.saturating_sub(1)),
            KeyCode::Enter => {
                let hit: Option<Found> = found
                    .as_ref()
                    .ok()
                    .and_then(|found| found.get(*chosen))
                    .cloned();
                if let Some(hit) = hit {
                    self.overlay = None;
                    return self.jump_to(&hit, source);
                }
            }
            _ => {
                if edit(query, key) {
                    self.search_again(source);
                }
            }
        }
        Vec::new()
    }

    /// Searches for what is typed now.
    pub(crate) fn search_again(&mut self, source: &dyn Source) {
        if let Some(Overlay::Search {
            query,
            found,
            chosen,
        }) = &mut self.overlay
        {
            *chosen = 0;
            *found = if query.text().trim().is_empty() {
                Ok(Vec::new())
            } else {
                source.search(query.text())
            };
        }
    }

    fn key_in_reactions(&mut self, key: KeyEvent, message: MessageKey) -> Vec<Effect> {
        let Some(Overlay::React { query, chosen, .. }) = &mut self.overlay else {
            return Vec::new();
        };
        let emoji = match key.code {
            KeyCode::Char(digit @ '1'..='6') if query.is_empty() => {
                let at = usize::try_from(u32::from(digit) - u32::from('1')).unwrap_or_default();
                QUICK.get(at).copied()
            }
            KeyCode::Up => {
                *chosen = chosen.saturating_sub(1);
                None
            }
            KeyCode::Down => {
                *chosen = (*chosen + 1).min(EMOJI - 1);
                None
            }
            KeyCode::Enter => reactions(query.text()).get(*chosen).copied(),
            _ => {
                if edit(query, key) {
                    *chosen = 0;
                }
                None
            }
        };
        let Some(emoji) = emoji else {
            return Vec::new();
        };
        self.overlay = None;
        if let Some(open) = &mut self.open {
            open.pick = None;
        }
        self.react(message, emoji)
    }
}

/// Emoji to react with: the most used, or those that are called so.
pub(crate) fn reactions(typed: &str) -> Vec<&'static str> {
    let name = typed.trim_matches(':').trim();
    if name.is_empty() {
        return QUICK.to_vec();
    }
    emoji_choices(name, EMOJI)
        .into_iter()
        .map(|choice| choice.emoji)
        .collect()
}

/// Keys that change a text or move in it; whether this was one.
fn edit(composer: &mut Composer, key: KeyEvent) -> bool {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    match key.code {
        KeyCode::Left if control || alt => composer.word_left(),
        KeyCode::Right if control || alt => composer.word_right(),
        KeyCode::Left => composer.left(),
        KeyCode::Right => composer.right(),
        KeyCode::Home => composer.home(),
        KeyCode::End => composer.end(),
        KeyCode::Char('a') if control => composer.home(),
        KeyCode::Char('e') if control => composer.end(),
        KeyCode::Char('u') if control => composer.delete_to_start(),
        KeyCode::Char('w' | 'h') if control => composer.delete_word(),
        KeyCode::Backspace if control || alt => composer.delete_word(),
        KeyCode::Backspace => composer.backspace(),
        KeyCode::Delete => composer.delete(),
        KeyCode::Char(character) if !control && !alt => {
            composer.insert(character.encode_utf8(&mut [0; 4]));
        }
        _ => return false,
    }
    true
}
