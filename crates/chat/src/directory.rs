//! The roof's way to a directory that keeps people and their passwords (LDAP).

use std::sync::{Arc, OnceLock};

use store::NewAccount;
use xmpp::sasl::Password;

use crate::{Chat, Work};

/// What a directory says of a name and a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The password is that of the person.
    Right,
    /// The password is that of a person who has no account here yet; this is to be it.
    Newcomer(Box<NewAccount>),
    /// There is no such person, or the password is another one.
    Wrong,
    /// Nobody can say: the directory does not answer, or has too much to do.
    Unknown,
}

/// Asks a directory. Nothing of the messenger waits for it but the one who logs in.
pub trait Directory: Send + Sync {
    /// Whether this is the password of the person that the directory calls `external`, or for an account that is not here yet of
    /// the one whose name would be `localpart`; in a time of its own.
    fn verify(&self, localpart: &str, external: Option<&str>, password: Password) -> Work<Verdict>;
}

/// The directory, once the roof has given it.
#[derive(Default)]
pub(crate) struct Directories(OnceLock<Arc<dyn Directory>>);

impl Directories {
    pub(crate) fn get(&self) -> Option<&Arc<dyn Directory>> {
        self.0.get()
    }
}

impl Chat {
    /// Gives the way to the directory; only the first counts. It is asked while [`crate::ChatConfig::directory`] says so.
    pub fn set_directory(&self, directory: Arc<dyn Directory>) {
        let _ = self.directories().0.set(directory);
    }
}
