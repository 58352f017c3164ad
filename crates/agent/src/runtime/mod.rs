//! What the engine needs of the world: sockets, TLS, names, time, randomness, files over HTTP.

pub(crate) mod clock;
pub(crate) mod connection;
pub(crate) mod engine;
pub(crate) mod names;
pub(crate) mod tls;
pub(crate) mod transfers;
