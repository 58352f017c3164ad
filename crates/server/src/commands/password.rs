//! Where a password comes from.

use std::io::BufRead;

use anyhow::{Context, bail};
use xmpp::sasl::Password;

use super::terminal;

/// The first line of standard input, or what the terminal is asked for, twice.
pub(super) fn obtain(from_stdin: bool, who: &str) -> anyhow::Result<Password> {
    if from_stdin {
        let mut line = String::new();
        std::io::stdin()
            .lock()
            .read_line(&mut line)
            .context("standard input cannot be read as UTF-8 text")?;
        while line.ends_with(['\n', '\r']) {
            line.pop();
        }
        if line.is_empty() {
            bail!("standard input held no password; write it as the first line");
        }
        return Ok(Password::new(line));
    }
    let Some(terminal) = terminal::open() else {
        bail!("there is no terminal to ask for the password; use --password-stdin");
    };
    let first = Password::new(terminal::ask_hidden(
        &terminal,
        &format!("New password for {who}: "),
    )?);
    let second = Password::new(terminal::ask_hidden(&terminal, "Once more: ")?);
    if first != second {
        bail!("the two passwords differ; nothing was changed");
    }
    Ok(first)
}
