//! Copying folders of a backup, there and back.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use anyhow::Context;

/// Copies a folder of files with what is in it. Files never change once they have their names, so one that `previous`
/// has, too, becomes a link to that; what is still being written (it has a `#` in its name) is left out, and so is what
/// vanishes meanwhile.
pub(crate) fn copy_objects(from: &Path, to: &Path, previous: Option<&Path>) -> anyhow::Result<()> {
    let entries = match fs::read_dir(from) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(error).with_context(|| format!("{} cannot be read", from.display()));
        }
    };
    make_private(to)?;
    for entry in entries {
        let entry = entry.with_context(|| format!("{} cannot be read", from.display()))?;
        let (name, kind) = (entry.file_name(), entry.file_type());
        if name.to_string_lossy().contains('#') {
            continue;
        }
        let target = to.join(&name);
        let before = previous.map(|previous| previous.join(&name));
        if kind.is_ok_and(|kind| kind.is_dir()) {
            copy_objects(&entry.path(), &target, before.as_deref())?;
            continue;
        }
        match link_or_copy(&entry.path(), &target, before.as_deref()) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound && !entry.path().exists() => {}
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("{} cannot be written", target.display()));
            }
        }
    }
    Ok(())
}

fn link_or_copy(from: &Path, to: &Path, before: Option<&Path>) -> io::Result<()> {
    if let Some(before) = before
        && let (Ok(kept), Ok(now)) = (before.metadata(), from.metadata())
        && kept.len() == now.len()
        && kept.is_file()
        && fs::hard_link(before, to).is_ok()
    {
        return Ok(());
    }
    fs::copy(from, to)?;
    fs::File::open(to)?.sync_all()
}

/// Copies certificates and keys, for nobody else to read.
pub(crate) fn copy_tls(from: &Path, to: &Path) -> anyhow::Result<()> {
    let Ok(entries) = fs::read_dir(from) else {
        return Ok(());
    };
    make_private(to)?;
    for entry in entries {
        let entry = entry.with_context(|| format!("{} cannot be read", from.display()))?;
        if entry.path().is_file() {
            let target = to.join(entry.file_name());
            fs::copy(entry.path(), &target)
                .with_context(|| format!("{} cannot be written", target.display()))?;
            fs::set_permissions(&target, fs::Permissions::from_mode(0o600))
                .with_context(|| format!("{} cannot be protected", target.display()))?;
        }
    }
    Ok(())
}

fn make_private(folder: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("{} cannot be made", folder.display()))
}
