//! `hauspost`: the server and its administration.

mod config;
mod tls;

fn main() {}
