//! How a source file begins, and how long it may be.

use super::Violation;
use super::tree::File;

/// Longer files are split by subject.
const MOST_LINES: usize = 800;
/// Written by a program, from files that are short themselves: nobody splits it.
const GENERATED: &str = "web/src/core/types.ts";
const MODULES: &str = "crates/chat/src/modules/";

/// Rules about a file as a whole.
pub(super) fn check(file: &File) -> Vec<Violation> {
    let is_code = [".rs", ".py", ".ts", ".svelte"]
        .iter()
        .any(|ending| file.path.ends_with(ending));
    let mut violations = Vec::new();
    let mut add = |line, what, mend| {
        violations.push(Violation {
            file: file.path.clone(),
            line,
            what,
            mend,
        });
    };
    let lines = file.text.lines().count();
    if is_code && lines > MOST_LINES && file.path != GENERATED {
        add(
            MOST_LINES + 1,
            format!("{lines} lines, {MOST_LINES} are the most"),
            "split the file by subject",
        );
    }
    if file.path.ends_with(".rs") {
        let first = file.text.lines().next().unwrap_or_default();
        let is_inner_test = file.path.contains("/src/") && file.is_test();
        if !first.starts_with("//! ") && !is_inner_test {
            add(
                1,
                "no `//!` head".to_owned(),
                "say in the first line what the file is for",
            );
        } else if file.path.starts_with(MODULES)
            && declares_a_module(&file.text)
            && !names_its_source(first, &file.text)
        {
            add(
                1,
                "a module must open with the XEP or RFC that its static names".to_owned(),
                "write `//! XEP-0280: Message Carbons` or `//! RFC 6121 §2: Roster` in the first line",
            );
        }
    }
    violations
}

/// What makes a file a module of the messenger is its static, `pub static MODULE: Module = …`.
fn declares_a_module(text: &str) -> bool {
    text.lines()
        .any(|line| line.contains("static ") && line.contains(": Module ="))
}

/// `//! XEP-0280: Title`, `//! RFC 6121…` or `//! urn:hauspost:…`, and the same specification as in the static.
fn names_its_source(head: &str, text: &str) -> bool {
    let head = head.trim_start_matches("//! ");
    let named = text.lines().find_map(|line| {
        line.trim_start()
            .strip_prefix("specification: \"")?
            .split_once('"')
    });
    if named.is_some_and(|(named, _)| !head.starts_with(named)) {
        return false;
    }
    // Protocols of our own are described in docs/.
    if head.starts_with("RFC ") || head.starts_with("urn:hauspost:") {
        return true;
    }
    let Some((number, title)) = head
        .strip_prefix("XEP-")
        .and_then(|rest| rest.split_once(": "))
    else {
        return false;
    };
    number.len() == 4
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && !title.trim().is_empty()
}
