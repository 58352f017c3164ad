//! Words that every floor of the house shares: addresses, ids, timestamps, limits.
//!
//! Nothing here does I/O, asks a clock or draws a random number: time and randomness are arguments
//! ([`Now`], [`id::short`]), so that every floor above can be run on a virtual clock and a seed.

pub mod id;
pub mod jid;
mod limits;
mod redacted;
mod time;

pub use jid::{BareJid, FullJid, Jid, JidError};
pub use limits::{Limits, subscriber};
pub use redacted::Redacted;
pub use time::{Moment, Now, Timestamp, TimestampError};
