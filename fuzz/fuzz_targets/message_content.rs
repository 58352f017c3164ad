//! See `bodies/message_content.rs`.
#![no_main]

#[path = "../bodies/message_content.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::check(data));
