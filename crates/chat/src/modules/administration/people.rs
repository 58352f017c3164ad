//! Accounts made, disabled, removed and changed by administrators (XEP-0133 §4.1 to §4.7, §4.29).

use base::{BareJid, Jid};
use store::{NewAccount, Role};
use xmpp::sasl::Password;
use xmpp::xep::data_form::{DataForm, Field};

use super::{Answer, FORM, addresses, ask, outcome};
use crate::Words;
use crate::accounts::Refusal;
use crate::modules::commands::{Stage, Step};

const ACCOUNTS: Words = Words::new("Adressen der Konten", "Addresses of the accounts");
const ACCOUNT: Words = Words::new("Adresse des Kontos", "Address of the account");
const PASSWORD: Words = Words::new("Kennwort", "Password");

fn who(stage: &Stage, title: Words, instructions: Words) -> Step {
    let field = stage.required("accountjids", "jid-multi", ACCOUNTS);
    ask(stage, title, instructions, field)
}

/// The one account of a form.
fn account(stage: &Stage) -> Result<BareJid, Step> {
    let text = stage.value(0, "accountjid").unwrap_or_default();
    let local = stage.chat.localpart(text);
    let address = local.and_then(|local| {
        BareJid::new(Some(&local), &stage.chat.domain()).map_err(|_| Refusal::NameInvalid)
    });
    address.map_err(|refusal| Step::failed(format!("{text}: {}", refusal.text(stage.language))))
}

