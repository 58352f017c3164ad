//! Pages of the web, of which previews are made: what is read of them is bounded, on one line, and can be shown.

use pages::{LONGEST_ADDRESS, LONGEST_TEXT, LONGEST_TITLE, read};

fn check_line(line: Option<&String>, most: usize) {
    let Some(line) = line else { return };
    assert!(!line.is_empty() && line.chars().count() <= most);
    assert!(!line.chars().any(char::is_control));
    assert_eq!(line.trim(), line);
}

pub(crate) fn check(data: &[u8]) {
    // The first byte says what the other side says of the letters.
    let (charset, page) = match data.split_first() {
        Some((0, page)) => (Some("utf-16le"), page),
        Some((1, page)) => (Some("iso-2022-jp"), page),
        Some((2, page)) => (Some("windows-1252"), page),
        _ => (None, data),
    };
    let facts = read(page, charset);
    check_line(facts.title.as_ref(), LONGEST_TITLE);
    check_line(facts.site_name.as_ref(), LONGEST_TITLE);
    check_line(facts.description.as_ref(), LONGEST_TEXT);
    check_line(facts.picture_alt.as_ref(), LONGEST_TEXT);
    for address in [&facts.picture, &facts.base].into_iter().flatten() {
        assert!(address.len() <= LONGEST_ADDRESS);
    }
    assert_eq!(read(page, charset), facts);
}
