//! The engine's storage in SQLite: one file of one account on one device.
//!
//! A commit is durable when it returns (`synchronous = FULL`), and what is deleted is overwritten (`secure_delete`): a
//! key that was used must not be found on the disk.

use std::path::Path;

use client::Storage;
use client::storage::{Changes, Direction, KeyRange, Row, StorageError, StorageFault, Table};
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, OptionalExtension, params, params_from_iter};

/// Written by this version.
const VERSION: i64 = 1;

/// The database of one account.
pub(crate) struct SqliteStorage {
    connection: Connection,
}

impl SqliteStorage {
    /// Opens a database, or makes it. The folder must keep other users out.
    ///
    /// # Errors
    /// [`StorageError`], when it cannot be used.
    pub(crate) fn open(file: &Path) -> Result<Self, StorageError> {
        let connection = Connection::open(file).map_err(failed)?;
        // Others hold it only for a moment: while they look whether somebody has it.
        connection
            .busy_timeout(std::time::Duration::from_secs(5))
            .map_err(failed)?;
        connection.set_prepared_statement_cache_capacity(128);
        for (name, value) in [
            ("journal_mode", "WAL"),
            ("synchronous", "FULL"),
            ("secure_delete", "ON"),
            ("locking_mode", "EXCLUSIVE"),
        ] {
            connection
                .pragma_update(None, name, value)
                .map_err(failed)?;
        }
        let storage = Self { connection };
        storage.prepare().map_err(failed)??;
        Ok(storage)
    }

    /// Makes the tables, and refuses what a newer version wrote.
    fn prepare(&self) -> rusqlite::Result<Result<(), StorageError>> {
        let version: i64 = self
            .connection
            .pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version > VERSION {
            return Ok(Err(StorageError::new(
                StorageFault::Newer,
                "a newer hauspost-agent has used this account: install that version again",
            )));
        }
        let transaction = self.connection.unchecked_transaction()?;
        for table in Table::ALL {
            transaction.execute(
                &format!(
                    "CREATE TABLE IF NOT EXISTS {} (key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL) WITHOUT ROWID",
                    name(table)
                ),
                [],
            )?;
        }
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()?;
        Ok(Ok(()))
    }
}

/// A table's name: its number is what never changes.
fn name(table: Table) -> String {
    format!("table_{}", table.number())
}

impl Storage for SqliteStorage {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        let sql = format!("SELECT value FROM {} WHERE key = ?1", name(table));
        self.connection
            .prepare_cached(&sql)
            .and_then(|mut statement| statement.query_row([key], |row| row.get(0)).optional())
            .map_err(failed)
    }

    fn scan(
        &self,
        table: Table,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Row>, StorageError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let end = if range.to.is_some() {
            "AND key < ?3"
        } else {
            ""
        };
        let order = match direction {
            Direction::Forward => "ASC",
            Direction::Backward => "DESC",
        };
        let sql = format!(
            "SELECT key, value FROM {} WHERE key >= ?1 {end} ORDER BY key {order} LIMIT ?2",
            name(table)
        );
        let mut given = vec![
            Value::Blob(range.from.clone()),
            Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX)),
        ];
        given.extend(range.to.clone().map(Value::Blob));
        let read = || -> rusqlite::Result<Vec<Row>> {
            let mut statement = self.connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params_from_iter(given), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
            rows.collect()
        };
        read().map_err(failed)
    }

    fn commit(&mut self, changes: &Changes) -> Result<(), StorageError> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut write = || {
            let transaction = self.connection.transaction()?;
            for change in changes.iter() {
                let table = name(change.table);
                match &change.value {
                    Some(value) => transaction
                        .prepare_cached(&format!(
                            "INSERT INTO {table} (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
                        ))?
                        .execute(params![change.key, value])?,
                    None => transaction
                        .prepare_cached(&format!("DELETE FROM {table} WHERE key = ?1"))?
                        .execute([&change.key])?,
                };
            }
            transaction.commit()
        };
        write().map_err(failed)
    }
}

/// What happened, in words that say what to do.
#[allow(clippy::needless_pass_by_value, reason = "an adapter for map_err")]
fn failed(error: rusqlite::Error) -> StorageError {
    let (fault, text) = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => (
            StorageFault::Full,
            "the disk is full: make room and start again; nothing that was said is lost".to_owned(),
        ),
        Some(ErrorCode::SystemIoFailure) => (
            StorageFault::Other,
            format!(
                "the database of this account cannot be read or written ({error}): see whether its disk is full or broken, then start again; nothing that was said is lost"
            ),
        ),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            StorageFault::InUse,
            "another program has the database of this account open: end it first".to_owned(),
        ),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => (
            StorageFault::Damaged,
            "the database of this account is damaged: move its folder away and log in anew"
                .to_owned(),
        ),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => (
            StorageFault::Other,
            format!(
                "the database of this account cannot be written ({error}): see to whom its folder belongs"
            ),
        ),
        _ => (
            StorageFault::Other,
            format!("the database of this account has failed: {error}"),
        ),
    };
    StorageError::new(fault, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::tests::Scratch;

    #[test]
    fn sqlite_keeps_the_rules_of_storages() {
        let scratch = Scratch::new();
        let mut number = 0;
        let mut files = Vec::new();
        client::storage::conformance::run(
            || {
                number += 1;
                let file = scratch.path().join(format!("{number}.db"));
                let storage = SqliteStorage::open(&file).expect("a database");
                files.push(file);
                storage
            },
            |storage| {
                let path = storage.connection.path().expect("a file").to_owned();
                drop(storage);
                SqliteStorage::open(Path::new(&path)).expect("the database again")
            },
        );
    }

    #[test]
    fn what_a_newer_version_wrote_is_left_alone() {
        let scratch = Scratch::new();
        let file = scratch.path().join("client.db");
        let storage = SqliteStorage::open(&file).expect("a database");
        storage
            .connection
            .pragma_update(None, "user_version", VERSION + 1)
            .expect("a version");
        drop(storage);
        let error = SqliteStorage::open(&file).err().expect("a refusal");
        assert_eq!(error.fault, StorageFault::Newer);
    }
}
