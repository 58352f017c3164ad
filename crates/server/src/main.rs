//! `hauspost`: the server and its administration.

mod admin;
mod cli;
mod commands;
mod config;
mod demo;
mod doors;
mod http;
mod keys;
mod log;
mod messenger;
mod net;
mod serve;
mod telemetry;
mod tls;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match commands::run(&cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            commands::complain(&error);
            ExitCode::FAILURE
        }
    }
}
