//! `cargo xtask tidy`: the invariants of ARCHITECTURE.md, checked in manifests and sources.
//!
//! Every rule is a plain function from text to violations, so that each has a sample in the tests
//! that must fail. A rule that cries wolf is worse than none: mend the rule, never work around it.

mod circles;
mod floors;
mod heads;
mod places;
mod tree;

use std::fmt;
use std::path::Path;

use anyhow::{Result, bail};

use crate::run;
use tree::{File, Tree};

/// A line that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    /// Path from the root of the repository.
    file: String,
    /// Counted from 1.
    line: usize,
    /// What is wrong.
    what: String,
    /// What to do about it.
    mend: &'static str,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            what,
            mend,
        } = self;
        write!(f, "{file}:{line}: {what}; {mend}")
    }
}

/// Checks all rules, prints each violation, and fails when there is one.
pub(crate) fn tidy(root: &Path) -> Result<()> {
    let tree = tree::read(root)?;
    let mut violations = check(&tree);
    violations.extend(floors::banned(&run::output(run::cargo(root).args([
        "tree",
        "--workspace",
        "--prefix=none",
        "--no-dedupe",
        "--edges=normal,build",
    ]))?));
    violations.sort();
    for violation in &violations {
        println!("{violation}");
    }
    let wasm = builds_for_wasm(root, &tree);
    match (violations.len(), wasm) {
        (0, Ok(note)) => {
            println!(
                "tidy: {} files, {} crates, {note}",
                tree.files.len(),
                tree.packages.len()
            );
            Ok(())
        }
        (0, Err(error)) => Err(error),
        (count, wasm) => {
            if let Err(error) = wasm {
                println!("error: {error:#}");
            }
            bail!("{count} violations of the house's rules")
        }
    }
}

fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = floors::check(&tree.packages);
    violations.extend(circles::check(&tree.files));
    for file in &tree.files {
        violations.extend(places::check(file));
        violations.extend(heads::check(file));
        violations.extend(machine_paths(file, &tree.root));
    }
    violations
}

/// No file speaks of the machine that it was written on.
fn machine_paths(file: &File, root: &str) -> Option<Violation> {
    // This folder has to name what it forbids.
    if file.path.starts_with("xtask/src/tidy") {
        return None;
    }
    let own = root.matches('/').count() > 1;
    let mut words = vec!["/home/", "/root/", "/Users/", "C:\\Users\\"];
    if own {
        words.push(root);
    }
    file.text.lines().enumerate().find_map(|(at, line)| {
        let word = words.iter().find(|word| {
            line.match_indices(**word).any(|(at, _)| {
                !line[..at].ends_with(|c: char| c.is_alphanumeric() || ".-_/}>)".contains(c))
            })
        })?;
        Some(Violation {
            file: file.path.clone(),
            line: at + 1,
            what: format!("{word}… is a path of one machine"),
            mend: "write it relative to the repository or to the data folder",
        })
    })
}

/// The sans-I/O crates must build for browsers. Checked only where the target is installed, since
/// not every machine can have it; the note says which.
fn builds_for_wasm(root: &Path, tree: &Tree) -> Result<String> {
    const TARGET: &str = "wasm32-unknown-unknown";
    let installed =
        run::output(std::process::Command::new("rustup").args(["target", "list", "--installed"]));
    if !installed.is_ok_and(|targets| targets.lines().any(|target| target == TARGET)) {
        return Ok(format!(
            "wasm32 not checked (`rustup target add {TARGET}` makes it so)"
        ));
    }
    let mut check = run::cargo(root);
    check.args(["check", "--quiet", "--target", TARGET]);
    for package in &tree.packages {
        if floors::is_without_io(&package.name) {
            check.args(["--package", &package.name]);
        }
    }
    run::succeed(&mut check)?;
    Ok("wasm32 builds".to_owned())
}

#[cfg(test)]
mod tests;
