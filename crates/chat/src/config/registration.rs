//! Who may make accounts, and on which conditions.

use std::sync::Arc;
use std::time::Duration;

/// Which accounts may be made before login (XEP-0077).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RegistrationMode {
    /// None; administrators make accounts, or send invitations that are used in a browser.
    #[default]
    Off,
    /// Those of people who bring an invitation (XEP-0445).
    Invitation,
    /// Everybody's.
    Open,
}

/// House rules for accounts.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Which accounts may be made before login.
    pub mode: RegistrationMode,
    /// Whether every user may invite new people, not only administrators (XEP-0401).
    pub users_invite: bool,
    /// How long an invitation lasts.
    pub invitation_lifetime: Duration,
    /// Open invitations of one account.
    pub invitations: usize,
    /// Accounts that one address may make in an hour without an invitation.
    pub per_address_per_hour: u32,
    /// Accounts that all together may make in an hour without an invitation.
    pub per_hour: u32,
    /// Fewest characters of a password that people choose themselves.
    pub shortest_password: usize,
    /// Names that nobody may choose, normalised.
    pub reserved_names: Vec<Arc<str>>,
    /// Whether users may remove their own accounts.
    pub users_remove: bool,
    /// App passwords of one account; 0 switches them off.
    pub app_passwords: usize,
    /// How long a device that has logged in is listed after it was seen last; zero keeps none.
    pub device_history: Duration,
    /// Where browsers reach this server, such as `https://chat.example.org`; empty: nowhere.
    pub public_url: Arc<str>,
}

impl Default for Registration {
    fn default() -> Self {
        Self {
            mode: RegistrationMode::Off,
            users_invite: false,
            invitation_lifetime: Duration::from_secs(7 * 24 * 3600),
            invitations: 50,
            per_address_per_hour: 3,
            per_hour: 100,
            shortest_password: 8,
            reserved_names: [
                "abuse",
                "admin",
                "administrator",
                "hostmaster",
                "postmaster",
                "root",
                "security",
                "support",
                "webmaster",
            ]
            .map(Into::into)
            .to_vec(),
            users_remove: true,
            app_passwords: 20,
            device_history: Duration::from_secs(90 * 24 * 3600),
            public_url: "".into(),
        }
    }
}
