//! What is looked for.

use std::ops::Range;
use std::time::Duration;

use base::{BareJid, Timestamp};

use super::Has;
use super::words::{fold, other_spelling, words};

/// Most words and phrases of a query.
const MOST_TERMS: usize = 32;
/// What is no word before a colon.
const FILTERS: [&str; 11] = [
    "from", "von", "in", "before", "vor", "after", "since", "nach", "seit", "has", "hat",
];
/// Longest query, in bytes.
const LONGEST: usize = 4096;

/// Why a query cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// There is no such day.
    #[error("{0} is no day: write 2026-11-23, 2026-11, 2026, 23.11.2026, today or 7d")]
    Day(String),
    /// There is no such kind of thing.
    #[error("has: takes file, link, image or voice, not {0}")]
    Has(String),
    /// It is too long.
    #[error("the search is too long: at most {MOST_TERMS} words")]
    TooLong,
}

/// Somebody or a conversation, as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// What was typed.
    pub text: String,
    /// Which addresses are meant by it: filled in by who knows the names ([`Query::resolve`]).
    pub addresses: Vec<BareJid>,
}

impl Named {
    /// Whether `address` (or a name in a room) is meant: it is among the addresses, or begins with the text.
    pub(super) fn means(&self, address: &str) -> bool {
        let text = folded(&self.text);
        self.addresses.iter().any(|one| one.as_str() == address)
            || !text.is_empty() && folded(address).starts_with(&text)
    }

    /// What all that is meant begins with, folded: one of these.
    pub(super) fn beginnings(&self) -> impl Iterator<Item = String> {
        let texts = [self.text.as_str()].into_iter();
        texts
            .chain(self.addresses.iter().map(|one| one.as_str()))
            .map(folded)
    }
}

/// An address or name as it is compared.
pub(super) fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    fold(text, &mut out);
    out
}

/// A word or phrase: one of some spellings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    /// Folded words, each behind a space.
    pub(super) spellings: Vec<String>,
    /// The last word must end there.
    pub(super) exact: bool,
}

/// What is looked for. All of it must be so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    pub(super) terms: Vec<Term>,
    /// Any of these has said it; all, when there is none.
    pub from: Vec<Named>,
    /// It was said in any of these; anywhere, when there is none.
    pub conversations: Vec<Named>,
    /// It was said before this time.
    pub before: Option<Timestamp>,
    /// It was said at this time or later.
    pub after: Option<Timestamp>,
    /// It has all of these.
    pub has: Has,
}

