//! Prosody as Debian packages and configures it, with `mod_mam` switched on and federation off.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::Result;

use super::{
    ARCHIVIST, DOMAIN, PASSWORD, Places, Setup, Started, archived_body, free_address, log_file,
    usernames,
};
use crate::process::Process;
use crate::scram::stored_keys_sha1;

/// The modules of Debian's `prosody.cfg.lua`, without `limits` (it would measure its own throttle), without
/// federation, and without in-band registration and the administrators' shell.
const MODULES: &str = "'disco'; 'roster'; 'saslauth'; 'tls'; 'blocklist'; 'bookmarks'; 'carbons'; 'pep'; 'private'; 'smacks'; \
     'vcard4'; 'vcard_legacy'; 'csi_simple'; 'ping'; 'time'; 'uptime'; 'version'; 'posix'";

pub(super) fn start(places: &Places, folder: &Path, setup: &Setup) -> Result<Started> {
    let address = free_address()?;
    let data = folder.join("data");
    write_accounts(&data, setup)?;
    if setup.archived > 0 {
        write_archive(&data, setup.archived)?;
    }
    let configuration = folder.join("prosody.cfg.lua");
    fs::write(
        &configuration,
        format!(
            "run_as_root = true\n\
             pidfile = '{folder}/prosody.pid'\n\
             data_path = '{data}'\n\
             log = {{ warn = '{folder}/prosody.log' }}\n\
             modules_enabled = {{ {MODULES}{mam} }}\n\
             modules_disabled = {{ 's2s' }}\n\
             interfaces = {{ '127.0.0.1' }}\n\
             c2s_ports = {{ {port} }}\n\
             c2s_direct_tls_ports = {{ }}\n\
             c2s_require_encryption = false\n\
             authentication = 'internal_hashed'\n\
             storage = 'internal'\n\
             default_archive_policy = true\n\
             archive_expires_after = 'never'\n\
             storage_archive_item_limit = 10000000\n\
             VirtualHost '{DOMAIN}'\n\
             ssl = {{ certificate = '{certificate}', key = '{key}' }}\n\
             Component 'rooms.{DOMAIN}' 'muc'\n\
             modules_enabled = {{ 'muc_mam' }}\n\
             muc_log_by_default = true\n",
            folder = folder.display(),
            data = data.display(),
            mam = if setup.archive { "; 'mam'" } else { "" },
            port = address.port(),
            certificate = places.identity.certificate.display(),
            key = places.identity.key.display(),
        ),
    )?;
    let output = log_file(folder)?;
    let at = Instant::now();
    let process = Process::start(
        "prosody",
        Command::new("prosody")
            .arg("--config")
            .arg(&configuration)
            .arg("-F")
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output),
    )?;
    Ok(Started {
        process,
        address,
        at,
        prefilled: setup.archived,
    })
}

/// Accounts as `mod_auth_internal_hashed` keeps them; all share one salt, so the keys are derived once.
fn write_accounts(data: &Path, setup: &Setup) -> Result<()> {
    let salt = "2b1c3f0e-load";
    let iterations = 10_000;
    let keys = stored_keys_sha1(PASSWORD, salt.as_bytes(), iterations);
    let text = format!(
        "return {{ [\"iteration_count\"] = {iterations}; [\"salt\"] = \"{salt}\"; [\"stored_key\"] = \"{}\"; [\"server_key\"] = \"{}\"; }};\n",
        hex(&keys.stored_key),
        hex(&keys.server_key),
    );
    let accounts = data.join(DOMAIN).join("accounts");
    fs::create_dir_all(&accounts)?;
    for name in usernames(setup) {
        fs::write(accounts.join(format!("{name}.dat")), &text)?;
    }
    Ok(())
}

/// An archive as `mod_storage_internal` keeps it: one call of `item` for each message.
fn write_archive(data: &Path, messages: usize) -> Result<()> {
    let folder = data.join(DOMAIN).join("archive");
    fs::create_dir_all(&folder)?;
    let first = 1_700_000_000;
    let mut text = String::new();
    for number in 0..messages {
        writeln!(
            text,
            "item({{ {{ \"{body}\"; name=\"body\"; attr={{}} }}; name=\"message\"; attr={{ to=\"{ARCHIVIST}@{DOMAIN}\"; \
             from=\"u0@{DOMAIN}/load\"; id=\"m{number}\"; type=\"chat\"; stamp=\"2023-11-14T22:13:20Z\" }}; \
             key=\"k{number:09}\"; when={when}; with=\"u0@{DOMAIN}\" }});",
            body = archived_body(number),
            when = first + number,
        )?;
    }
    fs::write(folder.join(format!("{ARCHIVIST}.list")), text)?;
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
