//! Carrying requests out: on a running server with its messenger, on a stopped one with its store alone.

use std::sync::Arc;
use std::time::Duration;

use base::BareJid;
use chat::accounts::{ApiTokenWish, Authority, InvitationWish, Refusal};
use chat::{Chat, Language};
use store::{Account, CheckDepth, Imported, NewAccount, Role, Store, StoreError};

use super::{
    AccountData, AuditLine, KeyData, Listed, ListedAccess, ListedInvitation, ListedToken, Reply,
    Request,
};
use crate::identity::{Directory, Wish};
use crate::net::Clock;
use crate::portable;

/// Accounts in one page of a list.
const PAGE: usize = 1000;

/// What requests work on.
#[derive(Clone)]
pub struct Execution {
    /// The messenger: of the running server, or one over the store of a stopped one.
    pub chat: Chat,
    /// Its clock.
    pub clock: Clock,
    /// On whose authority.
    pub by: Authority,
    /// Where people come from besides.
    pub directory: Directory,
}

/// Carries out one request; every failure is a reply.
pub async fn execute(execution: &Execution, request: Request) -> Reply {
    match carry_out(execution, request).await {
        Ok(reply) => reply,
        Err(problem) => Reply::Failed { problem },
    }
}

async fn carry_out(execution: &Execution, request: Request) -> Result<Reply, String> {
    let Execution {
        chat,
        clock,
        by,
        directory,
    } = execution;
    let (store, domain, now) = (chat.store(), chat.domain(), clock.now());
    let told = |refusal: Refusal| refusal.text(Language::English);
    match request {
        Request::Status => Ok(Reply::Status {
            program: env!("CARGO_PKG_VERSION").to_owned(),
            domain: domain.to_string(),
            pid: std::process::id(),
        }),
        Request::UserAdd(data) => {
            let account = new_account(&data, &domain)?;
            let address = format!("{}@{domain}", account.localpart);
            let local = account.localpart.to_string();
            match chat.create_account(account, by, now).await {
                Ok(_) => Ok(Reply::Done),
                Err(Refusal::NameTaken) => match store.account_find(&local).await {
                    Ok(None) => Err(format!(
                        "{address} is kept for somebody who is invited; `hauspost user invitations` shows by which"
                    )),
                    _ => Err(format!(
                        "{address} exists already; choose another name, or give it a new password with `hauspost user passwd`"
                    )),
                },
                Err(refusal) => Err(told(refusal)),
            }
        }
        Request::UserImport { accounts } => {
            let names: Vec<String> = accounts.iter().map(|data| data.name.clone()).collect();
            let accounts: Result<Vec<_>, _> = accounts
                .iter()
                .map(|data| {
                    let mut account = new_account(data, &domain)?;
                    account.audit = Some(chat.created(&account, by, now));
                    Ok::<_, String>(account)
                })
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
            let address = find(chat, &name).await?;
            let changed = chat.set_keys(&address, records(&keys)?, None, by, now);
            changed.await.map_err(told)?;
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
            let address = find(chat, &name).await?;
            let changed = chat.set_enabled(&address, enabled, by, now);
            changed.await.map_err(told)?;
            Ok(Reply::Done)
        }
        Request::UserGroups { name, groups } => {
            let address = find(chat, &name).await?;
            let groups = match groups {
                Some(groups) => {
                    let set = chat.set_groups(&address, &groups, by, now);
                    set.await.map_err(told)?
                }
                None => chat.kept_account(&address).await.map_err(told)?.groups,
            };
            Ok(Reply::Groups {
                groups: groups.iter().map(ToString::to_string).collect(),
            })
        }
        Request::UserRole { name, role } => {
            let address = find(chat, &name).await?;
            if let Some(role) = role {
                let role = role_of(&role)?;
                let set = chat.set_role(&address, role, by, now);
                set.await.map_err(told)?;
            }
            let account = chat.kept_account(&address).await.map_err(told)?;
            Ok(Reply::Role {
                role: account.role.name().to_owned(),
            })
        }
        Request::UserAccess { name } => {
            let account = opened(chat, &name).await?;
            let clients = chat.clients(&account, now).await.map_err(told)?;
            let list = clients.into_iter().map(|client| ListedAccess {
                id: client.id,
                app_password: client.grant,
                connected: client.connected,
                first_seen: client.first_seen.map(|at| at.to_string()),
                last_seen: client.last_seen.map(|at| at.to_string()),
                software: client.software,
                device: client.device,
            });
            Ok(Reply::Access {
                list: list.collect(),
            })
        }
        Request::UserRevoke { name, id } => {
            let account = opened(chat, &name).await?;
            match chat.revoke_client(&account, &id, by, now).await {
                Ok(()) => Ok(Reply::Revoked {
                    password_known: false,
                }),
                Err(Refusal::PasswordKnown) => Ok(Reply::Revoked {
                    password_known: true,
                }),
                Err(Refusal::NothingToRevoke) => Err(format!(
                    "nothing of the id {id} has access; `hauspost user access {name}` shows what has"
                )),
                Err(refusal) => Err(told(refusal)),
            }
        }
        Request::UserRemove { name } => {
            let address = find(chat, &name).await?;
            chat.remove_account(&address, by, now).await.map_err(told)?;
            Ok(Reply::Done)
        }
        Request::UserInvite { name, days, uses } => {
            let wish = InvitationWish {
                name,
                uses,
                lifetime: days.map(|days| Duration::from_secs(u64::from(days) * 86_400)),
                ..InvitationWish::default()
            };
            let made = chat
                .invite_to_account(None, wish, by, now)
                .await
                .map_err(told)?;
            Ok(Reply::Invitation {
                uri: made.uri,
                token: made.token,
                page: made.page,
                expires: made.expires.to_string(),
            })
        }
        Request::UserInvitations => {
            let mut list = Vec::new();
            for (id, invitation) in chat.invitations(None).await.map_err(told)? {
                let inviter = chat.inviter(&invitation).await.map_err(told)?;
                list.push(ListedInvitation {
                    id,
                    inviter: inviter.map(|(address, _)| address.to_string()),
                    account: chat.makes_accounts(&invitation).await.map_err(told)?,
                    name: invitation.localpart.as_deref().map(str::to_owned),
                    times: invitation.times,
                    uses: invitation.uses,
                    expires: invitation.expires.to_string(),
                    open: invitation.is_open(now.wall),
                });
            }
            Ok(Reply::Invitations { list })
        }
        Request::UserUninvite { id } => match chat.revoke_invitation(None, &id, by, now).await {
            Ok(()) => Ok(Reply::Done),
            Err(Refusal::NothingToRevoke) => Err(format!(
                "there is no invitation {id}; `hauspost user invitations` shows which there are"
            )),
            Err(refusal) => Err(told(refusal)),
        },
        Request::TokenCreate {
            name,
            label,
            scopes,
            days,
        } => {
            let address = find(chat, &name).await?;
            let wish = ApiTokenWish {
                label,
                scopes,
                lifetime: days.map(|days| Duration::from_secs(u64::from(days) * 86_400)),
            };
            let made = chat.create_api_token(&address, wish, by, now);
            Ok(Reply::Token {
                secret: made.await.map_err(told)?.secret.into_inner(),
            })
        }
        Request::TokenList { name } => {
            let address = find(chat, &name).await?;
            let tokens = chat.api_tokens(&address, by).await.map_err(told)?;
            let list = tokens.iter().map(|token| ListedToken {
                id: token.id.to_string(),
                label: token.label.to_string(),
                scopes: token.scopes.iter().map(ToString::to_string).collect(),
                created: token.created.to_string(),
                expires: token.expires.map(|at| at.to_string()),
                last_used: token.last_used.map(|at| at.to_string()),
            });
            Ok(Reply::Tokens {
                list: list.collect(),
            })
        }
        Request::TokenRevoke { name, id } => {
            let address = find(chat, &name).await?;
            let revoked = chat.revoke_api_token(&address, &id, by, now).await;
            revoked.map_err(told)?;
            Ok(Reply::Done)
        }
        Request::Export { target, folder } => {
            let exporting = chat.clone();
            let accounts =
                away(chat, move || portable::export(&exporting, &target, folder)).await?;
            Ok(Reply::Exported { accounts })
        }
        Request::Import { source } => {
            let (importing, by) = (chat.clone(), by.clone());
            let imported = away(chat, move || {
                portable::import(&importing, &source, &by, now)
            })
            .await?;
            Ok(Reply::TakenIn {
                created: imported.created,
                existing: imported.existing,
                messages: imported.messages,
                notes: imported.notes,
                more: imported.more,
            })
        }
        Request::Backup { target } => {
            store
                .backup(target, None)
                .await
                .map_err(|error| error.to_string())?;
            chat.note_backup(clock.now().wall);
            Ok(Reply::Done)
        }
        // A running server takes it at the socket.
        Request::Pause => Err("no server runs here that could give its store away".to_owned()),
        Request::Audit(query) => {
            let page = store.audit(query.query()?).await;
            let page = page.map_err(|error| error.to_string())?;
            Ok(Reply::Audit {
                entries: page.entries.iter().map(AuditLine::from).collect(),
                more: page.more,
            })
        }
        Request::AuditHead => match store.audit_head().await {
            Ok(head) => Ok(Reply::AuditHead {
                head: head.to_string(),
            }),
            Err(error) => Err(error.to_string()),
        },
        Request::DirectorySync {
            dry_run,
            shut_out_many,
        } => {
            let wish = Wish {
                dry_run,
                shut_out_many,
            };
            let report = with_sockets(directory.synchronise(chat, *clock, wish)).await?;
            Ok(Reply::Directory(report))
        }
        Request::DirectoryAdopt { name } => {
            let address = find(chat, &name).await?;
            with_sockets(directory.adopt(chat, *clock, &address, by)).await?;
            Ok(Reply::Done)
        }
        Request::Check { full, audit_heads } => {
            let depth = if full {
                CheckDepth::Full
            } else {
                CheckDepth::Quick
            };
            let mut heads = Vec::new();
            for head in audit_heads {
                let head = head.parse().map_err(|error| format!("{head}: {error}"))?;
                heads.push(head);
            }
            let failed = |error: StoreError| error.to_string();
            let mut report = store.check(depth).await.map_err(failed)?;
            if !heads.is_empty() {
                for problem in store.audit_check(heads).await.map_err(failed)? {
                    if !report.problems.contains(&problem) {
                        report.problems.push(problem);
                    }
                }
            }
            Ok(Reply::Checked {
                problems: report.problems,
                accounts: report.accounts,
                entries: report.entries,
            })
        }
    }
}

