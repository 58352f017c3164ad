//! `cargo xtask web`: the web client, from Rust and TypeScript to files that the server takes into itself.
//!
//! Nothing is built whose inputs have not changed. Of the same inputs and tools the same bytes come out wherever they are built:
//! paths of the machine are left out, and versions are those of the lock files.

use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::web_tools::{self, Compiler};
use crate::{run, serve};

/// What the engine is made of, beside `Cargo.lock`.
const ENGINE: &[&str] = &[
    "crates/base",
    "crates/xmpp",
    "crates/omemo",
    "crates/client",
    "crates/client-wasm",
    "xtask/bindgen",
];
/// What the pages are made of, beside the engine.
const PAGES: &[&str] = &["web/src", "web/public"];
const GENERATED: &str = "web/src/core/generated";
const BORDER: &str = "web/src/core/border.d.ts";
const SITE: &str = "web/dist/site";
/// What JavaScript may weigh at the first visit, and the engine, both as brotli, in bytes.
const MOST_JAVASCRIPT: u64 = 200 * 1024;
const MOST_ENGINE: u64 = 1536 * 1024;

/// Builds what has changed. Gives the program `node` that was used, for those who test.
pub(crate) fn build(root: &Path) -> Result<PathBuf> {
    let target = serve::target_directory(root)?;
    let state = target.join("web-client");
    fs::create_dir_all(&state)?;
    let node = web_tools::node(&state)?;

    let mut engine_inputs: Vec<PathBuf> = ENGINE.iter().map(|path| root.join(path)).collect();
    engine_inputs.extend([root.join("Cargo.lock"), root.join("Cargo.toml")]);
    let engine = fingerprint(root, &engine_inputs)?;
    let generated = root.join(GENERATED);
    if !is_current(&state.join("engine"), &engine) || !generated.join("engine_bg.wasm").exists() {
        build_engine(root, &target, &generated)?;
        fs::write(state.join("engine"), &engine)?;
    }

    let lock = fingerprint(root, &[root.join("web/package-lock.json")])?;
    let modules = root.join("web/node_modules");
    let stamp = modules.join(".hauspost");
    if !is_current(&stamp, &lock) {
        run::succeed(npm(root, &node).arg("ci"))?;
        fs::write(&stamp, &lock)?;
    }

    let mut page_inputs: Vec<PathBuf> = PAGES.iter().map(|path| root.join(path)).collect();
    for file in [
        "index.html",
        "vite.config.ts",
        "svelte.config.js",
        "tsconfig.json",
    ] {
        page_inputs.push(root.join("web").join(file));
    }
    let pages = format!("{}{lock}{engine}", fingerprint(root, &page_inputs)?);
    let site = root.join(SITE);
    if !is_current(&state.join("pages"), &pages) || !site.join("index.html").exists() {
        run::succeed(npm(root, &node).args(["run", "build"]))?;
        fs::write(state.join("pages"), &pages)?;
        weigh(&site)?;
    }
    Ok(node)
}

/// The checks of TypeScript and its tests.
pub(crate) fn check(root: &Path, node: &Path) -> Result<()> {
    run::succeed(npm(root, node).args(["run", "check"]))?;
    run::succeed(npm(root, node).args(["run", "test"]))
}

fn npm(root: &Path, node: &Path) -> Command {
    let mut npm = web_tools::npm(node);
    npm.current_dir(root.join("web"));
    npm
}

fn build_engine(root: &Path, target: &Path, generated: &Path) -> Result<()> {
    let built = match web_tools::compiler(root)? {
        Compiler::Rustup => {
            run::succeed(
                run::cargo(root)
                    .args(["build", "--locked", "--package", "client-wasm"])
                    .args(["--profile", "web", "--target", "wasm32-unknown-unknown"])
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags(root)),
            )?;
            target.to_owned()
        }
        Compiler::Debian { linker } => {
            let own = target.join("debian");
            run::succeed(
                Command::new("/usr/bin/cargo")
                    .current_dir(root)
                    .args(["build", "--locked", "--package", "client-wasm"])
                    .args(["-Zbuild-std=std,panic_abort", "--target-dir"])
                    .arg(&own)
                    .args(["--profile", "web", "--target", "wasm32-unknown-unknown"])
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("RUSTC", "/usr/bin/rustc")
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags(root))
                    .env_remove("RUSTUP_TOOLCHAIN"),
            )?;
            own
        }
    };
    let module = built.join("wasm32-unknown-unknown/web/client_wasm.wasm");
    run::succeed(
        run::cargo(root)
            .args(["run", "--quiet", "--locked", "--package", "bindgen", "--"])
            .arg(module)
            .arg(generated),
    )?;
    // In the repository, so that TypeScript can be checked where no Rust was built.
    let types = fs::read_to_string(generated.join("engine.d.ts"))?;
    let border = root.join(BORDER);
    if fs::read_to_string(&border).is_ok_and(|before| before == types) {
        return Ok(());
    }
    println!("note: {BORDER} is another one now: commit it with the change of crates/client-wasm");
    Ok(fs::write(border, types)?)
}

/// No path of this machine in what goes to others.
fn flags(root: &Path) -> String {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")))
        .unwrap_or_default();
    format!(
        "--remap-path-prefix={}=/hauspost --remap-path-prefix={}=/cargo",
        root.display(),
        home.display()
    )
}

fn is_current(stamp: &Path, fingerprint: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|before| before == fingerprint)
}

/// What is in these files, and in all files of these folders.
fn fingerprint(root: &Path, paths: &[PathBuf]) -> Result<String> {
    let mut files = Vec::new();
    for path in paths {
        gather(path, &mut files)?;
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        let name = file.strip_prefix(root).unwrap_or(&file);
        hasher.write(name.as_os_str().as_encoded_bytes());
        hasher.write(&fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn gather(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries = fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    for entry in entries {
        let path = entry?.path();
        // What is generated follows from the rest.
        if !path.ends_with("generated") {
            gather(&path, files)?;
        }
    }
    Ok(())
}

/// Says what a first visit loads, and fails when it is too much.
fn weigh(site: &Path) -> Result<()> {
    let mut files = Vec::new();
    gather(site, &mut files)?;
    let size = |ending: &str| -> Result<u64> {
        let mut sum = 0;
        for file in files
            .iter()
            .filter(|file| file.to_string_lossy().ends_with(ending))
        {
            sum += fs::metadata(file)?.len();
        }
        Ok(sum)
    };
    let (javascript, engine) = (size(".js.br")?, size(".wasm.br")?);
    println!(
        "web client: JavaScript {} KiB, engine {} KiB, styles {} KiB, as brotli",
        javascript / 1024,
        engine / 1024,
        size(".css.br")? / 1024
    );
    if javascript > MOST_JAVASCRIPT || engine > MOST_ENGINE {
        bail!(
            "the web client is too heavy: JavaScript may have {} KiB, the engine {} KiB",
            MOST_JAVASCRIPT / 1024,
            MOST_ENGINE / 1024
        );
    }
    Ok(())
}
