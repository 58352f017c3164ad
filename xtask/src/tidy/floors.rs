//! Who may use whom: imports go down only, never sideways.

use std::collections::{BTreeMap, BTreeSet};

use super::Violation;
use super::tree::{File, Package};

/// A crate of the house.
struct Room {
    name: &'static str,
    /// Other crates of the house that it may use.
    may_use: &'static [&'static str],
    /// Whether it must do no I/O and ask neither clock nor randomness.
    without_io: bool,
    /// Whether sockets and the async runtime are its business.
    runtime: bool,
}

const fn room(name: &'static str, may_use: &'static [&'static str]) -> Room {
    Room {
        name,
        may_use,
        without_io: false,
        runtime: false,
    }
}

const fn pure(name: &'static str, may_use: &'static [&'static str]) -> Room {
    Room {
        name,
        may_use,
        without_io: true,
        runtime: false,
    }
}

const fn running(name: &'static str, may_use: &'static [&'static str]) -> Room {
    Room {
        name,
        may_use,
        without_io: false,
        runtime: true,
    }
}

/// The floors, from the ground up; the same table stands in ARCHITECTURE.md.
const HOUSE: &[Room] = &[
    pure("base", &[]),
    pure("xmpp", &["base"]),
    pure("dav-proto", &["base"]),
    pure("pages", &[]),
    pure("omemo", &["base", "xmpp"]),
    room("calls", &["base"]),
    room("store", &["base"]),
    room("chat", &["base", "xmpp", "store", "calls"]),
    room("files", &["base", "dav-proto", "store"]),
    room("calendar", &["base", "dav-proto", "store"]),
    room("api", &["base", "store", "chat", "files", "calendar"]),
    running(
        "server",
        &[
            "base",
            "xmpp",
            "dav-proto",
            "pages",
            "calls",
            "store",
            "chat",
            "files",
            "calendar",
            "api",
        ],
    ),
    pure("client", &["base", "xmpp", "omemo", "dav-proto"]),
    room("client-wasm", &["base", "client"]),
    running("agent", &["base", "client"]),
];

/// Members beside the house: chores and tests look at everything.
const BESIDE: &[&str] = &[
    "xtask",
    "bindgen",
    "kit",
    "load",
    "speed",
    "scenarios",
    "suites",
];

/// Rooms of the server: they must not reach what can decrypt, by whatever way.
const SERVER_SIDE: &[&str] = &[
    "server", "api", "chat", "files", "calendar", "store", "calls",
];
const DECRYPTS: &[&str] = &["omemo", "client"];

/// Crates that are sockets or a runtime, by their names' beginnings.
const RUNTIMES: &[&str] = &[
    "tokio",
    "async-std",
    "smol",
    "mio",
    "socket2",
    "hyper-util",
    "quinn",
    "reqwest",
];
/// Crates that draw randomness or read clocks.
const CLOCKS_AND_DICE: &[&str] = &[
    "getrandom",
    "rand",
    "rand_core",
    "fastrand",
    "chrono",
    "time",
    "uuid",
    "web-time",
];
/// Crates of one purpose and the only rooms that may have them.
const RESERVED: &[(&str, &[&str])] = &[
    ("rusqlite", &["store", "agent"]),
    ("libsqlite3-sys", &["store"]),
    ("tokio-postgres", &["store"]),
    ("web-sys", &["client-wasm"]),
    ("js-sys", &["client-wasm"]),
];

/// Crates that must not be built, whoever brings them: one TLS, and no licence that AGPL cannot join.
const BANNED: &[&str] = &["ring", "openssl", "openssl-sys", "native-tls"];

pub(super) fn is_without_io(name: &str) -> bool {
    HOUSE
        .iter()
        .any(|room| room.name == name && room.without_io)
}

/// Whether sockets and the async runtime are this crate's business.
pub(super) fn is_runtime(name: &str) -> bool {
    HOUSE.iter().any(|room| room.name == name && room.runtime)
}

/// Rules about manifests.
pub(super) fn check(packages: &[Package]) -> Vec<Violation> {
    let members: BTreeSet<&str> = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let mut violations = Vec::new();
    for package in packages {
        let manifest = &package.manifest;
        if !manifest.text.contains("[lints]\nworkspace = true") {
            violations.push(violation(
                manifest,
                "package",
                format!("{} does not take the workspace's lints", package.name),
                "add `[lints]` with `workspace = true`",
            ));
        }
        let Some(room) = HOUSE.iter().find(|room| room.name == package.name) else {
            if !BESIDE.contains(&package.name.as_str()) {
                violations.push(violation(
                    manifest,
                    "package",
                    format!("{} has no floor", package.name),
                    "give it one in ARCHITECTURE.md and in xtask/src/tidy/floors.rs",
                ));
            }
            continue;
        };
        for name in &package.dependencies {
            if members.contains(name.as_str()) && !room.may_use.contains(&name.as_str()) {
                violations.push(violation(
                    manifest,
                    name,
                    format!("{} may not use {name}", room.name),
                    "imports go down only: move what both need to a lower floor",
                ));
            }
            if !room.runtime && starts_with_any(name, RUNTIMES) {
                violations.push(violation(
                    manifest,
                    name,
                    format!(
                        "{} has {name}, but sockets and the async runtime live in server and agent",
                        room.name
                    ),
                    "take futures and bytes as arguments and let the roof do the I/O",
                ));
            }
            if room.without_io && CLOCKS_AND_DICE.contains(&name.as_str()) {
                violations.push(violation(
                    manifest,
                    name,
                    format!(
                        "{} has {name}, but time and randomness are arguments there",
                        room.name
                    ),
                    "take `base::Now` or random bytes as an argument",
                ));
            }
            if let Some((_, only)) = RESERVED
                .iter()
                .find(|(reserved, only)| reserved == name && !only.contains(&room.name))
            {
                violations.push(violation(
                    manifest,
                    name,
                    format!("{name} belongs to {} alone", only.join(" and ")),
                    "go through that crate's typed functions",
                ));
            }
        }
    }
    violations.extend(zero_knowledge(packages));
    violations
}

/// The server cannot decrypt, by construction: no way from its rooms to what can.
fn zero_knowledge(packages: &[Package]) -> Vec<Violation> {
    let graph: BTreeMap<&str, &Package> = packages
        .iter()
        .map(|package| (package.name.as_str(), package))
        .collect();
    let mut violations = Vec::new();
    for package in packages
        .iter()
        .filter(|package| SERVER_SIDE.contains(&package.name.as_str()))
    {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&str> = vec![&package.name];
        while let Some(name) = open.pop() {
            let Some(next) = graph.get(name) else {
                continue;
            };
            for dependency in &next.dependencies {
                if seen.insert(dependency.as_str()) {
                    open.push(dependency);
                }
            }
        }
        for name in DECRYPTS.iter().filter(|name| seen.contains(**name)) {
            violations.push(violation(
                &package.manifest,
                name,
                format!(
                    "{} reaches {name}: the server must not contain code that can decrypt",
                    package.name
                ),
                "cut the dependency that leads there",
            ));
        }
    }
    violations
}

/// Rules about everything that is built, from `cargo tree --prefix none`: one package a line.
pub(super) fn banned(tree: &str) -> Vec<Violation> {
    let names: BTreeSet<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    BANNED
        .iter()
        .filter(|name| names.contains(**name))
        .map(|name| Violation {
            file: "Cargo.toml".to_owned(),
            line: 1,
            what: format!("{name} is among the dependencies"),
            mend: "find who brings it with `cargo tree --workspace --invert` and switch that feature off",
        })
        .collect()
}

/// `tokio` matches `tokio` and `tokio-util`, not `tokiologist`.
fn starts_with_any(name: &str, beginnings: &[&str]) -> bool {
    beginnings.iter().any(|beginning| {
        name.strip_prefix(beginning)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
    })
}

/// A violation at the manifest's line that begins with `word`, or at its first.
fn violation(manifest: &File, word: &str, what: String, mend: &'static str) -> Violation {
    let at = manifest.text.lines().position(|line| {
        line.trim_start_matches(['[', '"'])
            .strip_prefix(word)
            .is_some_and(|rest| {
                !rest.starts_with(|c: char| c.is_alphanumeric() || c == '-' || c == '_')
            })
    });
    Violation {
        file: manifest.path.clone(),
        line: at.unwrap_or(0) + 1,
        what,
        mend,
    }
}
