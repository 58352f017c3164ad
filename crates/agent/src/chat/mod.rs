//! `chat`: the terminal client. `app` holds what is shown and takes keys and events, `view` draws it, and this file
//! joins both with the terminal and the engine.

mod app;
mod commands;
mod composer;
mod keys;
mod source;
#[cfg(test)]
mod tests;
mod view;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use client::{Command, ConnectionState, Event};
use crossterm::event::{
    DisableBracketedPaste, EnableBracketedPaste, Event as Terminal, EventStream, KeyEventKind,
};
use futures_util::StreamExt;
use ratatui::DefaultTerminal;

use self::app::{App, Effect};
pub(crate) use self::view::harmless;
use crate::commands::certificate_warning;
use crate::runtime::clock;
use crate::runtime::engine::{FileOutcome, Happening};
use crate::service::Host;
use crate::words::Words;

/// Shows the conversations until the person quits.
///
/// # Errors
/// When the terminal or the storage fails.
pub(crate) async fn run(host: &mut Host, words: &'static Words) -> anyhow::Result<()> {
    let mut terminal = ratatui::try_init().context("this is no terminal that can be drawn on")?;
    let _ = crossterm::execute!(io::stdout(), EnableBracketedPaste);
    let result = converse(host, words, &mut terminal).await;
    let _ = crossterm::execute!(io::stdout(), DisableBracketedPaste);
    ratatui::restore();
    result
}

async fn converse(
    host: &mut Host,
    words: &'static Words,
    terminal: &mut DefaultTerminal,
) -> anyhow::Result<()> {
    let account = host.engine().account().clone();
    let mut app = App::new(words, jiff::tz::TimeZone::system(), account, clock::wall());
    app.connection = host.state().clone();
    let mut keys = EventStream::new();
    let mut signals = crate::commands::Signals::new()?;
    loop {
        let effects = app.refresh(host.engine());
        if carry_out(&mut app, host, effects) {
            break;
        }
        app.now = clock::wall();
        let size = terminal.size()?;
        app.size = (size.width, size.height);
        terminal.draw(|frame| view::draw(&app, frame))?;
        let counts_down = matches!(app.connection, ConnectionState::Waiting { .. });
        let second = async {
            if counts_down {
                tokio::time::sleep(Duration::from_secs(1)).await;
            } else {
                std::future::pending().await
            }
        };
        let effects = tokio::select! {
            key = keys.next() => match key {
                Some(Ok(Terminal::Key(key))) if key.kind != KeyEventKind::Release => {
                    app.key(key, host.engine())
                }
                Some(Ok(Terminal::Paste(text))) => app.paste(&text, host.engine()),
                Some(Ok(Terminal::FocusGained)) => vec![Effect::Do(Command::SetActive(true))],
                Some(Ok(Terminal::FocusLost)) => vec![Effect::Do(Command::SetActive(false))],
                Some(Ok(_)) => Vec::new(),
                // The terminal is gone.
                Some(Err(_)) | None => vec![Effect::Quit],
            },
            happening = host.next() => {
                take_up(&mut app, host, &happening?);
                Vec::new()
            }
            () = second => Vec::new(),
            () = signals.next() => vec![Effect::Quit],
        };
        if carry_out(&mut app, host, effects) {
            break;
        }
    }
    let last = app.leave();
    carry_out(&mut app, host, last);
    Ok(())
}

fn take_up(app: &mut App, host: &Host, happening: &Happening) {
    let words = app.words;
    match happening {
        Happening::Event(event) => {
            app.event(event);
            if let Event::Connection(ConnectionState::Waiting { .. }) = event
                && let Some(refused) = host.engine().dialer().tls.take_refused()
            {
                app.warn(certificate_warning(host.engine().account(), &refused));
            }
        }
        Happening::File(_, FileOutcome::Sent(..)) => app.tell(words.file_sent),
        Happening::File(_, FileOutcome::Saved(path)) => {
            app.tell((words.file_saved)(&path.display().to_string()));
        }
        Happening::File(_, FileOutcome::Failed(why)) => app.warn(why.clone()),
    }
}

/// Does what follows; whether it is the end.
fn carry_out(app: &mut App, host: &mut Host, effects: Vec<Effect>) -> bool {
    let mut open = effects;
    while !open.is_empty() {
        let mut following = Vec::new();
        for effect in open {
            match effect {
                Effect::Quit => return true,
                Effect::Do(command) => match host.engine_mut().command(command) {
                    Ok(done) => following.extend(app.done(done, host.engine())),
                    Err(error) => app.warn(error.to_string()),
                },
                Effect::SendFile { conversation, path } => {
                    match host.engine_mut().send_file(&conversation, &path, None) {
                        Ok(_) => app.tell(app.words.file_goes),
                        Err(why) => app.warn(why),
                    }
                }
                Effect::SaveFile(attachment) => {
                    host.engine_mut().save_file(*attachment, downloads());
                    app.tell(app.words.file_comes);
                }
            }
        }
        open = following;
    }
    false
}

/// Where files are saved: the folder for downloads, else the home, else here.
fn downloads() -> PathBuf {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let named = std::env::var_os("XDG_DOWNLOAD_DIR").map(PathBuf::from);
    let usual = home.as_ref().map(|home| home.join("Downloads"));
    [named, usual, home]
        .into_iter()
        .flatten()
        .find(|path| path.is_dir())
        .unwrap_or_else(|| PathBuf::from("."))
}

/// A path as people type it.
fn typed_path(typed: &str) -> PathBuf {
    let typed = typed.trim_matches(['"', '\'']);
    match (typed.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(typed),
    }
}
