//! The border between the client engine and a browser: plain data in and out ([`types`]), what a page sees of the engine
//! ([`engine`]), and the place where the browser keeps things ([`store`]). It decides nothing.
#![allow(
    clippy::large_enum_variant,
    reason = "plain data, made once and written as JSON at once: a box would only be one more allocation"
)]

#[cfg(target_arch = "wasm32")]
mod border;
pub mod engine;
pub mod store;
pub mod types;
