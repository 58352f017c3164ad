//! Private XML storage (XEP-0049).

use crate::batch::Write;
use crate::{AccountId, Batch, Reading, Store};

impl Batch {
    /// Keeps or (with `None`) deletes the private element of a name and namespace. `xml` is the whole
    /// element, self-contained.
    pub fn private_set(
        &mut self,
        account: AccountId,
        name: &str,
        namespace: &str,
        xml: Option<&str>,
    ) {
        let key = format!("{namespace} {name}");
        self.push(Write::Private(account, key.into(), xml.map(Into::into)));
    }
}

impl Store {
    /// All private elements of an account, each whole and self-contained.
    pub fn private_all(&self, account: AccountId) -> Reading<Vec<String>> {
        self.backend().private_all(account)
    }

    /// The private element of a name and namespace, if one is kept.
    pub fn private(
        &self,
        account: AccountId,
        name: &str,
        namespace: &str,
    ) -> Reading<Option<String>> {
        self.backend()
            .private(account, format!("{namespace} {name}").into())
    }

    /// How many private elements are kept for an account.
    pub fn private_count(&self, account: AccountId) -> Reading<u64> {
        self.backend().private_count(account)
    }
}
