//! Within a crate, too, imports go down only: no circle among what stands directly below `src`.
//!
//! Imports are read as text: paths that begin with `crate::`, or with so many `super::` that they lead there. A name that
//! `lib.rs` passes on counts for the file or folder that it is from; `lib.rs` itself knows all and is known to all.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Violation;
use super::tree::File;

/// Crates without circles. One that has become so belongs here.
const WITHOUT_CIRCLES: &[&str] = &["api", "base", "chat", "client-wasm"];

/// Where one part of a crate imports from another, by both names.
type Imports<'a> = BTreeMap<&'a str, BTreeMap<&'a str, Place<'a>>>;

/// A line.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: &'a str,
    line: usize,
}

/// Rules about the files of all crates together.
pub(super) fn check(files: &[File]) -> Vec<Violation> {
    let circles = WITHOUT_CIRCLES.iter().filter_map(|name| {
        let files = files
            .iter()
            .filter(|file| file.crate_source() == Some(*name));
        let circle = shortest_circle(&imports(&files.collect::<Vec<_>>()))?;
        let (_, first) = circle.first()?;
        let steps = circle
            .iter()
            .map(|(part, Place { file, line })| format!("{part} ({file}:{line})"));
        let steps: Vec<String> = steps.collect();
        Some(Violation {
            file: first.file.to_owned(),
            line: first.line,
            what: format!("{name} has a circle of imports: {}", steps.join(" → ")),
            mend: "move what both need to a file below both",
        })
    });
    circles.collect()
}

/// The name of the part that a file belongs to, and how deep below `src` its module is; none for `lib.rs`.
fn part(path: &str) -> Option<(&str, usize)> {
    let below = path.split_once("/src/")?.1.strip_suffix(".rs")?;
    let below = below.strip_suffix("/mod").unwrap_or(below);
    let name = below.split('/').next()?;
    (below != "lib").then(|| (name, below.split('/').count()))
}

fn imports<'a>(files: &[&'a File]) -> Imports<'a> {
    let parts: BTreeSet<&str> = files
        .iter()
        .filter_map(|file| Some(part(&file.path)?.0))
        .collect();
    let passed_on = files
        .iter()
        .find(|file| file.path.ends_with("/src/lib.rs"))
        .map(|file| passed_on(file, &parts))
        .unwrap_or_default();
    let mut imports = Imports::new();
    for file in files {
        let Some((own, depth)) = part(&file.path) else {
            continue;
        };
        for (line, name) in names_from_the_root(file, depth) {
            let from = parts.get(name).or_else(|| passed_on.get(name));
            if let Some(from) = from.filter(|from| **from != own) {
                let place = Place {
                    file: &file.path,
                    line,
                };
                imports.entry(own).or_default().entry(from).or_insert(place);
            }
        }
    }
    imports
}

/// Names that `lib.rs` imports, each with the part that it is from.
fn passed_on<'a>(root: &'a File, parts: &BTreeSet<&'a str>) -> BTreeMap<&'a str, &'a str> {
    let mut found = BTreeMap::new();
    let mut from = None;
    for (_, line) in root.code() {
        let mut words = words(line);
        if let Some(at) = words.iter().position(|word| *word == "use") {
            from = words.get(at + 1).and_then(|word| parts.get(word).copied());
            words.drain(..(at + 2).min(words.len()));
        }
        if let Some(part) = from {
            found.extend(words.into_iter().map(|word| (word, part)));
        }
        if line.contains(';') {
            from = None;
        }
    }
    found
}

fn words(text: &str) -> Vec<&str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .collect()
}

/// The first name of each path that leads to the root of the crate, with its line.
fn names_from_the_root(file: &File, depth: usize) -> Vec<(usize, &str)> {
    let supers = "super::".repeat(depth);
    let mut names = Vec::new();
    // How many braces of a group after the root are open.
    let mut open = 0_usize;
    for (at, line) in file.code() {
        let mut rest = line;
        loop {
            if open > 0 {
                rest = group(rest, &mut open, &mut |name| names.push((at, name)));
            }
            let Some(path) = ["crate::", &supers]
                .iter()
                .filter_map(|root| after(rest, root))
                .max_by_key(|path| path.len())
            else {
                break;
            };
            rest = path;
            match path.strip_prefix('{') {
                Some(inner) => {
                    rest = inner;
                    open = 1;
                }
                None => names.extend(words(path).first().map(|name| (at, *name))),
            }
        }
    }
    names
}

/// What follows the first path in `text` that begins with `root`.
fn after<'a>(text: &'a str, root: &str) -> Option<&'a str> {
    let mut starts = text.match_indices(root);
    let (at, _) = starts.find(|(at, _)| {
        !text[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
    })?;
    Some(&text[at + root.len()..])
}

/// Reads on in a group: gives the first name of each path in it, and returns what follows the group.
fn group<'a>(text: &'a str, open: &mut usize, found: &mut dyn FnMut(&'a str)) -> &'a str {
    let mut begins = true;
    for (at, c) in text.char_indices() {
        match c {
            '{' => *open += 1,
            '}' => {
                *open -= 1;
                if *open == 0 {
                    return &text[at + 1..];
                }
            }
            ',' => begins = *open == 1,
            c if begins && *open == 1 && (c.is_alphanumeric() || c == '_') => {
                found(words(&text[at..])[0]);
                begins = false;
            }
            _ => {}
        }
    }
    ""
}

/// A shortest circle, from the part that comes first: each part with the line that imports from the next.
fn shortest_circle<'a>(imports: &Imports<'a>) -> Option<Vec<(&'a str, Place<'a>)>> {
    let circles = imports.keys().filter_map(|start| way_back(imports, start));
    circles.min_by_key(Vec::len)
}

fn way_back<'a>(imports: &Imports<'a>, start: &'a str) -> Option<Vec<(&'a str, Place<'a>)>> {
    let mut seen = BTreeSet::from([start]);
    let mut ways = VecDeque::from([(start, Vec::new())]);
    while let Some((part, way)) = ways.pop_front() {
        for (next, place) in imports.get(part).into_iter().flatten() {
            let mut way = way.clone();
            way.push((part, *place));
            if *next == start {
                return Some(way);
            }
            if seen.insert(next) {
                ways.push_back((next, way));
            }
        }
    }
    None
}
