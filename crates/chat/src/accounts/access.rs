//! What has access to an account, and taking it back (XEP-0494).

use std::fmt::Write as _;

use base::{BareJid, Now};
use store::{AppPasswordId, Batch, Device};
use xmpp::condition::StreamCondition;
use xmpp::sasl::ScramHash;
use xmpp::stream::ClientAgent;
use xmpp::xep::client_access::ClientAccess;

use super::{Act, Authority, Refusal};
use crate::admission::Admission;
use crate::{Account, Chat, SessionEntry};

/// What an id of the list stands for. Ids tell nothing of what they stand for.
enum Subject {
    App(AppPasswordId),
    Device(String),
    Session(String),
}

fn id_of(kind: &str, text: &str) -> String {
    let mut id = format!("{kind}-");
    for byte in &ScramHash::Sha256.digest(text.as_bytes()).expose()[..10] {
        let _ = write!(id, "{byte:02x}");
    }
    id
}

fn app_id(id: AppPasswordId) -> String {
    format!("app-{}", id.number())
}

impl Chat {
    /// What is noted of the device that has come in; `None` when it does not say who it is, or the
    /// house keeps no such notes.
    pub(crate) fn device_of(&self, admission: &Admission, now: Now) -> Option<Device> {
        if self.config().registration.device_history.is_zero() {
            return None;
        }
        let ClientAgent {
            id,
            software,
            device,
        } = &admission.agent;
        let app_password = admission.app_password();
        Some(Device {
            client: id.as_deref()?.into(),
            software: software.as_deref().map(Into::into),
            device: device.as_deref().map(Into::into),
            first_seen: now.wall,
            last_seen: now.wall,
            password: admission.by_password && app_password.is_none(),
            app_password,
        })
    }

    /// Notes that somebody has come in. Nobody waits for it.
    pub(crate) fn note_admission(&self, account: &Account, admission: &Admission, now: Now) {
        let mut batch = Batch::new();
        if let Some(id) = admission.app_password() {
            batch.app_password_used(account.id(), id, now.wall);
        }
        if let Some(device) = self.device_of(admission, now) {
            batch.device_seen(account.id(), device);
        }
        if !batch.is_empty() {
            drop(self.store().submit(batch));
        }
    }

