//! What a server sends to the client engine: never a panic, and what was kept can be read.
#![no_main]

#[path = "../bodies/client.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::check(data));
