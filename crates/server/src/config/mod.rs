//! `hauspost.toml`: the typed model, reading it, and its manual.

mod error;
mod federation;
mod load;
mod manual;
mod model;
mod network;
mod section;
mod turn;
mod validate;

pub use error::{ConfigError, Source};
pub use federation::{Dnssec, FederationMode};
pub use load::{Loaded, environment, load, parse};
pub use manual::{annotated_default, effective, manual_page};
pub use model::*;
pub use network::Network;

#[cfg(test)]
mod tests;
