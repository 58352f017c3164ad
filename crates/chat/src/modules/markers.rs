//! XEP-0333: Displayed Markers

use super::Module;

/// The declaration: markers are between clients. They pass, are kept in the archive, wait for
/// those who are away, and are copied to the other sessions of both sides.
pub(super) static MODULE: Module = Module {
    name: "markers",
    specification: "XEP-0333",
    title: "Displayed Markers",
    version: "1.0.0",
    ..Module::NONE
};
