//! `cargo xtask serve`: from a fresh clone to a running server.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{run, web};

/// Builds the server as it is released and runs it on `data/` in the repository.
pub(crate) fn serve(root: &Path, arguments: &[String]) -> Result<()> {
    if let Err(error) = web::build(root) {
        // The server is of use without it, and says on its page what is missing.
        println!("note: the web client is left out: {error:#}");
    }
    run::succeed(run::cargo(root).args([
        "build",
        "--release",
        "--package",
        "server",
        "--bin",
        "hauspost",
    ]))?;
    let program = target_directory(root)?.join("release").join("hauspost");
    let mut server = Command::new(program);
    server
        .current_dir(root)
        .arg("--data")
        .arg(root.join("data"))
        .arg("serve")
        .args(arguments);
    become_it(server)
}

/// The server takes this process' place, so that signals reach it directly.
#[cfg(unix)]
fn become_it(mut server: Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    Err(server.exec()).context("cannot start the server")
}

#[cfg(not(unix))]
fn become_it(mut server: Command) -> Result<()> {
    run::succeed(&mut server)
}

/// Where cargo puts what it builds.
pub(crate) fn target_directory(root: &Path) -> Result<PathBuf> {
    let metadata =
        run::output(run::cargo(root).args(["metadata", "--format-version=1", "--no-deps"]))?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    metadata["target_directory"]
        .as_str()
        .map(PathBuf::from)
        .context("cargo metadata names no target directory")
}
