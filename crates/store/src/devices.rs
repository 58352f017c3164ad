//! Installations that have logged in to an account (XEP-0388's user agents, listed by XEP-0494).

use std::sync::Arc;

use base::Timestamp;

use crate::batch::Write;
use crate::{AccountId, AppPasswordId, Batch, Reading, Store};

/// Devices that are remembered of one account; of more, those that were seen last.
pub const MOST_DEVICES: usize = 100;

/// An installation that has logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// XEP-0388 user-agent id.
    pub client: Arc<str>,
    /// Name of its software, for people.
    pub software: Option<Arc<str>>,
    /// Name of the machine, for people.
    pub device: Option<Arc<str>>,
    /// When it first came.
    pub first_seen: Timestamp,
    /// When it came last.
    pub last_seen: Timestamp,
    /// It has shown the account's present password.
    pub password: bool,
    /// The app password that it came by.
    pub app_password: Option<AppPasswordId>,
}

impl Batch {
    /// Notes a login of a device. What was first known stays: `first_seen`, and that it knows the
    /// password.
    pub fn device_seen(&mut self, account: AccountId, device: Device) {
        self.push(Write::DeviceSeen(account, Box::new(device)));
    }

    /// Forgets a device.
    pub fn device_forget(&mut self, account: AccountId, client: &str) {
        self.push(Write::DeviceForget(account, Some(client.into())));
    }

    /// Forgets all devices of an account.
    pub fn device_forget_all(&mut self, account: AccountId) {
        self.push(Write::DeviceForget(account, None));
    }

    /// Forgets the devices of all accounts that were last seen before `before`.
    pub fn device_expire(&mut self, before: Timestamp) {
        self.push(Write::DeviceExpire(before));
    }
}

impl Store {
    /// The devices of an account, the one seen last first.
    pub fn devices(&self, account: AccountId) -> Reading<Vec<Device>> {
        self.backend().devices(account)
    }
}
