//! `hauspost user`.

use std::fmt::Write;

use store::Role;

use super::{import, password, print};
use crate::admin::{AccountData, KeyData, Reply, Request, open_existing, open_target};
use crate::cli::User;
use crate::config::Config;
use crate::keys;

/// Runs one of the commands about people.
pub(super) fn run(config: &Config, user: &User) -> anyhow::Result<()> {
    match user {
        User::Add {
            name,
            admin,
            role,
            display_name,
            password_stdin,
        } => {
            let mut target = open_target(config)?;
            let keys = new_keys(config, name, *password_stdin)?;
            target.ask(Request::UserAdd(AccountData {
                name: name.clone(),
                display_name: display_name.clone(),
                role: if *admin {
                    Some(Role::Owner.name().to_owned())
                } else {
                    role.clone()
                },
                groups: Vec::new(),
                keys,
            }))?;
            done(config, name, "added")
        }
        User::Passwd {
            name,
            password_stdin,
        } => {
            let mut target = open_target(config)?;
            let keys = new_keys(config, name, *password_stdin)?;
            target.ask(Request::UserPasswd {
                name: name.clone(),
                keys,
            })?;
            done(config, name, "has a new password")
        }
        User::List => list(config),
        User::Disable { name } => enable(config, name, false),
        User::Enable { name } => enable(config, name, true),
        User::Groups { name, groups, none } => {
            let wanted = (*none || !groups.is_empty()).then(|| groups.clone());
            let request = Request::UserGroups {
                name: name.clone(),
                groups: wanted,
            };
            let Reply::Groups { groups } = open_target(config)?.ask(request)? else {
                anyhow::bail!("the server answered something else");
            };
            let text: String = groups.iter().map(|group| format!("{group}\n")).collect();
            print(&text)
        }
        User::Role { name, role } => {
            let request = Request::UserRole {
                name: name.clone(),
                role: role.clone(),
            };
            let Reply::Role { role } = open_target(config)?.ask(request)? else {
                anyhow::bail!("the server answered something else");
            };
            print(&format!("{role}\n"))
        }
        User::Access { name } => access(config, name),
        User::Revoke { name, id } => {
            let request = Request::UserRevoke {
                name: name.clone(),
                id: id.clone(),
            };
            let Reply::Revoked { password_known } = open_existing(config)?.ask(request)? else {
                anyhow::bail!("the server answered something else");
            };
            print(if password_known {
                "signed out; whoever has it knows the password, so only a new password keeps it out\n"
            } else {
                "it has no access any more\n"
            })
        }
        User::Remove { name } => {
            open_target(config)?.ask(Request::UserRemove { name: name.clone() })?;
            done(config, name, "removed")
        }
        User::Invite { name, days, uses } => invite(config, name.as_deref(), *days, *uses),
        User::Invitations => invitations(config),
        User::Uninvite { id } => {
            open_target(config)?.ask(Request::UserUninvite { id: id.clone() })?;
            print(&format!("invitation {id} has ended\n"))
        }
        User::Import { file, iterations } => import::run(config, file, *iterations),
    }
}

fn new_keys(config: &Config, name: &str, from_stdin: bool) -> anyhow::Result<Vec<KeyData>> {
    let password = password::obtain(from_stdin, &address(config, name))?;
    let records = keys::derive(&password, config.auth.scram_iterations)?;
    Ok(records.iter().map(KeyData::from).collect())
}

fn enable(config: &Config, name: &str, enabled: bool) -> anyhow::Result<()> {
    open_target(config)?.ask(Request::UserEnable {
        name: name.to_owned(),
        enabled,
    })?;
    done(
        config,
        name,
        if enabled {
            "may log in"
        } else {
            "may not log in any more"
        },
    )
}

fn address(config: &Config, name: &str) -> String {
    if name.contains('@') {
        name.to_owned()
    } else {
        format!("{name}@{}", config.domain)
    }
}

fn done(config: &Config, name: &str, what: &str) -> anyhow::Result<()> {
    print(&format!("{} {what}\n", address(config, name)))
}

fn invite(config: &Config, name: Option<&str>, days: Option<u32>, uses: u32) -> anyhow::Result<()> {
    let request = Request::UserInvite {
        name: name.map(str::to_owned),
        days,
        uses,
    };
    let Reply::Invitation {
        uri,
        token,
        page,
        expires,
    } = open_target(config)?.ask(request)?
    else {
        anyhow::bail!("the server answered something else");
    };
    // Without an address for browsers, this machine's is shown: whoever runs this can reach it.
    let local = || {
        let door = config
            .listen
            .http
            .iter()
            .find(|door| door.ip().is_loopback())?;
        Some(format!("http://{door}/invite/{token}"))
    };
    let mut text = String::new();
    if let Some(page) = page.or_else(local) {
        let _ = writeln!(text, "{page}");
    }
    if config.registration.mode != crate::config::RegistrationMode::Off {
        let _ = writeln!(text, "{uri}");
    }
    let _ = writeln!(text, "works until {expires}");
    print(&text)
}

fn access(config: &Config, name: &str) -> anyhow::Result<()> {
    let request = Request::UserAccess {
        name: name.to_owned(),
    };
    let Reply::Access { list } = open_existing(config)?.ask(request)? else {
        anyhow::bail!("the server answered something else");
    };
    let mut text = String::new();
    for one in list {
        let kind = match one.app_password {
            true => "app password",
            false => "device",
        };
        let connected = if one.connected { "connected" } else { "-" };
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let _ = writeln!(
            text,
            "{}\t{kind}\t{connected}\t{}\t{}\t{}\t{}",
            one.id,
            or_dash(&one.first_seen),
            or_dash(&one.last_seen),
            or_dash(&one.software),
            or_dash(&one.device)
        );
    }
    print(&text)
}

fn invitations(config: &Config) -> anyhow::Result<()> {
    let Reply::Invitations { list } = open_existing(config)?.ask(Request::UserInvitations)? else {
        anyhow::bail!("the server answered something else");
    };
    let mut text = String::new();
    for one in &list {
        let _ = writeln!(
            text,
            "{}\t{}\t{}/{}\t{}\t{}\t{}\t{}",
            one.id,
            if one.open { "open" } else { "ended" },
            one.times,
            one.uses,
            one.expires,
            if one.account { "account" } else { "contact" },
            one.name.as_deref().unwrap_or_default(),
            one.inviter.as_deref().unwrap_or_default(),
        );
    }
    print(&text)
}

fn list(config: &Config) -> anyhow::Result<()> {
    let mut target = open_existing(config)?;
    let mut after = None;
    loop {
        let Reply::Accounts { accounts, more } = target.ask(Request::UserList {
            after: after.take(),
        })?
        else {
            anyhow::bail!("the server answered something else");
        };
        let mut text = String::new();
        for account in &accounts {
            let _ = writeln!(
                text,
                "{}@{}\t{}\t{}\t{}\t{}",
                account.name,
                config.domain,
                if account.enabled {
                    "enabled"
                } else {
                    "disabled"
                },
                account.role,
                account
                    .display_name
                    .as_deref()
                    .unwrap_or_default()
                    .replace(['\t', '\n'], " "),
                account.groups.join(";").replace(['\t', '\n'], " "),
            );
        }
        print(&text)?;
        after = accounts.last().map(|account| account.name.clone());
        if !more || after.is_none() {
            return Ok(());
        }
    }
}
