//! What the rules look at: the workspace's manifests and the repository's text files.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::run;

/// Everything the rules need, read once.
pub(super) struct Tree {
    /// Absolute path of the repository.
    pub(super) root: String,
    pub(super) packages: Vec<Package>,
    pub(super) files: Vec<File>,
}

/// A member of the workspace.
pub(super) struct Package {
    pub(super) name: String,
    /// Its `Cargo.toml`.
    pub(super) manifest: File,
    /// Dependencies of the thing itself, not of its tests: what it reaches when it runs.
    pub(super) dependencies: Vec<String>,
}

/// A text file.
pub(super) struct File {
    /// From the root, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

/// Reads the tree. Files that git ignores are nobody's business.
pub(super) fn read(root: &Path) -> Result<Tree> {
    let listed = run::output(Command::new("git").current_dir(root).args([
        "-c",
        "safe.directory=*",
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "-z",
    ]))
    .context("tidy reads the list of files from git")?;
    let mut files: Vec<File> = listed
        .split('\0')
        .filter(|path| !path.is_empty())
        .filter_map(|path| {
            let text = fs::read_to_string(root.join(path)).ok()?;
            Some(File {
                path: path.to_owned(),
                text,
            })
        })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Tree {
        root: root.display().to_string(),
        packages: packages(root)?,
        files,
    })
}

fn packages(root: &Path) -> Result<Vec<Package>> {
    let metadata =
        run::output(run::cargo(root).args(["metadata", "--format-version=1", "--no-deps"]))?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    list(&metadata["packages"])
        .iter()
        .map(|package| {
            let manifest = Path::new(
                package["manifest_path"]
                    .as_str()
                    .context("a package without a manifest")?,
            );
            let path = manifest
                .strip_prefix(root)
                .unwrap_or(manifest)
                .display()
                .to_string();
            let dependencies = list(&package["dependencies"])
                .iter()
                .filter(|dependency| dependency["kind"].as_str() != Some("dev"))
                .filter_map(|dependency| dependency["name"].as_str().map(str::to_owned))
                .collect();
            Ok(Package {
                name: package["name"].as_str().unwrap_or_default().to_owned(),
                manifest: File {
                    text: fs::read_to_string(manifest)?,
                    path,
                },
                dependencies,
            })
        })
        .collect()
}

impl File {
    /// The crate in `crates/` that the file is a source of, without its tests, benches and examples.
    pub(super) fn crate_source(&self) -> Option<&str> {
        let (name, rest) = self.path.strip_prefix("crates/")?.split_once('/')?;
        (rest.starts_with("src/") && rest.ends_with(".rs") && !self.is_test()).then_some(name)
    }

    /// Whether the whole file is test code.
    pub(super) fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        self.path.split('/').any(|folder| folder == "tests")
            || name == "tests.rs"
            || name.ends_with("_tests.rs")
    }

    /// Numbered lines of code: without comment lines and without what follows the first
    /// `#[cfg(test)]` before a module, which the house puts at a file's end.
    pub(super) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines: Vec<&str> = self.text.lines().collect();
        let end = (0..lines.len())
            .find(|&at| {
                lines[at].trim() == "#[cfg(test)]"
                    && lines[at + 1..]
                        .iter()
                        .find(|line| !line.starts_with("#["))
                        .is_some_and(|line| line.starts_with("mod "))
            })
            .unwrap_or(lines.len());
        lines
            .into_iter()
            .take(end)
            .enumerate()
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .map(|(at, line)| (at + 1, line))
    }
}
