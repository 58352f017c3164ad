//! XEP-0426: Character counting in message bodies: positions are counted in Unicode code points.

use std::ops::Range;

/// How many code points a text has.
#[must_use]
pub fn length(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}

/// Where a range of code points stands in `text`, in bytes. `None` when it is empty, turned round, or reaches beyond the end.
#[must_use]
pub fn bytes_of(text: &str, range: Range<u32>) -> Option<Range<usize>> {
    if range.start >= range.end {
        return None;
    }
    let mut places = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    let start = places.nth(range.start as usize)?;
    let end = places.nth((range.end - range.start - 1) as usize)?;
    Some(start..end)
}

/// The range of code points that a range of bytes covers. `None` when it does not stand on borders of characters.
#[must_use]
pub fn code_points_of(text: &str, range: Range<usize>) -> Option<Range<u32>> {
    let start = length(text.get(..range.start)?);
    let inside = length(text.get(range)?);
    Some(start..start.saturating_add(inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_points_are_neither_bytes_nor_graphemes() {
        let text = "a🤦🏽‍♂️ü";
        assert_eq!(length(text), 7);
        assert_eq!(bytes_of(text, 1..6), Some(1..text.len() - 2));
        assert_eq!(bytes_of(text, 6..7), Some(text.len() - 2..text.len()));
        assert_eq!(bytes_of(text, 0..7), Some(0..text.len()));
        for wrong in [0..8, 7..8, 3..3, 8..9] {
            assert_eq!(bytes_of(text, wrong.clone()), None, "{wrong:?}");
        }
        assert_eq!(bytes_of(text, Range { start: 4, end: 2 }), None);
        assert_eq!(code_points_of(text, 1..text.len() - 2), Some(1..6));
        assert_eq!(code_points_of(text, 2..5), None);
    }
}
