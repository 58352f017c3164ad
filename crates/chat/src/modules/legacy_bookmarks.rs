//! XEP-0048: Bookmarks

use super::Module;

/// The declaration: the older form is made of the newer one when it is read, and taken apart when
/// it is written, in private storage and at the node `storage:bookmarks` alike
/// ([`bookmarks`](super::bookmarks)).
pub(super) static MODULE: Module = Module {
    name: "legacy_bookmarks",
    specification: "XEP-0048",
    title: "Bookmarks",
    version: "1.2",
    ..Module::NONE
};
