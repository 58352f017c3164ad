//! `bindgen IN.wasm OUT`: the JavaScript beside what cargo built for browsers, into a folder. A program of its own, so that
//! other chores need not build it.

use std::path::PathBuf;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let input = arguments.next().context("which file?")?;
    let output = arguments.next().context("into which folder?")?;
    Bindgen::new()
        .input_path(input)
        .out_name("engine")
        .web(true)?
        .typescript(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(output)
}
