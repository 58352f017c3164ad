//! Backups that the server makes by itself, and how many of them stay.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use arc_swap::ArcSwap;
use base::Timestamp;
use store::Store;

use super::{STORE, complete, list, make_folder, name_of};
use crate::config::Config;
use crate::net::Clock;

/// How often it is seen whether one is due.
const LOOK: Duration = Duration::from_secs(30);
/// After one has failed.
const AFTER_FAILURE: Duration = Duration::from_secs(600);
/// Behind the name of one that is being made.
const UNFINISHED: &str = ".part";

/// What metrics say of backups.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    newest: AtomicI64,
    failed: AtomicU64,
}

impl Tally {
    /// When the newest one was begun, in seconds since 1970; 0 when there is none.
    pub(crate) fn newest(&self) -> i64 {
        self.newest.load(Ordering::Relaxed)
    }

    /// How often making one has failed since the server was started.
    pub(crate) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }
}

/// The task.
pub(crate) struct Schedule {
    store: Store,
    config: Arc<ArcSwap<Config>>,
    clock: Clock,
    tally: Arc<Tally>,
}

impl Schedule {
    /// A task that has not begun.
    pub(crate) fn new(
        store: Store,
        config: Arc<ArcSwap<Config>>,
        clock: Clock,
        tally: Arc<Tally>,
    ) -> Self {
        Self {
            store,
            config,
            clock,
            tally,
        }
    }

    /// Makes a backup whenever one is due. When the last one was made is seen from the folder, so a restart changes nothing.
    pub(crate) async fn keep(self) {
        loop {
            let config = self.config.load_full();
            let mut pause = LOOK;
            if config.backup.is_on()
                && let Err(error) = self.look(&config).await
            {
                self.tally.failed.fetch_add(1, Ordering::Relaxed);
                tracing::error!(
                    error = format!("{error:#}"),
                    "the backup could not be made; trying again in ten minutes"
                );
                pause = AFTER_FAILURE;
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn look(&self, config: &Arc<Config>) -> anyhow::Result<()> {
        let folder = config.backup.folder.clone();
        let made = away(move || {
            list(&folder).with_context(|| format!("{} cannot be read", folder.display()))
        })
        .await?;
        let now = self.clock.now().wall;
        // One of tomorrow was made by a clock that was wrong.
        let past = made.iter().rev().map(|(time, _)| *time);
        let newest = past.into_iter().find(|time| *time <= now);
        self.tally
            .newest
            .store(newest.map_or(0, Timestamp::seconds), Ordering::Relaxed);
        let every = Duration::from_secs(u64::from(config.backup.hours) * 3600);
        if newest.is_some_and(|newest| now.since(newest) < every) {
            return Ok(());
        }
        let previous = made.last().map(|(_, path)| path.clone());
        let made = self.make(config, now, previous).await?;
        self.tally.newest.store(now.seconds(), Ordering::Relaxed);
        let removed = {
            let config = config.clone();
            away(move || prune(&config.backup.folder, config.backup.keep)).await?
        };
        tracing::info!(backup = %made.display(), removed, "backup made");
        Ok(())
    }

    /// Makes one under a name that no one takes for a backup, and gives it its own at the end.
    async fn make(
        &self,
        config: &Arc<Config>,
        now: Timestamp,
        previous: Option<PathBuf>,
    ) -> anyhow::Result<PathBuf> {
        let folder = &config.backup.folder;
        let dest = folder.join(name_of(now));
        let unfinished = folder.join(format!("{}{UNFINISHED}", name_of(now)));
        {
            let (folder, unfinished) = (folder.clone(), unfinished.clone());
            away(move || begin(&folder, &unfinished)).await?;
        }
        let copied = self.store.backup(unfinished.join(STORE), None).await;
        copied.context("the store could not be copied")?;
        let (config, target) = (config.clone(), dest.clone());
        away(move || {
            complete(&config, &unfinished, previous.as_deref())?;
            fs::rename(&unfinished, &target)
                .and_then(|()| fs::File::open(&config.backup.folder)?.sync_all())
                .with_context(|| format!("{} cannot be given its name", target.display()))
        })
        .await?;
        Ok(dest)
    }
}

/// Makes the folder of a new backup, and takes away what was not finished.
fn begin(folder: &Path, unfinished: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| {
        format!(
            "{} cannot be made; let the user that runs the server write there, or name another folder at `backup.folder`",
            folder.display()
        )
    })?;
    let entries =
        fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    for entry in entries.flatten() {
        let name = entry.file_name();
        let ours = name
            .to_str()
            .and_then(|name| name.strip_suffix(UNFINISHED))
            .is_some_and(|name| super::time_of(name).is_some());
        if ours {
            fs::remove_dir_all(entry.path())
                .with_context(|| format!("{} cannot be removed", entry.path().display()))?;
        }
    }
    make_folder(unfinished)
}

/// Removes the oldest, so that `keep` stay.
fn prune(folder: &Path, keep: u32) -> anyhow::Result<usize> {
    let made = list(folder)?;
    let old = made.len().saturating_sub(keep.max(1) as usize);
    for (_, path) in made.iter().take(old) {
        // First its name: a half of one must not be taken for a backup.
        let mut going = path.clone().into_os_string();
        going.push(UNFINISHED);
        fs::rename(path, &going)
            .and_then(|()| fs::remove_dir_all(&going))
            .with_context(|| format!("{} cannot be removed", path.display()))?;
    }
    Ok(old)
}

/// Work with files, away from the threads that serve.
async fn away<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await?
}
