//! Files that are generated from code, so that they cannot say what the code does not do.
//!
//! Each such file has a test beside its generator, named `…_is_what_the_code_says`: it compares the
//! file in the repository with what the code generates now, and with `UPDATE_DOCS` in the
//! environment it writes the file instead. So drift fails the tests, and one command mends all.

use std::path::Path;

use anyhow::{Context, Result};

use crate::run;

/// Part of the names of the tests that compare or write generated files.
const TESTS: &str = "is_what_the_code_says";

/// Writes all generated files.
pub(crate) fn write(root: &Path) -> Result<()> {
    run::succeed(
        run::cargo(root)
            .args(["test", "--quiet", "--workspace", TESTS])
            .env("UPDATE_DOCS", "1"),
    )
}

/// An error when a generated file is not what the code generates.
pub(crate) fn check(root: &Path) -> Result<()> {
    run::succeed(run::cargo(root).args(["test", "--quiet", "--workspace", TESTS]).env_remove("UPDATE_DOCS"))
        .context("generated files have drifted from the code; run `cargo xtask docs` and commit what it writes")
}
