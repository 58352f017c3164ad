//! Any bytes as a stream: no panic, pieces give the same as the whole, and what is accepted can be
//! looked at in every way and sent on.
#![no_main]

#[path = "../bodies/scanner.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::check(data));
