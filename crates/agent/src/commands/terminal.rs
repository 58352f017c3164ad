//! Asking the person on the terminal.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};

use anyhow::Context;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Puts the terminal back as it was, whatever happens.
struct Hidden<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Hidden<'a> {
    fn new(terminal: &'a File) -> std::io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(terminal, OptionalActions::Flush, &hidden)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}

/// The controlling terminal, if there is one.
pub(super) fn open() -> Option<File> {
    File::options().read(true).write(true).open("/dev/tty").ok()
}

/// Asks one line that is not shown.
pub(super) fn ask_hidden(terminal: &File, question: &str) -> anyhow::Result<String> {
    let mut writer = terminal;
    write!(writer, "{question}").context("the terminal cannot be written")?;
    let hidden = Hidden::new(terminal)
        .context("the terminal cannot hide what is typed; use --password-stdin")?;
    let line = read_line(terminal)?;
    drop(hidden);
    writeln!(writer).context("the terminal cannot be written")?;
    Ok(line)
}

/// Asks one line.
pub(super) fn ask(terminal: &File, question: &str) -> anyhow::Result<String> {
    let mut writer = terminal;
    write!(writer, "{question}").context("the terminal cannot be written")?;
    read_line(terminal)
}

fn read_line(terminal: &File) -> anyhow::Result<String> {
    let mut line = String::new();
    BufReader::new(terminal)
        .read_line(&mut line)
        .context("the terminal cannot be read")?;
    while line.ends_with(['\n', '\r']) {
        line.pop();
    }
    Ok(line)
}
