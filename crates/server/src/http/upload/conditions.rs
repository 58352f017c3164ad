//! Ranges and preconditions of a request (RFC 9110 §13, §14), as functions of its headers.

use std::ops::Range;

use axum::http::{HeaderMap, header};
use base::Timestamp;

use super::text;

/// What is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it.
    Whole,
    /// These bytes (206).
    Part(Range<u64>),
    /// Nothing: the client has it (304).
    Known,
    /// Nothing: it is not what the client thinks it is (412).
    Changed,
    /// Nothing: there are no such bytes (416).
    Outside,
}

/// Decides by the headers of a GET or HEAD about a file of `size` bytes (RFC 9110 §13.2.2).
pub(super) fn wanted(
    headers: &HeaderMap,
    tag: &str,
    modified: Timestamp,
    size: u64,
    is_get: bool,
) -> Wanted {
    let modified = modified.seconds();
    let date = |name| text(headers, name).and_then(seconds);
    if headers.contains_key(header::IF_MATCH) {
        if !lists(headers, &header::IF_MATCH, tag, false) {
            return Wanted::Changed;
        }
    } else if date(&header::IF_UNMODIFIED_SINCE).is_some_and(|since| modified > since) {
        return Wanted::Changed;
    }
    if headers.contains_key(header::IF_NONE_MATCH) {
        if lists(headers, &header::IF_NONE_MATCH, tag, true) {
            return Wanted::Known;
        }
    } else if date(&header::IF_MODIFIED_SINCE).is_some_and(|since| modified <= since) {
        return Wanted::Known;
    }
    let range = text(headers, &header::RANGE).filter(|_| is_get);
    let holds = match text(headers, &header::IF_RANGE) {
        None => true,
        // §13.1.5: tags are compared strongly, dates exactly.
        Some(condition) if condition.starts_with('"') => condition == tag,
        Some(condition) => seconds(condition) == Some(modified),
    };
    match range.filter(|_| holds) {
        Some(range) => part(range, size),
        None => Wanted::Whole,
    }
}

/// Whether a header of entity tags holds `tag` or `*`. Weak tags count only in a weak comparison.
fn lists(headers: &HeaderMap, name: &header::HeaderName, tag: &str, weak: bool) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|listed| {
            listed == "*" || listed == tag || (weak && listed.strip_prefix("W/") == Some(tag))
        })
}

/// One range of bytes (RFC 9110 §14.1.2). Several at once are answered with the whole, as are units that
/// we do not know; both are allowed (§14.2).
fn part(range: &str, size: u64) -> Wanted {
    let Some((unit, set)) = range.split_once('=') else {
        return Wanted::Whole;
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") || set.contains(',') {
        return Wanted::Whole;
    }
    let Some((first, last)) = set.trim().split_once('-') else {
        return Wanted::Whole;
    };
    let number = |text: &str| -> Option<u64> {
        (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse().unwrap_or(u64::MAX))
    };
    let range = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Some(first), None) if last.is_empty() => first..size,
        (None, Some(suffix)) if first.is_empty() => size.saturating_sub(suffix)..size,
        _ => return Wanted::Whole,
    };
    if range.is_empty() {
        Wanted::Outside
    } else {
        Wanted::Part(range)
    }
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// An HTTP date (RFC 9110 §5.6.7).
pub(super) fn http_date(time: Timestamp) -> String {
    // RFC 3339 says year, month, day and time in fixed places.
    let text = Timestamp::from_seconds(time.seconds()).to_string();
    let field = |range: Range<usize>| text.get(range).unwrap_or_default();
    let month = field(5..7).parse::<usize>().unwrap_or(1).clamp(1, 12);
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        [time.seconds().div_euclid(86_400).rem_euclid(7) as usize];
    format!(
        "{weekday}, {} {} {} {} GMT",
        field(8..10),
        MONTHS[month - 1],
        field(0..4),
        field(11..19)
    )
}

