//! A directory that speaks LDAP (RFC 4511): people, their groups, and whether a password is theirs.

mod connection;
mod groups;
mod names;
mod people;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use chat::{Verdict, Work};
use parking_lot::Mutex;
use rustls::ClientConfig;
use store::{Identity, NewAccount};
use tokio::sync::{Notify, Semaphore};
use xmpp::sasl::Password;

pub use connection::Trouble;
use connection::{Bind, Connection};
pub use people::{Person, Photo};

use crate::config::{self, Config, LdapNesting};
use crate::tls;

/// The source of accounts that belong to people of the directory.
pub const SOURCE: &str = "ldap";

/// The directory as it is configured now. Cheap to clone.
#[derive(Clone)]
pub struct Directory {
    inner: Arc<Inner>,
}

struct Inner {
    config: Arc<ArcSwap<Config>>,
    /// Logins that may wait for an answer.
    logins: Semaphore,
    /// What was made of the file with authorities.
    tls: Mutex<Option<(PathBuf, Arc<ClientConfig>)>>,
    /// The server that has answered last.
    good: AtomicUsize,
    /// Somebody wants a synchronisation before its time.
    wanted: Notify,
    /// One synchronisation at a time.
    pub(super) turn: tokio::sync::Mutex<()>,
}

/// What a directory tells of all its people.
pub(super) struct Told {
    pub(super) people: Vec<Person>,
    pub(super) groups: usize,
    /// Entries that cannot be people here, in words.
    pub(super) problems: Vec<String>,
    connection: Connection,
}

/// What was found out of one server.
pub struct Examined {
    /// As it is configured.
    pub server: String,
    /// People, groups, and who cannot have an account; or why it cannot be used.
    pub found: Result<(usize, usize, Vec<String>), Trouble>,
}

impl Directory {
    /// The directory of a configuration, which may change.
    #[must_use]
    pub fn new(config: Arc<ArcSwap<Config>>) -> Self {
        let logins = config.load().identity.ldap.logins_at_once.max(1) as usize;
        Self {
            inner: Arc::new(Inner {
                config,
                logins: Semaphore::new(logins),
                tls: Mutex::default(),
                good: AtomicUsize::new(0),
                wanted: Notify::new(),
                turn: tokio::sync::Mutex::default(),
            }),
        }
    }

    /// The settings in force.
    pub(super) fn settings(&self) -> config::Ldap {
        self.inner.config.load().identity.ldap.clone()
    }

    /// The whole configuration in force.
    pub(super) fn config(&self) -> Arc<Config> {
        self.inner.config.load_full()
    }

