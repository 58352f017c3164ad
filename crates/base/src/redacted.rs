//! Values that must not reach a log.

use std::fmt;

/// A secret or somebody's words: `Debug` and `Display` print `…` only.
///
/// The wrapper keeps the value out of logs by type. It does not wipe memory: whoever makes the
/// value zeroizes it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// Wraps `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Never hand the result to a formatting macro.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The value itself, to be changed or wiped in place.
    pub const fn expose_mut(&mut self) -> &mut T {
        &mut self.0
    }

    /// Takes the value out of the wrapper.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> From<T> for Redacted<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl<T> fmt::Display for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::Redacted;

    #[test]
    fn prints_nothing_of_the_value() {
        #[derive(Debug)]
        #[expect(dead_code, reason = "read by Debug only")]
        struct Login {
            password: Redacted<String>,
        }
        let password = Redacted::new("correct horse".to_owned());
        assert_eq!(format!("{password} {password:?} {password:#?}"), "… … …");
        assert_eq!(password.expose(), "correct horse");
        assert_eq!(format!("{:?}", Login { password }), "Login { password: … }");
    }
}
