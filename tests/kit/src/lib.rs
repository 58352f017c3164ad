//! The test kit: scenario scripts of several parties, a virtual clock, and the parties themselves.
//!
//! A [`house::House`] is a whole messenger in memory on a virtual clock; a [`server::Server`] is the
//! real binary. [`script::Script`] runs over both.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test kit fails by panicking"
)]

pub mod client;
pub mod house;
pub mod pattern;
pub mod script;
pub mod server;
