//! vCards (XEP-0054).

use crate::batch::Write;
use crate::{AccountId, Batch, Reading, Store};

impl Batch {
    /// Keeps or (with `None`) deletes the vCard. `xml` is the whole `<vCard/>`, self-contained.
    pub fn vcard_set(&mut self, account: AccountId, xml: Option<&str>) {
        self.push(Write::Vcard(account, xml.map(Into::into)));
    }
}

impl Store {
    /// The vCard, if one is kept.
    pub fn vcard(&self, account: AccountId) -> Reading<Option<String>> {
        self.backend().vcard(account)
    }
}
