//! `logout`: signs out, and deletes what is kept here.

use anyhow::bail;
use client::{Command, ConnectionState, DeviceId, Event};

use super::{Whereabouts, open, remark, say, terminal};
use crate::cli::Logout;
use crate::runtime::engine::Happening;
use crate::service::Host;

pub(super) async fn logout(place: &Whereabouts, logout: &Logout) -> anyhow::Result<()> {
    let (account, folder) = place.folder()?;
    let Some(_lock) = folder.lock()? else {
        bail!("another hauspost-agent has {account} just now: end it first");
    };
    if !logout.yes {
        let Some(terminal) = terminal::open() else {
            bail!("there is no terminal to ask whether to delete keys and messages; use --yes");
        };
        let question = format!(
            "Keys and messages of {account} on this machine are deleted. What no other device of yours has is lost.\nType yes: "
        );
        let answer = terminal::ask(&terminal, &question)?;
        if !matches!(answer.trim().to_lowercase().as_str(), "yes" | "ja") {
            bail!("nothing was changed");
        }
    }
    let mut host = Host::new(open(&account, &folder, &folder.profile()?)?);
    if let Err(why) = sign_out(&mut host).await {
        remark(&format!(
            "hauspost-agent: the server could not be told ({why}). From another device of yours, take this one out: `hauspost-agent devices --revoke {}`",
            own_number(&host)
        ));
    }
    drop(host);
    folder.remove()?;
    say(&format!(
        "{account} is signed out; its keys and messages here are deleted."
    ))
}

fn own_number(host: &Host) -> String {
    let devices = host
        .engine()
        .client()
        .devices(&host.engine().account().clone());
    devices
        .ok()
        .and_then(|devices| devices.into_iter().find(|device| device.this))
        .map_or_else(
            || "NUMBER".to_owned(),
            |device| DeviceId::to_string(&device.device),
        )
}

/// Tells the server; the error says why that was not possible.
async fn sign_out(host: &mut Host) -> Result<(), String> {
    let told = async {
        host.engine_mut()
            .command(Command::Connect)
            .map_err(|error| error.to_string())?;
        let mut asked = false;
        loop {
            match host.next().await.map_err(|error| error.to_string())? {
                Happening::Event(Event::Connection(ConnectionState::Online)) => {
                    asked = true;
                    host.engine_mut()
                        .command(Command::LogOut)
                        .map_err(|error| error.to_string())?;
                }
                Happening::Event(Event::Connection(ConnectionState::Offline)) if asked => {
                    return Ok(());
                }
                Happening::Event(
                    Event::Connection(ConnectionState::Waiting { text, .. })
                    | Event::LoginFailed { text },
                ) => return Err(text),
                _ => {}
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), told)
        .await
        .unwrap_or_else(|_| Err("it does not answer".to_owned()))
}
