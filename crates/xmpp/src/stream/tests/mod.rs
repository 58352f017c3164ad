//! Both machines against each other, with all transports and all mechanisms.

mod component;
mod directory;
mod errors;
mod federation;
mod handshakes;
mod kit;
mod random;
mod registration;
mod tokens;
