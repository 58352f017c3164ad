//! `login`: makes this machine a device of an account.

use std::io::BufRead;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use client::{BareJid, ConnectionState, Credentials, Event, Redacted, fingerprint};

use super::{Whereabouts, open, remark, say, terminal};
use crate::cli::Login;
use crate::folder::{Folder, Profile};
use crate::runtime::engine::Happening;
use crate::runtime::names::Place;
use crate::runtime::tls::{Fingerprint, Refused};
use crate::service::Host;

pub(super) async fn login(place: &Whereabouts, login: &Login) -> anyhow::Result<()> {
    let account = &login.address;
    let folder = Folder::of(&place.root, account);
    let is_new = !folder.has_account();
    folder.make()?;
    let Some(_lock) = folder.lock()? else {
        bail!("another hauspost-agent has {account} just now: end it first");
    };
    let result = log_in(&folder, login).await;
    if result.is_err() && is_new && !folder.has_account() {
        // Nothing was made that anybody could miss.
        let _ = folder.remove();
    }
    result
}

async fn log_in(folder: &Folder, login: &Login) -> anyhow::Result<()> {
    let account = &login.address;
    let mut profile = profile(folder, login)?;
    let password = password(login)?;
    let mut host = Host::new(open(account, folder, &profile)?);
    let credentials = Credentials::Password(password);
    host.engine_mut().login(credentials)?;
    loop {
        match host.next().await? {
            Happening::Event(Event::Connection(ConnectionState::Online)) => break,
            Happening::Event(Event::LoginFailed { text }) => bail!("{text}"),
            Happening::Event(Event::Connection(ConnectionState::Waiting { text, .. })) => {
                let Some(refused) = host.engine().dialer().tls.take_refused() else {
                    bail!("{text}");
                };
                let believed = believe(account, &refused)?;
                host.engine().dialer().tls.trust(believed);
                profile.trusted_certificate = Some(believed.to_string());
                host.engine_mut().command(client::Command::Connect)?;
            }
            _ => {}
        }
    }
    folder.keep(&profile)?;
    settled(&mut host).await?;
    tell(&host, &profile)?;
    host.leave().await;
    Ok(())
}

/// Waits until the account lists this device with its keys: then others can write to it.
async fn settled(host: &mut Host) -> anyhow::Result<()> {
    let settled = async {
        let mut looks = tokio::time::interval(Duration::from_millis(100));
        while !is_listed(host) {
            tokio::select! {
                happening = host.next() => {
                    if let Happening::Event(Event::LoginFailed { text }) = happening? {
                        bail!("{text}");
                    }
                }
                _ = looks.tick() => {}
            }
        }
        Ok(())
    };
    let settled = tokio::time::timeout(Duration::from_secs(30), settled).await;
    settled.unwrap_or_else(|_| {
        remark("The server takes its time with the keys of this device: what is written to you before they are there cannot be read here.");
        Ok(())
    })
}

/// Whether the account lists this device.
fn is_listed(host: &Host) -> bool {
    let devices = host.engine().client().devices(host.engine().account());
    devices.is_ok_and(|devices| {
        devices
            .iter()
            .any(|device| device.this && !device.forms.is_empty())
    })
}

fn tell(host: &Host, profile: &Profile) -> anyhow::Result<()> {
    let devices = host
        .engine()
        .client()
        .devices(&host.engine().account().clone())?;
    let this = devices
        .iter()
        .find(|device| device.this)
        .context("the engine does not know this device")?;
    say(&format!(
        "Logged in as {}. This device is “{}”, number {}.",
        profile.address, profile.device_name, this.device
    ))?;
    if let Some(identity) = &this.identity {
        say(&format!("Its fingerprint: {}", fingerprint(identity)))?;
    }
    let others = devices
        .iter()
        .filter(|device| !device.this && !device.forms.is_empty())
        .count();
    if others > 0 {
        remark(&format!(
            "The account has {others} more: compare fingerprints with `hauspost-agent verify {}`.",
            profile.address
        ));
    }
    Ok(())
}

