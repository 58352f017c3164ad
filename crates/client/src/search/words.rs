//! Words: where they stand in a text, and how they are compared.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;
use unicode_segmentation::UnicodeSegmentation;

/// Longer words are cut, in bytes.
const LONGEST_WORD: usize = 64;

/// Calls `found` for each word of a text: where it stands, in bytes, and its folded form, which holds neither white space
/// nor control characters and is not empty.
///
/// Words are those of UAX #29, and letters and digits with anything else between them are several: `can't` is two. Emoji are
/// words.
pub(super) fn words(text: &str, mut found: impl FnMut(Range<usize>, &str)) {
    let mut folded = String::with_capacity(LONGEST_WORD);
    let mut each = |range: Range<usize>| {
        folded.clear();
        fold(&text[range.clone()], &mut folded);
        folded.truncate(folded.floor_char_boundary(LONGEST_WORD));
        if !folded.is_empty() {
            found(range, &folded);
        }
    };
    if text.is_ascii() {
        // The same, but many times as fast.
        runs(text, 0, &mut each);
        return;
    }
    for (at, segment) in text.split_word_bound_indices() {
        if segment.chars().any(char::is_alphanumeric) {
            runs(segment, at, &mut each);
        } else if !segment.is_ascii() && emojis::get(segment).is_some() {
            each(at..at + segment.len());
        }
    }
}

/// The runs of letters and digits (and marks on them) in a segment that begins at `offset`.
fn runs(segment: &str, offset: usize, each: &mut impl FnMut(Range<usize>)) {
    let mut start = None;
    for (at, character) in segment.char_indices() {
        let inside = character.is_alphanumeric() || canonical_combining_class(character) != 0;
        match (inside, start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                each(offset + from..offset + at);
                start = None;
            }
            _ => {}
        }
    }
    if let Some(from) = start {
        each(offset + from..offset + segment.len());
    }
}

/// Small letters without accents, ligatures taken apart; no white space and no control characters.
pub(super) fn fold(word: &str, out: &mut String) {
    if word.is_ascii() {
        let letters = word.bytes().filter(|byte| byte.is_ascii_graphic());
        out.extend(letters.map(|byte| char::from(byte.to_ascii_lowercase())));
        return;
    }
    for character in word.nfkd() {
        // Marks, but not those that make another letter of a kana.
        let mark = canonical_combining_class(character) != 0
            && !matches!(character, '\u{3099}' | '\u{309a}');
        if mark || character == '\u{fe0f}' || character.is_whitespace() || character.is_control() {
            continue;
        }
        for small in character.to_lowercase() {
            match small {
                'ß' => out.push_str("ss"),
                'æ' => out.push_str("ae"),
                'œ' => out.push_str("oe"),
                'þ' => out.push_str("th"),
                'ø' => out.push('o'),
                'ł' => out.push('l'),
                'đ' | 'ð' => out.push('d'),
                'ı' => out.push('i'),
                'ς' => out.push('σ'),
                // What `to_lowercase` makes of İ.
                '\u{307}' => {}
                small => out.push(small),
            }
        }
    }
}

/// A folded word as somebody without the letters would write it, and the other way round: `müller` is `muller` and
/// `mueller`, and so is `mueller`. `typed` is the word before it was folded.
pub(super) fn other_spelling(typed: &str) -> Option<String> {
    let mut spelled = String::with_capacity(typed.len() + 4);
    if typed.contains(['ä', 'ö', 'ü', 'Ä', 'Ö', 'Ü']) {
        for character in typed.chars() {
            match character {
                'ä' | 'Ä' => spelled.push_str("ae"),
                'ö' | 'Ö' => spelled.push_str("oe"),
                'ü' | 'Ü' => spelled.push_str("ue"),
                other => spelled.push(other),
            }
        }
    } else {
        let small = typed.to_ascii_lowercase();
        if !["ae", "oe", "ue"].iter().any(|pair| small.contains(pair)) {
            return None;
        }
        spelled = small
            .replace("ae", "a")
            .replace("oe", "o")
            .replace("ue", "u");
    }
    let mut folded = String::with_capacity(spelled.len());
    fold(&spelled, &mut folded);
    folded.truncate(folded.floor_char_boundary(LONGEST_WORD));
    Some(folded)
}

/// Writes the words of some texts as the index keeps them: each behind a space, and between two texts a word that nobody
/// can look for. At most `most` bytes, and no half word.
pub(super) fn index_text(texts: &[&str], most: usize) -> String {
    let mut out = String::new();
    // What is behind a word that has no room is left out, too: it would stand beside another one.
    let mut full = false;
    for text in texts {
        if !out.is_empty() && out.len() + 2 <= most {
            out.push_str(" \u{1}");
        }
        words(text, |_, word| {
            full |= out.len() + 1 + word.len() > most;
            if !full {
                out.push(' ');
                out.push_str(word);
            }
        });
        if full {
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<String> {
        let mut all = Vec::new();
        words(text, |range, word| {
            assert!(text.get(range).is_some());
            all.push(word.to_owned());
        });
        all
    }

    #[test]
    fn words_of_many_languages() {
        for (text, expected) in [
            ("Straße, STRASSE!", &["strasse", "strasse"][..]),
            ("Müller-Lüdenscheidt", &["muller", "ludenscheidt"]),
            (
                "can't 3.5 a_b foo.bar",
                &["can", "t", "3", "5", "a", "b", "foo", "bar"],
            ),
            ("e\u{301}te\u{301} été", &["ete", "ete"]),
            (
                "ﬁnal Łódź Ørsted Æther İstanbul",
                &["final", "lodz", "orsted", "aether", "istanbul"],
            ),
            ("Ὀδυσσεύς ОДЕССА", &["οδυσσευσ", "одесса"]),
            ("日本語 が", &["日", "本", "語", "か\u{3099}"]),
            ("well done 🎉👍🏽!", &["well", "done", "🎉", "👍🏽"]),
            ("\u{fdfa}", &["صلىاللهعليهوسلم"]),
            ("... — \n", &[]),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
        assert_eq!(of(&"x".repeat(1000)), ["x".repeat(LONGEST_WORD)]);
    }

    #[test]
    fn umlauts_have_two_spellings() {
        assert_eq!(other_spelling("Müller").as_deref(), Some("mueller"));
        assert_eq!(other_spelling("Mueller").as_deref(), Some("muller"));
        assert_eq!(other_spelling("Miller"), None);
    }

    #[test]
    fn no_half_words() {
        assert_eq!(index_text(&["abc def", "ghi"], 100), " abc def \u{1} ghi");
        assert_eq!(index_text(&["abc def g", "g"], 7), " abc");
    }
}
