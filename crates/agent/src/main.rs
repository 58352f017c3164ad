//! `hauspost-agent`: what acts as a device of a person and therefore holds keys.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    agent::run(&agent::cli::Cli::parse())
}