/// What is kept of the account, with what the command line says anew.
fn profile(folder: &Folder, login: &Login) -> anyhow::Result<Profile> {
    let before = folder.has_account().then(|| folder.profile()).transpose()?;
    if let Some(place) = &login.connect {
        place
            .parse::<Place>()
            .map_err(|error| anyhow!("--connect: {error}"))?;
    }
    let trusted = login
        .trust_certificate
        .as_deref()
        .map(str::parse::<Fingerprint>)
        .transpose()
        .map_err(|error| anyhow!("--trust-certificate: {error}"))?;
    if trusted.is_some() {
        remark(
            "WARNING: the server's certificate is believed by its fingerprint alone, without any authority. If the fingerprint did not come from the administrator by a safe way, somebody else may be reading who you are and whom you write to.",
        );
    }
    let ca = login
        .ca
        .as_deref()
        .map(|file| std::path::absolute(file).with_context(|| format!("--ca: {}", file.display())))
        .transpose()?;
    let before = before.unwrap_or_else(|| Profile {
        address: login.address.to_string(),
        device_name: machine_name(),
        connect: None,
        ca: None,
        trusted_certificate: None,
    });
    Ok(Profile {
        address: login.address.to_string(),
        device_name: login.device_name.clone().unwrap_or(before.device_name),
        connect: login.connect.clone().or(before.connect),
        ca: ca.or(before.ca),
        trusted_certificate: trusted
            .map(|fingerprint| fingerprint.to_string())
            .or(before.trusted_certificate),
    })
}

fn machine_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "terminal".to_owned())
}

fn password(login: &Login) -> anyhow::Result<Redacted<String>> {
    if login.password_stdin {
        let mut line = String::new();
        std::io::stdin()
            .lock()
            .read_line(&mut line)
            .context("standard input cannot be read as UTF-8 text")?;
        while line.ends_with(['\n', '\r']) {
            line.pop();
        }
        if line.is_empty() {
            bail!("standard input held no password; write it as the first line");
        }
        return Ok(Redacted::new(line));
    }
    let Some(terminal) = terminal::open() else {
        bail!("there is no terminal to ask for the password; use --password-stdin");
    };
    let question = format!("Password of {}: ", login.address);
    Ok(Redacted::new(terminal::ask_hidden(&terminal, &question)?))
}

/// Asks whether to believe a certificate.
fn believe(account: &BareJid, refused: &Refused) -> anyhow::Result<Fingerprint> {
    if refused.changed {
        bail!(certificate_warning(account, refused));
    }
    let Some(terminal) = terminal::open() else {
        bail!(certificate_warning(account, refused));
    };
    let question = format!(
        "The certificate of {} cannot be checked: {}.\n\
         Its fingerprint (SHA-256) is\n  {}\n\
         Compare it with what the administrator says. If it is another one, somebody is in between.\n\
         Believe this certificate from now on? Type yes: ",
        account.domain(),
        refused.reason,
        refused.fingerprint
    );
    let answer = terminal::ask(&terminal, &question)?;
    if matches!(answer.trim().to_lowercase().as_str(), "yes" | "ja") {
        Ok(refused.fingerprint)
    } else {
        bail!("nothing was sent: the certificate is not believed")
    }
}

/// Why a certificate was refused, and what to do.
pub(crate) fn certificate_warning(account: &BareJid, refused: &Refused) -> String {
    let domain = account.domain();
    if refused.changed {
        format!(
            "THE CERTIFICATE OF {domain} HAS CHANGED: somebody may be in between. Nothing was sent. \
             The new fingerprint (SHA-256) is {}. Ask the administrator; if it is right, run \
             `hauspost-agent login {account} --trust-certificate FINGERPRINT` with it",
            refused.fingerprint
        )
    } else {
        format!(
            "the certificate of {domain} cannot be believed: {}. Nothing was sent. Its fingerprint (SHA-256) is {}. \
             Name the authority with `login --ca FILE`, or, after comparing it with what the administrator says, run \
             `hauspost-agent login {account} --trust-certificate FINGERPRINT`",
            refused.reason, refused.fingerprint
        )
    }
}
