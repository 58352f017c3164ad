//! The web client's side of the REST interface: the same shapes, as TypeScript.
#![allow(missing_docs, reason = "tests")]

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

const FILE: &str = "../../web/src/core/rest.ts";

/// A schema as a type, in one line.
fn type_of(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str() {
        return name.rsplit('/').next().unwrap_or_default().to_owned();
    }
    let joined = |parts: &Value, between: &str| {
        let parts = parts.as_array().into_iter().flatten().map(type_of);
        parts.collect::<Vec<_>>().join(between)
    };
    for (key, between) in [("oneOf", " | "), ("anyOf", " | "), ("allOf", " & ")] {
        if !schema[key].is_null() {
            return joined(&schema[key], between);
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        return values.join(" | ");
    }
    match &schema["type"] {
        Value::Array(types) => {
            let one = |name: &Value| {
                let mut schema = schema.clone();
                schema["type"] = name.clone();
                type_of(&schema)
            };
            types.iter().map(one).collect::<Vec<_>>().join(" | ")
        }
        Value::String(name) => match name.as_str() {
            "integer" | "number" => "number".to_owned(),
            "array" => format!("readonly ({})[]", type_of(&schema["items"])),
            "object" => object(schema),
            plain => plain.to_owned(),
        },
        _ => "unknown".to_owned(),
    }
}

fn object(schema: &Value) -> String {
    let mut text = String::from("{ ");
    let required = schema["required"].as_array();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let needed = required.is_some_and(|names| names.iter().any(|one| one == name));
        let mark = if needed { "" } else { "?" };
        let _ = write!(text, "readonly {name}{mark}: {}; ", type_of(property));
    }
    text + "}"
}

#[test]
fn typescript_of_the_rest_interface_is_what_the_code_says() {
    let description: Value = serde_json::from_str(&api::rest::document()).expect("JSON");
    let mut text = String::from(
        "// Generated from the REST interface by the test `typescript_of_the_rest_interface_is_what_the_code_says`; `cargo xtask docs` writes it.\n",
    );
    let schemas = description["components"]["schemas"].as_object();
    for (name, schema) in schemas.into_iter().flatten() {
        let words = schema["description"].as_str().unwrap_or_default();
        let _ = write!(
            text,
            "\n/** {words} */\nexport type {name} = {};\n",
            type_of(schema)
        );
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &text).expect("it can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == text,
        "web/src/core/rest.ts has drifted: cargo xtask docs"
    );
}
