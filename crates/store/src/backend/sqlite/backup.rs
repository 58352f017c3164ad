//! Backup, restore and check of a SQLite store.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread;

use bytes::Bytes;
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::archive;
use super::{Mode, Sqlite, View, schema};
use crate::archive::codec;
use crate::{
    ArchiveId, BackupProgress, CheckDepth, CheckReport, OpenError, OwnerId, Progress, Reading,
    StoreError,
};

type Result<T> = std::result::Result<T, StoreError>;

/// Pages copied in one go.
const PAGES: i32 = 64;

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> StoreError {
    let path = path.to_owned();
    move |error| match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => StoreError::DiskFull,
        _ => StoreError::Io(format!("{}: {error}", path.display()).into()),
    }
}

/// Copies on a thread of its own, which reads one state of the database while commits go on.
pub(super) fn backup(
    store: &Sqlite,
    target: PathBuf,
    mut progress: Option<Progress>,
) -> Reading<()> {
    match (&store.mode, &store.path) {
        (Mode::Inline(writer), _) => Reading::ready(match &*writer.lock() {
            Some(writer) => copy(&writer.connection, &target, &mut progress),
            None => Err(StoreError::Closed),
        }),
        (_, None) => Reading::ready(Err(StoreError::Closed)),
        (_, Some(path)) => {
            let (answer, reading) = Reading::pair();
            let path = path.clone();
            let work = move || {
                let source = schema::open_reader(&path);
                answer.give(source.and_then(|source| copy(&source, &target, &mut progress)));
            };
            // If no thread can be started, the answer is dropped, which says that it is closed.
            let _ = thread::Builder::new()
                .name("store-backup".into())
                .spawn(work);
            reading
        }
    }
}

fn copy(source: &Connection, target: &Path, progress: &mut Option<Progress>) -> Result<()> {
    if target.exists() {
        let text = format!("{} is there already; name a new file", target.display());
        return Err(StoreError::Refused(text.into()));
    }
    let mut name = target.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    let copied = copy_to(source, &part, progress).and_then(|()| {
        schema::verify(&part).map_err(|error| StoreError::Refused(error.to_string().into()))?;
        fs::rename(&part, target).map_err(io(target))?;
        sync_folder(target)
    });
    if copied.is_err() {
        let _ = fs::remove_file(&part);
    }
    copied
}

fn copy_to(source: &Connection, part: &Path, progress: &mut Option<Progress>) -> Result<()> {
    let _ = fs::remove_file(part);
    // Accounts' keys are in it: nobody else may read it.
    let mut options = File::options();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    drop(options.open(part).map_err(io(part))?);
    let mut copy = Connection::open(part)?;
    copy.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")?;
    // An open read holds the state that is copied; without it every commit would start the copy anew.
    source.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema;")?;
    let result = steps(source, &mut copy, progress);
    source.execute_batch("COMMIT")?;
    result?;
    copy.close().map_err(|(_, error)| error)?;
    File::open(part)
        .and_then(|file| file.sync_all())
        .map_err(io(part))
}

fn steps(
    source: &Connection,
    copy: &mut Connection,
    progress: &mut Option<Progress>,
) -> Result<()> {
    let backup = Backup::new(source, copy)?;
    loop {
        let step = backup.step(PAGES)?;
        if let Some(progress) = progress {
            let seen = backup.progress();
            progress(BackupProgress {
                remaining: u64::try_from(seen.remaining).unwrap_or(0),
                total: u64::try_from(seen.pagecount).unwrap_or(0),
            });
        }
        match step {
            StepResult::Done => return Ok(()),
            StepResult::Busy | StepResult::Locked => thread::yield_now(),
            _ => (),
        }
    }
}

fn sync_folder(file: &Path) -> Result<()> {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(io(folder))
}

/// See [`crate::restore`].
pub(crate) fn restore(
    source: &Path,
    folder: &Path,
) -> std::result::Result<Option<PathBuf>, OpenError> {
    schema::verify(source)?;
    let lock = schema::lock(folder)?;
    let path = folder.join(schema::FILE);
    let part = folder.join(format!("{}.part", schema::FILE));
    fs::copy(source, &part).map_err(io(&part))?;
    File::open(&part)
        .and_then(|file| file.sync_all())
        .map_err(io(&part))?;
    schema::verify(&part)?;
    let mut kept = None;
    if path.exists() {
        let name = (1u32..)
            .map(|number| folder.join(format!("{}.before-restore-{number}", schema::FILE)))
            .find(|name| !name.exists());
        if let Some(name) = name {
            // The log belongs to the old database: it goes with it, so that both stay whole.
            for end in ["-wal", "-shm"] {
                let from = with_end(&path, end);
                if from.exists() {
                    fs::rename(&from, with_end(&name, end)).map_err(io(&from))?;
                }
            }
            fs::rename(&path, &name).map_err(io(&path))?;
            kept = Some(name);
        }
    }
    fs::rename(&part, &path).map_err(io(&path))?;
    sync_folder(&path)?;
    drop(lock);
    Ok(kept)
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// See [`crate::Store::check`].
pub(super) fn check(view: &View<'_>, depth: CheckDepth) -> Result<CheckReport> {
    view.snapshot(|connection| {
        let mut report = CheckReport::default();
        let kind = match depth {
            CheckDepth::Quick => "quick_check",
            CheckDepth::Full => "integrity_check",
        };
        match schema::sound(connection, kind) {
            Ok(problems) => report.problems.extend(problems),
            Err(error) => {
                report.problems.push(error.to_string());
                return Ok(report);
            }
        }
        report.accounts = super::accounts::count(connection)?;
        report
            .problems
            .extend(super::audit::check(connection, &[])?);
        if depth == CheckDepth::Full {
            check_archive(connection, &mut report)?;
        }
        Ok(report)
    })
}

fn check_archive(connection: &Connection, report: &mut CheckReport) -> Result<()> {
    let mut statement = connection.prepare(
        "SELECT id, account, first, last, count, entries FROM archive_chunk ORDER BY id",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, account): (i64, i64) = (row.get(0)?, row.get(1)?);
        let (first, last, count): (i64, i64, i64) = (row.get(2)?, row.get(3)?, row.get(4)?);
        let bytes = row.get_ref(5)?.as_blob().map_err(rusqlite::Error::from)?;
        match archive::parse(OwnerId::from_number(account), id, first, bytes) {
            Err(error) => report.problems.push(error.to_string()),
            Ok(chunk) => {
                report.entries += chunk.entries.len() as u64;
                let ends = chunk.entries.last().map(|entry| entry.id);
                if chunk.entries.len() as i64 != count || ends != Some(ArchiveId::from_number(last))
                {
                    let text = format!(
                        "archive chunk {id} of account {account} does not hold what it says"
                    );
                    report.problems.push(text);
                }
            }
        }
    }
    let mut statement = connection.prepare("SELECT seq, entries FROM archive_journal")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(0)?;
        let bytes = Bytes::from(row.get::<_, Vec<u8>>(1)?);
        match codec::journal(&bytes) {
            Err(damage) => report
                .problems
                .push(format!("archive journal row {seq}: {damage}")),
            Ok(copies) => report.entries += copies.len() as u64,
        }
    }
    Ok(())
}
