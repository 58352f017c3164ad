//! The border between the client engine and a browser: plain data in and out, and the places where the browser keeps things.
//! It decides nothing.

pub mod types;
