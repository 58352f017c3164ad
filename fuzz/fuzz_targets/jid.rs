//! Any text as an address: no panic, and the normal form is its own normal form.
#![no_main]

#[path = "../bodies/jid.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::check(data));
