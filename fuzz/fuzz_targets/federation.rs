//! Streams with other servers and with components, from bytes.
#![no_main]

#[path = "../bodies/federation.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::check(data));
