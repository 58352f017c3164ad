//! A directory that keeps people and their passwords.

use std::sync::Arc;

/// What the messenger is told of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectorySettings {
    /// The source of accounts that are tied to it, as in [`store::Identity::source`].
    pub source: Arc<str>,
    /// See [`xmpp::stream::server::DirectoryOffer`].
    pub scram_for_unnamed: bool,
}
