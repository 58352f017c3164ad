//! See `bodies/file.rs`.
#![no_main]

#[path = "../bodies/file.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::check(data));
