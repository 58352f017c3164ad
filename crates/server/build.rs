//! Takes the web client into the binary, as `cargo xtask web` has built it; without it there is none, and the binary says so.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// One file in all its forms.
#[derive(Default)]
struct Forms {
    identity: Option<PathBuf>,
    brotli: Option<PathBuf>,
    gzip: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../web/dist");
    // The folder is always there; what is in it may not be.
    println!("cargo:rerun-if-changed={}", folder.display());
    println!("cargo:rerun-if-changed=build.rs");
    let site = folder.join("site");
    let mut files = BTreeMap::new();
    if site.is_dir() {
        gather(&site, "", &mut files)?;
    }
    let mut table = String::from("&[\n");
    for (path, forms) in &files {
        let Some(identity) = &forms.identity else {
            continue;
        };
        let mut hasher = DefaultHasher::new();
        hasher.write(&fs::read(identity)?);
        let packed = |path: &Option<PathBuf>| match path {
            Some(path) => format!("Some(include_bytes!({path:?}))"),
            None => "None".to_owned(),
        };
        writeln!(
            table,
            "File {{ path: {path:?}, tag: \"\\\"{:016x}\\\"\", identity: include_bytes!({identity:?}), brotli: {}, gzip: {} }},",
            hasher.finish(),
            packed(&forms.brotli),
            packed(&forms.gzip),
        )?;
    }
    table.push(']');
    fs::write(Path::new(&env::var("OUT_DIR")?).join("web.rs"), table)?;
    Ok(())
}

fn gather(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Forms>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = format!("{prefix}/{}", name.to_string_lossy());
        if path.is_dir() {
            gather(&path, &name, files)?;
        } else if let Some(of) = name.strip_suffix(".br") {
            files.entry(of.to_owned()).or_default().brotli = Some(path);
        } else if let Some(of) = name.strip_suffix(".gz") {
            files.entry(of.to_owned()).or_default().gzip = Some(path);
        } else {
            files.entry(name).or_default().identity = Some(path);
        }
    }
    Ok(())
}
