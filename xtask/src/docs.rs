//! Files that are generated from code, so that they cannot say what the code does not do.
//!
//! Any crate of the house with an `examples/docs.rs` generates some: the example is run with one
//! argument, an empty folder, and writes its files there under the paths that they have in the
//! repository (`docs/xeps.md` and so on).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::{run, serve};

/// Writes what has changed.
pub(crate) fn write(root: &Path) -> Result<()> {
    for (path, text) in generated(root)? {
        let path = root.join(path);
        if fs::read(&path).ok().as_ref() == Some(&text) {
            continue;
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        println!("written: {}", path.display());
    }
    Ok(())
}

/// An error that names the files which are not what the code generates.
pub(crate) fn check(root: &Path) -> Result<()> {
    let drifted: Vec<String> = generated(root)?
        .into_iter()
        .filter(|(path, text)| fs::read(root.join(path)).ok().as_ref() != Some(text))
        .map(|(path, _)| path.display().to_string())
        .collect();
    if drifted.is_empty() {
        return Ok(());
    }
    bail!(
        "generated files have drifted from the code: {}; run `cargo xtask docs` and commit",
        drifted.join(", ")
    )
}

/// What the generators write now: path in the repository and content.
fn generated(root: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let folder = serve::target_directory(root)?.join("generated-docs");
    let mut files = BTreeMap::new();
    for package in generators(root)? {
        let out = folder.join(&package);
        let _ = fs::remove_dir_all(&out);
        fs::create_dir_all(&out)?;
        run::succeed(
            run::cargo(root)
                .args([
                    "run",
                    "--quiet",
                    "--package",
                    &package,
                    "--example",
                    "docs",
                    "--",
                ])
                .arg(&out),
        )?;
        collect(&out, &out, &mut files)?;
    }
    Ok(files)
}

/// The crates that have an `examples/docs.rs`; a crate's folder is named like its package.
fn generators(root: &Path) -> Result<Vec<String>> {
    let mut packages = Vec::new();
    for entry in fs::read_dir(root.join("crates"))? {
        let entry = entry?;
        if entry.path().join("examples/docs.rs").exists() {
            packages.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    packages.sort();
    Ok(packages)
}

fn collect(base: &Path, folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(base, &path, files)?;
        } else {
            let text = fs::read(&path)?;
            files.insert(path.strip_prefix(base)?.to_owned(), text);
        }
    }
    Ok(())
}
