//! Other programs, started and listened to.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, bail};

/// The cargo that runs this chore.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// Runs to the end; an error when the program cannot start or does not succeed.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    if !status.success() {
        bail!("{} failed ({status})", shown(command));
    }
    Ok(())
}

/// Runs quietly to the end; its standard output, or an error with what it said.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    if !output.status.success() {
        bail!(
            "{} failed ({}):\n{}",
            shown(command),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("{} did not print UTF-8", shown(command)))
}

/// Whether the program can be started and succeeds, silently.
pub(crate) fn works(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs to the end, shows what the program prints as it comes, and returns whether it succeeded and
/// all the lines, those of standard output first, without colours.
pub(crate) fn listen(command: &mut Command) -> Result<(bool, Vec<String>)> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (mut lines, more) = thread::scope(|scope| {
        let errors = scope.spawn(|| tee(stderr, std::io::stderr()));
        (
            tee(stdout, std::io::stdout()),
            errors.join().unwrap_or_default(),
        )
    });
    lines.extend(more);
    Ok((child.wait()?.success(), lines))
}

fn tee(from: Option<impl Read>, mut to: impl Write) -> Vec<String> {
    let mut lines = Vec::new();
    let Some(from) = from else { return lines };
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from
        .read_until(b'\n', &mut line)
        .is_ok_and(|length| length > 0)
    {
        // A closed terminal is no reason to stop listening.
        let _ = to.write_all(&line);
        lines.push(without_colours(&String::from_utf8_lossy(&line)));
        line.clear();
    }
    lines
}

/// The line without ANSI escape sequences and line end.
fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut chars = line.trim_end().chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            chars.find(char::is_ascii_alphabetic);
        } else {
            plain.push(c);
        }
    }
    plain
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::without_colours;

    #[test]
    fn colours_go() {
        assert_eq!(
            without_colours("\u{1b}[32;1m     Summary\u{1b}[0m [ 1s] 2 passed\r\n"),
            "     Summary [ 1s] 2 passed"
        );
        assert_eq!(without_colours("plain"), "plain");
    }
}
