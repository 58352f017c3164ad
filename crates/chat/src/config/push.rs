//! How sleeping devices are told that something has come (XEP-0357).

use std::time::Duration;

/// How devices are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushConfig {
    /// Whether they are.
    pub enabled: bool,
    /// Stands where a message's text would, for app servers.
    pub placeholder: Option<String>,
    /// Least time between two notifications of one device.
    pub coalesce: Duration,
    /// Registrations of one account; with one more, the oldest ends.
    pub registrations: usize,
}

impl Default for PushConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            placeholder: Some("New message".to_owned()),
            coalesce: Duration::from_secs(5),
            registrations: 30,
        }
    }
}
