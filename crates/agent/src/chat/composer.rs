//! The composer: a text of several lines, a cursor in it, and what can be completed at the cursor.

use std::ops::Range;

use client::BareJid;
use client::text::{Composed, Composition, emoji_choices};
use client::views::Member;
use unicode_segmentation::UnicodeSegmentation;

use super::commands;

/// Suggestions that are offered at once.
const MOST_SUGGESTIONS: usize = 6;

/// What is being written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Composer {
    composition: Composition,
    /// In bytes, between two graphemes.
    cursor: usize,
    /// Which suggestion is chosen.
    chosen: usize,
    /// The person wants no suggestions for the word at hand.
    no_suggestions: bool,
}

/// Something that can stand in place of the word at the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Suggestion {
    /// What is replaced.
    part: Range<usize>,
    /// By what.
    pub(crate) insert: String,
    /// What to show.
    pub(crate) label: String,
    /// Who is mentioned by it.
    account: Option<BareJid>,
}

impl Composer {
    /// With this text, the cursor at its end.
    pub(crate) fn with(text: &str) -> Self {
        Self {
            composition: Composition::new(text),
            cursor: text.len(),
            chosen: 0,
            no_suggestions: false,
        }
    }

    pub(crate) fn text(&self) -> &str {
        self.composition.text()
    }

    pub(crate) const fn cursor(&self) -> usize {
        self.cursor
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text().is_empty()
    }

    /// What is to be said; the composer is empty then.
    pub(crate) fn take(&mut self) -> Composed {
        std::mem::take(self).composition.finish()
    }

    pub(crate) fn insert(&mut self, text: &str) {
        // Terminals send carriage returns for line ends that are pasted.
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        self.replace(self.cursor..self.cursor, &text);
    }

    fn replace(&mut self, part: Range<usize>, with: &str) {
        self.cursor = part.start + with.len();
        self.composition.replace(part, with);
        self.chosen = 0;
        self.no_suggestions = false;
    }

    pub(crate) fn left(&mut self) {
        self.cursor = self.before();
    }

    pub(crate) fn right(&mut self) {
        self.cursor = self.behind();
    }

    fn before(&self) -> usize {
        let head = &self.text()[..self.cursor];
        head.grapheme_indices(true)
            .next_back()
            .map_or(0, |(at, _)| at)
    }

    fn behind(&self) -> usize {
        let tail = &self.text()[self.cursor..];
        tail.graphemes(true)
            .next()
            .map_or(self.cursor, |first| self.cursor + first.len())
    }

    fn word_before(&self) -> usize {
        let head = &self.text()[..self.cursor];
        let words = head
            .unicode_word_indices()
            .next_back()
            .map_or(0, |(at, _)| at);
        let trimmed = head.trim_end().len();
        if words < trimmed {
            words
        } else {
            trimmed.min(self.before())
        }
    }

    fn word_behind(&self) -> usize {
        let tail = &self.text()[self.cursor..];
        tail.unicode_word_indices()
            .next()
            .map_or(self.text().len(), |(at, word)| {
                self.cursor + at + word.len()
            })
    }

    pub(crate) fn word_left(&mut self) {
        self.cursor = self.word_before();
    }

    pub(crate) fn word_right(&mut self) {
        self.cursor = self.word_behind();
    }

    fn line_start(&self) -> usize {
        self.text()[..self.cursor]
            .rfind('\n')
            .map_or(0, |at| at + 1)
    }

    fn line_end(&self) -> usize {
        self.text()[self.cursor..]
            .find('\n')
            .map_or(self.text().len(), |at| self.cursor + at)
    }

    pub(crate) fn home(&mut self) {
        self.cursor = self.line_start();
    }

    pub(crate) fn end(&mut self) {
        self.cursor = self.line_end();
    }

    /// Moves up a line; whether there was one.
    pub(crate) fn up(&mut self) -> bool {
        let start = self.line_start();
        if start == 0 {
            return false;
        }
        let column = self.text()[start..self.cursor].graphemes(true).count();
        let above = self.text()[..start - 1].rfind('\n').map_or(0, |at| at + 1);
        self.cursor = self.at_column(above..start - 1, column);
        true
    }

    /// Moves down a line; whether there was one.
    pub(crate) fn down(&mut self) -> bool {
        let end = self.line_end();
        if end == self.text().len() {
            return false;
        }
        let start = self.line_start();
        let column = self.text()[start..self.cursor].graphemes(true).count();
        let below = self.text()[end + 1..]
            .find('\n')
            .map_or(self.text().len(), |at| end + 1 + at);
        self.cursor = self.at_column(end + 1..below, column);
        true
    }

    fn at_column(&self, line: Range<usize>, column: usize) -> usize {
        self.text()[line.clone()]
            .grapheme_indices(true)
            .nth(column)
            .map_or(line.end, |(at, _)| line.start + at)
    }

    pub(crate) fn backspace(&mut self) {
        self.replace(self.before()..self.cursor, "");
    }

    pub(crate) fn delete(&mut self) {
        let start = self.cursor;
        self.replace(start..self.behind(), "");
    }