    /// Waits for the turn to synchronise.
    pub(super) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.inner.turn.lock().await
    }

    /// The settings may have changed, or the file with authorities: reads them anew, and all people.
    pub fn refresh(&self) {
        *self.inner.tls.lock() = None;
        self.wake();
    }

    /// Wants a synchronisation before its time.
    fn wake(&self) {
        self.inner.wanted.notify_one();
    }

    /// Until somebody wants a synchronisation.
    pub(super) async fn woken(&self) {
        self.inner.wanted.notified().await;
    }

    fn tls(
        &self,
        settings: &config::Ldap,
        server: &str,
    ) -> Result<Option<Arc<ClientConfig>>, Trouble> {
        if settings.without_tls && server.starts_with("ldap://") {
            return Ok(None);
        }
        let mut kept = self.inner.tls.lock();
        if let Some((ca, made)) = &*kept
            && *ca == settings.ca
        {
            return Ok(Some(Arc::clone(made)));
        }
        let made = tls::client_of(&settings.ca, "identity.ldap.ca").map_err(|error| Trouble {
            server: server.to_owned(),
            problem: error.to_string(),
        })?;
        let made = Arc::new(made);
        *kept = Some((settings.ca.clone(), Arc::clone(&made)));
        Ok(Some(made))
    }

    async fn open(&self, settings: &config::Ldap, server: &str) -> Result<Connection, Trouble> {
        let file = &settings.bind_password_file;
        let secret = if file.as_os_str().is_empty() {
            settings.bind_password.expose().to_owned()
        } else {
            let text = tokio::fs::read_to_string(file)
                .await
                .map_err(|error| Trouble {
                    server: server.to_owned(),
                    problem: format!(
                        "{} (`identity.ldap.bind_password_file`) cannot be read: {error}",
                        file.display()
                    ),
                })?;
            text.lines().next().unwrap_or_default().to_owned()
        };
        let tls = self.tls(settings, server)?;
        Connection::open(settings, server, tls, &secret).await
    }

    /// The first server that can be used, beginning with the one at `first`.
    async fn open_any(&self, settings: &config::Ldap, first: usize) -> Result<Connection, Trouble> {
        let servers = &settings.servers;
        let mut trouble = Trouble {
            server: "identity.ldap.servers".to_owned(),
            problem: "is empty: no directory is configured".to_owned(),
        };
        for step in 0..servers.len() {
            let place = (first + step) % servers.len();
            match self.open(settings, &servers[place]).await {
                Ok(connection) => {
                    self.inner.good.store(place, Ordering::Relaxed);
                    return Ok(connection);
                }
                Err(error) => {
                    tracing::warn!(%error, "a server of the directory cannot be used");
                    trouble = error;
                }
            }
        }
        Err(trouble)
    }

    async fn read(settings: &config::Ldap, mut connection: Connection) -> Result<Told, Trouble> {
        let by_people =
            settings.groups.nesting == LdapNesting::MemberOf && !settings.groups.base.is_empty();
        let (mut people, problems) =
            people::everybody(&mut connection, settings, by_people).await?;
        let groups = groups::assign(&mut connection, settings, &mut people).await?;
        Ok(Told {
            people,
            groups,
            problems,
            connection,
        })
    }

    /// All people with their groups.
    pub(super) async fn everybody(&self, settings: &config::Ldap) -> Result<Told, Trouble> {
        let connection = self.open_any(settings, 0).await?;
        Self::read(settings, connection).await
    }

    /// The person whose name is this before the @, without groups.
    pub(super) async fn somebody(
        &self,
        settings: &config::Ldap,
        localpart: &str,
    ) -> Result<Option<Person>, Trouble> {
        let mut connection = self.open_any(settings, 0).await?;
        let person = named(&mut connection, settings, localpart).await;
        connection.close().await;
        person
    }

    /// Tries each server.
    pub async fn examine(&self) -> Vec<Examined> {
        let settings = self.settings();
        let mut all = Vec::new();
        for server in &settings.servers {
            let found = async {
                let connection = self.open(&settings, server).await?;
                let told = Self::read(&settings, connection).await?;
                let found = (told.people.len(), told.groups, told.problems);
                told.connection.close().await;
                Ok(found)
            };
            all.push(Examined {
                server: server.clone(),
                found: found.await,
            });
        }
        all
    }

    /// Whether a password is somebody's.
    async fn ask(&self, localpart: &str, external: Option<&str>, password: &Password) -> Verdict {
        let settings = self.settings();
        let patience = Duration::from_secs(u64::from(settings.timeout_seconds));
        let Ok(Ok(_permit)) = tokio::time::timeout(patience, self.inner.logins.acquire()).await
        else {
            tracing::warn!(
                "more logins wait for the directory than `identity.ldap.logins_at_once`"
            );
            return Verdict::Unknown;
        };
        let asked = self.look_up_and_bind(&settings, localpart, external, password);
        // Each step has its own time; the whole has that of two servers.
        match tokio::time::timeout(patience * 2, asked).await {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the directory could not be asked for a password");
                Verdict::Unknown
            }
            Err(_) => {
                tracing::warn!("the directory takes too long to look at passwords");
                Verdict::Unknown
            }
        }
    }

    async fn look_up_and_bind(
        &self,
        settings: &config::Ldap,
        localpart: &str,
        external: Option<&str>,
        password: &Password,
    ) -> Result<Verdict, Trouble> {
        let first = self.inner.good.load(Ordering::Relaxed);
        let mut connection = self.open_any(settings, first).await?;
        let found = match external {
            // It stands as in a filter already.
            Some(external) => {
                people::somebody(&mut connection, settings, settings.id_attribute(), external)
                    .await?
            }
            None => named(&mut connection, settings, localpart).await?,
        };
        let Some(person) = found else {
            connection.close().await;
            return Ok(Verdict::Wrong);
        };
        if connection.verify(&person.entry, password.expose()).await? == Bind::Wrong {
            return Ok(Verdict::Wrong);
        }
        if external.is_some() {
            return Ok(Verdict::Right);
        }
        // Groups come with the next synchronisation.
        self.wake();
        Ok(Verdict::Newcomer(Box::new(new_account(&person, localpart))))
    }
}

/// The person of a name, if it is that name and not only one that the directory takes for the same.
async fn named(
    connection: &mut Connection,
    settings: &config::Ldap,
    localpart: &str,
) -> Result<Option<Person>, Trouble> {
    let value = names::in_filter(localpart.as_bytes());
    let found = people::somebody(connection, settings, settings.name_attribute(), &value).await?;
    let is_it = |person: &Person| {
        base::jid::local_part_strict(&person.name).is_ok_and(|name| name == localpart)
    };
    Ok(found.filter(is_it))
}

/// The account of somebody who has none yet.
pub(super) fn new_account(person: &Person, localpart: &str) -> NewAccount {
    let groups: Vec<Arc<str>> = person
        .groups
        .iter()
        .map(|group| group.as_str().into())
        .collect();
    NewAccount {
        localpart: localpart.into(),
        display_name: person.display_name.as_deref().map(Into::into),
        groups: groups.clone(),
        identity: Some(Identity {
            source: SOURCE.into(),
            external: person.external.as_str().into(),
            groups,
            password_changed: person.password_changed.as_deref().map(Into::into),
            gone: false,
        }),
        ..NewAccount::default()
    }
}

impl Told {
    /// The picture of somebody.
    pub(super) async fn photo(
        &mut self,
        settings: &config::Ldap,
        entry: &str,
    ) -> Result<Option<Photo>, Trouble> {
        people::photo(&mut self.connection, settings, entry).await
    }

    /// Nothing more is asked.
    pub(super) async fn close(self) {
        self.connection.close().await;
    }
}

impl chat::Directory for Directory {
    fn verify(&self, localpart: &str, external: Option<&str>, password: Password) -> Work<Verdict> {
        let directory = self.clone();
        let (localpart, external) = (localpart.to_owned(), external.map(str::to_owned));
        // In a task of its own: what a directory answers that cannot be read ends that, and nothing else.
        let asking = tokio::spawn(async move {
            directory
                .ask(&localpart, external.as_deref(), &password)
                .await
        });
        Box::pin(async move { asking.await.unwrap_or(Verdict::Unknown) })
    }
}
