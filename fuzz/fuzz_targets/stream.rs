//! A whole stream before login, from bytes: it is answered or refused, and nobody gets in by accident.
#![no_main]

#[path = "../bodies/stream.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::check(data));
