//! `hauspost backup` and `hauspost restore`.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::print;
use crate::admin::{Request, connect, make_data_dir, open_target, store_path};
use crate::config::Config;

/// What a backup says of itself.
#[derive(Debug, Deserialize, Serialize)]
struct Manifest {
    /// Layout of the folder.
    format: u32,
    /// Version of the program that made it.
    program: String,
    /// The domain it is of.
    domain: String,
}

/// How long a server may take to come back.
const RESTART: Duration = Duration::from_secs(60);
const FORMAT: u32 = 1;
const MANIFEST: &str = "backup.json";
const STORE: &str = "store.sqlite";
const TLS: &str = "tls";
const OBJECTS: &str = "objects";

/// Makes the folder `dest` with the store, the certificates, the files and a manifest, which is written last: without it
/// a folder is no backup.
pub(super) fn backup(config: &Config, dest: &Path) -> anyhow::Result<()> {
    let dest =
        std::path::absolute(dest).with_context(|| format!("{} is no path", dest.display()))?;
    fs::DirBuilder::new()
        .mode(0o700)
        .create(&dest)
        .with_context(|| {
            format!(
                "{} cannot be made; name a new folder inside one that this user can write",
                dest.display()
            )
        })?;
    let made = fill(config, &dest);
    if made.is_err() {
        // A half backup must not be taken for one.
        let _ = fs::remove_dir_all(&dest);
    }
    made?;
    let files = match objects_folder(config) {
        Some(_) => "",
        None => "; the files in the S3 store are not part of it",
    };
    print(&format!(
        "{} holds the backup{files}; keep it where the server cannot reach it\n",
        dest.display()
    ))
}

fn fill(config: &Config, dest: &Path) -> anyhow::Result<()> {
    let mut target = open_target(config)?;
    target.ask(Request::Backup {
        target: dest.join(STORE),
    })?;
    copy_tls(&config.data_dir.join(TLS), &dest.join(TLS))?;
    // After the store: every file of its records is there, unless it went meanwhile.
    if let Some(folder) = objects_folder(config) {
        copy_objects(&folder, &dest.join(OBJECTS))?;
    }
    let manifest = Manifest {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        domain: config.domain.clone(),
    };
    let path = dest.join(MANIFEST);
    fs::write(&path, serde_json::to_string_pretty(&manifest)?)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(())
}

/// Where files are, unless that is an S3 store.
fn objects_folder(config: &Config) -> Option<PathBuf> {
    let folder = config.objects.url.strip_prefix("file:")?;
    Some(config.data_dir.join(folder))
}

/// Copies a folder of files with what is in it. Files never change once they have their names; what is still being
/// written (it has a `#` in its name) is left out, and so is what vanishes meanwhile.
fn copy_objects(from: &Path, to: &Path) -> anyhow::Result<()> {
    let entries = match fs::read_dir(from) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(error).with_context(|| format!("{} cannot be read", from.display()));
        }
    };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(to)
        .with_context(|| format!("{} cannot be made", to.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("{} cannot be read", from.display()))?;
        let (name, kind) = (entry.file_name(), entry.file_type());
        if name.to_string_lossy().contains('#') {
            continue;
        }
        let target = to.join(&name);
        if kind.is_ok_and(|kind| kind.is_dir()) {
            copy_objects(&entry.path(), &target)?;
            continue;
        }
        match fs::copy(entry.path(), &target) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound && !entry.path().exists() => {}
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("{} cannot be written", target.display()));
            }
        }
    }
    Ok(())
}

fn copy_tls(from: &Path, to: &Path) -> anyhow::Result<()> {
    let Ok(entries) = fs::read_dir(from) else {
        return Ok(());
    };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(to)
        .with_context(|| format!("{} cannot be made", to.display()))?;
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

/// Puts a backup in place; the store verifies it first and keeps what was there.
pub(super) fn restore(config: &Config, src: &Path) -> anyhow::Result<()> {
    let path = src.join(MANIFEST);
    let text = fs::read_to_string(&path).with_context(|| {
        format!(
            "{} cannot be read; name a folder that `hauspost backup` made",
            path.display()
        )
    })?;
    let manifest: Manifest = serde_json::from_str(&text)
        .with_context(|| format!("{} is damaged; take another backup", path.display()))?;
    if manifest.format > FORMAT {
        bail!(
            "this backup was made by hauspost {}; use that version or a newer one",
            manifest.program
        );
    }
    if manifest.domain != config.domain {
        bail!(
            "this backup is of {}, and the configuration is for {}; set `domain` to the backup's",
            manifest.domain,
            config.domain
        );
    }
    // A running server closes its store, and opens what it finds when we are done, whatever has become of it.
    let mut running = connect(&config.data_dir)?;
    if let Some(server) = &mut running {
        server.ask(Request::Pause)?;
    }
    let restored = put_in_place(config, src);
    if let Some(server) = running {
        drop(server);
        await_server(config)?;
    }
    match restored? {
        Some(before) => print(&format!(
            "restored; what was there before is kept at {}\n",
            before.display()
        )),
        None => print("restored\n"),
    }
}

/// Waits until the server answers again.
fn await_server(config: &Config) -> anyhow::Result<()> {
    let begin = Instant::now();
    while begin.elapsed() < RESTART {
        if let Ok(Some(_)) = connect(&config.data_dir) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    bail!("the server has not come back; see its log");
}

/// The store, which is verified first and keeps what was there; certificates; files. Gives where the former store is.
fn put_in_place(config: &Config, src: &Path) -> anyhow::Result<Option<PathBuf>> {
    make_data_dir(&config.data_dir)?;
    let before = store::restore(&src.join(STORE), &store_path(&config.data_dir))?;
    if src.join(TLS).is_dir() {
        copy_tls(&src.join(TLS), &config.data_dir.join(TLS))?;
    }
    if src.join(OBJECTS).is_dir() {
        match objects_folder(config) {
            Some(folder) => copy_objects(&src.join(OBJECTS), &folder)?,
            None => bail!(
                "the backup holds files, and `objects.url` names an S3 store; restore into a folder first"
            ),
        }
    }
    Ok(before)
}
