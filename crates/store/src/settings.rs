//! The server's own values: secrets and marks that must outlive the process.

use crate::batch::Write;
use crate::{Batch, Reading, Store};

impl Batch {
    /// Keeps or (with `None`) deletes the value of a key.
    pub fn setting_set(&mut self, key: &str, value: Option<&[u8]>) {
        self.push(Write::Setting(key.into(), value.map(Into::into)));
    }
}

impl Store {
    /// The value of a key.
    pub fn setting(&self, key: &str) -> Reading<Option<Vec<u8>>> {
        self.backend().setting(key.into())
    }

    /// The value of a key; when there is none, `value` is kept and given back. Of several callers all
    /// get the same.
    pub fn setting_or(&self, key: &str, value: Vec<u8>) -> Reading<Vec<u8>> {
        self.backend().setting_or(key.into(), value)
    }
}
