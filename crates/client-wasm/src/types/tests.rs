//! TypeScript's side of the types.

use std::collections::BTreeMap;
use std::path::Path;

use ts_rs::{Config, TS, TypeVisitor};

use super::{Reply, Request, Shown};
use crate::types::request::Told;

const HEAD: &str =
    "// Generated from crates/client-wasm/src/types by `cargo xtask docs`: change it there.\n\n";

struct All<'a>(&'a Config, BTreeMap<String, String>);

impl TypeVisitor for All<'_> {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if T::output_path().is_none() {
            // A type of the language's own, or one with parameters: what it is made of counts.
            return;
        }
        let name = T::ident(self.0);
        if self.1.contains_key(&name) {
            return;
        }
        let docs = T::docs().unwrap_or_default();
        let text = format!("{docs}export {}\n", T::decl(self.0));
        self.1.insert(name, text);
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}

fn generated() -> String {
    let config = Config::new().with_large_int("number");
    let mut all = All(&config, BTreeMap::new());
    all.visit::<Request>();
    all.visit::<Reply>();
    all.visit::<Told>();
    all.visit::<Shown>();
    let mut text = HEAD.to_owned();
    text.push_str(&all.1.into_values().collect::<String>());
    // One line for what is one sentence.
    text.replace("/**\n * ", "/** ").replace("\n */", " */")
}

#[test]
fn typescript_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/src/core/types.ts");
    let text = generated();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == text,
        "web/src/core/types.ts has drifted from crates/client-wasm/src/types; run `cargo xtask docs`"
    );
}