impl Query {
    /// Reads what a person typed: words and `"phrases"`, and
    ///
    /// | filter | in German | finds |
    /// |---|---|---|
    /// | `from:juliet` | `von:` | what she has said; several: what any of them has |
    /// | `in:garden` | | what was said there |
    /// | `before:2026-11-23` | `vor:` | what was said before that day |
    /// | `after:2026-11` | `nach:`, `seit:` | what was said on that day (in that month, year) or later |
    /// | `has:file` (`link`, `image`, `voice`) | `hat:datei` (`link`, `bild`, `sprache`) | what has one |
    ///
    /// Days are those of the person, whose time is ahead of UTC by `utc_offset_minutes`; `today`, `yesterday` (`heute`,
    /// `gestern`) and `7d` (seven days ago) are counted from `now`. A value in quotation marks may have spaces. What looks
    /// like a filter and is none is a word.
    ///
    /// # Errors
    /// [`QueryError`], with what to write instead.
    pub fn parse(text: &str, now: Timestamp, utc_offset_minutes: i32) -> Result<Self, QueryError> {
        if text.len() > LONGEST {
            return Err(QueryError::TooLong);
        }
        let text = text.replace(['„', '“', '”', '«', '»'], "\"");
        let mut query = Self::default();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (token, quoted, later) = next(rest);
            rest = later.trim_start();
            let name = token.name.to_lowercase();
            if FILTERS.contains(&name.as_str()) && token.value.trim().is_empty() {
                // It is still being typed.
                continue;
            }
            let day = || {
                day(token.value, now, utc_offset_minutes)
                    .ok_or_else(|| QueryError::Day(shortened(token.value)))
            };
            let named = || Named {
                text: token.value.to_owned(),
                addresses: Vec::new(),
            };
            match name.as_str() {
                "from" | "von" => query.from.push(named()),
                "in" => query.conversations.push(named()),
                "before" | "vor" => {
                    let day = day()?;
                    query.before = Some(query.before.map_or(day, |before| before.min(day)));
                }
                "after" | "since" | "nach" | "seit" => {
                    let day = day()?;
                    query.after = Some(query.after.map_or(day, |after| after.max(day)));
                }
                "has" | "hat" => match token.value.to_lowercase().as_str() {
                    "file" | "datei" => query.has.file = true,
                    "link" => query.has.link = true,
                    "image" | "picture" | "bild" | "foto" => query.has.image = true,
                    "voice" | "sprache" => query.has.voice = true,
                    other => return Err(QueryError::Has(shortened(other))),
                },
                _ => query.add_words(token.whole, quoted),
            }
            if query.terms.len() + query.from.len() + query.conversations.len() > MOST_TERMS {
                return Err(QueryError::TooLong);
            }
        }
        Ok(query)
    }

    /// Says which addresses are meant by what was typed behind `from:` and `in:`: `people` and `rooms` know the names.
    pub fn resolve(
        &mut self,
        mut people: impl FnMut(&str) -> Vec<BareJid>,
        mut rooms: impl FnMut(&str) -> Vec<BareJid>,
    ) {
        for named in &mut self.from {
            named.addresses = people(&named.text);
        }
        for named in &mut self.conversations {
            named.addresses = rooms(&named.text);
        }
    }

    /// Whether nothing is looked for. Nothing is found then.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Words that stand together without white space are looked for one behind the other: `foo.bar`.
    fn add_words(&mut self, text: &str, exact: bool) {
        let mut spellings = [String::new(), String::new()];
        words(text, |range, word| {
            let other = other_spelling(&text[range]);
            for (spelling, word) in spellings
                .iter_mut()
                .zip([word, other.as_deref().unwrap_or(word)])
            {
                spelling.push(' ');
                spelling.push_str(word);
            }
        });
        let mut spellings = Vec::from(spellings);
        spellings.dedup();
        if !spellings[0].is_empty() {
            self.terms.push(Term { spellings, exact });
        }
    }

    /// Where in a text that was found the words stand that were looked for, in bytes, from left to right: to be shown
    /// with a mark.
    #[must_use]
    pub fn marks(&self, text: &str) -> Vec<Range<usize>> {
        let mut all: Vec<(Range<usize>, String)> = Vec::new();
        words(text, |range, word| all.push((range, word.to_owned())));
        let mut marks: Vec<Range<usize>> = Vec::new();
        for term in &self.terms {
            for spelling in &term.spellings {
                let wanted: Vec<&str> = spelling.split(' ').skip(1).collect();
                for window in all.windows(wanted.len().max(1)) {
                    let last = window.len() - 1;
                    let fits =
                        window
                            .iter()
                            .zip(&wanted)
                            .enumerate()
                            .all(|(at, ((_, word), wanted))| {
                                word == wanted
                                    || at == last && !term.exact && word.starts_with(wanted)
                            });
                    if fits {
                        marks.push(window[0].0.start..window[last].0.end);
                    }
                }
            }
        }
        marks.sort_by_key(|mark| (mark.start, mark.end));
        marks.dedup();
        marks
    }
}

/// A part of what was typed.
struct Token<'t> {
    /// What stands before the colon of a filter; empty when there is none.
    name: &'t str,
    value: &'t str,
    /// All of it, without quotation marks.
    whole: &'t str,
}

