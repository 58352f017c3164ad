//! Files of the origin's private file system (File System Standard, `FileSystemSyncAccessHandle`).

use client::StorageError;
use client::storage::StorageFault;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DomException, FileSystemReadWriteOptions, FileSystemSyncAccessHandle};

use super::File;

/// A file that this worker has open alone.
pub(crate) struct OpenFile(FileSystemSyncAccessHandle);

impl OpenFile {
    pub(crate) const fn new(handle: FileSystemSyncAccessHandle) -> Self {
        Self(handle)
    }

    pub(crate) fn close(&self) {
        self.0.close();
    }
}

/// Numbers of bytes fit: files are far smaller than 2^53.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn number(bytes: u64) -> f64 {
    bytes as f64
}

fn failed(error: &JsValue) -> StorageError {
    let name = error.dyn_ref::<DomException>().map(DomException::name);
    if name.as_deref() == Some("QuotaExceededError") {
        let text = "this browser has no room left for what you write and get: make room on the disk, or allow this page more";
        return StorageError::new(StorageFault::Full, text);
    }
    let name = name.unwrap_or_else(|| "something".to_owned());
    let text =
        format!("the browser could not keep or find what it should ({name}): reload the page");
    StorageError::new(StorageFault::Other, text)
}

fn at(place: u64) -> FileSystemReadWriteOptions {
    let options = FileSystemReadWriteOptions::new();
    options.set_at(number(place));
    options
}

fn all(done: f64, wanted: usize) -> Result<(), StorageError> {
    if done >= number(wanted as u64) {
        return Ok(());
    }
    let text =
        "the browser has kept less than it should: make room on the disk, then reload the page";
    Err(StorageError::new(StorageFault::Full, text))
}

impl File for OpenFile {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a size is a whole number, and not negative"
    )]
    fn size(&self) -> Result<u64, StorageError> {
        let size = self.0.get_size().map_err(|error| failed(&error))?;
        Ok(size as u64)
    }

    fn read(&self, place: u64, into: &mut [u8]) -> Result<(), StorageError> {
        let wanted = into.len();
        let read = self
            .0
            .read_with_u8_array_and_options(into, &at(place))
            .map_err(|error| failed(&error))?;
        all(read, wanted)
    }

    fn write(&mut self, place: u64, bytes: &[u8]) -> Result<(), StorageError> {
        let written = self
            .0
            .write_with_u8_array_and_options(bytes, &at(place))
            .map_err(|error| failed(&error))?;
        all(written, bytes.len())
    }

    fn truncate(&mut self, size: u64) -> Result<(), StorageError> {
        let done = self.0.truncate_with_f64(number(size));
        done.map_err(|error| failed(&error))
    }

    fn flush(&mut self) -> Result<(), StorageError> {
        self.0.flush().map_err(|error| failed(&error))
    }
}
