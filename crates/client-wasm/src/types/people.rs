//! People and their devices.

use client::{DeviceView, views};
use serde::{Deserialize, Serialize};

use super::Time;
use super::conversation::{Availability, picture};

/// Somebody in the roster.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    /// Who, by address.
    pub account: String,
    /// What to call them.
    pub name: String,
    /// We see when they are there.
    pub seen: bool,
    /// They see when we are there.
    pub sees_us: bool,
    /// We have asked, and they have not answered.
    pub asked: bool,
    /// Groups of the roster: departments.
    pub groups: Vec<String>,
    /// Whether they are there.
    pub availability: Availability,
    /// In their words; empty for none.
    pub status: String,
    /// Their picture, for `core.picture`.
    pub picture: Option<String>,
}

/// What is known of somebody.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Who, by address.
    pub account: String,
    /// What to call them.
    pub name: String,
    /// It is us.
    pub own: bool,
    /// As a contact, if they are one.
    pub contact: Option<Contact>,
    /// They want to see when we are there, and were not answered.
    pub requests: bool,
    /// Nothing comes from them any more, because we want that.
    pub blocked: bool,
    /// Their picture, for `core.picture`.
    pub picture: Option<String>,
    /// Whether they are there.
    pub availability: Availability,
    /// In their words; empty for none.
    pub status: String,
}

/// Somebody in a group or room.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The account, where it is known.
    pub account: Option<String>,
    /// The name in the room; `null` when they are not there just now.
    pub nick: Option<String>,
    /// What to show.
    pub name: String,
    /// It is us.
    pub own: bool,
    /// What they are to the room.
    pub affiliation: Affiliation,
    /// What they may do just now; `null` when they are not there.
    pub role: Option<Role>,
    /// Whether they are there.
    pub availability: Availability,
}

/// What somebody is to a room (XEP-0045 §5.2).
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Affiliation {
    /// Banned.
    Outcast,
    /// Nothing.
    None,
    /// A member.
    Member,
    /// An administrator.
    Admin,
    /// An owner.
    Owner,
}

/// What somebody may do in a room (XEP-0045 §5.1).
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Not there.
    None,
    /// May read.
    Visitor,
    /// May speak.
    Participant,
    /// Keeps order.
    Moderator,
}

/// What was decided about a device.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum TrustLevel {
    /// Nothing yet: it is not written to.
    Undecided,
    /// Believed without having been looked at.
    FirstUse,
    /// Compared.
    Verified,
    /// Not believed: it is not written to.
    Distrusted,
}

/// What was decided about a device, and by whom.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Trust {
    /// What.
    pub level: TrustLevel,
    /// Another verified device did, and said so.
    pub automatic: bool,
}

/// Which devices are written to.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Policy {
    /// Those that were verified, and those that were believed on first use.
    FirstUse,
    /// Only those that were verified.
    VerifiedOnly,
}

/// A device of somebody.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// Whose.
    pub account: String,
    /// Its number.
    pub device: u32,
    /// It is this one.
    pub this: bool,
    /// What its user calls it.
    pub label: Option<String>,
    /// What names its key, for commands; `null` while it was not seen.
    pub identity: Option<String>,
    /// Its key as people compare it: eight groups of eight digits.
    pub fingerprint: Option<String>,
    /// What was decided about it; `null` while its key was not seen.
    pub trust: Option<Trust>,
    /// It is in use: its account lists it.
    pub listed: bool,
    /// It understands all that we send; else only words, and files as addresses.
    pub modern: bool,
    /// When it was last heard.
    pub heard: Option<Time>,
}

/// Who can read in a conversation.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Readers {
    /// It is known; else it is not encrypted, or the devices have not been asked for.
    pub known: bool,
    /// How many people.
    pub people: usize,
    /// How many devices.
    pub devices: usize,
    /// How many of the devices were compared.
    pub verified: usize,
    /// Whom a message would not reach.
    pub unreached: Vec<Unreached>,
}

/// Whom a message does not reach.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Unreached {
    /// The account.
    pub account: String,
    /// The device; `null` for all of them.
    pub device: Option<u32>,
    /// Why.
    pub reason: UnreachedReason,
}

/// Why somebody is not reached.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum UnreachedReason {
    /// The account has no device that encrypts.
    NoDevices,
    /// Its devices or their keys are not known yet.
    NotYetKnown,
    /// Its server does not give what is needed.
    Unavailable,
    /// Somebody must look at its key first.
    Undecided,
    /// Its key is not trusted.
    Distrusted,
    /// Policy demands that it be verified.
    NotVerified,
    /// Something else is wrong with it.
    Other,
}

