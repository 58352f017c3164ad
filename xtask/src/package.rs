//! `cargo xtask package`: Debian packages of the server and of the terminal client, from `packaging/`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{run, serve, web};

/// A file of a package: where it comes from in the repository, where it goes, its mode.
type Placed = (&'static str, &'static str, u32);

struct Package {
    name: &'static str,
    program: &'static str,
    words: &'static str,
    files: &'static [Placed],
    scripts: &'static [&'static str],
    kept_configuration: &'static [&'static str],
    recommends: &'static str,
}

const SERVER: Package = Package {
    name: "hauspost",
    program: "hauspost",
    words: "organisation's own messenger, the server\n \
            Chat one to one, in groups and rooms, end-to-end encrypted; files; web client, XMPP for all\n \
            other clients and servers. One program with an embedded store.",
    files: &[
        (
            "packaging/debian/hauspost.toml",
            "etc/hauspost/hauspost.toml",
            0o644,
        ),
        (
            "packaging/systemd/hauspost.service",
            "usr/lib/systemd/system/hauspost.service",
            0o644,
        ),
        (
            "packaging/systemd/hauspost.sysusers",
            "usr/lib/sysusers.d/hauspost.conf",
            0o644,
        ),
        (
            "packaging/proxy/Caddyfile",
            "usr/share/doc/hauspost/examples/Caddyfile",
            0o644,
        ),
        (
            "packaging/proxy/nginx.conf",
            "usr/share/doc/hauspost/examples/nginx.conf",
            0o644,
        ),
        (
            "docs/administration.md",
            "usr/share/doc/hauspost/administration.md",
            0o644,
        ),
        ("docs/config.md", "usr/share/doc/hauspost/config.md", 0o644),
        ("docs/roles.md", "usr/share/doc/hauspost/roles.md", 0o644),
        ("docs/audit.md", "usr/share/doc/hauspost/audit.md", 0o644),
        (
            "docs/security.md",
            "usr/share/doc/hauspost/security.md",
            0o644,
        ),
        (
            "docs/encryption.md",
            "usr/share/doc/hauspost/encryption.md",
            0o644,
        ),
        ("LICENSE", "usr/share/doc/hauspost/copyright", 0o644),
    ],
    scripts: &["postinst", "prerm", "postrm"],
    kept_configuration: &["/etc/hauspost/hauspost.toml"],
    recommends: "adduser, systemd",
};

const AGENT: Package = Package {
    name: "hauspost-agent",
    program: "hauspost-agent",
    words: "organisation's own messenger, for terminals and scripts\n \
            Encrypted chat in a terminal, and commands that send, listen, verify and export.",
    files: &[
        (
            "docs/hauspost-agent.1",
            "usr/share/man/man1/hauspost-agent.1",
            0o644,
        ),
        ("LICENSE", "usr/share/doc/hauspost-agent/copyright", 0o644),
    ],
    scripts: &[],
    kept_configuration: &[],
    recommends: "",
};

/// Builds the programs, as released or as the tests have them, and puts each into a package in `target/package`.
pub(crate) fn package(root: &Path, release: bool) -> Result<()> {
    let profile = if release {
        web::build(root)?;
        run::succeed(
            run::cargo(root)
                .args(["build", "--locked", "--release"])
                .args(["--package", "server", "--bin", "hauspost"])
                .args(["--package", "agent", "--bin", "hauspost-agent"]),
        )?;
        "release"
    } else {
        "debug"
    };
    let target = serve::target_directory(root)?;
    let programs = target.join(profile);
    for package in [SERVER, AGENT] {
        let made = make(root, &target.join("package"), &programs, &package, release)?;
        println!("{}", made.display());
    }
    Ok(())
}

fn make(
    root: &Path,
    out: &Path,
    programs: &Path,
    package: &Package,
    strip: bool,
) -> Result<PathBuf> {
    let tree = out.join(package.name);
    if tree.exists() {
        fs::remove_dir_all(&tree)?;
    }
    let program = tree.join("usr/bin").join(package.program);
    place(&programs.join(package.program), &program, 0o755)
        .context("build the programs first: cargo build")?;
    if strip {
        run::succeed(Command::new("strip").arg("--strip-unneeded").arg(&program))?;
    }
    for (from, to, mode) in package.files {
        place(&root.join(from), &tree.join(to), *mode)?;
    }
    let control = tree.join("DEBIAN");
    for script in package.scripts {
        place(
            &root.join("packaging/debian").join(script),
            &control.join(script),
            0o755,
        )?;
    }
    let architecture = run::output(Command::new("dpkg").arg("--print-architecture"))
        .context("Debian's dpkg makes the packages")?;
    let architecture = architecture.trim();
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!(
        "Package: {}\nVersion: {version}\nArchitecture: {architecture}\nSection: net\nPriority: optional\n\
         Maintainer: Hauspost maintainers <root@localhost>\nDepends: libc6 (>= {}), libgcc-s1\n",
        package.name,
        newest_symbols(&fs::read(&program)?)
    );
    if !package.recommends.is_empty() {
        text.push_str(&format!("Recommends: {}\n", package.recommends));
    }
    text.push_str(&format!("Description: {}\n", package.words));
    fs::create_dir_all(&control)?;
    fs::write(control.join("control"), text)?;
    if !package.kept_configuration.is_empty() {
        let list = package.kept_configuration.join("\n") + "\n";
        fs::write(control.join("conffiles"), list)?;
    }
    let made = out.join(format!("{}_{version}_{architecture}.deb", package.name));
    run::output(
        Command::new("dpkg-deb")
            // Those for tests are taken apart at once.
            .args(["--root-owner-group", if strip { "-Zxz" } else { "-Znone" }])
            .arg("--build")
            .args([&tree, &made]),
    )?;
    Ok(made)
}

fn place(from: &Path, to: &Path, mode: u32) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from, to).with_context(|| format!("{} cannot be taken", from.display()))?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode))?;
    Ok(())
}

/// The newest version of the C library whose symbols a program asks for, such as `2.34`.
fn newest_symbols(program: &[u8]) -> String {
    const MARK: &[u8] = b"GLIBC_2.";
    let newest = program
        .windows(MARK.len() + 3)
        .filter_map(|window| window.strip_prefix(MARK))
        .filter_map(|digits| {
            let length = digits
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            std::str::from_utf8(&digits[..length])
                .ok()?
                .parse::<u32>()
                .ok()
        })
        .max();
    format!("2.{}", newest.unwrap_or(31))
}

#[cfg(test)]
mod tests {
    use super::newest_symbols;

    #[test]
    fn the_newest_symbol_counts() {
        assert_eq!(
            newest_symbols(b"..GLIBC_2.2.5\0GLIBC_2.34\0GLIBC_2.17\0...."),
            "2.34"
        );
        assert_eq!(newest_symbols(b"nothing at all here"), "2.31");
    }
}
