//! XEP-0474: SASL SCRAM Downgrade Protection. The server says inside the signed exchange what it had offered.

use super::hash::ScramHash;

/// The string that is hashed (XEP-0474 §5.1): mechanisms sorted by bytes and joined by U+001E, then, if
/// channel bindings were announced, U+001F and those in the same way.
pub fn advertised_text<'a>(
    mechanisms: impl IntoIterator<Item = &'a str>,
    bindings: Option<&[&str]>,
) -> String {
    let mut mechanisms: Vec<&str> = mechanisms.into_iter().collect();
    mechanisms.sort_unstable();
    let mut text = mechanisms.join("\u{1e}");
    if let Some(bindings) = bindings {
        let mut bindings = bindings.to_vec();
        bindings.sort_unstable();
        text.push('\u{1f}');
        text.push_str(&bindings.join("\u{1e}"));
    }
    text
}

/// The value of the SCRAM attribute `h`: base64 of the hash of [`advertised_text`].
pub fn advertised_hash(hash: ScramHash, advertised: &str) -> String {
    super::encode(hash.digest(advertised.as_bytes()).expose())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn example_of_the_specification() {
        // XEP-0474 §5.3
        let text = advertised_text(
            ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"],
            Some(&["tls-server-end-point", "tls-exporter"]),
        );
        assert_eq!(
            text,
            "SCRAM-SHA-1\u{1e}SCRAM-SHA-1-PLUS\u{1f}tls-exporter\u{1e}tls-server-end-point"
        );
        assert_eq!(
            advertised_hash(ScramHash::Sha1, &text),
            "G6k/rBLDqgOhRRaCuuatSDFkJ08="
        );
        assert_eq!(advertised_text(["PLAIN"], None), "PLAIN");
    }
}
