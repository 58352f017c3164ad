//! Reading `hauspost.toml` and the environment over it.

use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Source, nearest};
use super::model::Config;
use super::section::{Described, SectionDoc};

/// Prefix of the variables that override keys: `HAUSPOST__SECTION__KEY`.
pub(super) const ENVIRONMENT_PREFIX: &str = "HAUSPOST__";

/// Name looked for when none is given.
pub(super) const DEFAULT_FILE: &str = "hauspost.toml";

/// Reads the configuration: `file` if given (it must be there), else `hauspost.toml` in the working directory if there
/// is one, else the defaults; then the environment; then `data_dir` from the command line. Paths come back absolute.
///
/// # Errors
/// The first thing wrong, with file, line, key and mend.
pub fn load(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
    data_dir: Option<&Path>,
) -> Result<Loaded, ConfigError> {
    let path = file.map_or_else(|| PathBuf::from(DEFAULT_FILE), Path::to_path_buf);
    let text = match std::fs::read(&path) {
        Ok(bytes) => Some(String::from_utf8(bytes).map_err(|error| ConfigError {
            source: Source::File {
                path: path.clone(),
                position: None,
            },
            key: String::new(),
            problem: format!(
                "is not UTF-8 text (byte {})",
                error.utf8_error().valid_up_to()
            ),
            mend: "save it as UTF-8".to_owned(),
        })?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && file.is_none() => None,
        Err(error) => {
            return Err(ConfigError {
                source: Source::File {
                    path: path.clone(),
                    position: None,
                },
                key: String::new(),
                problem: format!("cannot be read: {error}"),
                mend: if error.kind() == std::io::ErrorKind::NotFound {
                    "name an existing file after --config, or leave --config out to run on defaults; \
                     `hauspost config --default` prints a file to start from"
                        .to_owned()
                } else {
                    "let the user this runs as read it".to_owned()
                },
            });
        }
    };
    let found = text.is_some();
    let text = text.unwrap_or_default();
    let mut config = parse(&path, &text, environment)?;
    let folder = match path.parent() {
        Some(parent) if found && !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    };
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    config.resolve_paths(&folder);
    if let Some(data_dir) = data_dir {
        config.data_dir = std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.to_path_buf());
    }
    Ok(Loaded {
        config,
        file: found.then_some(path),
    })
}

/// The environment of the process, as far as it is text.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// A configuration and where it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration; every path is absolute.
    pub config: Config,
    /// The file, if there was one.
    pub file: Option<PathBuf>,
}

/// Reads the text of a file and the environment over it; paths stay as written. `path` is only named in errors.
///
/// # Errors
/// The first thing wrong, with file, line, key and mend.
pub fn parse(
    path: &Path,
    text: &str,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let mut config: Config = toml::from_str(text).map_err(|error| from_toml(path, text, &error))?;
    let mut table: toml::Table =
        toml::from_str(text).map_err(|error| from_toml(path, text, &error))?;
    let mut overrides: Vec<(String, String)> = environment
        .into_iter()
        .filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX))
        .collect();
    overrides.sort();
    for (name, value) in &overrides {
        config = override_key(&mut table, name, value)?;
    }
    config.validate().map_err(|wrong| {
        let variable = variable_name(wrong.key);
        let source = if overrides.iter().any(|(name, _)| *name == variable) {
            Source::Environment(variable)
        } else {
            Source::File {
                path: path.to_path_buf(),
                position: locate_key(text, wrong.key),
            }
        };
        ConfigError {
            source,
            key: wrong.key.to_owned(),
            problem: wrong.problem,
            mend: wrong.mend,
        }
    })?;
    Ok(config)
}

/// The environment variable that overrides `key`.
pub(super) fn variable_name(key: &str) -> String {
    format!(
        "{ENVIRONMENT_PREFIX}{}",
        key.replace('.', "__").to_uppercase()
    )
}