/// This device's key, for others to compare with.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct OwnKey {
    /// The number of this device.
    pub device: u32,
    /// As people compare it.
    pub fingerprint: String,
    /// What a QR code shows: an address `xmpp:…`.
    pub uri: String,
    /// The QR code: each a row of modules, `1` for dark.
    pub qr: Vec<String>,
}

impl From<views::Contact> for Contact {
    fn from(contact: views::Contact) -> Self {
        Self {
            account: contact.account.as_str().to_owned(),
            name: contact.name.to_string(),
            seen: contact.seen,
            sees_us: contact.sees_us,
            asked: contact.asked,
            groups: contact.groups.iter().map(ToString::to_string).collect(),
            availability: contact.availability.into(),
            status: contact.status.to_string(),
            picture: picture(contact.picture.as_ref()),
        }
    }
}

impl From<views::Member> for Member {
    fn from(member: views::Member) -> Self {
        Self {
            account: member.account.map(|jid| jid.as_str().to_owned()),
            nick: member.nick.map(|nick| nick.to_string()),
            name: member.name.to_string(),
            own: member.own,
            affiliation: match member.affiliation {
                client::Affiliation::Outcast => Affiliation::Outcast,
                client::Affiliation::None => Affiliation::None,
                client::Affiliation::Member => Affiliation::Member,
                client::Affiliation::Admin => Affiliation::Admin,
                client::Affiliation::Owner => Affiliation::Owner,
            },
            role: member.role.map(|role| match role {
                client::Role::None => Role::None,
                client::Role::Visitor => Role::Visitor,
                client::Role::Participant => Role::Participant,
                client::Role::Moderator => Role::Moderator,
            }),
            availability: member.availability.into(),
        }
    }
}

impl From<Affiliation> for client::Affiliation {
    fn from(affiliation: Affiliation) -> Self {
        match affiliation {
            Affiliation::Outcast => Self::Outcast,
            Affiliation::None => Self::None,
            Affiliation::Member => Self::Member,
            Affiliation::Admin => Self::Admin,
            Affiliation::Owner => Self::Owner,
        }
    }
}

impl From<Role> for client::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::None => Self::None,
            Role::Visitor => Self::Visitor,
            Role::Participant => Self::Participant,
            Role::Moderator => Self::Moderator,
        }
    }
}

impl From<client::Trust> for Trust {
    fn from(trust: client::Trust) -> Self {
        let (level, automatic) = match trust {
            client::Trust::Undecided => (TrustLevel::Undecided, false),
            client::Trust::FirstUse => (TrustLevel::FirstUse, false),
            client::Trust::Verified { automatic } => (TrustLevel::Verified, automatic),
            client::Trust::Distrusted { automatic } => (TrustLevel::Distrusted, automatic),
        };
        Self { level, automatic }
    }
}

impl From<Policy> for client::Policy {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::FirstUse => Self::FirstUse,
            Policy::VerifiedOnly => Self::VerifiedOnly,
        }
    }
}

impl From<DeviceView> for Device {
    fn from(device: DeviceView) -> Self {
        Self {
            account: device.account.as_str().to_owned(),
            device: device.device,
            this: device.this,
            label: device.label,
            identity: device.identity.as_ref().map(ToString::to_string),
            fingerprint: device.identity.as_ref().map(client::fingerprint),
            trust: device.trust.map(Into::into),
            listed: !device.forms.is_empty(),
            modern: device.forms.contains(&client::Form::Current),
            heard: device.heard.map(Into::into),
        }
    }
}

impl From<&client::Unreached> for Unreached {
    fn from(unreached: &client::Unreached) -> Self {
        use client::Unreachable;
        Self {
            account: unreached.account.as_str().to_owned(),
            device: unreached.device,
            reason: match unreached.reason {
                Unreachable::NoDevices => UnreachedReason::NoDevices,
                Unreachable::ListUnknown | Unreachable::BundleUnknown => {
                    UnreachedReason::NotYetKnown
                }
                Unreachable::ListUnavailable | Unreachable::BundleUnavailable => {
                    UnreachedReason::Unavailable
                }
                Unreachable::Undecided => UnreachedReason::Undecided,
                Unreachable::Distrusted => UnreachedReason::Distrusted,
                Unreachable::NotVerified => UnreachedReason::NotVerified,
                _ => UnreachedReason::Other,
            },
        }
    }
}

impl From<client::Readership> for Readers {
    fn from(readership: client::Readership) -> Self {
        let mut people: Vec<&client::BareJid> =
            readership.readers.iter().map(|it| &it.account).collect();
        people.sort();
        people.dedup();
        Self {
            known: true,
            people: people.len(),
            devices: readership.readers.len(),
            verified: readership
                .readers
                .iter()
                .filter(|reader| reader.trust.is_verified())
                .count(),
            unreached: readership.unreached.iter().map(Into::into).collect(),
        }
    }
}
