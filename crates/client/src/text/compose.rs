//! The composer's direction: what a person types becomes what is sent.

use std::ops::Range;

use base::BareJid;
use xmpp::xep::character_counting::code_points_of;

use crate::views::Mention;

/// Longest `:name:` of an emoji, in bytes, without its colons.
const LONGEST_NAME: usize = 64;

/// An emoji to choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmojiChoice {
    /// The emoji.
    pub emoji: &'static str,
    /// Its `:name:`, without the colons.
    pub name: &'static str,
}

/// Emoji whose names begin with `prefix` (what stands behind a colon, without it), then those in which a word does, each
/// once; the shortest names first, at most `limit`.
#[must_use]
pub fn emoji_choices(prefix: &str, limit: usize) -> Vec<EmojiChoice> {
    let prefix = prefix.to_ascii_lowercase();
    let mut choices: Vec<((bool, usize), EmojiChoice)> = emojis::iter()
        .filter_map(|emoji| {
            emoji
                .shortcodes()
                .filter_map(|name| {
                    let begins = name.starts_with(&prefix);
                    let inside = || name.split('_').any(|word| word.starts_with(&prefix));
                    let rank = (!begins, name.len());
                    let emoji = emoji.as_str();
                    (begins || inside()).then_some((rank, EmojiChoice { emoji, name }))
                })
                .min_by_key(|(rank, _)| *rank)
        })
        .collect();
    // The sort is stable: what is equal stays in the order of Unicode's table.
    choices.sort_by_key(|(rank, _)| *rank);
    choices.truncate(limit);
    choices.into_iter().map(|(_, choice)| choice).collect()
}

/// A text with `:names:` replaced by their emoji, outside of preformatted text. Names that are not known stay.
#[must_use]
pub fn with_emoji(text: &str) -> String {
    let mut composition = Composition::new(text);
    composition.replace_names();
    composition.text
}

/// A text that is being written, with the mentions in it. Places are counted in bytes of [`Composition::text`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Composition {
    text: String,
    mentions: Vec<(Range<usize>, BareJid)>,
}

/// What is to be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Composed {
    /// The body.
    pub text: String,
    /// Who is mentioned in it, with places in code points (XEP-0372 §3.1).
    pub mentions: Vec<Mention>,
}

impl Composition {
    /// A text without mentions.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            mentions: Vec::new(),
        }
    }

    /// The text as it stands.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The mentions: where they stand, and of whom.
    #[must_use]
    pub fn mentions(&self) -> &[(Range<usize>, BareJid)] {
        &self.mentions
    }

    /// Replaces a part of the text, as typing does. Mentions that are changed by it are none any more; those behind it move.
    /// A part that is not in the text is moved to its borders.
    pub fn replace(&mut self, part: Range<usize>, with: &str) {
        let part = self.fitted(part);
        self.mentions
            .retain(|(place, _)| place.end <= part.start || place.start >= part.end);
        for (place, _) in &mut self.mentions {
            if place.start >= part.end {
                place.start = place.start - part.len() + with.len();
                place.end = place.end - part.len() + with.len();
            }
        }
        self.text.replace_range(part, with);
    }

    /// Replaces a part of the text, such as `@jul`, by the name of somebody who is thereby mentioned.
    pub fn mention(&mut self, part: Range<usize>, name: &str, account: BareJid) {
        let part = self.fitted(part);
        let start = part.start;
        self.replace(part, name);
        if !name.is_empty() {
            self.mentions.push((start..start + name.len(), account));
            self.mentions.sort_by_key(|(place, _)| place.start);
        }
    }

    /// What is to be sent: white space at both ends is cut, `:names:` of emoji are replaced.
    #[must_use]
    pub fn finish(mut self) -> Composed {
        self.replace_names();
        let end = self.text.trim_end().len();
        self.replace(end..self.text.len(), "");
        // Not at the beginning of a line: there white space may be meant.
        let start = self.text.len() - self.text.trim_start_matches(['\n', '\r']).len();
        self.replace(0..start, "");
        let mentions = self.mentions.iter().filter_map(|(place, account)| {
            let place = code_points_of(&self.text, place.clone())?;
            Some(Mention {
                begin: place.start,
                end: place.end,
                account: account.clone(),
            })
        });
        Composed {
            mentions: mentions.collect(),
            text: self.text,
        }
    }

    fn fitted(&self, part: Range<usize>) -> Range<usize> {
        let border = |at: usize| self.text.floor_char_boundary(at.min(self.text.len()));
        let start = border(part.start);
        start..border(part.end).max(start)
    }

    fn replace_names(&mut self) {
        let mut made = String::with_capacity(self.text.len());
        let mut mentions = std::mem::take(&mut self.mentions).into_iter().peekable();
        let mut done = 0;
        // Up to where the last mention reaches.
        let mut taken = 0;
        for (place, emoji) in names(&self.text) {
            while let Some((mention, account)) =
                mentions.next_if(|(mention, _)| mention.start < place.end)
            {
                let start = mention.start - done + made.len();
                taken = mention.end;
                self.mentions.push((start..start + mention.len(), account));
            }
            // A name of somebody that looks like one of an emoji is somebody's name.
            if taken <= place.start {
                made.push_str(&self.text[done..place.start]);
                made.push_str(emoji);
                done = place.end;
            }
        }
        for (mention, account) in mentions {
            let start = mention.start - done + made.len();
            self.mentions.push((start..start + mention.len(), account));
        }
        made.push_str(&self.text[done..]);
        self.text = made;
    }
}

/// The `:names:` in a text that name emoji, outside of preformatted text.
fn names(text: &str) -> Vec<(Range<usize>, &'static str)> {
    let mut found = Vec::new();
    let mut fenced = false;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches('\n');
        if fenced {
            fenced = bare != "```";
        } else if bare.starts_with("```") {
            fenced = true;
        } else {
            names_in_line(bare, offset, &mut found);
        }
        offset += line.len();
    }
    found
}

fn names_in_line(line: &str, offset: usize, found: &mut Vec<(Range<usize>, &'static str)>) {
    let mut at = 0;
    let mut code = false;
    while let Some(next) = memchr::memchr2(b':', b'`', &line.as_bytes()[at..]) {
        let here = at + next;
        at = here + 1;
        if line.as_bytes()[here] == b'`' {
            code = !code && line[at..].contains('`');
            continue;
        }
        if code || !opens(line, here) {
            continue;
        }
        let name = line[at..]
            .bytes()
            .take(LONGEST_NAME + 1)
            .take_while(|byte| byte.is_ascii_alphanumeric() || b"_+-".contains(byte))
            .count();
        let end = at + name;
        if name == 0 || line.as_bytes().get(end) != Some(&b':') {
            continue;
        }
        if let Some(emoji) = emojis::get_by_shortcode(&line[at..end].to_ascii_lowercase()) {
            found.push((offset + here..offset + end + 1, emoji.as_str()));
            at = end + 1;
        }
    }
}

/// Whether a name may begin at a colon: not in the middle of a word or number (`10:30:15`).
fn opens(line: &str, colon: usize) -> bool {
    !line[..colon].ends_with(char::is_alphanumeric)
}
