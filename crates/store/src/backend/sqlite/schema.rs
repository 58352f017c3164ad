//! Opening a database file: its lock, its settings, its migrations.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::people;
use crate::archive::codec::checksum;
use crate::{OpenError, StoreError};

/// In the header of every database of ours: "HsPo".
const APPLICATION: i32 = 0x4873_506f;
/// Name of the database in the data folder.
pub(super) const FILE: &str = "hauspost.db";
/// Bytes of a page: chunks of the archive fit into two, and a small commit writes few.
const PAGE: u32 = 16384;
/// The same, for sums.
pub(super) const PAGE_BYTES: u64 = PAGE as u64;
/// SQLite up to 3.51.2 can damage a database in WAL mode (the WAL-reset bug).
const LEAST_ENGINE: (i32, &str) = (3_051_003, "3.51.3");

struct Migration {
    number: u32,
    name: &'static str,
    sql: &'static str,
}

/// In order; one that was released is never changed.
const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 1,
        name: "first",
        sql: include_str!("migrations/0001_first.sql"),
    },
    Migration {
        number: 2,
        name: "rooms",
        sql: include_str!("migrations/0002_rooms.sql"),
    },
    Migration {
        number: 3,
        name: "pubsub",
        sql: include_str!("migrations/0003_pubsub.sql"),
    },
    Migration {
        number: 4,
        name: "federation",
        sql: include_str!("migrations/0004_federation.sql"),
    },
    Migration {
        number: 5,
        name: "uploads",
        sql: include_str!("migrations/0005_uploads.sql"),
    },
    Migration {
        number: 6,
        name: "accounts",
        sql: include_str!("migrations/0006_accounts.sql"),
    },
    Migration {
        number: 7,
        name: "push",
        sql: include_str!("migrations/0007_push.sql"),
    },
    Migration {
        number: 8,
        name: "inbox",
        sql: include_str!("migrations/0008_inbox.sql"),
    },
    Migration {
        number: 9,
        name: "inbox of rooms",
        sql: include_str!("migrations/0009_room_inbox.sql"),
    },
    Migration {
        number: 10,
        name: "devices of push registrations",
        sql: include_str!("migrations/0010_push_devices.sql"),
    },
    Migration {
        number: 11,
        name: "room invitations",
        sql: include_str!("migrations/0011_room_invitations.sql"),
    },
    Migration {
        number: 12,
        name: "audit log",
        sql: include_str!("migrations/0012_audit.sql"),
    },
    Migration {
        number: 13,
        name: "roles",
        sql: include_str!("migrations/0013_roles.sql"),
    },
    Migration {
        number: 14,
        name: "api",
        sql: include_str!("migrations/0014_api.sql"),
    },
    Migration {
        number: 15,
        name: "identities",
        sql: include_str!("migrations/0015_identities.sql"),
    },
];

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> OpenError {
    let path = path.to_owned();
    move |error| OpenError::Io {
        path,
        reason: error.to_string(),
    }
}

/// Makes the folder and takes its lock, which is held as long as the file is open.
pub(super) fn lock(folder: &Path) -> Result<File, OpenError> {
    fs::create_dir_all(folder).map_err(io(folder))?;
    let path = folder.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let file = file.map_err(io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(io(&path)(error)),
    }
}

fn engine_is_safe() -> Result<(), OpenError> {
    if rusqlite::version_number() < LEAST_ENGINE.0 {
        let found = rusqlite::version().to_owned();
        return Err(OpenError::EngineTooOld {
            found,
            least: LEAST_ENGINE.1,
        });
    }
    Ok(())
}

/// Opens the connection that writes, and brings the schema up to date.
pub(super) fn open_writer(path: Option<&Path>, max_bytes: u64) -> Result<Connection, OpenError> {
    engine_is_safe()?;
    if let Some(path) = path {
        keep_private(path).map_err(|error| OpenError::Io {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
    }
    let connection = match path {
        Some(path) => Connection::open_with_flags(path, flags(true)),
        None => Connection::open_in_memory(),
    };
    let shown = path.unwrap_or(Path::new("memory")).to_owned();
    let connection = connection.map_err(StoreError::from)?;
    prepare(&connection, &shown)?;
    // Writes first come into the write-ahead log, so the file may be as large as it is.
    if max_bytes > 0 {
        let pages = (max_bytes / u64::from(PAGE)).max(1);
        connection
            .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
            .map_err(StoreError::from)?;
    }
    migrate(&connection, &shown)?;
    Ok(connection)
}

/// Makes the database's file where there is none, and lets nobody else read what is there. SQLite gives the files beside it
/// the same permissions when it makes them.
#[cfg(unix)]
fn keep_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true).mode(0o600).open(path)?;
    for beside in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(beside);
        match std::fs::metadata(&name) {
            Ok(file) if file.permissions().mode() & 0o077 == 0 => {}
            Ok(_) => std::fs::set_permissions(&name, PermissionsExt::from_mode(0o600))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn keep_private(_path: &Path) -> std::io::Result<()> {
    Ok(())
}

fn flags(write: bool) -> OpenFlags {
    let common = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if write {
        common | OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
    } else {
        common | OpenFlags::SQLITE_OPEN_READ_WRITE
    }
}

fn prepare(connection: &Connection, shown: &Path) -> Result<(), OpenError> {
    let settle = || -> rusqlite::Result<()> {
        connection.busy_timeout(Duration::from_secs(5))?;
        stable(connection)?;
        connection.execute_batch(&format!(
            "PRAGMA page_size = {PAGE};
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA foreign_keys = ON;
             PRAGMA trusted_schema = OFF;
             PRAGMA cell_size_check = ON;
             PRAGMA temp_store = MEMORY;
             PRAGMA wal_autocheckpoint = 0;
             PRAGMA cache_size = -4096;"
        ))
    };
    settle().map_err(|error| match StoreError::from(error) {
        // Not a database at all: most likely a wrong folder, not damage.
        StoreError::Corrupt(text) if text.contains("not a database") => {
            OpenError::Foreign(shown.to_owned())
        }
        error => error.into(),
    })
}

/// Prepared statements stay as they are. Without the planner's stability guarantee, SQLite compiles a
/// statement anew whenever a value that the planner might look at is bound, which costs more than
/// running it.
fn stable(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(128);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Opens a connection that only reads.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, flags(false))?;
    connection.busy_timeout(Duration::from_secs(5))?;
    stable(&connection)?;
    connection.execute_batch(
        "PRAGMA query_only = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA temp_store = MEMORY;
         PRAGMA wal_autocheckpoint = 0;
         PRAGMA cache_size = -2048;",
    )?;
    Ok(connection)
}

/// Opens a connection that only copies the write-ahead log into the database.
pub(super) fn open_checkpointer(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, flags(false))?;
    connection.execute_batch(
        "PRAGMA synchronous = NORMAL;
         PRAGMA wal_autocheckpoint = 0;
         PRAGMA cache_size = 0;",
    )?;
    Ok(connection)
}

