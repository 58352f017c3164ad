//! The documents about specifications say what the code declares.

use std::path::Path;

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
