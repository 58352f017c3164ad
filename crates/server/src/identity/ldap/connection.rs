//! One connection to one server of the directory.

use std::sync::Arc;
use std::time::Duration;

use ldap3::adapters::{Adapter, EntriesOnly, PagedResults};
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, Scope, SearchEntry};
use rustls::ClientConfig;

use crate::config;

/// Why a directory cannot be used, for administrators.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{server}: {problem}")]
pub struct Trouble {
    /// Which server, as it is configured.
    pub server: String,
    /// What is wrong, and what to do.
    pub problem: String,
}

/// What became of a bind with somebody's password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bind {
    Right,
    Wrong,
}

/// A connection that may read.
pub(super) struct Connection {
    ldap: Ldap,
    server: String,
    patience: Duration,
}

/// LDAP's result codes (RFC 4511 §4.1.9) that say something of a password.
mod code {
    pub(super) const NO_SUCH_OBJECT: u32 = 32;
    pub(super) const INAPPROPRIATE_AUTHENTICATION: u32 = 48;
    pub(super) const INVALID_CREDENTIALS: u32 = 49;
    pub(super) const CONSTRAINT_VIOLATION: u32 = 19;
    pub(super) const UNWILLING_TO_PERFORM: u32 = 53;
}

/// What reads all entries, page by page, and follows no references to other servers.
fn paged<'a>(page: i32) -> Vec<Box<dyn Adapter<'a, String, Vec<String>> + 'a>> {
    vec![
        Box::new(EntriesOnly::new()),
        Box::new(PagedResults::new(page)),
    ]
}

impl Connection {
    /// Connects, and binds as the account that looks people up.
    pub(super) async fn open(
        settings: &config::Ldap,
        server: &str,
        tls: Option<Arc<ClientConfig>>,
        secret: &str,
    ) -> Result<Self, Trouble> {
        let trouble = |problem: String| Trouble {
            server: server.to_owned(),
            problem,
        };
        let patience = Duration::from_secs(u64::from(settings.timeout_seconds));
        let mut connect = LdapConnSettings::new().set_conn_timeout(patience);
        if let Some(tls) = tls {
            connect = connect.set_config(tls).set_starttls(true);
        }
        let (connection, ldap) = LdapConnAsync::with_settings(connect, server)
            .await
            .map_err(|error| trouble(format!("cannot be reached: {}", reason(&error))))?;
        tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::debug!(%error, "a connection to the directory has broken");
            }
        });
        let mut opened = Self {
            ldap,
            server: server.to_owned(),
            patience,
        };
        if !settings.bind_dn.is_empty() {
            let bound = opened.bind_raw(&settings.bind_dn, secret).await?;
            match bound.rc {
                0 => {}
                code::INVALID_CREDENTIALS => {
                    return Err(opened
                        .trouble("refuses `identity.ldap.bind_dn` with its password; check both"));
                }
                _ => return Err(opened.trouble(format!("`identity.ldap.bind_dn`: {bound}"))),
            }
        }
        Ok(opened)
    }

    fn trouble(&self, problem: impl Into<String>) -> Trouble {
        Trouble {
            server: self.server.clone(),
            problem: problem.into(),
        }
    }

    fn failed(&self, error: &LdapError) -> Trouble {
        self.trouble(reason(error))
    }

    /// Which server this is.
    pub(super) fn server(&self) -> &str {
        &self.server
    }

    async fn bind_raw(&mut self, name: &str, password: &str) -> Result<ldap3::LdapResult, Trouble> {
        let bound = self
            .ldap
            .with_timeout(self.patience)
            .simple_bind(name, password);
        let bound = bound.await;
        bound.map_err(|error| self.failed(&error))
    }

    /// Whether a password is that of an entry. The connection is that entry's afterwards, and of no more use.
    pub(super) async fn verify(mut self, name: &str, password: &str) -> Result<Bind, Trouble> {
        // RFC 4513 §5.1.1 and §5.1.2: without a name or a password a bind is anonymous, and succeeds.
        if name.is_empty() || password.is_empty() {
            return Ok(Bind::Wrong);
        }
        let bound = self.bind_raw(name, password).await?;
        let _ = self.ldap.unbind().await;
        match bound.rc {
            0 => Ok(Bind::Right),
            code::INVALID_CREDENTIALS
            | code::NO_SUCH_OBJECT
            | code::INAPPROPRIATE_AUTHENTICATION
            | code::CONSTRAINT_VIOLATION
            | code::UNWILLING_TO_PERFORM => Ok(Bind::Wrong),
            _ => Err(self.trouble(bound.to_string())),
        }
    }

    /// All entries below `base` that fit, page by page. What does not come whole is an error.
    pub(super) async fn search(
        &mut self,
        base: &str,
        filter: &str,
        attributes: Vec<String>,
        page: u32,
    ) -> Result<Vec<SearchEntry>, Trouble> {
        self.read(base, Scope::Subtree, filter, attributes, page)
            .await
    }

    /// The entry of this name, if it is there.
    pub(super) async fn entry(
        &mut self,
        name: &str,
        attributes: Vec<String>,
    ) -> Result<Option<SearchEntry>, Trouble> {
        let found = self
            .read(name, Scope::Base, "(objectClass=*)", attributes, 1)
            .await?;
        Ok(found.into_iter().next())
    }

    async fn read(
        &mut self,
        base: &str,
        scope: Scope,
        filter: &str,
        attributes: Vec<String>,
        page: u32,
    ) -> Result<Vec<SearchEntry>, Trouble> {
        let page = i32::try_from(page).unwrap_or(i32::MAX);
        let mut ldap = self.ldap.clone();
        ldap.with_timeout(self.patience);
        let started = ldap
            .streaming_search_with(paged(page), base, scope, filter, attributes)
            .await;
        let mut stream = started.map_err(|error| self.failed(&error))?;
        let mut entries = Vec::new();
        while let Some(entry) = stream.next().await.map_err(|error| self.failed(&error))? {
            entries.push(SearchEntry::construct(entry));
        }
        let ended = stream.finish().await;
        match ended.rc {
            0 => Ok(entries),
            code::NO_SUCH_OBJECT if matches!(scope, Scope::Base) => Ok(Vec::new()),
            code::NO_SUCH_OBJECT => Err(self.trouble(format!(
                "there is no \"{base}\", or `identity.ldap.bind_dn` may not see it"
            ))),
            _ => Err(self.trouble(format!("search below \"{base}\": {ended}"))),
        }
    }

    /// Takes leave.
    pub(super) async fn close(mut self) {
        let _ = self.ldap.unbind().await;
    }
}

/// An error in words.
fn reason(error: &LdapError) -> String {
    match error {
        LdapError::Timeout { .. } => {
            "does not answer within `identity.ldap.timeout_seconds`".to_owned()
        }
        LdapError::Io { source } => source.to_string(),
        LdapError::LdapResult { result } => format!("{result}"),
        error => error.to_string(),
    }
}
