//! Devices that encrypt (XEP-0384).

use std::sync::Arc;

use crate::batch::Write;
use crate::{AccountId, Batch};

/// More devices than this are not told apart: of an account that has had more, no device is known.
pub const MOST_OMEMO_DEVICES: usize = 1000;

impl Batch {
    /// Remembers for ever that these devices stood in the account's device list, and are so known to
    /// be its own. They are in [`AccountState::devices`](crate::AccountState::devices), until there
    /// have been more than [`MOST_OMEMO_DEVICES`].
    pub fn devices_listed(&mut self, account: AccountId, devices: &[u32]) {
        if !devices.is_empty() {
            self.push(Write::DevicesListed(account, Arc::from(devices)));
        }
    }
}