/// Sets one variable in the table. A value that reads as TOML is that; else it is a text; else a list at commas.
fn override_key(table: &mut toml::Table, name: &str, value: &str) -> Result<Config, ConfigError> {
    let path: Vec<String> = name[ENVIRONMENT_PREFIX.len()..]
        .split("__")
        .map(str::to_lowercase)
        .collect();
    let key = path.join(".");
    let mut candidates = Vec::new();
    if let Ok(mut parsed) = toml::from_str::<toml::Table>(&format!("value = {value}"))
        && let Some(parsed) = parsed.remove("value")
    {
        candidates.push(parsed);
    }
    candidates.push(toml::Value::String(value.to_owned()));
    let parts = value
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    candidates.push(toml::Value::Array(
        parts
            .map(|part| toml::Value::String(part.to_owned()))
            .collect(),
    ));

    let mut first_error = None;
    for candidate in candidates {
        let mut attempt = table.clone();
        if set(&mut attempt, &path, candidate).is_none() {
            break;
        }
        match attempt.clone().try_into::<Config>() {
            Ok(config) => {
                *table = attempt;
                return Ok(config);
            }
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    let message = first_error.map_or_else(
        || "is no section".to_owned(),
        |error: toml::de::Error| error.message().to_owned(),
    );
    let (problem, mend) = explain(&message, &key);
    Err(ConfigError {
        source: Source::Environment(name.to_owned()),
        key,
        problem,
        mend,
    })
}

fn set(table: &mut toml::Table, path: &[String], value: toml::Value) -> Option<()> {
    let (last, sections) = path.split_last()?;
    let mut table = table;
    for section in sections {
        table = table
            .entry(section.clone())
            .or_insert_with(|| toml::Value::Table(toml::Table::new()))
            .as_table_mut()?;
    }
    table.insert(last.clone(), value);
    Some(())
}

fn from_toml(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let span = error.span();
    let key = span
        .as_ref()
        .map(|span| key_at(text, span))
        .unwrap_or_default();
    let (problem, mend) = explain(error.message(), &key);
    ConfigError {
        source: Source::File {
            path: path.to_path_buf(),
            position: span.map(|span| line_and_column(text, span.start)),
        },
        key,
        problem,
        mend,
    }
}

/// Turns the reader's words into a problem and a mend.
fn explain(message: &str, key: &str) -> (String, String) {
    let sections = sections();
    if let Some(rest) = message.strip_prefix("unknown field `") {
        let word = rest.split('`').next().unwrap_or_default();
        let section = key.rsplit_once('.').map_or("", |(section, _)| section);
        let known = known_in(&sections, section);
        let place = if section.is_empty() {
            "at the top".to_owned()
        } else {
            format!("in [{section}]")
        };
        let elsewhere = sections
            .iter()
            .find(|candidate| candidate.keys.iter().any(|known| known.key == word))
            .map(|candidate| candidate.section.clone());
        let mend = match (nearest(word, known.iter().map(String::as_str)), elsewhere) {
            (Some(near), _) => format!("write `{near}`, or remove the line"),
            (None, Some(elsewhere)) if !elsewhere.is_empty() => {
                format!("`{word}` belongs under [{elsewhere}]")
            }
            (None, Some(_)) => format!("`{word}` belongs above every section"),
            (None, None) => format!("remove it; {place} there are: {}", known.join(", ")),
        };
        return (format!("there is no such key {place}"), mend);
    }
    if let Some(rest) = message.strip_prefix("unknown variant `") {
        let word = rest.split('`').next().unwrap_or_default();
        let allowed: Vec<&str> = rest
            .split('`')
            .skip(2)
            .step_by(2)
            .filter(|part| !part.is_empty())
            .collect();
        let mend = match nearest(word, allowed.iter().copied()) {
            Some(near) => format!("write \"{near}\" (allowed: {})", allowed.join(", ")),
            None => format!("write one of: {}", allowed.join(", ")),
        };
        return (format!("\"{word}\" is not a value of it"), mend);
    }
    let default = sections
        .iter()
        .flat_map(|section| section.keys.iter().map(move |known| (section, known)))
        .find(|(section, known)| joined(&section.section, known.key) == key)
        .map(|(_, known)| {
            format!(
                "write it like its default: {} = {}",
                known.key, known.default
            )
        });
    if message.starts_with("invalid") || message.contains("network") {
        let message = message.replace("invalid type: ", "wrong type: ");
        let message = in_plain_words(message.replace("invalid value: ", "wrong value: "));
        return (message, default.unwrap_or_default());
    }
    (
        message.to_owned(),
        default.unwrap_or_else(|| "mend the line as TOML asks (https://toml.io)".to_owned()),
    )
}

/// The message without names of a programming language's types.
fn in_plain_words(message: String) -> String {
    let Some((found, expected)) = message.rsplit_once("expected ") else {
        return message;
    };
    let words = match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" | "bool" => "true or false",
        "a string" => "text in quotes",
        "a sequence" => "a list in square brackets",
        _ => return message,
    };
    format!("{found}expected {words}")
}

fn joined(section: &str, key: &str) -> String {
    if section.is_empty() {
        key.to_owned()
    } else {
        format!("{section}.{key}")
    }
}

/// Every section with its keys.
pub(super) fn sections() -> Vec<SectionDoc> {
    let mut out = Vec::new();
    Config::describe("", "", &mut out);
    out
}

/// Keys and inner sections of one section.
fn known_in(sections: &[SectionDoc], section: &str) -> Vec<String> {
    let mut known: Vec<String> = sections
        .iter()
        .filter(|candidate| candidate.section == section)
        .flat_map(|candidate| candidate.keys.iter().map(|key| key.key.to_owned()))
        .collect();
    for candidate in sections {
        let inner = if section.is_empty() {
            Some(candidate.section.as_str())
        } else {
            candidate
                .section
                .strip_prefix(section)
                .and_then(|rest| rest.strip_prefix('.'))
        };
        if let Some(inner) = inner.filter(|inner| !inner.is_empty() && !inner.contains('.')) {
            known.push(inner.to_owned());
        }
    }
    known
}

fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    (line, column)
}

