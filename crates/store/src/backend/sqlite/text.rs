//! Lists of text in one column.

use std::sync::Arc;

const BETWEEN: char = '\u{1f}';

/// One text of many; empty texts are left out.
pub(super) fn join(list: &[Arc<str>]) -> String {
    let mut joined = String::new();
    for text in list.iter().filter(|text| !text.is_empty()) {
        if !joined.is_empty() {
            joined.push(BETWEEN);
        }
        joined.extend(text.chars().filter(|character| *character != BETWEEN));
    }
    joined
}

/// The texts that were joined.
pub(super) fn split(joined: &str) -> Vec<Arc<str>> {
    joined
        .split(BETWEEN)
        .filter(|text| !text.is_empty())
        .map(Into::into)
        .collect()
}
