//! Passwords: wiped, never printed, and the same characters whatever keyboard they came from.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// A password in clear. Wiped when dropped, printed as `…`.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes the text over.
    pub fn new(text: impl Into<String>) -> Password {
        Password(Zeroizing::new(text.into()))
    }

    /// The text, for a computation. Not for logs.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Prepares a password or simple user name for comparison: SASLprep's mapping and normalization (RFC 4013
/// §2.1, §2.2, which RFC 5802 asks for and other clients do) by today's Unicode. `None` when nothing is left
/// or a control character is in it. Unlike RFC 4013 of 2005, characters that were not assigned in Unicode 3.2
/// are let through: people have emoji in their passwords.
pub fn prepare(text: &str) -> Option<Password> {
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return (!text.is_empty()).then(|| Password::new(text));
    }
    let mapped = text
        .chars()
        .filter(|c| !mapped_to_nothing(*c))
        .map(|c| if is_space(c) { ' ' } else { c });
    // One allocation of the largest size, so that no copy of a half-grown string stays behind unwiped.
    let mut prepared = Zeroizing::new(String::with_capacity(text.len().saturating_mul(3) + 64));
    for c in mapped.nfkc() {
        if c.is_control()
            || matches!(c, '\u{fffd}' | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}')
        {
            return None;
        }
        prepared.push(c);
    }
    (!prepared.is_empty()).then(|| Password(prepared))
}

/// RFC 3454 table C.1.2.
fn is_space(c: char) -> bool {
    matches!(
        c,
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

/// RFC 3454 table B.1.
fn mapped_to_nothing(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{1806}' | '\u{180b}'..='\u{180d}' | '\u{200b}'..='\u{200d}' | '\u{2060}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_of_rfc_4013() {
        let prepared = |text: &str| prepare(text).map(|p| p.expose().to_owned());
        assert_eq!(prepared("I\u{ad}X").as_deref(), Some("IX"));
        assert_eq!(prepared("user").as_deref(), Some("user"));
        assert_eq!(prepared("USER").as_deref(), Some("USER"));
        assert_eq!(prepared("\u{aa}").as_deref(), Some("a"));
        assert_eq!(prepared("\u{2168}").as_deref(), Some("IX"));
        assert_eq!(prepared("\u{7}"), None);
        assert_eq!(prepared(""), None);
        assert_eq!(prepared("\u{ad}"), None);
        assert_eq!(prepared("a\u{a0}b").as_deref(), Some("a b"));
        assert_eq!(prepared("\u{1fae0}").as_deref(), Some("\u{1fae0}"));
        assert_eq!(prepared("a\u{308}").as_deref(), Some("\u{e4}"));
        assert_eq!(format!("{:?}", Password::new("secret")), "…");
    }
}
