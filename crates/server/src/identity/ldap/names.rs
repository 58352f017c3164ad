//! Names of entries (RFC 4514) made comparable, and values as they stand in filters (RFC 4515).

use std::fmt::Write;

/// The name of an entry in the form by which it is compared: without case, without blanks around `,`, `+` and `=`, and with one way to
/// write what is escaped. Two names that a directory takes for the same are the same here, as far as that can be told without its
/// schema.
pub(super) fn comparable(name: &str) -> String {
    let bytes = name.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    // How long the output is without the blanks at its end that were not escaped.
    let mut solid = 0;
    let mut place = 0;
    while let Some(&byte) = bytes.get(place) {
        place += 1;
        match byte {
            b'\\' => {
                let pair = bytes.get(place..place + 2);
                let hexadecimal = pair.and_then(|pair| {
                    let high = char::from(pair[0]).to_digit(16)?;
                    let low = char::from(pair[1]).to_digit(16)?;
                    u8::try_from(high * 16 + low).ok()
                });
                let meant = match (hexadecimal, bytes.get(place)) {
                    (Some(meant), _) => {
                        place += 2;
                        meant
                    }
                    (None, Some(next)) => {
                        place += 1;
                        *next
                    }
                    (None, None) => b'\\',
                };
                // What is escaped stays apart from what separates.
                if b",+=;\\".contains(&meant) {
                    out.push(b'\\');
                }
                out.push(meant);
                solid = out.len();
            }
            b',' | b';' | b'+' | b'=' => {
                out.truncate(solid);
                out.push(if byte == b';' { b',' } else { byte });
                solid = out.len();
                while bytes.get(place) == Some(&b' ') {
                    place += 1;
                }
            }
            b' ' => {
                if !out.is_empty() {
                    out.push(b' ');
                }
            }
            byte => {
                out.push(byte);
                solid = out.len();
            }
        }
    }
    out.truncate(solid);
    String::from_utf8_lossy(&out).to_lowercase()
}

/// A value, text or not, as it stands in a filter.
pub(super) fn in_filter(value: &[u8]) -> String {
    let mut out = String::with_capacity(value.len());
    match std::str::from_utf8(value) {
        Ok(text) if !text.chars().any(char::is_control) => {
            out.push_str(&ldap3::ldap_escape(text));
        }
        // `objectGUID` and the like.
        _ => {
            for byte in value {
                let _ = write!(out, "\\{byte:02x}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_the_same() {
        for (one, other) in [
            (
                "cn=Sales,dc=example,dc=org",
                "CN=sales, DC=Example , dc = org",
            ),
            ("cn=a\\,b,dc=x", "CN=A\\2Cb,DC=X"),
            ("cn=M\u{fc}ller,dc=x", "cn=M\\C3\\BCller,dc=x"),
            ("cn=a+sn=b,dc=x", "CN=A + SN=B,dc=x"),
            ("cn=a;dc=x", "cn=a,dc=x"),
            ("cn=a b,dc=x", " cn=a b ,dc=x "),
        ] {
            assert_eq!(comparable(one), comparable(other), "{one} {other}");
        }
    }

    #[test]
    fn names_that_differ() {
        for (one, other) in [
            ("cn=a\\,dc=b,dc=x", "cn=a,dc=b,dc=x"),
            ("cn=a\\ ,dc=x", "cn=a,dc=x"),
            ("cn=a\\+b=c,dc=x", "cn=a+b=c,dc=x"),
            ("cn=ab,dc=x", "cn=a b,dc=x"),
        ] {
            assert_ne!(comparable(one), comparable(other), "{one} {other}");
        }
        assert_eq!(comparable("cn=a\\"), "cn=a\\\\");
        assert_eq!(comparable(""), "");
    }

    #[test]
    fn nothing_breaks_out_of_a_filter() {
        assert_eq!(in_filter(b"anna"), "anna");
        assert_eq!(in_filter(b"*)(uid=*"), "\\2a\\29\\28uid=\\2a");
        assert_eq!(in_filter(&[0xa7, 0x00, 0x28]), "\\a7\\00\\28");
        assert_eq!(in_filter("M\u{fc}ller".as_bytes()), "M\u{fc}ller");
        assert_eq!(in_filter(b"a\0b"), "\\61\\00\\62");
        for value in ["*)(uid=*", "a\\b", "(", ")", "\0", "&(|"] {
            let filter = format!("(uid={})", in_filter(value.as_bytes()));
            assert!(ldap3::parse_filter(&filter).is_ok(), "{filter}");
        }
    }
}
