//! The languages that the server speaks.

/// A language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English, where no other is asked for.
    #[default]
    English,
    /// German.
    German,
}

/// A text in each of them.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// In English.
    pub english: &'static str,
    /// In German.
    pub german: &'static str,
}

impl Words {
    /// A text in German and English.
    #[must_use]
    pub const fn new(german: &'static str, english: &'static str) -> Self {
        Self { english, german }
    }

    /// The text in one language.
    #[must_use]
    pub const fn of(self, language: Language) -> &'static str {
        match language {
            Language::English => self.english,
            Language::German => self.german,
        }
    }
}

impl Language {
    /// The language of a tag such as `de-AT` (`xml:lang`, RFC 5646).
    #[must_use]
    pub fn of_tag(tag: &str) -> Self {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        if primary.eq_ignore_ascii_case("de") {
            Self::German
        } else {
            Self::English
        }
    }

    /// Its tag.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// Takes one of two texts.
    #[must_use]
    pub const fn pick<'a>(self, german: &'a str, english: &'a str) -> &'a str {
        match self {
            Self::English => english,
            Self::German => german,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Language;

    #[test]
    fn tags_are_understood() {
        assert_eq!(Language::of_tag("de-AT"), Language::German);
        assert_eq!(Language::of_tag("DE"), Language::German);
        assert_eq!(Language::of_tag("den"), Language::English);
        assert_eq!(Language::of_tag(""), Language::English);
    }
}
