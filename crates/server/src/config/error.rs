//! Configuration errors: file, line, key, and the mend.

use std::fmt;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file, with line and column counted from one where known.
    File {
        /// The file.
        path: PathBuf,
        /// Line and column.
        position: Option<(usize, usize)>,
    },
    /// An environment variable.
    Environment(String),
}

/// What is wrong with the configuration, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Where it stands.
    pub source: Source,
    /// The key with its section, such as `tls.certificate`; empty when the text could not be read as TOML at all.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub mend: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::File {
                path,
                position: Some((line, column)),
            } => {
                write!(f, "{}, line {line}, column {column}", path.display())?;
            }
            Source::File {
                path,
                position: None,
            } => write!(f, "{}", path.display())?,
            Source::Environment(name) => write!(f, "environment variable {name}")?,
        }
        if self.key.is_empty() {
            write!(f, ": {}", self.problem)?;
        } else {
            write!(f, ": key `{}`: {}", self.key, self.problem)?;
        }
        if !self.mend.is_empty() {
            write!(f, "\n  mend: {}", self.mend)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// The name among `known` nearest to `word`, if one is near enough to be meant.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    known
        .map(|name| (distance(&word, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len().max(word.len()) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Edit distance (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, r) in right.iter().enumerate() {
            let substitution = diagonal + usize::from(l != *r);
            diagonal = row[j + 1];
            row[j + 1] = substitution.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["xmpp", "xmpp_tls", "http", "https"];
        assert_eq!(nearest("xmp", known.into_iter()), Some("xmpp"));
        assert_eq!(nearest("xmpptls", known.into_iter()), Some("xmpp_tls"));
        assert_eq!(nearest("bananas", known.into_iter()), None);
    }
}
