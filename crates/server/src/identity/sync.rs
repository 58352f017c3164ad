//! Synchronisation: the accounts of a directory's people are made what it says.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use base::BareJid;
use chat::Chat;
use chat::accounts::{Authority, Door, Refusal};
use chat::modules::ArrivingNodes;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use store::{AccountId, Batch};
use xmpp::ns;
use xmpp::xep::avatar::Picture;
use xmpp::xml::{Tree, Writer};

use super::ldap::{Directory, Person, Photo, SOURCE, Told};
use super::plan::{self, Plan};
use super::rooms;
use crate::config::{self, Config, GroupRooms};
use crate::net::Clock;

/// XEP-0172.
const NICK: &str = "http://jabber.org/protocol/nick";
/// Accounts that are made in one commit.
const TOGETHER: usize = 200;
/// Changes that are under way at once: they share commits.
const AT_ONCE: usize = 16;
/// Names that a report lists.
const MOST_NAMES: usize = 100;
/// How soon a synchronisation that has failed is tried again.
const RETRY: Duration = Duration::from_secs(60);

/// How to synchronise.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish {
    /// Only say what would be done.
    pub dry_run: bool,
    /// Shut out as many as there are, whatever the bound.
    pub shut_out_many: bool,
}

/// What a synchronisation has done, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Report {
    /// People in the directory.
    pub people: usize,
    /// Groups in the directory.
    pub groups: usize,
    /// Accounts made.
    pub created: usize,
    /// Accounts whose name, groups or state have changed.
    pub changed: usize,
    /// Accounts shut out.
    pub shut_out: usize,
    /// Rooms made for groups.
    #[serde(default)]
    pub rooms: usize,
    /// The first of them all: `+` made, `~` changed, `-` shut out.
    pub names: Vec<String>,
    /// What could not be done, and why.
    pub problems: Vec<String>,
    /// Why nobody was shut out, though people are gone.
    pub refused: Option<String>,
}

impl Report {
    fn of(told: &Told, plan: &Plan) -> Self {
        let mut problems = told.problems.clone();
        problems.extend(plan.problems.iter().cloned());
        let created = plan
            .create
            .iter()
            .map(|(account, _)| format!("+ {}", account.localpart));
        let changed = plan.change.iter().map(|(name, _)| format!("~ {name}"));
        let shut_out = plan.shut_out.iter().map(|(name, _)| format!("- {name}"));
        Self {
            people: told.people.len(),
            groups: told.groups,
            created: plan.create.len(),
            changed: plan.change.len(),
            shut_out: plan.shut_out.len(),
            rooms: 0,
            names: shut_out
                .chain(changed)
                .chain(created)
                .take(MOST_NAMES)
                .collect(),
            problems,
            refused: None,
        }
    }
}

fn by() -> Authority {
    Authority::house(Door::Directory)
}

impl Directory {
    /// Synchronises now.
    ///
    /// # Errors
    /// In words, when the directory or the store cannot be used; nothing was changed then that is not told in the audit log.
    pub async fn synchronise(
        &self,
        chat: &Chat,
        clock: Clock,
        wish: Wish,
    ) -> Result<Report, String> {
        let _turn = self.turn().await;
        let config = self.config();
        let settings = &config.identity.ldap;
        let mut told = self
            .everybody(settings)
            .await
            .map_err(|error| error.to_string())?;
        let failed = |error: store::StoreError| error.to_string();
        let known = chat.store().identities(SOURCE).await.map_err(failed)?;
        let mut taken = HashSet::new();
        for person in &told.people {
            let Ok(name) = base::jid::local_part_strict(&person.name) else {
                continue;
            };
            if !known
                .iter()
                .any(|(_, identity)| *identity.external == *person.external)
                && chat
                    .store()
                    .account_find(&name)
                    .await
                    .map_err(failed)?
                    .is_some()
            {
                taken.insert(Arc::from(name));
            }
        }
        let mut plan = plan::plan(&told.people, &known, &taken);
        let mut report = Report::of(&told, &plan);
        if plan.shuts_out_too_many(settings.shut_out_percent) && !wish.shut_out_many {
            report.refused = Some(format!(
                "{} of {} people are not in the directory any more, which is more than {} per cent \
                 (`identity.ldap.shut_out_percent`): nobody was shut out. If it is right, run \
                 `hauspost directory sync --shut-out-many`; if not, look at `identity.ldap.base` and `identity.ldap.filter`",
                plan.shut_out.len(),
                plan.before,
                settings.shut_out_percent
            ));
            plan.shut_out.clear();
            report.shut_out = 0;
            report.names.retain(|name| !name.starts_with('-'));
        }
        if !wish.dry_run {
            let done = carry_out(chat, clock, &config, &mut told, plan, &mut report);
            done.await?;
            if settings.groups.rooms != GroupRooms::None {
                let groups: BTreeSet<String> = told
                    .people
                    .iter()
                    .flat_map(|person| person.groups.iter().cloned())
                    .collect();
                let open = settings.groups.rooms == GroupRooms::Open;
                let made = rooms::furnish(chat, groups, open, &by(), clock.now()).await?;
                report.rooms = made.0;
                report.problems.extend(made.1);
            }
        }
        told.close().await;
        Ok(report)
    }

