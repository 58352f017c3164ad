//! The server: config, doors, TLS, HTTP, administration, and the process around the messenger.
//!
//! The binary `hauspost` is [`commands`] behind a command line; everything here exists for it.

pub mod admin;
mod backup;
pub mod cli;
pub mod commands;
pub mod config;
mod demo;
pub mod dns;
pub mod doors;
pub mod http;
pub mod identity;
pub mod keys;
pub mod log;
pub mod messenger;
pub mod net;
pub mod objects;
pub mod outbound;
pub mod portable;
pub mod previews;
pub mod serve;
pub mod telemetry;
pub mod tls;
pub mod uploads;
pub mod web_push;
