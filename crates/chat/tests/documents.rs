//! The documents about specifications say what the code declares.

use std::path::Path;

use chat::{Claim, Evidence};

#[test]
fn list_of_specifications_is_what_the_code_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for document in chat::documents() {
        let path = root.join(document.path);
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, &document.text).expect("the document can be written");
            continue;
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == document.text,
            "{} is not what the code declares; run `cargo xtask docs` and commit what it writes",
            document.path
        );
    }
}

#[test]
fn every_claim_of_compliance_is_shown_by_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap_or_default();
    let claims = chat::claims();
    assert!(!claims.is_empty());
    for Claim {
        specification,
        shown_by,
    } in claims
    {
        assert!(
            !shown_by.is_empty(),
            "{specification} is declared and nothing shows it: name a scenario or a suite's test in \
             crates/chat/src/compliance.rs, SHOWN_BY"
        );
        for evidence in shown_by {
            let (path, words) = match &evidence {
                Evidence::Scenario(stem) => (format!("tests/scenarios/{stem}.scn"), String::new()),
                Evidence::Suite(file, function) => (
                    format!("tests/suites/{file}.py"),
                    format!("async def {function}(house"),
                ),
                Evidence::Test(file, function) => ((*file).to_owned(), format!("fn {function}(")),
            };
            let text = read(&path);
            assert!(
                !text.is_empty() && text.contains(&words),
                "{specification} is said to be shown by {evidence:?}, which is not in {path}: write it (a module's \
                 scenario has the module's name), or name another test in crates/chat/src/compliance.rs"
            );
        }
    }
}
