//! `hauspost export` and `hauspost import`.

use std::path::Path;

use anyhow::Context;

use super::print;
use crate::admin::{Reply, Request, open_target};
use crate::config::Config;

/// Names shown in one line.
const SHOWN: usize = 20;

fn absolute(path: &Path) -> anyhow::Result<std::path::PathBuf> {
    std::path::absolute(path).with_context(|| format!("{} is no path", path.display()))
}

pub(super) fn export(config: &Config, target: &Path, folder: bool) -> anyhow::Result<()> {
    // A name that ends with a slash can only be a folder's.
    let folder = folder || target.as_os_str().as_encoded_bytes().ends_with(b"/");
    let target = absolute(target)?;
    let request = Request::Export {
        target: target.clone(),
        folder,
    };
    let Reply::Exported { accounts } = open_target(config)?.ask(request)? else {
        anyhow::bail!("the server answered something else");
    };
    print(&format!(
        "{accounts} accounts are in {}; it holds keys and messages, so keep it where nobody else can read it\n",
        target.display()
    ))
}

pub(super) fn import(config: &Config, source: &Path) -> anyhow::Result<()> {
    let request = Request::Import {
        source: absolute(source)?,
    };
    let Reply::TakenIn {
        created,
        existing,
        messages,
        notes,
        more,
    } = open_target(config)?.ask(request)?
    else {
        anyhow::bail!("the server answered something else");
    };
    let mut text = format!("{created} accounts with {messages} archived messages were taken in\n");
    if !existing.is_empty() {
        let rest = existing.len().saturating_sub(SHOWN);
        let names = existing.iter().take(SHOWN).map(String::as_str);
        let names = names.collect::<Vec<_>>().join(", ");
        let rest = if rest > 0 {
            format!(" and {rest} more")
        } else {
            String::new()
        };
        text.push_str(&format!("there already, and unchanged: {names}{rest}\n"));
    }
    for note in notes {
        text.push_str(&format!("  {note}\n"));
    }
    if more > 0 {
        text.push_str(&format!("  … and {more} more\n"));
    }
    print(&text)
}