/// Done to each account of a form, in order.
async fn each<'a, F>(stage: &'a Stage, act: impl Fn(&'a Stage, BareJid) -> F) -> Step
where
    F: Future<Output = Result<(), Refusal>> + 'a,
{
    let addresses = match addresses(stage, "accountjids") {
        Ok(addresses) => addresses,
        Err(step) => return step,
    };
    let mut failed = Vec::new();
    for address in &addresses {
        let bare = address.bare();
        if let Err(refusal) = act(stage, bare.clone()).await {
            failed.push((bare, refusal));
        }
    }
    outcome(stage, &failed, addresses.len())
}

pub(super) fn add(stage: Stage) -> Answer {
    Box::pin(async move {
        let Some(form) = stage.form(0) else {
            let form: DataForm = stage
                .ask(
                    FORM,
                    Words::new("Konto anlegen", "Add a user"),
                    Words::new(
                        "Ein neues Konto auf diesem Server.",
                        "A new account on this server.",
                    ),
                )
                .with(stage.required("accountjid", "jid-single", ACCOUNT))
                .with(stage.required("password", "text-private", PASSWORD))
                .with(stage.required(
                    "password-verify",
                    "text-private",
                    Words::new("Kennwort noch einmal", "Password once more"),
                ))
                .with(stage.field(
                    "given_name",
                    "text-single",
                    Words::new("Vorname", "Given name"),
                ))
                .with(stage.field(
                    "surname",
                    "text-single",
                    Words::new("Nachname", "Family name"),
                ));
            return Ok(Step::last(form));
        };
        let text = |var: &str| form.field(var).and_then(Field::value).unwrap_or_default();
        if text("password") != text("password-verify") {
            return Ok(Step::failed(stage.say(
                "Die beiden Kennwörter sind verschieden.",
                "The two passwords differ.",
            )));
        }
        let address = match account(&stage) {
            Ok(address) => address,
            Err(step) => return Ok(step),
        };
        let local = address.local().unwrap_or_default();
        let password = Password::new(text("password"));
        let names = [stage.value(0, "given_name"), stage.value(0, "surname")];
        let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let chat = &stage.chat;
        let made = async {
            chat.check_password(local, &password)?;
            let keys = chat.derive_keys(password.clone()).await?;
            let account = NewAccount {
                localpart: local.into(),
                display_name: (!name.is_empty()).then(|| name.as_str().into()),
                keys,
                ..NewAccount::default()
            };
            chat.create_account(account, &stage.by(), stage.now).await
        };
        match made.await {
            Ok(_) => {
                tracing::info!(account = %address, by = %stage.account.jid(), "an account was added");
                Ok(outcome(&stage, &[], 1))
            }
            Err(refusal) => Step::refused(&refusal, stage.language),
        }
    })
}

pub(super) fn delete(stage: Stage) -> Answer {
    Box::pin(async move {
        if stage.form(0).is_none() {
            return Ok(who(
                &stage,
                Words::new("Konten entfernen", "Delete users"),
                Words::new(
                    "Mit den Konten geht alles, was für sie aufbewahrt wird. Das lässt sich nicht zurücknehmen.",
                    "With the accounts goes everything that is kept for them. This cannot be taken back.",
                ),
            ));
        }
        Ok(each(&stage, |stage, address| async move {
            let by = stage.by();
            stage.chat.remove_account(&address, &by, stage.now).await?;
            tracing::info!(account = %address, by = %stage.account.jid(), "an account was removed");
            Ok(())
        })
        .await)
    })
}

pub(super) fn disable(stage: Stage) -> Answer {
    Box::pin(async move {
        if stage.form(0).is_none() {
            return Ok(who(
                &stage,
                Words::new("Konten sperren", "Disable users"),
                Words::new(
                    "Sie werden sofort abgemeldet; aufbewahrt bleibt alles.",
                    "They are signed out at once; everything is kept.",
                ),
            ));
        }
        Ok(each(&stage, |stage, address| async move {
            let by = stage.by();
            stage
                .chat
                .set_enabled(&address, false, &by, stage.now)
                .await
        })
        .await)
    })
}

pub(super) fn enable(stage: Stage) -> Answer {
    Box::pin(async move {
        if stage.form(0).is_none() {
            return Ok(who(
                &stage,
                Words::new("Konten entsperren", "Re-enable users"),
                Words::new("Sie können sich wieder anmelden.", "They can log in again."),
            ));
        }
        Ok(each(&stage, |stage, address| async move {
            let by = stage.by();
            stage.chat.set_enabled(&address, true, &by, stage.now).await
        })
        .await)
    })
}

/// The groups of one account: the first form asks for the account, the second for its groups as they
/// are to be.
pub(super) fn groups(stage: Stage) -> Answer {
    Box::pin(async move {
        let title = Words::new("Gruppen eines Kontos", "Groups of a user");
        if stage.form(0).is_none() {
            let instructions = Words::new(
                "Abteilungen und Teams; Räume von Abteilungen stehen ihren Leuten offen.",
                "Departments and teams; departments' rooms are open to their people.",
            );
            let field = stage.required("accountjid", "jid-single", ACCOUNT);
            return Ok(Step::Ask {
                form: stage.ask(FORM, title, instructions).with(field),
                last: false,
            });
        }
        let address = match account(&stage) {
            Ok(address) => address,
            Err(step) => return Ok(step),
        };
        let Some(form) = stage.form(1) else {
            let kept = match stage.chat.kept_account(&address).await {
                Ok(kept) => kept,
                Err(refusal) => return Step::refused(&refusal, stage.language),
            };
            let instructions = Words::new(
                "Eine Gruppe je Zeile. Wer nicht mehr dabei ist, ist es sofort nicht mehr.",
                "One group a line. Whoever is out of one is out of its rooms at once.",
            );
            let field = Field {
                values: kept.groups.iter().map(ToString::to_string).collect(),
                ..stage.field("groups", "text-multi", Words::new("Gruppen", "Groups"))
            };
            return Ok(ask(&stage, title, instructions, field));
        };
        let lines = form.field("groups").map(|field| field.values.clone());
        let groups: Vec<String> = lines
            .unwrap_or_default()
            .into_iter()
            .filter(|line| !line.trim().is_empty())
            .collect();
        match stage
            .chat
            .set_groups(&address, &groups, &stage.by(), stage.now)
            .await
        {
            Ok(_) => {
                tracing::info!(account = %address, by = %stage.account.jid(), "groups were set");
                Ok(outcome(&stage, &[], 1))
            }
            Err(refusal) => Step::refused(&refusal, stage.language),
        }
    })
}

pub(super) fn end_session(stage: Stage) -> Answer {
    Box::pin(async move {
        if stage.form(0).is_none() {
            return Ok(who(
                &stage,
                Words::new("Abmelden", "End user sessions"),
                Words::new(
                    "Mit Ressource endet diese Sitzung, ohne endet jede des Kontos. Neu anmelden geht.",
                    "With a resource that session ends, without all of the account's. Logging in again is possible.",
                ),
            ));
        }
        let addresses = match addresses(&stage, "accountjids") {
            Ok(addresses) => addresses,
            Err(step) => return Ok(step),
        };
        let mut ended = 0;
        for address in &addresses {
            let resource = address.resource();
            let (address, by) = (address.bare(), stage.by());
            let ending = stage
                .chat
                .end_user_session(&address, resource, &by, stage.now);
            match ending.await {
                Ok(any) => ended += usize::from(any),
                Err(Refusal::NoSuchAccount) => {}
                Err(refusal) => return Step::refused(&refusal, stage.language),
            }
        }
        if ended == 0 {
            return Ok(Step::failed(
                stage.say("Da ist niemand angemeldet.", "Nobody is signed in there."),
            ));
        }
        Ok(outcome(&stage, &[], ended))
    })
}

pub(super) fn password(stage: Stage) -> Answer {
    Box::pin(async move {
        let Some(form) = stage.form(0) else {
            let form = stage
                .ask(
                    FORM,
                    Words::new("Kennwort setzen", "Change user password"),
                    Words::new(
                        "Überall wird abgemeldet; App-Kennwörter gelten nicht mehr.",
                        "It is signed out everywhere; app passwords end.",
                    ),
                )
                .with(stage.required("accountjid", "jid-single", ACCOUNT))
                .with(stage.required("password", "text-private", PASSWORD));
            return Ok(Step::last(form));
        };
        let password = form.field("password").and_then(Field::value);
        let password = Password::new(password.unwrap_or_default());
        let address = match account(&stage) {
            Ok(address) => address,
            Err(step) => return Ok(step),
        };
        let chat = &stage.chat;
        let changed = async {
            chat.check_password(address.local().unwrap_or_default(), &password)?;
            let keys = chat.derive_keys(password.clone()).await?;
            // One's own session that does this stays.
            let own = address == *stage.account.jid();
            let keep = own.then_some(&stage.session);
            chat.set_keys(&address, keys, keep, &stage.by(), stage.now)
                .await
        };
        match changed.await {
            Ok(()) => {
                tracing::info!(account = %address, by = %stage.account.jid(), "a password was set");
                Ok(outcome(&stage, &[], 1))
            }
            Err(refusal) => Step::refused(&refusal, stage.language),
        }
    })
}

/// The whole list at once, as it is to be.
pub(super) fn administrators(stage: Stage) -> Answer {
    Box::pin(async move {
        let present = match stage.chat.people_with_roles().await {
            Ok(present) => present,
            Err(refusal) => return Step::refused(&refusal, stage.language),
        };
        let domain = stage.chat.domain();
        let present: Vec<BareJid> = present
            .iter()
            .filter(|account| account.role.administers())
            .filter_map(|account| BareJid::new(Some(&account.localpart), &domain).ok())
            .collect();
        if stage.form(0).is_none() {
            let field = Field {
                values: present.iter().map(ToString::to_string).collect(),
                ..stage.required(
                    "adminjids",
                    "jid-multi",
                    Words::new("Verwaltung", "Administrators"),
                )
            };
            return Ok(ask(
                &stage,
                Words::new("Verwaltung bestimmen", "Edit admin list"),
                Words::new(
                    "Wer diesen Server verwaltet.",
                    "Who administers this server.",
                ),
                field,
            ));
        }
        let wanted = match addresses(&stage, "adminjids") {
            Ok(wanted) => wanted.iter().map(Jid::bare).collect::<Vec<_>>(),
            Err(step) => return Ok(step),
        };
        let mut failed = Vec::new();
        // New ones first, so that somebody administers at any time.
        let granted = wanted.iter().filter(|one| !present.contains(one));
        let withdrawn = present.iter().filter(|one| !wanted.contains(one));
        let changes = granted
            .map(|one| (one, Role::Administrator))
            .chain(withdrawn.map(|one| (one, Role::Person)));
        let mut done = 0;
        for (address, role) in changes {
            let by = stage.by();
            let changed = stage.chat.set_role(address, role, &by, stage.now);
            match changed.await {
                Ok(()) => done += 1,
                Err(refusal) => failed.push((address.clone(), refusal)),
            }
        }
        Ok(outcome(&stage, &failed, done))
    })
}
