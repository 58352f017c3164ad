//! Which parts of a text are emoji.

use unicode_segmentation::UnicodeSegmentation;

/// Whether a grapheme is shown as an emoji. `©` and the like are letters unless their sender says otherwise.
pub(super) fn is_emoji(grapheme: &str) -> bool {
    !grapheme.is_ascii()
        && emojis::get(grapheme).is_some_and(|emoji| {
            emoji.as_str() == grapheme || grapheme.contains(['\u{fe0f}', '\u{200d}'])
        })
}

/// A text, cut into emoji and what stands between them: whether it is an emoji, and its text.
pub(super) fn split(text: &str) -> impl Iterator<Item = (bool, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = 0;
        // Most texts have no emoji: what is ASCII up to the next other character is skipped at once. Only the last of
        // its characters can be the beginning of one (`#️⃣`).
        while let Some(other) = rest[end..].bytes().position(|byte| !byte.is_ascii()) {
            let from = end + other.saturating_sub(1);
            let Some(grapheme) = rest[from..].graphemes(true).next() else {
                break;
            };
            if is_emoji(grapheme) {
                let (taken, emoji) = match from {
                    0 => (grapheme.len(), true),
                    _ => (from, false),
                };
                let (now, later) = rest.split_at(taken);
                rest = later;
                return Some((emoji, now));
            }
            end = from + grapheme.len();
        }
        Some((false, std::mem::take(&mut rest)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emoji_are_found_whole() {
        for (text, parts) in [
            ("hello", &[(false, "hello")][..]),
            ("", &[]),
            ("😀", &[(true, "😀")]),
            ("a 👩‍👩‍👧‍👦!", &[(false, "a "), (true, "👩‍👩‍👧‍👦"), (false, "!")]),
            ("🇩🇪🇫🇷", &[(true, "🇩🇪"), (true, "🇫🇷")]),
            ("1️⃣ x", &[(true, "1️⃣"), (false, " x")]),
            ("Tür ❤️", &[(false, "Tür "), (true, "❤️")]),
            ("© 2026 ™", &[(false, "© 2026 ™")]),
            ("ü😀ü", &[(false, "ü"), (true, "😀"), (false, "ü")]),
            ("👍🏽", &[(true, "👍🏽")]),
        ] {
            assert_eq!(split(text).collect::<Vec<_>>(), parts, "{text}");
        }
    }
}