/// The first token, whether it is a phrase, and what is behind it. `text` does not begin with white space.
fn next(text: &str) -> (Token<'_>, bool, &str) {
    if let Some(inner) = text.strip_prefix('"') {
        // One that is not closed yet is being typed: its last word may go on.
        let end = inner.find('"');
        let whole = &inner[..end.unwrap_or(inner.len())];
        let token = Token {
            name: "",
            value: "",
            whole,
        };
        let later = inner.get(whole.len() + 1..).unwrap_or_default();
        return (token, end.is_some(), later);
    }
    let end = text
        .find(|it: char| it.is_whitespace() || it == '"')
        .unwrap_or(text.len());
    let (whole, later) = text.split_at(end);
    let (name, value) = whole.split_once(':').unwrap_or_default();
    if let (true, false, Some(inner)) = (value.is_empty(), name.is_empty(), later.strip_prefix('"'))
    {
        let value = &inner[..inner.find('"').unwrap_or(inner.len())];
        let later = inner.get(value.len() + 1..).unwrap_or_default();
        return (Token { name, value, whole }, false, later);
    }
    (Token { name, value, whole }, false, later)
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

const DAY: Duration = Duration::from_secs(86_400);

/// When a day, month or year begins for the person.
fn day(text: &str, now: Timestamp, utc_offset_minutes: i32) -> Option<Timestamp> {
    let offset = i64::from(utc_offset_minutes) * 60;
    let utc = |local: Timestamp| Timestamp::from_seconds(local.seconds() - offset);
    let today = || {
        let local = now.seconds() + offset;
        utc(Timestamp::from_seconds(local - local.rem_euclid(86_400)))
    };
    match text.to_lowercase().as_str() {
        "today" | "heute" => return Some(today()),
        "yesterday" | "gestern" => return Some(today() - DAY),
        _ => {}
    }
    if let Some(days) = text.strip_suffix(['d', 't']) {
        let days: u32 = days.parse().ok().filter(|days| *days <= 36_500)?;
        return Some(today() - DAY * days);
    }
    let mut parts: Vec<&str> = match text.contains('.') {
        true => text.trim_end_matches('.').rsplit('.').collect(),
        false => text.split('-').collect(),
    };
    parts.resize(3.max(parts.len()), "1");
    let [year, month, day] = parts[..] else {
        return None;
    };
    let number = |text: &str, most: u32| {
        let number = text.parse::<u32>().ok();
        number.filter(|number| (1..=most).contains(number))
    };
    // A year of two digits could be any.
    let year = number(year, 9999).filter(|year| *year >= 1970)?;
    let (month, day) = (number(month, 12)?, number(day, 31)?);
    let begins = format!("{year:04}-{month:02}-{day:02}T00:00:00Z");
    Timestamp::parse(&begins).ok().map(utc)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::parse("2026-11-23T23:30:00Z").unwrap()
    }

    fn parse(text: &str) -> Query {
        Query::parse(text, now(), 60).unwrap()
    }

    fn spelled(text: &str) -> Vec<(Vec<String>, bool)> {
        let terms = parse(text).terms;
        terms
            .into_iter()
            .map(|term| (term.spellings, term.exact))
            .collect()
    }

    #[test]
    fn words_phrases_and_what_is_being_typed() {
        let one = |text: &str, exact| (vec![text.to_owned()], exact);
        assert_eq!(
            spelled("Rom  julia"),
            [one(" rom", false), one(" julia", false)]
        );
        assert_eq!(
            spelled("\"zu Hause\" x"),
            [one(" zu hause", true), one(" x", false)]
        );
        assert_eq!(spelled("„zu Haus"), [one(" zu haus", false)]);
        assert_eq!(
            spelled("foo.bar https://x"),
            [one(" foo bar", false), one(" https x", false)]
        );
        assert_eq!(
            spelled("Müll"),
            [(vec![" mull".into(), " muell".into()], false)]
        );
        assert_eq!(spelled("\" \" ... :"), []);
        assert_eq!(
            spelled("a\"b c\"d"),
            [one(" a", false), one(" b c", true), one(" d", false)]
        );
    }

    #[test]
    fn filters_in_both_languages() {
        let query = parse(
            "from:\"Julia C\" von:romeo in:garten has:file hat:Bild before:2026-11-23 nach:2026 treffen",
        );
        let names: Vec<&str> = query.from.iter().map(|named| named.text.as_str()).collect();
        assert_eq!(names, ["Julia C", "romeo"]);
        assert_eq!(query.conversations[0].text, "garten");
        assert!(query.has.file && query.has.image && !query.has.voice);
        assert_eq!(query.before, Timestamp::parse("2026-11-22T23:00:00Z").ok());
        assert_eq!(query.after, Timestamp::parse("2025-12-31T23:00:00Z").ok());
        assert_eq!(query.terms.len(), 1);
        assert!(parse("from: has: before: ").is_empty(), "still being typed");
        assert!(parse("").is_empty() && !parse("x").is_empty());
    }

    #[test]
    fn days_of_the_person() {
        for (text, begins) in [
            ("today", "2026-11-23T23:00:00Z"),
            ("gestern", "2026-11-22T23:00:00Z"),
            ("7d", "2026-11-16T23:00:00Z"),
            ("2026-02-28", "2026-02-27T23:00:00Z"),
            ("2026-03", "2026-02-28T23:00:00Z"),
            ("3.2.2026", "2026-02-02T23:00:00Z"),
        ] {
            let after = parse(&format!("after:{text}")).after;
            assert_eq!(after, Timestamp::parse(begins).ok(), "{text}");
        }
        for wrong in [
            "2026-02-30",
            "tomorrow",
            "26",
            "99999d",
            "2026-13",
            "-",
            "1.1",
            "1-1-1-1",
        ] {
            let error = Query::parse(&format!("before:{wrong}"), now(), 60);
            assert_eq!(error, Err(QueryError::Day(wrong.to_owned())));
        }
        assert_eq!(
            Query::parse("has:time", now(), 0),
            Err(QueryError::Has("time".into()))
        );
        assert_eq!(
            Query::parse(&"x ".repeat(40), now(), 0),
            Err(QueryError::TooLong)
        );
    }

    #[test]
    fn people_by_address_or_by_the_beginning_of_a_name() {
        let mut named = parse("from:Jül").from.remove(0);
        assert!(named.means("juliet@capulet.example") && named.means("Jülia"));
        assert!(!named.means("romeo@montague.example"));
        let romeo = BareJid::parse("romeo@montague.example").unwrap();
        named.addresses.push(romeo);
        assert!(named.means("romeo@montague.example"));
    }

    #[test]
    fn what_was_found_is_marked_where_it_stands() {
        for (query, text, marks) in [
            ("treff cafe", "Treffen im Café?", &["Treffen", "Café"][..]),
            ("\"im cafe\"", "im Cafés, im Café", &["im Café"]),
            ("mueller", "Herr Müller", &["Müller"]),
            ("nichts", "Treffen", &[]),
        ] {
            let found = parse(query).marks(text);
            let found: Vec<&str> = found.into_iter().map(|mark| &text[mark]).collect();
            assert_eq!(found, marks, "{query}");
        }
    }
}