fn pragma(connection: &Connection, name: &str) -> Result<i64, StoreError> {
    Ok(connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))?)
}

fn migrate(connection: &Connection, shown: &Path) -> Result<(), OpenError> {
    connection
        .execute_batch("BEGIN IMMEDIATE")
        .map_err(StoreError::from)?;
    let result = migrate_inside(connection, shown);
    let end = if result.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = connection.execute_batch(end).map_err(StoreError::from);
    if ended.is_err() && !connection.is_autocommit() {
        connection
            .execute_batch("ROLLBACK")
            .map_err(StoreError::from)?;
    }
    result?;
    Ok(ended?)
}

fn migrate_inside(connection: &Connection, shown: &Path) -> Result<(), OpenError> {
    let application = pragma(connection, "application_id")?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(StoreError::from)?;
    if tables == 0 {
        let start = format!(
            "PRAGMA application_id = {APPLICATION};
             CREATE TABLE migration (
               number INTEGER PRIMARY KEY,
               name TEXT NOT NULL,
               checksum INTEGER NOT NULL
             ) STRICT;"
        );
        connection.execute_batch(&start).map_err(StoreError::from)?;
    } else if application != i64::from(APPLICATION) {
        return Err(OpenError::Foreign(shown.to_owned()));
    }
    let found = applied(connection)?;
    for migration in MIGRATIONS.iter().skip(found) {
        connection
            .execute_batch(migration.sql)
            .map_err(StoreError::from)?;
        connection
            .execute(
                "INSERT INTO migration (number, name, checksum) VALUES (?, ?, ?)",
                (migration.number, migration.name, sum(migration)),
            )
            .map_err(StoreError::from)?;
    }
    people::note_all(connection)?;
    Ok(())
}

fn sum(migration: &Migration) -> i64 {
    checksum(migration.sql.as_bytes()).cast_signed()
}

/// How many migrations the database has; all of them are ours and unchanged.
fn applied(connection: &Connection) -> Result<usize, OpenError> {
    let newest = MIGRATIONS.last().map_or(0, |migration| migration.number);
    let found: u32 = connection
        .query_row(
            "SELECT coalesce(max(number), 0) FROM migration",
            [],
            |row| row.get(0),
        )
        .map_err(StoreError::from)?;
    if found > newest {
        return Err(OpenError::Newer {
            found,
            known: newest,
        });
    }
    let mut applied = 0;
    for migration in MIGRATIONS {
        let known: Option<i64> = connection
            .query_row(
                "SELECT checksum FROM migration WHERE number = ?",
                [migration.number],
                |row| row.get(0),
            )
            .optional()
            .map_err(StoreError::from)?;
        match known {
            None => break,
            Some(known) if known != sum(migration) => {
                return Err(OpenError::MigrationChanged(migration.number));
            }
            Some(_) => applied += 1,
        }
    }
    Ok(applied)
}

/// Opens a file that nobody writes, without leaving anything beside it, and checks that it is a whole
/// store that this program can use.
pub(super) fn verify(path: &Path) -> Result<(), OpenError> {
    engine_is_safe()?;
    let file = fs::canonicalize(path).map_err(io(path))?;
    let name = file
        .to_string_lossy()
        .replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23");
    let connection = Connection::open_with_flags(
        format!("file:{name}?mode=ro&immutable=1"),
        OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(StoreError::from)?;
    let foreign = || OpenError::Foreign(path.to_owned());
    let application = pragma(&connection, "application_id").map_err(|error| match error {
        StoreError::Corrupt(_) => foreign(),
        error => error.into(),
    })?;
    if application != i64::from(APPLICATION) {
        return Err(foreign());
    }
    applied(&connection)?;
    let problems = sound(&connection, "integrity_check")?;
    match problems.first() {
        None => Ok(()),
        Some(problem) => Err(StoreError::Corrupt(problem.as_str().into()).into()),
    }
}

/// What SQLite's own check finds wrong.
pub(super) fn sound(connection: &Connection, check: &str) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare(&format!("PRAGMA {check}(20)"))?;
    let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut problems = rows.collect::<Result<Vec<_>, _>>()?;
    problems.retain(|problem| problem != "ok");
    Ok(problems)
}

/// A folder of its own for a store that is to vanish.
pub(super) fn temporary_folder() -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("hauspost-{}-{next}", std::process::id()))
}