/// The dotted key whose name or value holds `span`.
fn key_at(text: &str, span: &Range<usize>) -> String {
    let (document, _) = DeTable::parse_recoverable(text);
    let mut best: Option<(usize, String)> = None;
    walk(document.get_ref(), "", &mut |path, name, value| {
        for candidate in [name, value] {
            if candidate.start <= span.start && span.end <= candidate.end {
                let length = candidate.len();
                if best.as_ref().is_none_or(|(shortest, _)| length < *shortest) {
                    best = Some((length, path.to_owned()));
                }
            }
        }
    });
    best.map(|(_, path)| path).unwrap_or_default()
}

/// Line and column of a dotted key, or of the nearest section above it that is written down.
fn locate_key(text: &str, key: &str) -> Option<(usize, usize)> {
    let document = DeTable::parse(text).ok()?;
    let mut found: Option<(usize, usize)> = None;
    walk(document.get_ref(), "", &mut |path, name, _| {
        let above = key
            .strip_prefix(path)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        if above && found.is_none_or(|(length, _)| path.len() > length) {
            found = Some((path.len(), name.start));
        }
    });
    found.map(|(_, offset)| line_and_column(text, offset))
}

/// Is given each dotted key with the places of its name and of its value.
type Visit<'v> = dyn FnMut(&str, Range<usize>, Range<usize>) + 'v;

fn walk<'t>(table: &DeTable<'t>, path: &str, visit: &mut Visit<'_>) {
    let entries: Vec<(&Spanned<Cow<'t, str>>, &Spanned<DeValue<'t>>)> = table.iter().collect();
    for (name, value) in entries {
        let inner = joined(path, name.get_ref());
        visit(&inner, name.span(), value.span());
        if let DeValue::Table(table) = value.get_ref() {
            walk(table, &inner, visit);
        }
    }
}
