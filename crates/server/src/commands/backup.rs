//! `hauspost backup` and `hauspost restore`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use base::Timestamp;

use super::finding::{Finding, Verdict};
use super::print;
use crate::admin::{Request, connect, make_data_dir, open_target, store_path};
use crate::backup::{self, Manifest, OBJECTS, STORE, TLS, copy_objects, copy_tls, objects_folder};
use crate::config::Config;
use crate::net::Clock;

/// How long a server may take to come back.
const RESTART: Duration = Duration::from_secs(60);

/// Makes the folder `dest` with the store, the certificates, the files and a manifest, which is written last: without it
/// a folder is no backup.
pub(super) fn backup(config: &Config, dest: &Path) -> anyhow::Result<()> {
    let dest =
        std::path::absolute(dest).with_context(|| format!("{} is no path", dest.display()))?;
    backup::make_folder(&dest)?;
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
    backup::complete(config, dest, None)
}

/// The backup that is meant: `src` itself, or the newest in it that is not later than `at`.
pub(super) fn chosen(src: &Path, at: Option<&str>) -> anyhow::Result<PathBuf> {
    let unreadable = || format!("{} cannot be read", src.display());
    let Some(at) = at else {
        let made = backup::list(src).unwrap_or_default();
        if !Manifest::is_in(src)
            && let (Some((first, _)), Some((last, _))) = (made.first(), made.last())
        {
            bail!(
                "{} holds {} backups, from {first} to {last}: add --at TIME or --at latest",
                src.display(),
                made.len()
            );
        }
        return Ok(src.to_owned());
    };
    let made = backup::list(src).with_context(unreadable)?;
    let found = if at == "latest" {
        made.last()
    } else {
        let time = Timestamp::parse(at).map_err(|_| {
            anyhow::anyhow!("\"{at}\" is no time; write 2026-11-24T09:30:00Z, or latest")
        })?;
        made.iter().rev().find(|(begun, _)| *begun <= time)
    };
    match (found, made.first()) {
        (Some((_, path)), _) => Ok(path.clone()),
        (None, Some((first, _))) => bail!("the oldest backup in {} is of {first}", src.display()),
        (None, None) => bail!(
            "{} holds no backups that the server made; see `backup.folder`",
            src.display()
        ),
    }
}

/// Puts a backup in place; the store verifies it first and keeps what was there.
pub(super) fn restore(config: &Config, src: &Path) -> anyhow::Result<()> {
    Manifest::read(src, config)?;
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
            Some(folder) => copy_objects(&src.join(OBJECTS), &folder, None)?,
            None => bail!(
                "the backup holds files, and `objects.url` names an S3 store; restore into a folder first"
            ),
        }
    }
    Ok(before)
}

/// What `hauspost check` says of the backups that the server makes.
pub(super) fn check(config: &Config, findings: &mut Vec<Finding>) {
    findings.push(finding(config));
}

fn finding(config: &Config) -> Finding {
    const SUBJECT: &str = "backup";
    let folder = config.backup.folder.display();
    let mend = format!("see the server's log, and whether its user can write to {folder}");
    if !config.backup.is_on() {
        let text = "the server makes none by itself".to_owned();
        return Finding::new(Verdict::Note, SUBJECT, text).mend(
            "name a folder at `backup.folder`, or run `hauspost backup` every night".to_owned(),
        );
    }
    let made = match backup::list(&config.backup.folder) {
        Ok(made) => made,
        Err(error) => {
            let text = format!("{folder} cannot be read: {error}");
            return Finding::new(Verdict::Failed, SUBJECT, text).mend(mend);
        }
    };
    let Some((newest, _)) = made.last() else {
        let text =
            format!("there is none in {folder} yet; a running server makes the first one at once");
        return Finding::new(Verdict::Warning, SUBJECT, text).mend(mend);
    };
    let now = Clock::start().now().wall;
    let age = now.since(*newest);
    let hours = age.as_secs() / 3600;
    let text = format!(
        "{} in {folder}, the newest of {newest}, {hours} hours old",
        made.len()
    );
    if age > Duration::from_secs(u64::from(config.backup.hours) * 2 * 3600) {
        Finding::new(Verdict::Warning, SUBJECT, text).mend(mend)
    } else {
        Finding::new(Verdict::Ok, SUBJECT, text)
    }
}
