//! What crosses the border: plain data, as JSON. TypeScript's side of these types is `web/src/core/types.ts`, which is
//! generated from them.
//!
//! Numbers that name something (a device, an upload) are numbers; addresses, and what names a message, are text. Times are
//! milliseconds since 1970.

mod answer;
mod command;
mod conversation;
mod event;
mod history;
mod people;
mod picture;
mod question;
mod request;
mod text;
mod timeline;

#[cfg(test)]
mod tests;

pub use answer::*;
pub use command::*;
pub use conversation::*;
pub use event::*;
pub use history::*;
pub use people::*;
pub use picture::*;
pub use question::*;
pub use request::*;
pub use text::*;
pub use timeline::*;

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Time(#[cfg_attr(test, ts(type = "number"))] pub i64);

impl From<Time> for base::Timestamp {
    fn from(time: Time) -> Self {
        Self::from_micros(time.0.saturating_mul(1_000))
    }
}

impl From<base::Timestamp> for Time {
    fn from(time: base::Timestamp) -> Self {
        Self(time.micros().div_euclid(1_000))
    }
}
