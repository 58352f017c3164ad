//! XEP-0191: Blocking Command

use base::Jid;

use super::{Feature, Module, Seat};
use crate::Account;

/// The declaration.
pub static MODULE: Module = Module {
    name: "blocking",
    specification: "XEP-0191",
    title: "Blocking Command",
    version: "1.3",
    features: &[Feature {
        var: "urn:xmpp:blocking",
        seat: Seat::Both,
    }],
    ..Module::NONE
};

/// True when `account` has blocked `address`: exactly, by its bare address, by its domain, or by
/// its domain with that resource (XEP-0191 §2, XEP-0016 §2.1).
pub(crate) fn blocks(account: &Account, address: &Jid) -> bool {
    let facts = account.facts();
    if facts.blocklist.is_empty() {
        return false;
    }
    let has = |text: &str| {
        facts
            .blocklist
            .binary_search_by(|blocked| (**blocked).cmp(text))
            .is_ok()
    };
    has(address.as_str())
        || has(address.bare_str())
        || has(address.domain())
        || address
            .resource()
            .is_some_and(|resource| has(&format!("{}/{resource}", address.domain())))
}
