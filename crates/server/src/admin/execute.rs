//! Carrying requests out: on a running server with its messenger, on a stopped one with its store alone.

use std::future::Future;

use base::BareJid;
use chat::Chat;
use store::{Account, AccountChange, Batch, CheckDepth, Imported, NewAccount, Store, StoreError};
use xmpp::condition::StreamCondition;

use super::{AccountData, KeyData, Listed, Reply, Request};
use crate::net::Clock;

/// Accounts in one page of a list.
const PAGE: usize = 1000;

/// What requests work on.
#[derive(Clone)]
pub struct Execution {
    /// Where accounts are kept.
    pub store: Store,
    /// The part after the @.
    pub domain: String,
    /// The messenger of a running server, and its clock.
    pub chat: Option<(Chat, Clock)>,
}

/// Carries out one request; every failure is a reply.
pub async fn execute(execution: &Execution, request: Request) -> Reply {
    match carry_out(execution, request).await {
        Ok(reply) => reply,
        Err(problem) => Reply::Failed { problem },
    }
}

async fn carry_out(execution: &Execution, request: Request) -> Result<Reply, String> {
    let store = &execution.store;
    match request {
        Request::Status => Ok(Reply::Status {
            program: env!("CARGO_PKG_VERSION").to_owned(),
            domain: execution.domain.clone(),
            pid: std::process::id(),
        }),
        Request::UserAdd(data) => {
            let account = new_account(&data, &execution.domain)?;
            let address = format!("{}@{}", account.localpart, execution.domain);
            match store.account_create(account).await {
                Ok(_) => Ok(Reply::Done),
                Err(StoreError::AlreadyExists) => Err(format!(
                    "{address} exists already; choose another name, or give it a new password with `hauspost user passwd`"
                )),
                Err(error) => Err(error.to_string()),
            }
        }
        Request::UserImport { accounts } => {
            let names: Vec<String> = accounts.iter().map(|data| data.name.clone()).collect();
            let accounts: Result<Vec<_>, _> = accounts
                .iter()
                .map(|data| new_account(data, &execution.domain))
                .collect();
            let imported = store
                .account_import(accounts?)
                .await
                .map_err(|error| error.to_string())?;
            let existing: Vec<String> = imported
                .iter()
                .zip(names)
                .filter(|(outcome, _)| matches!(outcome, Imported::Exists(_)))
                .map(|(_, name)| name)
                .collect();
            Ok(Reply::Imported {
                created: imported.len() - existing.len(),
                existing,
            })
        }
        Request::UserPasswd { name, keys } => {
            let account = find(execution, &name).await?;
            let mut batch = Batch::new();
            batch.account_change(
                account.id,
                AccountChange {
                    keys: Some(records(&keys)?),
                    ..AccountChange::default()
                },
            );
            batch.token_revoke_all(account.id);
            commit(store, batch).await?;
            end_sessions(execution, &account).await;
            Ok(Reply::Done)
        }
        Request::UserList { after } => {
            let page = store
                .account_list(after.as_deref(), PAGE)
                .await
                .map_err(|error| error.to_string())?;
            Ok(Reply::Accounts {
                accounts: page.accounts.iter().map(listed).collect(),
                more: page.more,
            })
        }
        Request::UserEnable { name, enabled } => {
            let account = find(execution, &name).await?;
            let mut batch = Batch::new();
            batch.account_change(
                account.id,
                AccountChange {
                    enabled: Some(enabled),
                    ..AccountChange::default()
                },
            );
            if !enabled {
                batch.token_revoke_all(account.id);
            }
            commit(store, batch).await?;
            if !enabled {
                end_sessions(execution, &account).await;
            }
            Ok(Reply::Done)
        }
        Request::UserRemove { name } => {
            let account = find(execution, &name).await?;
            store
                .account_remove(account.id)
                .await
                .map_err(|error| error.to_string())?;
            end_sessions(execution, &account).await;
            Ok(Reply::Done)
        }
        Request::Backup { target } => {
            store
                .backup(target, None)
                .await
                .map_err(|error| error.to_string())?;
            Ok(Reply::Done)
        }
        Request::Check { full } => {
            let depth = if full {
                CheckDepth::Full
            } else {
                CheckDepth::Quick
            };
            let report = store
                .check(depth)
                .await
                .map_err(|error| error.to_string())?;
            Ok(Reply::Checked {
                problems: report.problems,
                accounts: report.accounts,
                entries: report.entries,
            })
        }
    }
}

/// Whether any account may administer; reads the whole list, so not for hot paths.
///
/// # Errors
/// When the store cannot be read.
pub async fn has_administrator(store: &Store) -> Result<bool, StoreError> {
    let mut after: Option<String> = None;
    loop {
        let page = store.account_list(after.as_deref(), PAGE).await?;
        if page
            .accounts
            .iter()
            .any(|account| account.admin && account.enabled)
        {
            return Ok(true);
        }
        match page.accounts.last() {
            Some(last) if page.more => after = Some(last.localpart.to_string()),
            _ => return Ok(false),
        }
    }
}

fn commit(store: &Store, batch: Batch) -> impl Future<Output = Result<(), String>> {
    let ticket = store.submit(batch).ticket;
    async move { ticket.await.map_err(|error| error.to_string()) }
}

/// The localpart meant by a name that an administrator typed, with or without our domain.
pub(crate) fn localpart(name: &str, domain: &str) -> Result<String, String> {
    let local = match name.rsplit_once('@') {
        Some((local, other)) if other.eq_ignore_ascii_case(domain) => local,
        Some((_, other)) => {
            return Err(format!(
                "{name}: this server is {domain}, not {other}; leave the part after the @ out"
            ));
        }
        None => name,
    };
    base::jid::local_part_strict(local).map_err(|error| {
        format!("\"{local}\" cannot be a name: {error}; use letters, digits, `.`, `-` and `_`")
    })
}

async fn find(execution: &Execution, name: &str) -> Result<Account, String> {
    let local = localpart(name, &execution.domain)?;
    execution
        .store
        .account_find(&local)
        .await
        .map_err(|error| error.to_string())?
        .ok_or_else(|| {
            format!(
                "there is no {local}@{}; `hauspost user list` shows who there is",
                execution.domain
            )
        })
}

async fn end_sessions(execution: &Execution, account: &Account) {
    if let Some((chat, clock)) = &execution.chat
        && let Ok(address) = BareJid::new(Some(&account.localpart), &execution.domain)
    {
        chat.end_sessions(&address, StreamCondition::NotAuthorized, clock.now())
            .await;
    }
}

fn new_account(data: &AccountData, domain: &str) -> Result<NewAccount, String> {
    Ok(NewAccount {
        localpart: localpart(&data.name, domain)?.into(),
        display_name: data.display_name.as_deref().map(Into::into),
        admin: data.admin,
        groups: data
            .groups
            .iter()
            .map(|group| group.as_str().into())
            .collect(),
        keys: records(&data.keys)?,
    })
}

fn records(keys: &[KeyData]) -> Result<Vec<store::ScramRecord>, String> {
    keys.iter()
        .map(|key| key.record().ok_or_else(|| "a key is no base64".to_owned()))
        .collect()
}

fn listed(account: &Account) -> Listed {
    Listed {
        name: account.localpart.to_string(),
        display_name: account.display_name.as_deref().map(str::to_owned),
        admin: account.admin,
        enabled: account.enabled,
        groups: account.groups.iter().map(ToString::to_string).collect(),
    }
}
