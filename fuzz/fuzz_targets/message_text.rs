//! See `bodies/message_text.rs`.
#![no_main]

#[path = "../bodies/message_text.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::check(data));