    pub(crate) fn delete_word(&mut self) {
        self.replace(self.word_before()..self.cursor, "");
    }

    pub(crate) fn delete_to_start(&mut self) {
        self.replace(self.line_start()..self.cursor, "");
    }

    /// The word at the cursor, from its start.
    fn word(&self) -> Range<usize> {
        let head = &self.text()[..self.cursor];
        let start = head.rfind(char::is_whitespace).map_or(0, |at| {
            at + head[at..].chars().next().map_or(1, char::len_utf8)
        });
        start..self.cursor
    }

    /// What can stand in place of the word at the cursor: a command, an emoji, a member.
    pub(crate) fn suggestions(&self, members: &[Member]) -> Vec<Suggestion> {
        if self.no_suggestions {
            return Vec::new();
        }
        let part = self.word();
        let word = &self.text()[part.clone()];
        if let Some(name) = word.strip_prefix('/').filter(|_| part.start == 0) {
            return commands::ALL
                .iter()
                .filter(|command| command.name.starts_with(name) && command.name != name)
                .take(MOST_SUGGESTIONS)
                .map(|command| Suggestion {
                    part: part.clone(),
                    insert: format!("/{} ", command.name),
                    label: format!("/{}", command.name),
                    account: None,
                })
                .collect();
        }
        if let Some(name) = word
            .strip_prefix(':')
            .filter(|name| name.len() >= 2 && !name.ends_with(':'))
        {
            return emoji_choices(name, MOST_SUGGESTIONS)
                .into_iter()
                .map(|choice| Suggestion {
                    part: part.clone(),
                    insert: format!("{} ", choice.emoji),
                    label: format!("{} :{}:", choice.emoji, choice.name),
                    account: None,
                })
                .collect();
        }
        let Some(name) = word.strip_prefix('@') else {
            return Vec::new();
        };
        let name = name.to_lowercase();
        members
            .iter()
            .filter(|member| !member.own && member.name.to_lowercase().starts_with(&name))
            .take(MOST_SUGGESTIONS)
            .map(|member| Suggestion {
                part: part.clone(),
                insert: member.name.to_string(),
                label: format!("@{}", member.name),
                account: member.account.clone(),
            })
            .collect()
    }

    pub(crate) const fn chosen(&self) -> usize {
        self.chosen
    }

    /// Chooses another one of `count` suggestions.
    pub(crate) const fn choose(&mut self, forward: bool, count: usize) {
        if count > 0 {
            self.chosen = if forward {
                (self.chosen + 1) % count
            } else {
                (self.chosen + count - 1) % count
            };
        }
    }

    /// The person wants no suggestions for now.
    pub(crate) const fn dismiss(&mut self) {
        self.no_suggestions = true;
    }

    /// Takes a suggestion.
    pub(crate) fn accept(&mut self, suggestion: Suggestion) {
        let Suggestion {
            part,
            insert,
            account,
            ..
        } = suggestion;
        match account {
            Some(account) => {
                self.cursor = part.start + insert.len();
                self.composition.mention(part, &insert, account);
                self.insert(" ");
            }
            None => self.replace(part, &insert),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_stand_between_what_people_see() {
        let mut composer = Composer::with("a👨‍👩‍👧b");
        composer.left();
        composer.left();
        composer.insert("-");
        assert_eq!(composer.text(), "a-👨‍👩‍👧b");
        composer.right();
        composer.backspace();
        assert_eq!(composer.text(), "a-b");
    }

    #[test]
    fn lines_are_gone_through_by_columns() {
        let mut composer = Composer::with("long line\nab\nlong again");
        assert!(composer.up());
        assert!(composer.up());
        composer.insert("!");
        assert_eq!(composer.text(), "lo!ng line\nab\nlong again");
        assert!(!composer.up());
        assert!(composer.down());
        assert!(composer.down());
        assert!(!composer.down());
    }

    #[test]
    fn words_are_deleted_whole() {
        let mut composer = Composer::with("one two, ");
        composer.delete_word();
        assert_eq!(composer.text(), "one ");
        composer.delete_word();
        assert_eq!(composer.text(), "");
        composer.delete_word();
        composer.backspace();
        composer.delete();
        assert_eq!(composer.text(), "");
    }

    #[test]
    fn emoji_and_commands_are_completed() {
        let mut composer = Composer::with("fine :thumbsu");
        let suggestion = composer.suggestions(&[]).remove(0);
        composer.accept(suggestion);
        assert_eq!(composer.text(), "fine 👍 ");
        let mut composer = Composer::with("/inv");
        let suggestion = composer.suggestions(&[]).remove(0);
        composer.accept(suggestion);
        assert_eq!(composer.text(), "/invite ");
        assert_eq!(Composer::with("no /inv").suggestions(&[]), []);
    }

    #[test]
    fn pasted_lines_keep_their_ends() {
        let mut composer = Composer::default();
        composer.insert("one\r\ntwo\rthree");
        assert_eq!(composer.text(), "one\ntwo\nthree");
    }
}