    /// Gives the account of a name to the person of that name in the directory. Its password here ends, with all that it let in.
    ///
    /// # Errors
    /// In words.
    pub async fn adopt(
        &self,
        chat: &Chat,
        clock: Clock,
        address: &BareJid,
        by: &Authority,
    ) -> Result<(), String> {
        let _turn = self.turn().await;
        let settings = self.settings();
        let local = address.local().unwrap_or_default();
        let told = |refusal: Refusal| refusal.text(chat::Language::English);
        let account = chat.kept_account(address).await.map_err(told)?;
        let person = self
            .somebody(&settings, local)
            .await
            .map_err(|error| error.to_string())?;
        let person = person.ok_or_else(|| {
            format!("there is nobody called {local} in the directory, or more than one")
        })?;
        let login = chat
            .store()
            .login(local, None)
            .await
            .map_err(|error| error.to_string())?;
        let identity = login.and_then(|login| login.identity);
        if identity
            .as_ref()
            .is_some_and(|identity| *identity.external == *person.external)
        {
            return Err(format!("{address} belongs to that person already"));
        }
        let change = plan::adopt(&account, identity.as_ref(), &person);
        match chat
            .follow_directory(address, change, by, clock.now())
            .await
        {
            Ok(()) => Ok(()),
            Err(Refusal::Store(store::StoreError::AlreadyExists)) => Err(
                "the person has another account already, of the name before; remove one of them"
                    .to_owned(),
            ),
            Err(refusal) => Err(told(refusal)),
        }
    }

    /// Synchronises from time to time, for as long as the server runs.
    pub async fn keep(self, chat: Chat, clock: Clock) {
        loop {
            let settings = self.settings();
            let minutes = u64::from(settings.sync_minutes);
            let mut pause = Duration::from_secs(minutes * 60);
            if settings.is_on() && minutes > 0 {
                // In a task of its own: what a directory answers that cannot be read ends that, and nothing else.
                let (directory, house) = (self.clone(), chat.clone());
                let work = tokio::spawn(async move {
                    directory.synchronise(&house, clock, Wish::default()).await
                });
                match work.await {
                    Ok(Ok(report)) => tell(&report),
                    Ok(Err(error)) => {
                        tracing::error!(
                            error,
                            "the directory could not be read; trying again in a minute"
                        );
                        pause = RETRY;
                    }
                    Err(_) => {
                        tracing::error!(
                            "the directory answered what cannot be read; trying again in a minute"
                        );
                        pause = RETRY;
                    }
                }
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = self.woken() => {}
                }
            } else {
                self.woken().await;
            }
        }
    }
}

fn tell(report: &Report) {
    let Report {
        people,
        groups,
        created,
        changed,
        shut_out,
        rooms,
        ..
    } = report;
    tracing::info!(
        people,
        groups,
        created,
        changed,
        shut_out,
        rooms,
        "synchronised with the directory"
    );
    for problem in report.problems.iter().take(MOST_NAMES) {
        tracing::warn!(
            problem,
            "somebody of the directory is left out, or not as in the directory"
        );
    }
    if let Some(refused) = &report.refused {
        tracing::error!(refused, "the directory lacks too many people");
    }
}

