//! Who there is, and how many (XEP-0133 §4.9 to §4.22).

use std::sync::Arc;

use store::Account as Kept;
use xmpp::condition::StanzaError;
use xmpp::ns;
use xmpp::xep::data_form::{DataForm, Field, FormKind};

use super::{Answer, FORM, addresses, ask, tell};
use crate::modules::commands::{Stage, Step};
use crate::modules::store_failed;
use crate::{Account, Words, Work};

/// Accounts of a list without a bound of the asker's.
const MOST: usize = 1_000;
/// Accounts read at once.
const PAGE: usize = 1_000;

/// Which accounts are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Registered,
    Disabled,
    Online,
    Active,
    Idle,
}

/// Somebody is at it: available, and not away.
fn is_active(account: &Account) -> bool {
    account.sessions().iter().any(|session| {
        session.presence().is_some_and(|presence| {
            let show = presence.stanza.child("show", ns::CLIENT);
            let show = show.map(|show| show.tree().root().text().into_owned());
            !matches!(show.as_deref().map(str::trim), Some("away" | "xa"))
        })
    })
}

fn connected(stage: &Stage, which: Which, mut take: impl FnMut(&Arc<Account>)) {
    stage.chat.each_account(|account| {
        let meant = account.is_connected()
            && match which {
                Which::Active => is_active(account),
                Which::Idle => !is_active(account),
                _ => true,
            };
        if meant {
            take(account);
        }
    });
}

async fn kept(stage: &Stage, mut take: impl FnMut(&Kept) -> bool) -> Result<(), StanzaError> {
    let mut after: Option<Arc<str>> = None;
    loop {
        let page = stage
            .chat
            .store()
            .account_list(after.as_deref(), PAGE)
            .await;
        let page = page.map_err(|error| store_failed(&error))?;
        for account in &page.accounts {
            if !take(account) {
                return Ok(());
            }
        }
        match page.accounts.last() {
            Some(last) if page.more => after = Some(Arc::clone(&last.localpart)),
            _ => return Ok(()),
        }
    }
}

fn number(which: Which, var: &'static str, label: Words, stage: Stage) -> Answer {
    Box::pin(async move {
        let mut count: u64 = 0;
        match which {
            Which::Registered => {
                let counted = stage.chat.store().account_count().await;
                count = counted.map_err(|error| store_failed(&error))?;
            }
            Which::Disabled => {
                kept(&stage, |account| {
                    count += u64::from(!account.enabled);
                    true
                })
                .await?;
            }
            which => connected(&stage, which, |_| count += 1),
        }
        Ok(tell(
            &stage,
            var,
            "text-single",
            label,
            vec![count.to_string()],
        ))
    })
}

pub(super) fn registered_number(stage: Stage) -> Answer {
    let label = Words::new("Konten", "Registered users");
    number(Which::Registered, "registeredusersnum", label, stage)
}

pub(super) fn disabled_number(stage: Stage) -> Answer {
    let label = Words::new("Gesperrte Konten", "Disabled users");
    number(Which::Disabled, "disabledusersnum", label, stage)
}

pub(super) fn online_number(stage: Stage) -> Answer {
    let label = Words::new("Angemeldete", "Online users");
    number(Which::Online, "onlineusersnum", label, stage)
}

pub(super) fn active_number(stage: Stage) -> Answer {
    let label = Words::new("Tätige", "Active users");
    number(Which::Active, "activeusersnum", label, stage)
}

pub(super) fn idle_number(stage: Stage) -> Answer {
    let label = Words::new("Untätige", "Idle users");
    number(Which::Idle, "idleusersnum", label, stage)
}

fn list(which: Which, var: &'static str, title: Words, stage: Stage) -> Answer {
    Box::pin(async move {
        if stage.form(0).is_none() {
            let choices = ["25", "50", "75", "100", "150", "200"];
            let mut options: Vec<_> = choices
                .iter()
                .map(|most| (None, (*most).to_owned()))
                .collect();
            options.push((Some(stage.say("alle", "all").to_owned()), "none".to_owned()));
            let field = Field {
                options,
                ..stage.field(
                    "max_items",
                    "list-single",
                    Words::new("Höchstens", "At most"),
                )
            };
            let words = Words::new(
                "Wie viele sollen gezeigt werden?",
                "How many are to be shown?",
            );
            return Ok(ask(&stage, title, words, field));
        }
        let most = stage
            .value(0, "max_items")
            .and_then(|most| most.parse().ok());
        let most: usize = most.unwrap_or(MOST).min(MOST);
        let mut found: Vec<String> = Vec::new();
        let domain = stage.chat.domain();
        match which {
            Which::Registered | Which::Disabled => {
                kept(&stage, |account| {
                    if which == Which::Registered || !account.enabled {
                        found.push(format!("{}@{domain}", account.localpart));
                    }
                    found.len() < most
                })
                .await?;
            }
            which => {
                connected(&stage, which, |account| {
                    if found.len() < most {
                        found.push(account.jid().to_string());
                    }
                });
                found.sort_unstable();
            }
        }
        Ok(tell(&stage, var, "jid-multi", title, found))
    })
}

