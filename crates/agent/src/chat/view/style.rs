//! Colours: only the terminal's own palette and attributes, so that light and dark terminals both read well. Colour
//! carries meaning only: accent = act or mine, amber = you are meant, red = destructive; names have one of their own.

use ratatui::style::{Color, Modifier, Style};

pub(super) const PLAIN: Style = Style::new();
pub(super) const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
pub(super) const DIM: Style = Style::new().add_modifier(Modifier::DIM);
pub(super) const CHOSEN: Style = Style::new().add_modifier(Modifier::REVERSED);
pub(super) const ACCENT: Style = Style::new().fg(Color::Blue);
pub(super) const AMBER: Style = Style::new().fg(Color::Yellow).add_modifier(Modifier::BOLD);
pub(super) const RED: Style = Style::new().fg(Color::Red);
/// Black on white, whatever the palette says: a code must be scanned.
pub(super) const CODE: Style = Style::new().fg(Color::Indexed(231)).bg(Color::Indexed(16));

/// The style of somebody's name: the same for the same address everywhere.
pub(super) fn name(address: &str) -> Style {
    // Red and yellow mean something; black, white and grey are the terminal's own.
    const COLOURS: [Color; 4] = [Color::Blue, Color::Green, Color::Magenta, Color::Cyan];
    let sum = address.bytes().fold(7_u32, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u32::from(byte))
    });
    let at = usize::try_from(sum).unwrap_or_default() % COLOURS.len();
    Style::new().fg(COLOURS[at]).add_modifier(Modifier::BOLD)
}
