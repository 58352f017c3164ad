//! What may be said where: I/O, clocks, dice, sockets and SQL each have their place.

use super::Violation;
use super::floors;
use super::tree::File;

/// Words of I/O, clocks and dice, which the machines below must not say.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::process",
    "std::env",
    "std::thread",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "ToSocketAddrs",
    "Instant::now",
    "SystemTime::now",
    "getrandom",
    "thread_rng",
    "RandomState",
    "tokio",
];

/// Words of sockets and the async runtime, which only the roof says.
const SOCKETS: &[&str] = &[
    "tokio",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixListener",
    "UnixStream",
];

/// Beginnings of SQL statements, as they are written in the house: verbs in capitals.
const SQL: &[&str] = &[
    "SELECT ",
    "INSERT INTO ",
    "INSERT OR ",
    "UPDATE ",
    "DELETE FROM ",
    "CREATE TABLE ",
    "CREATE INDEX ",
    "ALTER TABLE ",
    "PRAGMA ",
];
/// The store of the server, and that of a device: the two do not share a table.
const SQL_PLACES: [&str; 2] = ["crates/store/src/backend", "crates/agent/src/storage"];

fn is_sql_place(path: &str) -> bool {
    SQL_PLACES.iter().any(|place| path.starts_with(place))
}

/// Rules about what a source says.
pub(super) fn check(file: &File) -> Vec<Violation> {
    let mut violations = tests_that_wait(file);
    if file.path.ends_with(".sql") && !is_sql_place(&file.path) {
        violations.push(Violation {
            file: file.path.clone(),
            line: 1,
            what: "SQL outside of the store's backends".to_owned(),
            mend: "move it to crates/store/src/backend",
        });
    }
    let Some(name) = file.crate_source() else {
        return violations;
    };
    let mut add = |line, what, mend| {
        violations.push(Violation {
            file: file.path.clone(),
            line,
            what,
            mend,
        });
    };
    for (at, line) in file.code() {
        if floors::is_without_io(name) {
            if let Some(word) = IMPURE.iter().find(|word| says(line, word)) {
                add(
                    at,
                    format!("{word} in {name}, which does no I/O and has neither clock nor dice"),
                    "take it as an argument",
                );
            }
        } else if !floors::is_runtime(name)
            && let Some(word) = SOCKETS.iter().find(|word| says(line, word))
        {
            add(
                at,
                format!(
                    "{word} in {name}, but sockets and the async runtime live in server and agent"
                ),
                "take bytes and futures as arguments",
            );
        }
        if !is_sql_place(&file.path) {
            if says(line, "rusqlite") || says(line, "tokio_postgres") {
                add(
                    at,
                    "a database's own types outside of the store's backends".to_owned(),
                    "give the store a typed function for it",
                );
            } else if opens_a_statement(line) {
                add(
                    at,
                    "SQL outside of the store's backends".to_owned(),
                    "give the store a typed function for it",
                );
            }
        }
        if name != "client-wasm" && says(line, "web_sys") {
            add(
                at,
                format!("web_sys in {name}"),
                "only client-wasm touches the browser",
            );
        }
    }
    violations
}

/// A statement begins with a string or, in a string of several lines, with the line.
fn opens_a_statement(line: &str) -> bool {
    SQL.iter().any(|statement| {
        line.trim_start().starts_with(statement) || line.contains(&format!("\"{statement}"))
    })
}

/// A test waits for an event, never for a while, and none is switched off.
fn tests_that_wait(file: &File) -> Vec<Violation> {
    let is_rust = file.path.ends_with(".rs");
    let is_python = file.path.ends_with(".py");
    if file.path.starts_with("xtask/src/tidy") || !(is_rust || is_python) {
        return Vec::new();
    }
    let is_test = file.is_test() && !file.path.starts_with("tests/load/");
    let mut violations = Vec::new();
    for (at, line) in file.text.lines().enumerate() {
        let code = line.trim_start();
        let found = if is_rust && (code.starts_with("#[ignore") || code.starts_with("#![ignore")) {
            Some(("a test that is switched off", "make it pass or take it out"))
        } else if is_test
            && !code.starts_with(['/', '#'])
            && (says(code, "thread::sleep") || says(code, "time.sleep"))
        {
            Some((
                "a test that sleeps",
                "wait for the event that the sleep hopes for",
            ))
        } else {
            None
        };
        if let Some((what, mend)) = found {
            violations.push(Violation {
                file: file.path.clone(),
                line: at + 1,
                what: what.to_owned(),
                mend,
            });
        }
    }
    violations
}

/// Whether `word` stands in the line as a word of its own.
fn says(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(is_part) && !line[at + word.len()..].starts_with(is_part)
    })
}
