//! Encrypted messages and all that comes with them: read or refused, never a panic.
#![no_main]

#[path = "../bodies/encrypted.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::check(data));
