//! Both machines against each other, with all transports and all mechanisms.

mod errors;
mod handshakes;
mod kit;
mod random;
mod tokens;
