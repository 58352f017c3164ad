//! Each rule with a sample that must fail and one that must not.

use super::tree::{File, Package, Tree};
use super::{Violation, check};

fn file(path: &str, text: &str) -> File {
    File {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}

fn package(name: &str, dependencies: &[&str]) -> Package {
    let lines: Vec<String> = dependencies
        .iter()
        .map(|name| format!("{name}.workspace = true"))
        .collect();
    let text = format!(
        "[package]\nname = \"{name}\"\n\n[lints]\nworkspace = true\n\n[dependencies]\n{}\n",
        lines.join("\n")
    );
    Package {
        name: name.to_owned(),
        manifest: file(&format!("crates/{name}/Cargo.toml"), &text),
        dependencies: dependencies.iter().map(|&name| name.to_owned()).collect(),
    }
}

fn violations(packages: Vec<Package>, files: Vec<File>) -> Vec<Violation> {
    check(&Tree {
        root: "/somewhere/hauspost".to_owned(),
        packages,
        files,
    })
}

/// The only violation of one file.
fn only(path: &str, text: &str) -> (usize, String) {
    match violations(Vec::new(), vec![file(path, text)]).as_slice() {
        [one] => (one.line, one.what.clone()),
        more => panic!("{path}: {more:?}"),
    }
}

fn none(path: &str, text: &str) {
    assert_eq!(violations(Vec::new(), vec![file(path, text)]), [], "{path}");
}

fn manifest_says(packages: Vec<Package>, expected: &str) {
    let found: Vec<String> = violations(packages, Vec::new())
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        found.iter().any(|line| line.contains(expected)),
        "{expected:?} is not among {found:?}"
    );
}

#[test]
fn imports_go_down_only() {
    assert_eq!(
        violations(
            vec![
                package("base", &[]),
                package("xmpp", &["base"]),
                package("store", &["base"])
            ],
            vec![]
        ),
        []
    );
    manifest_says(
        vec![package("base", &["xmpp"]), package("xmpp", &[])],
        "crates/base/Cargo.toml:8: base may not use xmpp; imports go down only",
    );
    manifest_says(
        vec![package("store", &[]), package("xmpp", &["store"])],
        "xmpp may not use store",
    );
    manifest_says(
        vec![package("cellar", &[])],
        "crates/cellar/Cargo.toml:1: cellar has no floor",
    );
}

#[test]
fn the_server_reaches_nothing_that_decrypts() {
    manifest_says(
        vec![
            package("omemo", &[]),
            package("xmpp", &["omemo"]),
            package("chat", &["xmpp"]),
            package("server", &["chat"]),
        ],
        "server reaches omemo",
    );
    manifest_says(
        vec![package("client", &[]), package("api", &["client"])],
        "api reaches client",
    );
    assert_eq!(
        violations(
            vec![
                package("omemo", &[]),
                package("client", &["omemo"]),
                package("agent", &["client"])
            ],
            vec![]
        ),
        []
    );
}

#[test]
fn reserved_dependencies() {
    manifest_says(
        vec![package("chat", &["rusqlite"])],
        "rusqlite belongs to store and agent alone",
    );
    manifest_says(vec![package("store", &["tokio"])], "store has tokio");
    manifest_says(
        vec![package("chat", &["tokio-util"])],
        "chat has tokio-util",
    );
    manifest_says(vec![package("xmpp", &["getrandom"])], "xmpp has getrandom");
    manifest_says(
        vec![package("agent", &["web-sys"])],
        "web-sys belongs to client-wasm alone",
    );
    assert_eq!(
        violations(
            vec![
                package("server", &["tokio", "tokio-rustls", "getrandom"]),
                package("store", &["rusqlite"]),
                package("agent", &["rusqlite"])
            ],
            vec![]
        ),
        []
    );
    assert_eq!(violations(vec![package("load", &["tokio"])], vec![]), []);
}

#[test]
fn lints_are_taken() {
    let mut bare = package("base", &[]);
    bare.manifest.text = bare.manifest.text.replace("workspace = true", "");
    manifest_says(vec![bare], "base does not take the workspace's lints");
}

#[test]
fn banned_crates() {
    let tree = "rustls v0.23.46\nring v0.17.14\nring v0.17.14\nringbuffer v0.1.0\n";
    let found = super::floors::banned(tree);
    let found: Vec<&str> = found.iter().map(|one| one.what.as_str()).collect();
    assert_eq!(found, ["ring is among the dependencies"]);
}

#[test]
fn no_io_clock_or_dice_below() {
    for word in [
        "std::fs::read(path)",
        "Instant::now()",
        "SystemTime::now()",
        "getrandom::fill(&mut b)",
        "tokio::spawn(f)",
        "TcpStream::connect(a)",
    ] {
        let (line, what) = only(
            "crates/xmpp/src/stream.rs",
            &format!("//! Streams.\n\nfn f() {{ {word}; }}\n"),
        );
        assert!(line == 3 && what.contains("in xmpp"), "{what}");
    }
    none(
        "crates/xmpp/src/stream.rs",
        "//! Streams.\n// Instant::now() would be wrong here.\nuse std::net::Ipv6Addr;\n",
    );
    none(
        "crates/xmpp/src/stream.rs",
        "//! Streams.\nfn f() {}\n\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n",
    );
    none(
        "crates/xmpp/tests/fixtures.rs",
        "//! Fixtures.\nuse std::fs;\n",
    );
    none(
        "crates/server/src/clock.rs",
        "//! The clock.\nfn f() { Instant::now(); tokio::spawn(f); }\n",
    );
    assert_eq!(
        only(
            "crates/chat/src/router.rs",
            "//! Router.\nuse tokio::sync::mpsc;\n"
        )
        .0,
        2
    );
    none(
        "crates/chat/src/router.rs",
        "//! Router.\nuse std::time::Instant;\nconst TOKIO_LIKE: u8 = 0;\n",
    );
}

