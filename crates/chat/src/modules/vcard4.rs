//! XEP-0292: vCard4 Over XMPP

use super::Module;

/// The declaration: cards are items of the node `urn:xmpp:vcard4`, and those of contacts of
/// `urn:xmpp:contacts`, which is private.
pub(super) static MODULE: Module = Module {
    name: "vcard4",
    specification: "XEP-0292",
    title: "vCard4 Over XMPP",
    version: "0.12.0",
    status: super::Status::Partial(
        "Cards are not converted from and to vcard-temp, but for the picture.",
    ),
    ..Module::NONE
};
