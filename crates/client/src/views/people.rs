//! People: contacts, and members of groups and rooms.

use std::fmt;
use std::sync::Arc;

use base::{BareJid, Jid};
use xmpp::xep::muc::{Affiliation, Role};

use super::conversation::Availability;

/// Names a picture: the SHA-1 of its bytes as XEP-0084 has it, in hexadecimal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PictureId(pub Arc<str>);

impl fmt::Debug for PictureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Somebody in the roster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Who.
    pub account: BareJid,
    /// What we call them; else what they call themselves, else the first part of the address.
    pub name: Arc<str>,
    /// We see when they are there.
    pub seen: bool,
    /// They see when we are there.
    pub sees_us: bool,
    /// We have asked, and they have not answered.
    pub asked: bool,
    /// Groups of the roster.
    pub groups: Vec<Arc<str>>,
    /// Whether they are there.
    pub availability: Availability,
    /// In their words.
    pub status: Arc<str>,
    /// Their picture.
    pub picture: Option<PictureId>,
}

/// What is known of somebody, in the roster or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Who.
    pub account: BareJid,
    /// What to call them.
    pub name: Arc<str>,
    /// As a contact, if they are one.
    pub contact: Option<Contact>,
    /// They want to see when we are there, and were not answered.
    pub requests: bool,
    /// Nothing comes from them any more, because the person wants that.
    pub blocked: bool,
    /// Their picture.
    pub picture: Option<PictureId>,
    /// Whether they are there; of ourselves, what others see.
    pub availability: Availability,
    /// In their words.
    pub status: Arc<str>,
}

/// Somebody in a group or room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The account, where it is known.
    pub account: Option<BareJid>,
    /// The name in the room; without one they are not there just now.
    pub nick: Option<Arc<str>>,
    /// What to show.
    pub name: Arc<str>,
    /// It is us.
    pub own: bool,
    /// What they are to the room.
    pub affiliation: Affiliation,
    /// What they may do just now; `None` when they are not there.
    pub role: Option<Role>,
    /// Whether they are there.
    pub availability: Availability,
    /// The address in the room, when they are there.
    pub occupant: Option<Jid>,
}
