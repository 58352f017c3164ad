//! `cargo xtask test`: everything that must hold before a change goes in, in one go and one count.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::{package, prerequisites, run, serve, tidy, web};

/// How many checks and tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    passed: u64,
    failed: u64,
}

/// Runs all steps, also after a failed one, and ends with one line of numbers. Drift of generated
/// files needs no step of its own: it is among the tests (see [`crate::docs`]).
pub(crate) fn test(root: &Path, ci: bool) -> Result<bool> {
    prerequisites::install_packages(root)?;
    let python = prerequisites::python(root)?;
    let cargo = || {
        let mut cargo = run::cargo(root);
        if ci {
            cargo.env("CARGO_INCREMENTAL", "0");
        }
        cargo
    };

    let mut report = Report::default();
    // First: the server takes it into itself.
    let mut node = None;
    report.check("web client", || {
        let built = web::build(root)?;
        web::check(root, &built)?;
        node = Some(built);
        Ok(())
    });
    report.check("format", || {
        run::succeed(cargo().args(["fmt", "--all", "--check"]))
    });
    report.check("clippy", || {
        run::succeed(cargo().args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))
    });
    report.check("tidy", || tidy::tidy(root));
    if ci {
        if run::works(cargo().args(["deny", "--version"])) {
            report.check("cargo-deny", || {
                run::succeed(
                    cargo().args(["deny", "--locked", "check", "bans", "licenses", "sources"]),
                )
            });
        } else {
            println!(
                "note: dependencies are not checked; `cargo install --locked cargo-deny` makes that possible"
            );
        }
    }

    if run::works(cargo().args(["nextest", "--version"])) {
        report.tests(
            "tests",
            cargo().args(["nextest", "run", "--workspace", "--no-fail-fast"]),
        );
        report.tests(
            "doc tests",
            cargo().args(["test", "--workspace", "--doc", "--no-fail-fast"]),
        );
    } else {
        report.tests(
            "tests",
            cargo().args(["test", "--workspace", "--no-fail-fast"]),
        );
    }
    if let Some(python) = &python {
        // Held against what was recorded among the tests above; here against the real one.
        report.tests(
            "encryption with python-omemo",
            cargo()
                .args(["test", "--package", "omemo", "--test", "vectors"])
                .env("OMEMO_PYTHON", python),
        );
    }
    // Of the programs that the tests above were run with.
    report.check("packages", || {
        run::succeed(cargo().args(["build", "--package", "agent", "--package", "server"]))?;
        package::package(root, false)
    });
    let runner = root.join("tests/suites/run.py");
    if let Some(python) = python
        && runner.exists()
    {
        // Built by the tests above: the server's own integration tests need it too.
        let server = serve::target_directory(root)?
            .join("debug")
            .join("hauspost");
        report.tests(
            "suites",
            Command::new(python)
                .arg(runner)
                .env("HAUSPOST_BIN", server)
                .env("HAUSPOST_NODE", node.unwrap_or_else(|| "node".into()))
                .current_dir(root),
        );
    }
    Ok(report.close())
}

/// The steps so far.
#[derive(Default)]
struct Report {
    steps: Vec<(String, Count, Duration)>,
}

impl Report {
    /// A step that holds or does not.
    fn check(&mut self, name: &str, step: impl FnOnce() -> Result<()>) -> bool {
        println!("\n== {name}");
        let start = Instant::now();
        let result = step();
        if let Err(error) = &result {
            println!("error: {error:#}");
        }
        let passed = u64::from(result.is_ok());
        self.steps.push((
            name.to_owned(),
            Count {
                passed,
                failed: 1 - passed,
            },
            start.elapsed(),
        ));
        result.is_ok()
    }

    /// A step that runs many tests and prints how many.
    fn tests(&mut self, name: &str, command: &mut Command) {
        println!("\n== {name}");
        let start = Instant::now();
        let count = match run::listen(command) {
            Ok((success, lines)) => {
                let told = counted(&lines);
                let mut count = told.unwrap_or_default();
                if count.failed == 0 && (!success || told.is_none()) {
                    println!("error: {name} did not succeed, or did not say how many did");
                    count.failed = 1;
                }
                count
            }
            Err(error) => {
                println!("error: {error:#}");
                Count {
                    passed: 0,
                    failed: 1,
                }
            }
        };
        self.steps.push((name.to_owned(), count, start.elapsed()));
    }

    /// Prints the table; whether nothing failed.
    fn close(self) -> bool {
        println!();
        let mut all = Count::default();
        for (name, count, time) in &self.steps {
            let seconds = time.as_secs_f32();
            println!(
                "{name:<24}{:>6} passed{:>6} failed{seconds:>9.1} s",
                count.passed, count.failed
            );
            all.passed += count.passed;
            all.failed += count.failed;
        }
        println!("{} passed, {} failed", all.passed, all.failed);
        all.failed == 0
    }
}

/// Adds up what a test runner printed: each `test result:` line of cargo test, or else the last
/// line that says how many passed (nextest's summary, a suite's closing line). `None` when there
/// is no such line.
fn counted(lines: &[String]) -> Option<Count> {
    let count = |line: &String| {
        let (passed, failed) = (number_before(line, "passed"), number_before(line, "failed"));
        (passed.is_some() || failed.is_some()).then(|| Count {
            passed: passed.unwrap_or(0),
            failed: failed.unwrap_or(0),
        })
    };
    let results: Vec<Count> = lines
        .iter()
        .filter(|line| line.starts_with("test result:"))
        .filter_map(count)
        .collect();
    if results.is_empty() {
        return lines.iter().rev().find_map(count);
    }
    Some(Count {
        passed: results.iter().map(|count| count.passed).sum(),
        failed: results.iter().map(|count| count.failed).sum(),
    })
}

/// The number in `12 passed`.
fn number_before(line: &str, word: &str) -> Option<u64> {
    let words: Vec<&str> = line
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    words
        .windows(2)
        .filter(|pair| pair[1] == word)
        .find_map(|pair| pair[0].parse().ok())
}

#[cfg(test)]
mod tests {
    use super::{Count, counted};

    fn count(text: &str) -> Option<Count> {
        counted(&text.lines().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn counts_what_runners_print() {
        let cargo = "running 2 tests\ntest result: ok. 24 passed; 0 failed; 0 ignored\n\
            test result: FAILED. 3 passed; 1 failed; 0 ignored";
        assert_eq!(count(cargo), some(27, 1));
        let nextest = "     Summary [   0.4s] 31 tests run: 30 passed (1 slow), 1 failed, 0 skipped\n\
            FAIL [   0.1s] base jid::tests::it_failed";
        assert_eq!(count(nextest), some(30, 1));
        assert_eq!(
            count("3 passed, 0 failed\n12 passed, 2 failed\n"),
            some(12, 2)
        );
        assert_eq!(count("test result: ok. 0 passed; 0 failed"), some(0, 0));
        assert_eq!(count("nothing\n"), None);
    }

    #[expect(
        clippy::unnecessary_wraps,
        reason = "reads like what it is compared with"
    )]
    fn some(passed: u64, failed: u64) -> Option<Count> {
        Some(Count { passed, failed })
    }
}