/// Seconds since 1970 of an HTTP date in its preferred form; the two obsolete forms are not understood,
/// which only costs the sender a saving.
fn seconds(date: &str) -> Option<i64> {
    let mut fields = date.split_once(", ")?.1.split(' ');
    let (day, month, year, time) = (
        fields.next()?,
        fields.next()?,
        fields.next()?,
        fields.next()?,
    );
    if fields.next() != Some("GMT") {
        return None;
    }
    let month = MONTHS.iter().position(|known| *known == month)? + 1;
    let text = format!("{year}-{month:02}-{day}T{time}Z");
    Timestamp::parse(&text).ok().map(Timestamp::seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"abc\"";
    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn decide(headers: &[(&'static str, &str)]) -> Wanted {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().expect("a header"));
        }
        let modified = Timestamp::parse("1994-11-06T08:49:37.5Z").expect("a time");
        wanted(&map, TAG, modified, 1000, true)
    }

    #[test]
    fn dates_of_the_specification() {
        let time = Timestamp::parse("1994-11-06T08:49:37Z").expect("a time");
        assert_eq!(http_date(time), DATE);
        assert_eq!(seconds(DATE), Some(time.seconds()));
        assert_eq!(
            http_date(Timestamp::from_seconds(0)),
            "Thu, 01 Jan 1970 00:00:00 GMT"
        );
        for wrong in [
            "",
            "Sun, 06 Nov 1994",
            "yesterday",
            "Sun, 06 Nov 1994 08:49:37 CET",
        ] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn ranges() {
        for (range, expected) in [
            ("bytes=0-499", Wanted::Part(0..500)),
            ("bytes=500-", Wanted::Part(500..1000)),
            ("bytes=-1", Wanted::Part(999..1000)),
            ("bytes=-5000", Wanted::Part(0..1000)),
            ("bytes=0-99999999999999999999999", Wanted::Part(0..1000)),
            ("Bytes=999-999", Wanted::Part(999..1000)),
            ("bytes=1000-", Wanted::Outside),
            ("bytes=2000-3000", Wanted::Outside),
            ("bytes=-0", Wanted::Outside),
            ("bytes=5-4", Wanted::Whole),
            ("bytes=0-1,5-6", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("lines=1-2", Wanted::Whole),
            ("nonsense", Wanted::Whole),
        ] {
            assert_eq!(decide(&[("range", range)]), expected, "{range}");
        }
    }

    #[test]
    fn preconditions() {
        use Wanted::{Changed, Known, Part, Whole};
        for (headers, expected) in [
            (vec![("if-none-match", TAG)], Known),
            (vec![("if-none-match", "W/\"abc\"")], Known),
            (vec![("if-none-match", "\"x\", \"abc\"")], Known),
            (vec![("if-none-match", "*")], Known),
            (vec![("if-none-match", "\"x\"")], Whole),
            (vec![("if-modified-since", DATE)], Known),
            (
                vec![("if-modified-since", "Sun, 06 Nov 1994 08:49:36 GMT")],
                Whole,
            ),
            // §13.1.3: the tag decides where both are there.
            (
                vec![("if-none-match", "\"x\""), ("if-modified-since", DATE)],
                Whole,
            ),
            (vec![("if-match", TAG)], Whole),
            (vec![("if-match", "W/\"abc\"")], Changed),
            (vec![("if-match", "\"x\"")], Changed),
            (
                vec![("if-unmodified-since", "Sun, 06 Nov 1994 08:49:36 GMT")],
                Changed,
            ),
            (vec![("if-range", TAG), ("range", "bytes=0-0")], Part(0..1)),
            (vec![("if-range", "\"x\""), ("range", "bytes=0-0")], Whole),
            (
                vec![("if-range", "W/\"abc\""), ("range", "bytes=0-0")],
                Whole,
            ),
            (vec![("if-range", DATE), ("range", "bytes=0-0")], Part(0..1)),
            (vec![("if-none-match", TAG), ("range", "bytes=0-0")], Known),
        ] {
            assert_eq!(decide(&headers), expected, "{headers:?}");
        }
    }
}
