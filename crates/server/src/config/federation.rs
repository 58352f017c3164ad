//! What can be chosen about other servers.

use serde::{Deserialize, Serialize};

/// Whom this server talks with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FederationMode {
    /// Nobody.
    Off,
    /// Those in `allow`.
    AllowList,
    /// Everyone but those in `block`.
    Open,
}

/// Whether signatures of DNS records are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dnssec {
    /// Where the name servers hand them on.
    Auto,
    /// Always.
    Required,
    /// Never.
    Off,
}
