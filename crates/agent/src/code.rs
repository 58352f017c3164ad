//! QR codes on a terminal: two squares in the place of one character.

use qrcodegen::{QrCode, QrCodeEcc};

/// Light squares around a code (ISO/IEC 18004 wants four; scanners do with two, and 24 lines are not many).
const QUIET: i32 = 2;

/// Lines of half blocks, with the quiet zone: `█` is light, a blank is dark. `None` when the text is too long.
pub(crate) fn half_blocks(text: &str) -> Option<Vec<String>> {
    let code = QrCode::encode_text(text, QrCodeEcc::Low).ok()?;
    let is_light = |x: i32, y: i32| !code.get_module(x, y);
    let end = code.size() + QUIET;
    let mut lines = Vec::new();
    let mut y = -QUIET;
    while y < end {
        let line =
            (-QUIET..end).map(
                |x| match (is_light(x, y), y + 1 < end && is_light(x, y + 1)) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                },
            );
        lines.push(line.collect());
        y += 2;
    }
    Some(lines)
}

/// With escapes for white on black, whatever the terminal's own colours are.
pub(crate) fn in_colours(lines: &[String]) -> String {
    let lines: Vec<String> = lines
        .iter()
        .map(|line| format!("\x1b[38;5;231;48;5;16m{line}\x1b[0m"))
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_drawn_as_it_is() {
        let text = "xmpp:juliet@example.org?omemo-sid-1=00";
        let code = QrCode::encode_text(text, QrCodeEcc::Low).expect("a code");
        let lines = half_blocks(text).expect("lines");
        let light = |x: i32, y: i32| {
            let at = |value: i32| usize::try_from(value + QUIET).expect("in the frame");
            let character = lines[at(y) / 2].chars().nth(at(x)).expect("a character");
            match at(y) % 2 {
                0 => matches!(character, '█' | '▀'),
                _ => matches!(character, '█' | '▄'),
            }
        };
        for y in 0..code.size() {
            for x in 0..code.size() {
                assert_eq!(light(x, y), !code.get_module(x, y), "{x} {y}");
            }
        }
        assert!((-QUIET..code.size() + QUIET).all(|x| light(x, -1)));
    }

    #[test]
    fn what_is_too_long_is_no_code() {
        assert_eq!(half_blocks(&"a".repeat(5_000)), None);
    }
}
