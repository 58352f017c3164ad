//! `hauspost-agent`: the native runtime of the client engine, and what people and scripts do with it on a terminal.
//!
//! - `runtime`: sockets, TLS, names, time, randomness: what the engine asks for.
//! - `storage`, `folder`: where an account is kept, and that one process at a time has it.
//! - `service`: requests of commands, answered by the process that has the account, over a socket if need be.
//! - `commands`: the command line.
//! - `chat`: the terminal client; `words`: what it says, in each language.

mod chat;
pub mod cli;
mod code;
mod commands;
mod folder;
mod runtime;
mod service;
mod storage;
mod words;

pub use commands::run;