    /// Everything that has access to an account: app passwords, devices, and sessions that do not
    /// say which device they are of.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn clients(&self, account: &Account, now: Now) -> Result<Vec<ClientAccess>, Refusal> {
        let store = self.store();
        let app_passwords = store.app_passwords(account.id()).await?;
        let devices = store.devices(account.id()).await?;
        let tokens = store.tokens(account.id(), None).await?;
        let sessions = account.sessions();
        let mut list = Vec::new();
        for app in app_passwords {
            let connected = sessions
                .iter()
                .any(|entry| entry.admission().app_password() == Some(app.id));
            let last = devices
                .iter()
                .find(|device| device.app_password == Some(app.id));
            list.push(ClientAccess {
                id: app_id(app.id),
                session: app.last_used.is_some(),
                connected,
                first_seen: Some(app.created),
                last_seen: if connected {
                    Some(now.wall)
                } else {
                    app.last_used
                },
                grant: true,
                fast: tokens
                    .iter()
                    .any(|token| token.app_password == Some(app.id)),
                software: Some(app.label.to_string()),
                device: last.and_then(|device| device.device.as_deref().map(str::to_owned)),
                ..ClientAccess::default()
            });
        }
        for device in devices
            .iter()
            .filter(|device| device.app_password.is_none())
        {
            let connected = sessions
                .iter()
                .any(|entry| entry.admission().agent.id.as_deref() == Some(&*device.client));
            list.push(ClientAccess {
                id: id_of("device", &device.client),
                session: true,
                connected,
                first_seen: Some(device.first_seen),
                last_seen: Some(if connected {
                    now.wall
                } else {
                    device.last_seen
                }),
                password: device.password,
                fast: tokens
                    .iter()
                    .any(|token| token.client == device.client && token.expires > now.wall),
                unrestricted: true,
                software: device.software.as_deref().map(str::to_owned),
                device: device.device.as_deref().map(str::to_owned),
                ..ClientAccess::default()
            });
        }
        for entry in &sessions {
            let admission = entry.admission();
            let listed = admission.app_password().is_some()
                || devices
                    .iter()
                    .any(|device| admission.agent.id.as_deref() == Some(&*device.client));
            if listed {
                continue;
            }
            list.push(ClientAccess {
                id: id_of("session", entry.jid().resource()),
                session: true,
                connected: true,
                first_seen: Some(admission.since),
                last_seen: Some(now.wall),
                password: admission.by_password,
                unrestricted: true,
                software: admission.agent.software.clone(),
                device: Some(entry.jid().resource().to_owned()),
                ..ClientAccess::default()
            });
        }
        Ok(list)
    }

    /// Takes back what has access: its tokens, its sessions and its notifications end at once.
    ///
    /// # Errors
    /// [`Refusal::NothingToRevoke`] for an unknown id. [`Refusal::PasswordKnown`] when it is signed
    /// out, but has shown the password and can come back (XEP-0494 §3.2).
    pub async fn revoke_client(
        &self,
        account: &Account,
        id: &str,
        by: &Authority,
        now: Now,
    ) -> Result<(), Refusal> {
        let kept = account.facts().account.clone();
        by.may_to(Act::EndSessions, account.jid(), &kept)?;
        let (subject, known) = self
            .subject_of(account, id)
            .await?
            .ok_or(Refusal::NothingToRevoke)?;
        let mut batch = Batch::new();
        match &subject {
            Subject::App(id) => batch.app_password_remove(account.id(), *id),
            Subject::Device(client) => {
                batch.token_revoke(account.id(), client);
                batch.device_forget(account.id(), client);
            }
            Subject::Session(_) => {}
        }
        let whose = account.jid().as_str();
        batch.audit(by.note(now.wall, "account.access", whose, id));
        let of_subject = |entry: &SessionEntry| match &subject {
            Subject::App(id) => entry.admission().app_password() == Some(*id),
            Subject::Device(client) => entry.admission().agent.id.as_deref() == Some(client),
            Subject::Session(resource) => entry.jid().resource() == resource,
        };
        let device = match &subject {
            Subject::App(id) => Some(format!("app {}", id.number())),
            Subject::Device(client) => Some(format!("device {client}")),
            Subject::Session(_) => None,
        };
        {
            let _turn = account.turn().await;
            let sessions = account.sessions();
            let ending: Vec<_> = sessions.iter().filter(|entry| of_subject(entry)).collect();
            ending.iter().for_each(|entry| entry.dismiss());
            let pushes = account.facts().push.clone();
            let (gone, kept): (Vec<_>, Vec<_>) = pushes.into_iter().partition(|push| {
                let own = device.is_some() && push.device.as_deref() == device.as_deref();
                own || ending.iter().any(|entry| entry.has_push(&push.target))
            });
            for push in &gone {
                batch.push_remove(account.id(), &push.target);
            }
            self.store().submit(batch).ticket.await?;
            account.facts().push = kept;
        }
        let why = StreamCondition::NotAuthorized;
        self.end_some_sessions(account.jid(), why, now, |entry| of_subject(entry))
            .await;
        if known {
            Err(Refusal::PasswordKnown)
        } else {
            Ok(())
        }
    }

    /// What an id stands for, and whether that has shown the password.
    async fn subject_of(
        &self,
        account: &Account,
        id: &str,
    ) -> Result<Option<(Subject, bool)>, Refusal> {
        for app in self.store().app_passwords(account.id()).await? {
            if app_id(app.id) == id {
                return Ok(Some((Subject::App(app.id), false)));
            }
        }
        for device in self.store().devices(account.id()).await? {
            if device.app_password.is_none() && id_of("device", &device.client) == id {
                let client = device.client.to_string();
                return Ok(Some((Subject::Device(client), device.password)));
            }
        }
        let sessions = account.sessions();
        let session = sessions
            .iter()
            .find(|entry| id_of("session", entry.jid().resource()) == id);
        Ok(session.map(|entry| {
            let resource = entry.jid().resource().to_owned();
            (Subject::Session(resource), entry.admission().by_password)
        }))
    }

    /// Ends one session, or all of an account (XEP-0133 §4.5). False when there is none.
    ///
    /// # Errors
    /// [`Refusal::NoSuchAccount`], and those of who may not.
    pub async fn end_user_session(
        &self,
        account: &BareJid,
        resource: Option<&str>,
        by: &Authority,
        now: Now,
    ) -> Result<bool, Refusal> {
        let kept = self.kept_account(account).await?;
        by.may_to(Act::EndSessions, account, &kept)?;
        let Some(cached) = self.cached_account(account.as_str()) else {
            return Ok(false);
        };
        let meant = |entry: &SessionEntry| {
            resource.is_none_or(|resource| entry.jid().resource() == resource)
        };
        let any = cached.sessions().iter().any(|entry| meant(entry));
        if any {
            let mut batch = Batch::new();
            let detail = resource.unwrap_or("all");
            batch.audit(by.note(now.wall, "account.sessions", account.as_str(), detail));
            self.store().submit(batch).ticket.await?;
        }
        let why = StreamCondition::NotAuthorized;
        self.end_some_sessions(account, why, now, |entry| meant(entry))
            .await;
        Ok(any)
    }
}
