//! How a session has come in.

use std::sync::Arc;

use base::Timestamp;
use store::AppPasswordId;
use xmpp::stream::ClientAgent;
use xmpp::stream::server::Credential;

/// How a session has come in.
#[derive(Clone, Debug, Default)]
pub struct Admission {
    /// By which of the account's secrets.
    pub credential: Credential,
    /// It has shown a password for it, not a token or a certificate.
    pub by_password: bool,
    /// Which installation.
    pub agent: ClientAgent,
    /// When.
    pub since: Timestamp,
}

impl Admission {
    /// The app password, if it was by one.
    pub(crate) fn app_password(&self) -> Option<AppPasswordId> {
        match self.credential {
            Credential::App(number) => Some(AppPasswordId::from_number(number)),
            Credential::Account => None,
        }
    }

    /// What stands for the device in what it leaves behind; `None` when it does not say which it is.
    pub(crate) fn device_key(&self) -> Option<Arc<str>> {
        match (&self.credential, &self.agent.id) {
            (Credential::App(number), _) => Some(format!("app {number}").into()),
            (Credential::Account, Some(id)) => Some(format!("device {id}").into()),
            (Credential::Account, None) => None,
        }
    }
}
