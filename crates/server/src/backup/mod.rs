//! Backups: what one holds, making one, and those that the server makes by itself.
//!
//! A backup is a folder with a copy of the store, the certificates, the files, and a manifest that is written last.

mod copies;
mod schedule;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use base::Timestamp;
use serde::{Deserialize, Serialize};

pub(crate) use copies::{copy_objects, copy_tls};
pub(crate) use schedule::{Schedule, Tally};

use crate::config::Config;

/// Layout of the folder.
pub(crate) const FORMAT: u32 = 1;
/// The copy of the store.
pub(crate) const STORE: &str = "store.sqlite";
/// Certificates and their keys.
pub(crate) const TLS: &str = "tls";
/// Files that people have uploaded.
pub(crate) const OBJECTS: &str = "objects";
const MANIFEST: &str = "backup.json";

/// What a backup says of itself.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Manifest {
    /// Layout of the folder.
    pub(crate) format: u32,
    /// Version of the program that made it.
    pub(crate) program: String,
    /// The domain it is of.
    pub(crate) domain: String,
}

impl Manifest {
    /// Whether a folder calls itself a backup.
    pub(crate) fn is_in(folder: &Path) -> bool {
        folder.join(MANIFEST).is_file()
    }

    /// Reads what a backup says of itself, and whether this configuration can take it.
    ///
    /// # Errors
    /// Why it cannot, with the mend.
    pub(crate) fn read(folder: &Path, config: &Config) -> anyhow::Result<Self> {
        let path = folder.join(MANIFEST);
        let text = fs::read_to_string(&path).with_context(|| {
            format!(
                "{} cannot be read; name a folder that `hauspost backup` made",
                path.display()
            )
        })?;
        let manifest: Self = serde_json::from_str(&text)
            .with_context(|| format!("{} is damaged; take another backup", path.display()))?;
        anyhow::ensure!(
            manifest.format <= FORMAT,
            "this backup was made by hauspost {}; use that version or a newer one",
            manifest.program
        );
        anyhow::ensure!(
            manifest.domain == config.domain,
            "this backup is of {}, and the configuration is for {}; set `domain` to the backup's",
            manifest.domain,
            config.domain
        );
        Ok(manifest)
    }
}

/// Makes the folder of a backup, which must not be there.
pub(crate) fn make_folder(dest: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .mode(0o700)
        .create(dest)
        .with_context(|| {
            format!(
                "{} cannot be made; name a new folder inside one that this user can write",
                dest.display()
            )
        })
}

/// Puts beside the copied store what else belongs to a backup. Files that `previous` has, too, are linked to there.
pub(crate) fn complete(
    config: &Config,
    dest: &Path,
    previous: Option<&Path>,
) -> anyhow::Result<()> {
    copy_tls(&config.data_dir.join(TLS), &dest.join(TLS))?;
    // After the store: every file of its records is there, unless it went meanwhile.
    if let Some(folder) = objects_folder(config) {
        let previous = previous.map(|previous| previous.join(OBJECTS));
        copy_objects(&folder, &dest.join(OBJECTS), previous.as_deref())?;
    }
    let manifest = Manifest {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        domain: config.domain.clone(),
    };
    let path = dest.join(MANIFEST);
    let write = || -> std::io::Result<()> {
        let mut file = File::create_new(&path)?;
        file.write_all(serde_json::to_string_pretty(&manifest)?.as_bytes())?;
        file.sync_all()?;
        File::open(dest)?.sync_all()
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}

/// Where files are, unless that is an S3 store.
pub(crate) fn objects_folder(config: &Config) -> Option<PathBuf> {
    let folder = config.objects.url.strip_prefix("file:")?;
    Some(config.data_dir.join(folder))
}

/// The name of a backup that was begun at `time`: in the order of time, and possible in every file system.
fn name_of(time: Timestamp) -> String {
    Timestamp::from_seconds(time.seconds())
        .to_string()
        .replace(':', "-")
}

fn time_of(name: &str) -> Option<Timestamp> {
    let (date, time) = name.split_once('T')?;
    Timestamp::parse(&format!("{date}T{}", time.replace('-', ":"))).ok()
}

/// The backups that the server has made in `folder`, oldest first. A folder that is not there has none.
///
/// # Errors
/// When the folder cannot be read.
pub(crate) fn list(folder: &Path) -> std::io::Result<Vec<(Timestamp, PathBuf)>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if let Some(time) = entry.file_name().to_str().and_then(time_of)
            && Manifest::is_in(&entry.path())
        {
            found.push((time, entry.path()));
        }
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_times() {
        let time = Timestamp::parse("2026-11-24T01:02:03.5Z").unwrap();
        assert_eq!(name_of(time), "2026-11-24T01-02-03Z");
        assert_eq!(
            time_of("2026-11-24T01-02-03Z"),
            Timestamp::parse("2026-11-24T01:02:03Z").ok()
        );
        for other in [
            "",
            "T",
            "2026-11-24T01-02-03Z.part",
            "lost+found",
            "2026-11-24",
        ] {
            assert_eq!(time_of(other), None, "{other}");
        }
    }
}
