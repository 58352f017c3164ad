//! Block lists (XEP-0191).

use std::sync::Arc;

use crate::batch::Write;
use crate::{AccountId, Batch, Reading, Store};

impl Batch {
    /// Blocks an address (full, bare or a domain), normalised.
    pub fn block(&mut self, account: AccountId, address: &str) {
        self.push(Write::Block(account, address.into()));
    }

    /// Unblocks an address.
    pub fn unblock(&mut self, account: AccountId, address: &str) {
        self.push(Write::Unblock(account, address.into()));
    }

    /// Unblocks everything.
    pub fn unblock_all(&mut self, account: AccountId) {
        self.push(Write::UnblockAll(account));
    }
}

impl Store {
    /// The blocked addresses, sorted.
    pub fn blocklist(&self, account: AccountId) -> Reading<Vec<Arc<str>>> {
        self.backend().blocklist(account)
    }
}
