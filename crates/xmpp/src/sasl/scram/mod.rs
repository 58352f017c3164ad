//! SCRAM (RFC 5802, RFC 7677), both roles. Each step takes the one before by value, so that no step can be
//! left out or done twice.
//!
//! On the server a login costs two HMACs and one hash over a few hundred bytes: stretching the password is
//! the client's part.

mod client;
mod message;
mod server;
#[cfg(test)]
mod tests;

pub use client::{BindingChoice, ClientCheck, ClientFirst, ClientProof, ScramCredential};
pub use server::{ServerFirst, ServerProof};
