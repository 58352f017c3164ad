//! `hauspost.toml`: the typed model, reading it, and its manual.

mod backup;
mod error;
mod federation;
mod identity;
mod load;
mod manual;
mod model;
mod network;
mod secret;
mod section;
mod turn;
mod validate;

pub use backup::Backup;
pub use error::{ConfigError, Source};
pub use federation::{Dnssec, FederationMode};
pub use identity::{GroupRooms, Identity, Ldap, LdapKind, LdapNesting};
pub use load::{Loaded, environment, load, parse};
pub use manual::{annotated_default, effective, manual_page};
pub use model::*;
pub use network::Network;
pub use secret::Secret;
pub use turn::Turn;

#[cfg(test)]
mod tests;
