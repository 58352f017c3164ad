//! What a web page says of itself: its title, what it is about, its picture. For previews of links.
//!
//! Pages are bytes of strangers. [`read`] takes any bytes, reads up to the end of the head of the page in one pass, and
//! gives bounded texts. Nothing is fetched here.

mod charset;
mod head;

pub use head::{Facts, read};

/// Most characters of a title or of the name of a site.
pub const LONGEST_TITLE: usize = 300;
/// Most characters of a description, or of what a picture shows.
pub const LONGEST_TEXT: usize = 1_000;
/// Most bytes of an address.
pub const LONGEST_ADDRESS: usize = 2_048;

/// A text of a page on one line: without what cannot be seen or turns the writing around, and not longer than `most`
/// characters. `None` when nothing is left.
#[must_use]
pub fn line(text: &str, most: usize) -> Option<String> {
    let mut line = String::new();
    let mut characters = 0;
    for word in text.split_whitespace() {
        let word: String = word.chars().filter(|it| is_shown(*it)).collect();
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
            characters += 1;
        }
        let length = word.chars().count();
        if characters + length > most {
            let room = most.saturating_sub(characters + 1);
            line.extend(word.chars().take(room));
            line.truncate(line.trim_end().len());
            line.push('…');
            return Some(line);
        }
        line.push_str(&word);
        characters += length;
    }
    (!line.is_empty()).then_some(line)
}

fn is_shown(character: char) -> bool {
    let hidden = matches!(
        character,
        '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
    );
    !character.is_control() && !hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_bounded_line() {
        assert_eq!(line("  two\n\twords ", 50).as_deref(), Some("two words"));
        assert_eq!(
            line("a\u{202e}b\u{0}c \u{200b}", 50).as_deref(),
            Some("abc")
        );
        assert_eq!(line(" \u{200b}\n", 50), None);
        assert_eq!(
            line("four long words here", 10).as_deref(),
            Some("four long…")
        );
        assert_eq!(
            line(&"ü".repeat(99), 10).map(|it| it.chars().count()),
            Some(10)
        );
    }
}
