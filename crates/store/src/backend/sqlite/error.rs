//! What SQLite says, in the store's words.

use rusqlite::ErrorCode;
use rusqlite::ffi;

use crate::StoreError;
use crate::archive::codec::Damage;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let rusqlite::Error::SqliteFailure(failure, message) = &error else {
            return Self::Backend(error.to_string().into());
        };
        let text = message.clone().unwrap_or_else(|| failure.to_string());
        match failure.code {
            ErrorCode::DiskFull => Self::DiskFull,
            // The file for what is shared between connections could not be made as large as it must be.
            _ if failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE => Self::DiskFull,
            ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::ReadOnly => {
                Self::Io(format!("{text} (code {})", failure.extended_code).into())
            }
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Corrupt(text.into()),
            _ if failure.extended_code == ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Self::NoSuchAccount,
            _ => Self::Backend(text.into()),
        }
    }
}

/// Names what is damaged.
pub(super) fn damaged(what: impl FnOnce() -> String) -> impl FnOnce(Damage) -> StoreError {
    move |damage| StoreError::Corrupt(format!("{}: {damage}", what()).into())
}

/// Whether every other write of the commit would fail as well.
pub(super) fn fails_all(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::DiskFull | StoreError::Io(_) | StoreError::Closed
    )
}
