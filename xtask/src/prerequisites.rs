//! What the tests need of the machine: packages of the distribution, and Python packages in a
//! folder of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run;

/// One package a line, `#` starts a comment; written by whoever writes a suite.
const APT_LIST: &str = "tests/suites/apt.txt";
const PYTHON_LIST: &str = "tests/suites/requirements.txt";
const VENV: &str = "tests/.venv";

/// Installs the distribution's packages that the suites list, as far as they are missing. Whoever
/// is not root gets one line with the command.
pub(crate) fn install_packages(root: &Path) -> Result<()> {
    let listed = fs::read_to_string(root.join(APT_LIST)).unwrap_or_default();
    let mut wanted = names(&listed);
    if root.join(PYTHON_LIST).exists() {
        wanted.push("python3-venv");
    }
    if wanted.is_empty() {
        return Ok(());
    }
    if !run::works(Command::new("dpkg-query").arg("--version")) {
        println!(
            "note: this is no Debian; the suites need what Debian calls {}",
            wanted.join(", ")
        );
        return Ok(());
    }
    wanted.retain(|package| !is_installed(package));
    if wanted.is_empty() {
        return Ok(());
    }
    let line = format!(
        "apt-get install --yes --no-install-recommends {}",
        wanted.join(" ")
    );
    if !is_root()? {
        bail!("packages are missing; install them with: sudo {line}");
    }
    println!("missing packages: {line}");
    let _quiet = NoServices::begin();
    let apt = || {
        let mut apt = Command::new("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive");
        apt
    };
    // Package lists may be stale or absent; what can be installed without them still is.
    let _ = run::succeed(apt().args(["update", "--quiet=2"]));
    run::succeed(
        apt()
            .args(["install", "--yes", "--no-install-recommends", "--quiet=2"])
            .args(&wanted),
    )
}

fn names(list: &str) -> Vec<&str> {
    list.lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|name| !name.is_empty())
        .collect()
}

fn is_installed(package: &str) -> bool {
    run::output(Command::new("dpkg-query").args([
        "--show",
        "--showformat=${db:Status-Status}",
        package,
    ]))
    .is_ok_and(|status| status == "installed")
}

fn is_root() -> Result<bool> {
    Ok(run::output(Command::new("id").arg("--user"))?.trim() == "0")
}

/// While this lives, packages that are installed start no service: a test must not leave another
/// XMPP server running on this machine's ports.
struct NoServices(Option<PathBuf>);

impl NoServices {
    fn begin() -> Self {
        let policy = PathBuf::from("/usr/sbin/policy-rc.d");
        if policy.exists() || fs::write(&policy, "#!/bin/sh\nexit 101\n").is_err() {
            return Self(None);
        }
        let _ = run::works(Command::new("chmod").arg("755").arg(&policy));
        Self(Some(policy))
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if let Some(policy) = &self.0 {
            let _ = fs::remove_file(policy);
        }
    }
}

/// The Python of the suites with their pinned packages; `None` when there are no suites.
pub(crate) fn python(root: &Path) -> Result<Option<PathBuf>> {
    let Ok(wanted) = fs::read_to_string(root.join(PYTHON_LIST)) else {
        return Ok(None);
    };
    let venv = root.join(VENV);
    let python = venv.join("bin").join("python");
    let stamp = venv.join("requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted)
        && run::works(Command::new(&python).arg("--version"))
    {
        return Ok(Some(python));
    }
    run::succeed(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&venv),
    )
    .context("no Python environment; Debian needs: apt-get install python3-venv")?;
    run::succeed(
        Command::new(&python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--requirement",
            ])
            .arg(root.join(PYTHON_LIST)),
    )?;
    fs::write(stamp, wanted)?;
    Ok(Some(python))
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn comments_and_blank_lines_are_no_packages() {
        assert_eq!(
            names("# peers\nprosody\n\n ejabberd # the other\n"),
            ["prosody", "ejabberd"]
        );
    }
}
