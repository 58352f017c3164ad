//! History that goes from one device to another.

use serde::Deserialize;

/// What a device is in a hand-over of history.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum HistoryRole {
    /// It has the history.
    Old,
    /// It wants it.
    New,
}

impl From<HistoryRole> for client::history::Role {
    fn from(role: HistoryRole) -> Self {
        match role {
            HistoryRole::Old => Self::Old,
            HistoryRole::New => Self::New,
        }
    }
}
