//! Which bytes are which letters (WHATWG HTML §13.2.3).

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// Bytes at the beginning in which a page may say its encoding (WHATWG HTML §13.2.3.2).
const PRESCAN: usize = 1024;

/// The text of a page. `told` is the encoding of its `Content-Type`, if that says one.
pub(crate) fn decode<'a>(page: &'a [u8], told: Option<&str>) -> Cow<'a, str> {
    let said = told
        .and_then(|label| Encoding::for_label(label.as_bytes()))
        .or_else(|| said_inside(page));
    let encoding = said.unwrap_or_else(|| match std::str::from_utf8(page) {
        Err(error) if error.error_len().is_some() => WINDOWS_1252,
        _ => UTF_8,
    });
    // A byte order mark counts more than what is said.
    encoding.decode(page).0
}

/// `charset` of a `<meta/>` in the first bytes, in either form.
fn said_inside(page: &[u8]) -> Option<&'static Encoding> {
    let start = String::from_utf8_lossy(page.get(..PRESCAN).unwrap_or(page)).to_ascii_lowercase();
    let meta = start.split("<meta").skip(1).find(|rest| {
        rest.split('>')
            .next()
            .is_some_and(|meta| meta.contains("charset"))
    })?;
    let (_, label) = meta.split('>').next()?.split_once("charset")?;
    let label = label.trim_start().strip_prefix('=')?;
    let label = label.trim_start_matches(|it: char| it.is_whitespace() || it == '"' || it == '\'');
    let end = label.find(|it: char| !it.is_ascii_alphanumeric() && !"-_:.".contains(it));
    let label = label.get(..end.unwrap_or(label.len()))?;
    let encoding = Encoding::for_label(label.as_bytes())?;
    // §13.2.3.2: what is read as ASCII so far is not UTF-16.
    Some(if encoding.is_ascii_compatible() {
        encoding
    } else {
        UTF_8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_found_whoever_says_how_they_are_written() {
        for (page, told) in [
            (&b"<title>Gr\xfc\xdfe"[..], Some("iso-8859-1")),
            (b"<meta charset=latin1><title>Gr\xfc\xdfe", None),
            (b"<META http-equiv=x content='text/html; charset = windows-1252'><title>Gr\xfc\xdfe", None),
            (b"<title>Gr\xfc\xdfe", None),
            ("<meta charset='utf-16'><title>Grüße".as_bytes(), None),
            ("<title>Grüße".as_bytes(), Some("nonsense")),
            ("\u{feff}<title>Grüße".as_bytes(), Some("latin1")),
            (b"\xff\xfe<\0t\0i\0t\0l\0e\0>\0G\0r\0\xfc\0\xdf\0e\0", Some("utf-8")),
        ] {
            assert!(decode(page, told).ends_with("<title>Grüße"), "{told:?}");
        }
    }
}