#[test]
fn sql_has_one_place() {
    assert_eq!(
        only("crates/chat/src/a.rs", "//! A.\nlet q = \"SELECT 1\";\n").1,
        "SQL outside of the store's backends"
    );
    assert_eq!(
        only(
            "crates/store/src/roster.rs",
            "//! A.\nuse rusqlite::params;\n"
        )
        .0,
        2
    );
    assert_eq!(
        only(
            "crates/chat/src/a.rs",
            "//! A.\nlet q = \"\n    UPDATE t SET a = 1\";\n"
        )
        .0,
        3
    );
    assert_eq!(only("docs/schema.sql", "CREATE TABLE a (b);\n").0, 1);
    none(
        "crates/store/src/backend/sqlite/roster.rs",
        "//! A.\nuse rusqlite::params;\nlet q = \"SELECT 1\";\n",
    );
    none(
        "crates/agent/src/storage/mod.rs",
        "//! A.\nuse rusqlite::params;\nlet q = \"SELECT 1\";\n",
    );
    assert_eq!(
        only(
            "crates/agent/src/folder.rs",
            "//! A.\nuse rusqlite::params;\n"
        )
        .0,
        2
    );
    none(
        "crates/chat/src/a.rs",
        "//! A.\nlet q = \"Select a chat\";\n",
    );
}

#[test]
fn files_have_a_head_and_an_end() {
    assert_eq!(
        only("crates/base/src/id.rs", "use std::fmt;\n"),
        (1, "no `//!` head".to_owned())
    );
    let long = format!("//! Long.\n{}", "fn f() {}\n".repeat(800));
    assert_eq!(
        only("crates/base/src/id.rs", &long),
        (801, "801 lines, 800 are the most".to_owned())
    );
    none(
        "crates/base/src/id.rs",
        &format!("//! Long.\n{}", "fn f() {}\n".repeat(799)),
    );
    none("web/src/core/types.ts", &"export type A = 1;\n".repeat(900));
}

#[test]
fn modules_name_their_source() {
    let module = |head: &str| {
        format!(
            "{head}\n\npub static MODULE: Module = Module {{\n    specification: \"XEP-0280\",\n}};\n"
        )
    };
    let path = "crates/chat/src/modules/carbons.rs";
    for head in [
        "//! Carbons.",
        "//! XEP-280: Message Carbons",
        "//! XEP-0313: Message Archive",
        "//! XEP-0280",
    ] {
        let (line, what) = only(path, &module(head));
        assert!(
            line == 1 && what.contains("must open with the XEP"),
            "{head}: {what}"
        );
    }
    none(path, &module("//! XEP-0280: Message Carbons"));
    none(
        "crates/chat/src/modules/roster.rs",
        &module("//! RFC 6121 §2: Managing the Roster").replace("XEP-0280", "RFC 6121"),
    );
    none(
        "crates/chat/src/modules/table.rs",
        "//! The table made of the list.\n",
    );
}

#[test]
fn tests_wait_for_events_and_are_on() {
    assert_eq!(
        only(
            "tests/kit/tests/a.rs",
            "//! A.\nstd::thread::sleep(second);\n"
        )
        .1,
        "a test that sleeps"
    );
    assert_eq!(
        only("tests/suites/a.py", "time.sleep(1)\n").1,
        "a test that sleeps"
    );
    assert_eq!(
        only(
            "crates/chat/src/a.rs",
            "//! A.\n#[ignore = \"slow\"]\nfn f() {}\n"
        )
        .1,
        "a test that is switched off"
    );
    none(
        "tests/load/src/main.rs",
        "//! Load.\nstd::thread::sleep(second);\n",
    );
}

#[test]
fn no_path_of_one_machine() {
    assert_eq!(
        only("docs/a.md", "See\n`/home/anna/hauspost`.\n"),
        (2, "/home/… is a path of one machine".to_owned())
    );
    assert_eq!(only("docs/a.md", "/somewhere/hauspost/target\n").0, 1);
    none(
        "docs/a.md",
        "GET https://example.org/home/x and ../root/ and /var/lib/hauspost\n",
    );
}

#[test]
fn imports_within_a_crate_do_not_go_in_a_circle() {
    let chat = |rest: &str, text: &str| file(&format!("crates/chat/src/{rest}"), text);
    let root = || {
        chat(
            "lib.rs",
            "//! A.\nmod a;\nmod b;\npub use b::{\n    Bee,\n};\n",
        )
    };
    let says = |files: Vec<File>| -> Vec<String> {
        let found = violations(Vec::new(), files);
        found.into_iter().map(|one| one.what).collect()
    };
    let down = || chat("a/mod.rs", "//! A.\nuse crate::{Bee, c};\nuse crate::b;\n");
    let below = |text: &str| chat("b/inner.rs", text);
    for fine in [
        "//! B.\nuse super::own;\n",
        "//! B.\n// crate::a is above.\nuse crate::b::Bee;\n",
        "//! B.\n#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}\n",
    ] {
        assert_eq!(says(vec![root(), down(), below(fine)]), [""; 0], "{fine}");
    }
    for circle in [
        "//! B.\nuse crate::a::A;\n",
        "//! B.\nuse crate::{\n    b::{x, y},\n    a,\n};\n",
        "//! B.\nfn f() -> crate::a::A;\n",
        "//! B.\nuse super::super::a;\n",
    ] {
        let found = says(vec![root(), down(), below(circle)]);
        assert!(
            matches!(&*found, [one] if one.starts_with("chat has a circle of imports: a (crates/chat/src/a/mod.rs:2) → b (")),
            "{circle}: {found:?}"
        );
    }
}
