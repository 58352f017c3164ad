//! XEP-0227: Portable Import/Export Format for XMPP-IM Servers.
//!
//! Everything of the accounts goes into one document, or into one with a file for each user. Reading and writing hold a
//! piece at a time in memory: a page of an archive, one element of a user. An account comes whole or not at all: until
//! its last element is kept it is marked as going away, and a server that finds such a mark removes what was there.

mod document;
mod export;
mod import;

pub use export::export;
pub use import::{Imported, import};

/// The format's namespace (§3).
const NS: &str = "urn:xmpp:pie:0";
/// SCRAM credentials (§4.3).
const NS_SCRAM: &str = "urn:xmpp:pie:0#scram";
/// The archive (§4.11).
const NS_ARCHIVE: &str = "urn:xmpp:pie:0#mam";
/// Split documents (§5).
const NS_INCLUDE: &str = "http://www.w3.org/2001/XInclude";
/// What of our accounts the format has no words for.
const NS_ACCOUNT: &str = "urn:hauspost:account:0";
