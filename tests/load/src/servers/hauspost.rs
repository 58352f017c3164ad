//! Hauspost: durable archive, one setting away from its defaults where the peers are too (plain text over loopback,
//! no throttle, readable text allowed).

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Result, ensure};

use super::{DOMAIN, PASSWORD, Places, Setup, Started, free_address, log_file, usernames};
use crate::process::Process;

pub(super) fn start(places: &Places, folder: &Path, setup: &Setup) -> Result<Started> {
    let address = free_address()?;
    let configuration = folder.join("hauspost.toml");
    fs::write(
        &configuration,
        format!(
            "domain = \"{DOMAIN}\"\n\
             data_dir = \"{folder}/data\"\n\
             [listen]\nxmpp = [\"{address}\"]\nxmpp_tls = []\nfederation = []\nfederation_tls = []\nhttp = []\nmedia = []\n\
             [tls]\nmode = \"files\"\ncertificate = \"{certificate}\"\nkey = \"{key}\"\n\
             [auth]\nplaintext_on_loopback = true\n\
             [archive]\nenabled = {archive}\n\
             [limits]\npreauth_connections_per_address = 100000\npreauth_connections = 100000\n\
             input_bytes_per_second = 1000000000\ninput_burst_bytes = 1000000000\n\
             [policy.encryption]\ndirect = \"default\"\ngroups = \"default\"\n",
            folder = folder.display(),
            certificate = places.identity.certificate.display(),
            key = places.identity.key.display(),
            archive = setup.archive,
        ),
    )?;
    let mut accounts = String::new();
    for name in usernames(setup) {
        writeln!(accounts, "{name},{PASSWORD}")?;
    }
    let list = folder.join("accounts.csv");
    fs::write(&list, accounts)?;
    let output = log_file(folder)?;
    let imported = Command::new(&places.hauspost)
        .arg("--config")
        .arg(&configuration)
        .args(["user", "import"])
        .arg(&list)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output.try_clone()?)
        .status()?;
    ensure!(
        imported.success(),
        "hauspost user import failed: {}",
        fs::read_to_string(folder.join("output.log"))?
    );
    let at = Instant::now();
    let process = Process::start(
        "hauspost",
        Command::new(&places.hauspost)
            .arg("--config")
            .arg(&configuration)
            .arg("serve")
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output),
    )?;
    Ok(Started {
        process,
        address,
        at,
        prefilled: 0,
    })
}
