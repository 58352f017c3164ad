//! What PRECIS (RFC 8264) knows of code points, with the Unicode tables of our dependencies.

use std::borrow::Cow;

use unicode_bidi::{BidiClass, bidi_class};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, decompose_compatible};
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// Applies `step` until its result is its input. `None` when a step refuses or the text does not
/// come to rest, which RFC 8264 §7 tells to refuse.
pub(super) fn until_stable(text: &str, step: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut text = step(text)?;
    for _ in 0..3 {
        let next = step(&text)?;
        if next == text {
            return Some(text);
        }
        text = next;
    }
    None
}

/// Unicode normalisation form C. Never refuses; `Option` for [`until_stable`].
#[expect(
    clippy::unnecessary_wraps,
    reason = "the shape of a step of until_stable"
)]
pub(super) fn nfc(text: &str) -> Option<String> {
    Some(text.nfc().collect())
}

/// The character to name in an error about the whole of a text.
pub(super) fn first_beyond_ascii(text: &str) -> char {
    text.chars()
        .find(|c| !c.is_ascii())
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Fullwidth and halfwidth forms become what they are forms of (RFC 8264 §5.2.1).
pub(super) fn width_mapped(text: &str) -> Cow<'_, str> {
    let is_form = |c: char| matches!(c, '\u{3000}' | '\u{ff01}'..='\u{ffee}');
    if text.contains(is_form) {
        Cow::Owned(
            text.chars()
                .map(|c| if is_form(c) { width_of(c) } else { c })
                .collect(),
        )
    } else {
        Cow::Borrowed(text)
    }
}

/// One step of decomposition only: halfwidth Hangul letters become compatibility letters, which
/// would decompose further.
fn width_of(c: char) -> char {
    const HANGUL: u32 = 0x3131;
    let code = u32::from(c);
    let hangul = match code {
        0xffa0 => return '\u{3164}',
        0xffa1..=0xffbe => Some(code - 0xffa1),
        0xffc2..=0xffc7 => Some(code - 0xffc2 + 30),
        0xffca..=0xffcf => Some(code - 0xffca + 36),
        0xffd2..=0xffd7 => Some(code - 0xffd2 + 42),
        0xffda..=0xffdc => Some(code - 0xffda + 48),
        0xffe3 => return '\u{af}',
        _ => None,
    };
    if let Some(offset) = hangul {
        return char::from_u32(HANGUL + offset).unwrap_or(c);
    }
    let (mut mapped, mut count) = (c, 0);
    decompose_compatible(c, |part| {
        mapped = part;
        count += 1;
    });
    if count == 1 { mapped } else { c }
}

/// Spaces of every width become U+0020 (RFC 8265 §4.2.1).
pub(super) fn spaces_mapped(text: &str) -> Cow<'_, str> {
    let is_wide_space =
        |c: char| !c.is_ascii() && c.general_category() == GeneralCategory::SpaceSeparator;
    if text.contains(is_wide_space) {
        Cow::Owned(text.replace(is_wide_space, " "))
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether a character of a stranger's local part or domain can be told apart and has one form.
pub(super) fn is_tolerable_in_name(c: char) -> bool {
    if c.is_ascii() {
        return matches!(c, '!'..='~');
    }
    !(is_control(c)
        || is_space(c)
        || (is_ignorable(c) && !is_joiner(c))
        || has_compatibility_form(c))
}

/// Whether a character can stand in a resource.
pub(super) fn is_tolerable_in_resource(c: char) -> bool {
    if c.is_ascii() {
        return matches!(c, ' '..='~');
    }
    let of_emoji = is_joiner(c) || matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0020}'..='\u{e007f}');
    let is_line = matches!(c, '\u{2028}' | '\u{2029}');
    !(is_control(c) || is_line || (is_ignorable(c) && !of_emoji))
}

fn is_control(c: char) -> bool {
    let is_noncharacter = matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe;
    c.is_control() || is_noncharacter
}

fn is_space(c: char) -> bool {
    use GeneralCategory::{LineSeparator, ParagraphSeparator, SpaceSeparator};
    matches!(
        c.general_category(),
        SpaceSeparator | LineSeparator | ParagraphSeparator
    )
}

fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Default_Ignorable_Code_Point of Unicode: invisible, to be skipped by those who do not know it.
fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// HasCompat of RFC 8264 §9.17: NFKC would make another character of it.
fn has_compatibility_form(c: char) -> bool {
    let mut form = std::iter::once(c).nfkc();
    form.next() != Some(c) || form.next().is_some()
}

