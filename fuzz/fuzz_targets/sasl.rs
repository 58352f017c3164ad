//! Every SASL message that a stranger can send: read or refused, never a panic.
#![no_main]

#[path = "../bodies/sasl.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::check(data));
