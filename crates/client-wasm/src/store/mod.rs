//! What a device keeps, in files of the browser, sealed.
//!
//! [`Log`] is a [`Storage`](client::Storage) over two [`File`]s: an append-only log with an index of its keys in memory, and
//! the other file, into which the log goes when half of it is of no use any more. One commit is one record and one flush.

mod cipher;
mod index;
mod log;
#[cfg(target_arch = "wasm32")]
pub(crate) mod opfs;
mod record;
#[cfg(test)]
mod tests;

pub use cipher::DataKey;
pub use log::Log;

use client::StorageError;

/// A file that only this program has open.
pub trait File {
    /// Its size in bytes.
    ///
    /// # Errors
    /// [`StorageError`], when the browser does not tell.
    fn size(&self) -> Result<u64, StorageError>;

    /// Reads all of `into`, from byte `at` on.
    ///
    /// # Errors
    /// [`StorageError`], when less is there.
    fn read(&self, at: u64, into: &mut [u8]) -> Result<(), StorageError>;

    /// Writes all of `bytes`, from byte `at` on.
    ///
    /// # Errors
    /// [`StorageError`]; some of it may be written then.
    fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), StorageError>;

    /// Makes it so long, in bytes.
    ///
    /// # Errors
    /// [`StorageError`], when it is as it was.
    fn truncate(&mut self, size: u64) -> Result<(), StorageError>;

    /// When it returns, what was written survives a crash of the machine.
    ///
    /// # Errors
    /// [`StorageError`], when that is not known.
    fn flush(&mut self) -> Result<(), StorageError>;
}
