//! XEP-0184: Message Delivery Receipts

use super::Module;

/// The declaration: receipts are between clients. They pass, are kept in the archive, wait for
/// those who are away, and are copied to the other sessions of both sides.
pub(super) static MODULE: Module = Module {
    name: "receipts",
    specification: "XEP-0184",
    title: "Message Delivery Receipts",
    version: "1.4.0",
    ..Module::NONE
};
