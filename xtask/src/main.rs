//! The house's chores: `cargo xtask serve`, `test`, `ci`, `web`, `package`, `tidy`, `docs`.
#![allow(clippy::print_stdout, reason = "the chores' voice is the terminal")]

mod docs;
mod package;
mod prerequisites;
mod run;
mod serve;
mod test;
mod tidy;
mod web;
mod web_tools;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

const HELP: &str = "\
cargo xtask COMMAND

  serve [ARGUMENT…]   build the server and run it with its data in ./data; arguments such as --demo
                      go on to `hauspost serve`
  test                install what the tests need, then run all checks and all tests
  ci                  the same as a build machine runs it: no incremental builds, cargo-deny if there
  web                 build the web client, as far as it has changed; the server takes it into itself
  package [--debug]   make Debian packages of server and terminal client in target/package
  tidy                check the invariants of ARCHITECTURE.md in manifests and sources
  docs [--check]      write the files that are generated from code, or say which have drifted
";

fn main() -> ExitCode {
    match command() {
        Ok(true) => ExitCode::SUCCESS,
        // What failed has been said already.
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all is well.
fn command() -> Result<bool> {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next();
    let rest: Vec<String> = arguments.collect();
    let root = root()?;
    match (command.as_deref(), rest.as_slice()) {
        (Some("serve"), rest) => serve::serve(&root, rest)?,
        (Some("test"), []) => return test::test(&root, std::env::var_os("CI").is_some()),
        (Some("ci"), []) => return test::test(&root, true),
        (Some("web"), []) => drop(web::build(&root)?),
        (Some("package"), []) => package::package(&root, true)?,
        (Some("package"), [flag]) if flag == "--debug" => package::package(&root, false)?,
        (Some("tidy"), []) => tidy::tidy(&root)?,
        (Some("docs"), []) => docs::write(&root)?,
        (Some("docs"), [flag]) if flag == "--check" => docs::check(&root)?,
        (None | Some("help" | "--help" | "-h"), _) => {
            print!("{HELP}");
        }
        (Some(command), rest) => bail!("no such chore: {command} {}\n\n{HELP}", rest.join(" ")),
    }
    Ok(true)
}

/// The folder of the workspace, wherever in it the command was given.
fn root() -> Result<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent()
        .map(Path::to_owned)
        .context("xtask stands in the root of the workspace")
}
