//! The binary as scripts see it before anybody has logged in.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::process::{Command, Output};

/// A folder that vanishes.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("hauspost-agent-{}-{name}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn agent(folder: &Folder, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hauspost-agent"))
        .args(arguments)
        .env("HAUSPOST_AGENT_DATA", &folder.0)
        .env_remove("HAUSPOST_AGENT_ACCOUNT")
        .output()
        .unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn who_is_not_logged_in_is_told_how() {
    let folder = Folder::new("nobody");
    for arguments in [
        &["send", "juliet@verona.example", "hello"][..],
        &["listen"],
        &["chat"],
        &["devices"],
        &["verify"],
        &["export"],
        &["logout", "--yes"],
    ] {
        let output = agent(&folder, arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert_eq!(
            told(&output),
            "hauspost-agent: nobody is logged in: run `hauspost-agent login ADDRESS`\n"
        );
    }
}

#[test]
fn wrong_usage_has_a_status_of_its_own() {
    let folder = Folder::new("usage");
    for arguments in [
        &["send"][..],
        &["dance"],
        &["login", "verona.example"],
        &["send", "--timeout", "0", "a@b.example", "hello"],
    ] {
        assert_eq!(
            agent(&folder, arguments).status.code(),
            Some(2),
            "{arguments:?}"
        );
    }
}

#[test]
fn a_failed_login_leaves_nothing_behind() {
    let folder = Folder::new("login");
    let login = [
        "login",
        "romeo@verona.example",
        "--password-stdin",
        "--connect",
        "nowhere",
    ];
    let output = agent(&folder, &login);
    assert_eq!(output.status.code(), Some(1));
    assert!(told(&output).contains("HOST:PORT"), "{}", told(&output));
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0);
}

#[test]
fn shells_complete_its_commands() {
    let folder = Folder::new("shells");
    for shell in ["bash", "zsh", "fish"] {
        let output = agent(&folder, &["completion", shell]);
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(script.contains("wait-delivered"), "{shell}");
    }
}
