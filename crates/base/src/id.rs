//! Short ids as text, made from random bytes that the caller brings.

/// Digits of [`short`]: lower case, without the pairs that people mix up (i/l/1, o/0, u/v).
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Text of `random` in base 32, five bits a character, most significant bits first.
///
/// Ten bytes give sixteen characters (80 bits), enough for stanza, stream and resource ids; the
/// text is safe in an XML attribute, a JID's resource, a URL and a file name.
#[must_use]
pub fn short(random: &[u8]) -> String {
    let mut text = String::with_capacity((random.len() * 8).div_ceil(5));
    let (mut bits, mut held) = (0u32, 0u32);
    for &byte in random {
        bits = (bits << 8) | u32::from(byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            text.push(digit(bits >> held));
        }
        bits &= (1 << held) - 1;
    }
    if held > 0 {
        text.push(digit(bits << (5 - held)));
    }
    text
}

fn digit(value: u32) -> char {
    char::from(DIGITS[(value & 31) as usize])
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn length_and_digits() {
        assert_eq!(short(&[]), "");
        assert_eq!(short(&[0; 10]), "0000000000000000");
        assert_eq!(short(&[0xff; 10]), "zzzzzzzzzzzzzzzz");
        assert_eq!(short(&[0xff]), "zw");
        assert_eq!(short(&[1, 2, 3, 4, 5]), "04106105");
    }

    #[test]
    fn different_bytes_give_different_text() {
        let mut all: Vec<String> = (0..=u8::MAX).map(|byte| short(&[byte, 7])).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 256);
    }
}
