//! Uploaded files (XEP-0363): who is putting what, within bounds, and what is to go again.

mod collect;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base::{Now, Timestamp};
use parking_lot::Mutex;
use store::{AccountId, Store, Upload};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::objects::Objects;

/// Uploads of the whole server.
pub struct Uploads {
    store: Store,
    objects: Objects,
    receiving: Mutex<Receiving>,
    sending: Arc<Semaphore>,
    ready: AtomicBool,
}

/// What is being received.
#[derive(Default)]
struct Receiving {
    keys: HashMap<Arc<str>, AccountId>,
    accounts: HashMap<AccountId, u32>,
}

/// How much may go on at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtOnce {
    /// Files being received, from everybody.
    pub all: u32,
    /// Files being received, from one account.
    pub account: u32,
}

/// Why a file cannot be received now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Busy {
    /// It is being received already.
    Same,
    /// Its account sends too many at once.
    Account,
    /// All together send too many at once.
    All,
}

/// A file that is being received; others may come when it is dropped.
pub struct Place {
    uploads: Arc<Uploads>,
    key: Arc<str>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut receiving = self.uploads.receiving.lock();
        if let Some(account) = receiving.keys.remove(&self.key)
            && let Some(count) = receiving.accounts.get_mut(&account)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                receiving.accounts.remove(&account);
            }
        }
    }
}

impl Uploads {
    /// Over records and objects; at most `sending` files are sent at once.
    pub fn new(store: Store, objects: Objects, sending: usize) -> Self {
        Self {
            store,
            objects,
            receiving: Mutex::default(),
            sending: Arc::new(Semaphore::new(sending)),
            ready: AtomicBool::new(false),
        }
    }

    /// The records.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The bytes.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Takes a place for receiving a file.
    ///
    /// # Errors
    /// When there is none.
    pub fn receive(
        self: &Arc<Self>,
        upload: &Upload,
        account: AccountId,
        bounds: AtOnce,
    ) -> Result<Place, Busy> {
        let mut receiving = self.receiving.lock();
        if receiving.keys.contains_key(&upload.id) {
            return Err(Busy::Same);
        }
        if receiving.keys.len() >= bounds.all as usize {
            return Err(Busy::All);
        }
        let count = receiving.accounts.entry(account).or_default();
        if *count >= bounds.account {
            return Err(Busy::Account);
        }
        *count += 1;
        receiving.keys.insert(Arc::clone(&upload.id), account);
        Ok(Place {
            uploads: Arc::clone(self),
            key: Arc::clone(&upload.id),
        })
    }

    /// Takes a place for sending a file; `None` when there is none.
    pub fn send(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.sending).try_acquire_owned().ok()
    }

    fn is_receiving(&self, key: &str) -> bool {
        self.receiving.lock().keys.contains_key(key)
    }

    /// Everything that is to be done after a start, before files are received or sent: whatever a
    /// killed process left of slots that were being filled goes.
    ///
    /// # Errors
    /// When records or objects cannot be used.
    pub async fn recover(&self) -> anyhow::Result<()> {
        collect::recover(self).await?;
        self.ready.store(true, Ordering::Release);
        Ok(())
    }

    /// Whether [`recover`](Self::recover) is done.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Deletes files whose time has come; those for messages when they were kept before `before`.
    /// Gives how many went.
    ///
    /// # Errors
    /// When records or objects cannot be used.
    pub async fn expire(&self, now: Now, before: Option<Timestamp>) -> anyhow::Result<u64> {
        collect::expire(self, now.wall, before).await
    }

    /// Compares all records with all objects, and deletes those of either that have no counterpart.
    ///
    /// # Errors
    /// When records or objects cannot be used.
    pub async fn compare(&self, now: Now) -> anyhow::Result<collect::Orphans> {
        collect::compare(self, now.wall).await
    }
}
