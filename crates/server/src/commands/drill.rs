//! `hauspost restore --drill`: whether a backup would bring everything back, found out without touching what is kept.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use aws_lc_rs::digest;
use futures_util::StreamExt as _;
use store::{CheckDepth, Store, StoreConfig};

use super::print;
use crate::admin::{make_data_dir, store_path};
use crate::backup::{Manifest, OBJECTS, STORE, objects_folder};
use crate::config::{Config, Objects as ObjectsConfig};
use crate::objects::{Objects, ObjectsError};

/// A folder that goes with this value.
struct Trial(PathBuf);

impl Drop for Trial {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Restores `src` into a folder beside the data, and reads all of it.
pub(super) fn run(config: &Config, src: &Path) -> anyhow::Result<()> {
    let begin = Instant::now();
    let manifest = Manifest::read(src, config)?;
    let trial = Trial(beside(&config.data_dir)?);
    ensure!(
        !trial.0.exists(),
        "{} is there: another drill runs, or was killed; remove it then",
        trial.0.display()
    );
    make_data_dir(&trial.0)?;
    let folder = store_path(&trial.0);
    store::restore(&src.join(STORE), &folder)?;
    let store = Store::open(StoreConfig::folder(folder))?;
    let report = store::wait(std::pin::pin!(store.check(CheckDepth::Full)))?;
    if let Some(problem) = report.problems.first() {
        bail!("this backup is damaged ({problem}); use another one, and look for the reason");
    }
    let files = match objects_folder(config) {
        Some(_) => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let read = runtime.block_on(read_files(&store, src))?;
            format!("{read} files")
        }
        None => "the files in the S3 store not looked at".to_owned(),
    };
    store.close();
    print(&format!(
        "{} would bring back {} accounts, {} kept messages, {files} of {}; made by hauspost {}, read in {:.1} s\n",
        src.display(),
        report.accounts,
        report.entries,
        manifest.domain,
        manifest.program,
        begin.elapsed().as_secs_f64()
    ))
}

/// A folder on the disk that a true restore would write to.
fn beside(data: &Path) -> anyhow::Result<PathBuf> {
    let name = data
        .file_name()
        .with_context(|| format!("{} is no folder for data", data.display()))?;
    Ok(data.with_file_name(format!("{}.drill", name.to_string_lossy())))
}

/// Reads every file that a record names, and holds it against its digest.
async fn read_files(store: &Store, src: &Path) -> anyhow::Result<u64> {
    let objects = ObjectsConfig {
        url: format!("file:{OBJECTS}"),
        ..ObjectsConfig::default()
    };
    let objects = Objects::open(&objects, src)?;
    let mut read = 0;
    for shard in 0..=255_u8 {
        for (id, is_file) in store.upload_ids(&format!("{shard:02x}")).await? {
            if !is_file {
                continue;
            }
            let Some(upload) = store.upload(&id).await? else {
                continue;
            };
            let Some(kept) = upload.kept else { continue };
            let damaged = format!("the file \"{}\" (record {id})", upload.name);
            let mut context = digest::Context::new(&digest::SHA256);
            match objects.read(&id, 0..upload.size).await {
                Ok(mut reading) => {
                    while let Some(bytes) = reading.next().await {
                        let bytes = bytes.with_context(|| format!("{damaged} cannot be read"))?;
                        context.update(&bytes);
                    }
                }
                Err(ObjectsError::NotFound) => bail!(
                    "{damaged} is missing in this backup: it was removed while the backup was made, or is lost; try the next one"
                ),
                Err(error) => {
                    return Err(error).with_context(|| format!("{damaged} cannot be read"));
                }
            }
            ensure!(
                context.finish().as_ref() == kept.digest,
                "{damaged} is not what was uploaded; use another backup"
            );
            read += 1;
        }
    }
    Ok(read)
}
