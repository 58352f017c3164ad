//! Any bytes as a message with OMEMO keys: no panic, what is left is well-formed, every key of the
//! recipient stays, and leaving out once more changes nothing.
#![no_main]

#[path = "../bodies/omemo.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::check(data));