pub(super) fn registered(stage: Stage) -> Answer {
    let title = Words::new("Alle Konten", "Registered users");
    list(Which::Registered, "registereduserjids", title, stage)
}

pub(super) fn disabled(stage: Stage) -> Answer {
    let title = Words::new("Gesperrte Konten", "Disabled users");
    list(Which::Disabled, "disableduserjids", title, stage)
}

pub(super) fn online(stage: Stage) -> Answer {
    let title = Words::new("Angemeldete", "Online users");
    list(Which::Online, "onlineuserjids", title, stage)
}

pub(super) fn active(stage: Stage) -> Answer {
    let title = Words::new("Tätige", "Active users");
    list(Which::Active, "activeuserjids", title, stage)
}

pub(super) fn idle(stage: Stage) -> Answer {
    // XEP-0133 §4.21 has the name of the list of active users here.
    let title = Words::new("Untätige", "Idle users");
    list(Which::Idle, "activeuserjids", title, stage)
}

pub(super) fn last_login(stage: Stage) -> Answer {
    Box::pin(async move {
        if stage.form(0).is_none() {
            let label = Words::new("Adressen der Konten", "Addresses of the accounts");
            return Ok(ask(
                &stage,
                Words::new("Letzte Anmeldung", "Last login"),
                Words::new("Wann sie zuletzt da waren.", "When they were last there."),
                stage.required("accountjids", "jid-multi", label),
            ));
        }
        let addresses = match addresses(&stage, "accountjids") {
            Ok(addresses) => addresses,
            Err(step) => return Ok(step),
        };
        let mut form = DataForm::new(FormKind::Result, FORM);
        for address in addresses {
            let address = address.bare();
            let kept = match stage.chat.kept_account(&address).await {
                Ok(kept) => kept,
                Err(refusal) => {
                    let text = format!("{address}: {}", refusal.text(stage.language));
                    return Ok(Step::failed(text));
                }
            };
            let cached = stage.chat.cached_account(address.as_str());
            let last = if cached.is_some_and(|account| account.is_connected()) {
                stage.say("jetzt da", "online now").to_owned()
            } else {
                let activity = stage.chat.store().activity(kept.id).await;
                match activity.map_err(|error| store_failed(&error))? {
                    Some(activity) => activity.at.to_string(),
                    None => stage.say("nie", "never").to_owned(),
                }
            };
            form = form
                .with(Field::new("accountjids", "jid-multi", [address.as_str()]))
                .with(Field::new("lastlogin", "text-single", [last]));
        }
        Ok(Step::result(form))
    })
}

pub(super) fn statistics(stage: Stage) -> Work<Result<Step, StanzaError>> {
    Box::pin(async move {
        if stage.form(0).is_none() {
            let label = Words::new("Adresse des Kontos", "Address of the account");
            return Ok(ask(
                &stage,
                Words::new("Über ein Konto", "User statistics"),
                Words::new(
                    "Was der Server von ihm weiß.",
                    "What the server knows of it.",
                ),
                stage.required("accountjid", "jid-single", label),
            ));
        }
        let addresses = match addresses(&stage, "accountjid") {
            Ok(addresses) => addresses,
            Err(step) => return Ok(step),
        };
        let Some(address) = addresses.first().map(base::Jid::bare) else {
            return Ok(Step::failed(""));
        };
        let kept = match stage.chat.kept_account(&address).await {
            Ok(kept) => kept,
            Err(refusal) => return Step::refused(&refusal, stage.language),
        };
        let roster = stage.chat.store().roster(kept.id).await;
        let roster = roster.map_err(|error| store_failed(&error))?;
        let mut resources = Vec::new();
        if let Some(account) = stage.chat.cached_account(address.as_str()) {
            account.each_session(|session| resources.push(session.jid().resource().to_owned()));
        }
        let size = roster.items.len().to_string();
        let form = DataForm::new(FormKind::Result, FORM)
            .with(Field {
                values: vec![size],
                ..stage.field(
                    "rostersize",
                    "text-single",
                    Words::new("Kontakte", "Roster size"),
                )
            })
            .with(Field {
                values: resources,
                ..stage.field(
                    "onlineresources",
                    "text-multi",
                    Words::new("Sitzungen", "Online resources"),
                )
            });
        Ok(Step::result(form))
    })
}