async fn carry_out(
    chat: &Chat,
    clock: Clock,
    config: &Config,
    told: &mut Told,
    plan: Plan,
    report: &mut Report,
) -> Result<(), String> {
    let by = by();
    let english = |refusal: &Refusal| refusal.text(chat::Language::English);
    // Whoever goes, goes first.
    let changes = plan.shut_out.into_iter().chain(plan.change);
    let mut work = futures_util::stream::iter(changes.map(|(name, change)| {
        let (chat, by) = (chat.clone(), by.clone());
        async move {
            let shut_out = change.enabled == Some(false);
            let address = BareJid::new(Some(&name), &chat.domain());
            let result = match address {
                Ok(address) => {
                    chat.follow_directory(&address, change, &by, clock.now())
                        .await
                }
                Err(_) => Err(Refusal::NameInvalid),
            };
            (name, shut_out, result)
        }
    }))
    .buffer_unordered(AT_ONCE);
    while let Some((name, shut_out, result)) = work.next().await {
        if let Err(refusal) = result {
            report
                .problems
                .push(format!("{name}: {}", english(&refusal)));
            let count = if shut_out {
                &mut report.shut_out
            } else {
                &mut report.changed
            };
            *count = count.saturating_sub(1);
        }
    }
    let mut create = plan.create;
    while !create.is_empty() {
        let rest = create.split_off(create.len().min(TOGETHER));
        let (accounts, places): (Vec<_>, Vec<_>) = create.into_iter().unzip();
        create = rest;
        let count = accounts.len();
        match chat.create_from_directory(accounts, &by, clock.now()).await {
            Ok(made) => {
                report.created -= made.iter().filter(|made| made.is_none()).count();
                for (id, place) in made.into_iter().zip(places) {
                    let (Some(id), Some(person)) = (id, told.people.get(place).cloned()) else {
                        continue;
                    };
                    let photo = told.photo(&config.identity.ldap, &person.entry).await;
                    let photo = photo.map_err(|error| error.to_string())?;
                    if let Err(error) = introduce(chat, clock, config, id, &person, photo).await {
                        tracing::warn!(%error, name = person.name, "somebody new has got no card or picture");
                    }
                }
            }
            Err(refusal) => {
                report.created -= count;
                report
                    .problems
                    .push(format!("{count} accounts: {}", english(&refusal)));
            }
        }
    }
    Ok(())
}

/// What others see of somebody new from the start: name, mail address, picture (XEP-0172, XEP-0054, XEP-0084). From then on it is the
/// person's own.
async fn introduce(
    chat: &Chat,
    clock: Clock,
    config: &Config,
    id: AccountId,
    person: &Person,
    photo: Option<Photo>,
) -> anyhow::Result<()> {
    let local = base::jid::local_part_strict(&person.name)?;
    let own = BareJid::new(Some(&local), &chat.domain())?;
    let limits = config.limits.messenger();
    let mut batch = Batch::new();
    let mut nodes = ArrivingNodes::new(id, own, limits, clock.now().wall);
    let mut items = Vec::new();
    let mut card = Writer::new();
    card.start("vCard").xmlns(ns::VCARD);
    if let Some(name) = &person.display_name {
        let mut nick = Writer::new();
        nick.leaf_text("nick", Some(NICK), name);
        items.push((NICK, "current".to_owned(), nick.finish()));
        card.leaf_text("FN", None, name);
    }
    if let Some(mail) = &person.mail {
        card.start("EMAIL");
        card.start("INTERNET").end();
        card.start("WORK").end();
        card.leaf_text("USERID", None, mail);
        card.end();
    }
    card.end();
    if person.display_name.is_some() || person.mail.is_some() {
        batch.vcard_set(id, Some(&card.finish()));
    }
    if let Some(photo) = photo {
        let picture = Picture {
            kind: photo.kind.to_owned(),
            data: photo.data,
        };
        items.push((ns::AVATAR_DATA, picture.id(), picture.data_payload()));
        items.push((
            ns::AVATAR_METADATA,
            picture.id(),
            picture.metadata_payload(),
        ));
    }
    for (node, item, payload) in items {
        let mut out = Writer::new();
        out.start("item").xmlns(ns::PUBSUB).attr("id", item);
        out.raw(&payload).end();
        let item = out.finish();
        let tree = Tree::parse(&item).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        nodes.publish(node, tree.root(), &mut batch)?;
    }
    nodes.finish(&mut batch);
    chat.store().submit(batch).ticket.await?;
    Ok(())
}

/// The messenger's part of the settings.
#[must_use]
pub fn settings_of(config: &config::Ldap) -> Option<chat::config::DirectorySettings> {
    config.is_on().then(|| chat::config::DirectorySettings {
        source: SOURCE.into(),
        scram_for_unnamed: config.scram_for_unnamed,
    })
}