/// Does work that needs sockets: a running server has them, a command on a stopped one gets them for this.
async fn with_sockets<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    if tokio::runtime::Handle::try_current().is_ok() {
        return work.await;
    }
    crate::tls::install_provider();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.map_err(|error| error.to_string())?.block_on(work)
}

/// Does long work where it holds nobody up.
async fn away<T: Send + 'static>(
    chat: &Chat,
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> Result<T, String> {
    let (answer, reading) = store::Reading::pair();
    chat.offload(Box::new(move || answer.give(Ok(work()))));
    match reading.await {
        Ok(result) => result.map_err(|error| format!("{error:#}")),
        Err(error) => Err(error.to_string()),
    }
}

/// Whether any account may administer; reads the whole list, so not for hot paths.
///
/// # Errors
/// When the store cannot be read.
pub async fn has_owner(store: &Store) -> Result<bool, StoreError> {
    let mut after: Option<String> = None;
    loop {
        let page = store.account_list(after.as_deref(), PAGE).await?;
        if page
            .accounts
            .iter()
            .any(|account| account.role == Role::Owner && account.enabled)
        {
            return Ok(true);
        }
        match page.accounts.last() {
            Some(last) if page.more => after = Some(last.localpart.to_string()),
            _ => return Ok(false),
        }
    }
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

/// The address of the account meant by a name.
async fn find(chat: &Chat, name: &str) -> Result<BareJid, String> {
    let domain = chat.domain();
    let local = localpart(name, &domain)?;
    let missing =
        || format!("there is no {local}@{domain}; `hauspost user list` shows who there is");
    let address = BareJid::new(Some(&local), &domain).map_err(|_| missing())?;
    match chat.kept_account(&address).await {
        Ok(_) => Ok(address),
        Err(Refusal::NoSuchAccount) => Err(missing()),
        Err(refusal) => Err(refusal.text(Language::English)),
    }
}

async fn opened(chat: &Chat, name: &str) -> Result<Arc<chat::Account>, String> {
    let address = find(chat, name).await?;
    let account = chat.opened_account(&address).await;
    let account = account.map_err(|error| error.to_string())?;
    account.ok_or_else(|| Refusal::NoSuchAccount.text(Language::English))
}

fn new_account(data: &AccountData, domain: &str) -> Result<NewAccount, String> {
    Ok(NewAccount {
        localpart: localpart(&data.name, domain)?.into(),
        display_name: data.display_name.as_deref().map(Into::into),
        role: match &data.role {
            Some(role) => role_of(role)?,
            None => Role::Person,
        },
        groups: data
            .groups
            .iter()
            .map(|group| group.as_str().into())
            .collect(),
        keys: records(&data.keys)?,
        identity: None,
        audit: None,
    })
}

fn role_of(name: &str) -> Result<Role, String> {
    Role::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
        format!("there is no role {name}; roles are {}", names.join(", "))
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
        role: account.role.name().to_owned(),
        enabled: account.enabled,
        groups: account.groups.iter().map(ToString::to_string).collect(),
    }
}
