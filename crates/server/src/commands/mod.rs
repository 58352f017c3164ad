//! What each command does.

mod audit;
mod backup;
mod check;
mod csv;
mod directory;
mod dns;
mod drill;
mod finding;
mod import;
mod objects;
mod password;
mod portable;
mod terminal;
mod token;
mod user;

use std::io::Write;

use anyhow::Context;

use crate::cli::{Cli, Command};
use crate::config::{self, Loaded};

/// Runs the command.
///
/// # Errors
/// What went wrong, with the mend.
pub fn run(cli: &Cli) -> anyhow::Result<()> {
    // Neither needs a valid configuration: they are how one gets there.
    match &cli.command {
        Command::Config { default: true, .. } => return print(&config::annotated_default()),
        Command::Config { manual: true, .. } => return print(&config::manual_page()),
        _ => {}
    }
    let loaded = config::load(
        cli.config.as_deref(),
        config::environment(),
        cli.data.as_deref(),
    )?;
    dispatch(cli, &loaded)
}

fn dispatch(cli: &Cli, loaded: &Loaded) -> anyhow::Result<()> {
    let config = &loaded.config;
    match &cli.command {
        Command::Serve(serve) => crate::serve::run(cli, loaded, serve),
        Command::User(user) => user::run(config, user),
        Command::Token(token) => token::run(config, token),
        Command::Audit(audit) => audit::run(config, audit),
        Command::Directory(directory) => directory::run(config, directory),
        Command::Check { full, audit_head } => check::run(loaded, *full, audit_head),
        Command::Backup { dest } => backup::backup(config, dest),
        Command::Restore { src, at, drill } => {
            let src = backup::chosen(src, at.as_deref())?;
            if *drill {
                drill::run(config, &src)
            } else {
                backup::restore(config, &src)
            }
        }
        Command::Export { target, folder } => portable::export(config, target, *folder),
        Command::Import { source } => portable::import(config, source),
        Command::Config { .. } => print(&config::effective(config)),
    }
}

/// Prints text to standard output; a reader that went away (`| head`) is no error.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("standard output cannot be written"),
    }
}

/// Says what went wrong on standard error.
pub fn complain(error: &anyhow::Error) {
    let _ = writeln!(std::io::stderr(), "hauspost: {error:#}");
}