/// Whether a mark needs a character before it.
pub(super) fn is_combining(c: char) -> bool {
    use GeneralCategory::{EnclosingMark, NonspacingMark, SpacingMark};
    matches!(
        c.general_category(),
        NonspacingMark | SpacingMark | EnclosingMark
    )
}

/// The first character of a normalised text that PRECIS' IdentifierClass does not hold, contextual
/// ones out of their context included (RFC 8264 §8, RFC 5892 appendix A).
pub(super) fn outside_identifier_class(text: &str) -> Option<char> {
    let mut before = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if !is_valid_in_identifier(c) && !is_in_context(c, before, chars.peek().copied(), text) {
            return Some(c);
        }
        before = Some(c);
    }
    None
}

/// PVALID in the order of RFC 8264 §8; contextual characters are not.
fn is_valid_in_identifier(c: char) -> bool {
    use GeneralCategory as G;
    match c {
        '!'..='~' | 'ß' | 'ς' | '۽' | '۾' | '་' | '〇' => return true,
        '\u{640}' | '\u{7fa}' | '\u{302e}' | '\u{302f}' | '\u{3031}'..='\u{3035}' | '\u{303b}' => {
            return false;
        }
        '·' | '͵' | '׳' | '״' | '・' | '٠'..='٩' | '۰'..='۹' => return false,
        // Old Hangul letters: leading, vowel and trailing jamo.
        '\u{1100}'..='\u{11ff}'
        | '\u{a960}'..='\u{a97c}'
        | '\u{d7b0}'..='\u{d7c6}'
        | '\u{d7cb}'..='\u{d7fb}' => {
            return false;
        }
        _ => {}
    }
    let is_letter_or_digit = matches!(
        c.general_category(),
        G::LowercaseLetter
            | G::UppercaseLetter
            | G::OtherLetter
            | G::DecimalNumber
            | G::ModifierLetter
            | G::NonspacingMark
            | G::SpacingMark
    );
    is_letter_or_digit && !is_ignorable(c) && !is_control(c) && !has_compatibility_form(c)
}

/// The contextual rules of RFC 5892 appendix A. The joining-type half of A.1 is left out: it needs
/// tables of letter shapes, and refusing is the safe side.
fn is_in_context(c: char, before: Option<char>, after: Option<char>, text: &str) -> bool {
    match c {
        // A.1, A.2: only after a virama (combining class 9).
        '\u{200c}' | '\u{200d}' => before.is_some_and(|c| canonical_combining_class(c) == 9),
        // A.3: Catalan l·l.
        '·' => before == Some('l') && after == Some('l'),
        // A.4
        '͵' => after.is_some_and(|c| matches!(c, '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}')),
        // A.5, A.6
        '׳' | '״' => before.is_some_and(|c| matches!(c, '\u{591}'..='\u{5f2}')),
        // A.7
        '・' => text.chars().any(is_japanese),
        // A.8, A.9: never both kinds of digits.
        '٠'..='٩' => !text.contains(|c| matches!(c, '۰'..='۹')),
        '۰'..='۹' => !text.contains(|c| matches!(c, '٠'..='٩')),
        _ => false,
    }
}

/// Hiragana, Katakana or Han.
fn is_japanese(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{3096}' | '\u{309d}'..='\u{309f}' | '\u{30a1}'..='\u{30fa}' | '\u{30fd}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}' | '々' | '〇' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{20000}'..='\u{3ffff}')
}

/// The Bidi Rule (RFC 5893 §2), asked only of texts with right-to-left characters.
pub(super) fn follows_bidi_rule(text: &str) -> bool {
    use BidiClass::{AL, AN, BN, CS, EN, ES, ET, L, NSM, ON, R};
    let classes: Vec<BidiClass> = text.chars().map(bidi_class).collect();
    if !classes.iter().any(|class| matches!(class, R | AL | AN)) {
        return true;
    }
    let end = classes.iter().rfind(|&&class| class != NSM);
    match classes.first() {
        Some(R | AL) => {
            let has = |class| classes.contains(&class);
            classes
                .iter()
                .all(|class| matches!(class, R | AL | AN | EN | ES | CS | ET | ON | BN | NSM))
                && matches!(end, Some(R | AL | EN | AN))
                && !(has(EN) && has(AN))
        }
        Some(L) => {
            classes
                .iter()
                .all(|class| matches!(class, L | EN | ES | CS | ET | ON | BN | NSM))
                && matches!(end, Some(L | EN))
        }
        _ => false,
    }
}
