//! Screens as people see them, kept beside the tests: `UPDATE_SCREENS=1 cargo test -p agent` writes them anew.

use std::path::Path;

use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::chat::app::App;
use crate::chat::tests::{World, id, press, romeo, type_in};

/// The screen as text, without blanks at the ends of lines.
fn screen(app: &App) -> String {
    let (width, height) = app.size;
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    terminal
        .draw(|frame| super::draw(app, frame))
        .expect("drawn");
    let buffer = terminal.backend().buffer().clone();
    let mut text = String::new();
    for y in 0..height {
        let mut line = String::new();
        let mut x = 0;
        while x < width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            // A wide character takes the next cell, too.
            let wide = super::text::width(symbol).max(1);
            x += u16::try_from(wide).expect("one or two");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn check(name: &str, app: &App) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/screens/{name}.txt"));
    let drawn = screen(app);
    if std::env::var_os("UPDATE_SCREENS").is_some() {
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("the folder");
        std::fs::write(&file, &drawn).expect("written");
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == drawn,
        "{} differs:\n{drawn}\nIf that is right: UPDATE_SCREENS=1 cargo test -p agent",
        file.display()
    );
}

fn balcony(language: &str, size: (u16, u16), world: &World) -> App {
    let mut app = romeo(language, size, world);
    app.go_to(id("juliet"), world);
    app.refresh(world);
    app
}

#[test]
fn a_conversation_at_80_by_24() {
    let world = World::verona();
    check("conversation-80x24", &balcony("en", (80, 24), &world));
}

#[test]
fn a_conversation_on_a_wide_terminal() {
    let world = World::verona();
    check("conversation-140x50", &balcony("en", (140, 50), &world));
}

#[test]
fn a_conversation_in_german() {
    let world = World::verona();
    check("conversation-de-100x44", &balcony("de", (100, 44), &world));
}

#[test]
fn on_a_narrow_terminal_the_list_and_the_conversation_are_two_pages() {
    let world = World::verona();
    let mut app = balcony("en", (50, 20), &world);
    check("conversation-50x20", &app);
    press(&mut app, &world, KeyCode::Esc, KeyModifiers::NONE);
    check("list-50x20", &app);
}

#[test]
fn a_group_says_who_has_seen_and_who_is_meant() {
    let world = World::verona();
    let mut app = romeo("en", (80, 24), &world);
    app.go_to(id("montague"), &world);
    app.refresh(&world);
    type_in(&mut app, &world, "ask @ben");
    check("group-80x24", &app);
}

#[test]
fn nothing_is_open_at_first() {
    let world = World::verona();
    check("start-80x24", &romeo("en", (80, 24), &world));
    check("empty-de-80x24", &romeo("de", (80, 24), &World::default()));
}

#[test]
fn panels_lie_over_the_conversation() {
    let world = World::verona();
    let none = KeyModifiers::NONE;
    let mut app = balcony("en", (80, 24), &world);
    press(&mut app, &world, KeyCode::Char('k'), KeyModifiers::CONTROL);
    type_in(&mut app, &world, "m");
    check("switcher-80x24", &app);
    press(&mut app, &world, KeyCode::Esc, none);
    press(&mut app, &world, KeyCode::Char('f'), KeyModifiers::CONTROL);
    type_in(&mut app, &world, "man");
    check("search-80x24", &app);
    press(&mut app, &world, KeyCode::Esc, none);
    press(&mut app, &world, KeyCode::Char('g'), KeyModifiers::CONTROL);
    check("details-80x24", &app);
    press(&mut app, &world, KeyCode::Enter, none);
    check("verify-80x24", &app);
    press(&mut app, &world, KeyCode::Esc, none);
    press(&mut app, &world, KeyCode::F(1), none);
    check("help-80x24", &app);
}

#[test]
fn the_code_is_drawn_where_it_fits_and_spelt_where_it_does_not() {
    let world = World::verona();
    for (name, size) in [("code-80x24", (80, 24)), ("code-100x50", (100, 50))] {
        let mut app = balcony("en", size, &world);
        app.overlay = Some(crate::chat::app::Overlay::Code);
        check(name, &app);
    }
}

#[test]
fn a_text_of_several_lines_grows_upwards() {
    let world = World::verona();
    let mut app = balcony("en", (80, 24), &world);
    for line in ["one", "two", "three"] {
        type_in(&mut app, &world, line);
        press(&mut app, &world, KeyCode::Enter, KeyModifiers::ALT);
    }
    type_in(&mut app, &world, ":thumbs");
    check("composer-80x24", &app);
}

#[test]
fn no_window_is_too_small_to_be_drawn() {
    let world = World::verona();
    for width in [1, 2, 5, 39, 40, 41, 63, 64, 65] {
        for height in [1, 2, 7, 8, 9, 12] {
            let mut app = balcony("de", (width, height), &world);
            screen(&app);
            for key in ['k', 'f', 'g'] {
                press(&mut app, &world, KeyCode::Char(key), KeyModifiers::CONTROL);
                screen(&app);
            }
            press(&mut app, &world, KeyCode::F(1), KeyModifiers::NONE);
            screen(&app);
        }
    }
}

#[test]
fn scrolling_back_goes_to_the_first_message_and_returns() {
    let world = World::verona();
    let mut app = balcony("en", (80, 24), &world);
    let newest = screen(&app);
    for _ in 0..10 {
        press(&mut app, &world, KeyCode::PageUp, KeyModifiers::NONE);
    }
    assert!(screen(&app).contains("But soft"), "{}", screen(&app));
    press(&mut app, &world, KeyCode::End, KeyModifiers::CONTROL);
    assert_eq!(screen(&app), newest);
}
