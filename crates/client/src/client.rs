//! The client as a whole.

use std::collections::VecDeque;
use std::fmt;

use base::{BareJid, Now};
use omemo::{Config, DeviceView, Machine, Randomness, VerificationUri};

use crate::border::Output;
use crate::settings::Settings;
use crate::storage::database::{Database, Keys};
use crate::storage::{Storage, StorageError, StorageFault};

/// The client cannot go on: drop it, mend what the error says, and open it again on the same storage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The storage belongs to another account.
    #[error("this storage belongs to {0}: use another one for another account")]
    OtherAccount(BareJid),
}

/// One account on one device.
pub struct Client<S: Storage> {
    pub(crate) database: Database<S>,
    pub(crate) machine: Machine<Keys<S>>,
    pub(crate) settings: Settings,
    pub(crate) outputs: VecDeque<Output>,
}

impl<S: Storage> Client<S> {
    /// Opens what is in the storage; views are readable at once. An empty storage becomes that of a new device.
    ///
    /// # Errors
    /// [`ClientError`], when the storage fails, belongs to another account, or was written by a newer version.
    pub fn open(
        storage: S,
        settings: Settings,
        now: Now,
        random: &mut dyn Randomness,
    ) -> Result<Self, ClientError> {
        let database = Database::new(storage);
        let config = Config {
            label: Some(settings.device_name.clone()),
            policy: settings.policy,
            ..Config::default()
        };
        let keys = Keys(database.clone());
        let machine = Machine::open(keys, settings.account.clone(), config, now.wall, random)
            .map_err(keys_failed)?;
        database.commit()?;
        Ok(Self {
            database,
            machine,
            settings,
            outputs: VecDeque::new(),
        })
    }

    /// The account.
    #[must_use]
    pub const fn account(&self) -> &BareJid {
        &self.settings.account
    }

    /// What is to be done next. Drain it after each call until there is nothing.
    pub fn output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The devices of an account, those that are gone with them.
    ///
    /// # Errors
    /// [`ClientError`], when the storage fails.
    pub fn devices(&self, account: &BareJid) -> Result<Vec<DeviceView>, ClientError> {
        Ok(self.machine.devices(account).map_err(keys_failed)?)
    }

    /// The address that this device shows, as a QR code, for others to compare keys with.
    ///
    /// # Errors
    /// [`ClientError`], when the storage fails.
    pub fn verification_uri(&self) -> Result<VerificationUri, ClientError> {
        Ok(self.machine.verification_uri().map_err(keys_failed)?)
    }

    /// Looks at the storage.
    pub fn with_storage<T>(&self, look: impl FnOnce(&S) -> T) -> T {
        self.database.with(look)
    }
}

/// What a failure of the keys is for the client.
pub(crate) fn keys_failed(error: omemo::Error<StorageError>) -> StorageError {
    let fault = match error {
        omemo::Error::Store(error) => return error,
        omemo::Error::State {
            fault: omemo::StateError::Newer(_),
            ..
        } => StorageFault::Newer,
        omemo::Error::State { .. } => StorageFault::Damaged,
        omemo::Error::Randomness(_) => StorageFault::Other,
    };
    StorageError::new(fault, error.to_string())
}

impl<S: Storage> fmt::Debug for Client<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("account", &self.settings.account)
            .finish_non_exhaustive()
    }
}
