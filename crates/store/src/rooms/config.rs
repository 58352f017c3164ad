//! A room's configuration, and how it is written down.
//!
//! As text, entries `key=value` joined by U+001F, which XML cannot carry; a list is a key that comes
//! again. What has its usual value is left out, and a key that is not known is passed over: older and
//! newer versions read each other's.

use std::sync::Arc;

use base::Redacted;

use super::Affiliation;

const BETWEEN: char = '\u{1f}';

/// Who may see the real addresses of occupants (`muc#roomconfig_whois`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Whois {
    /// Everyone: the room is non-anonymous.
    Anyone,
    /// Moderators only: the room is semi-anonymous.
    #[default]
    Moderators,
}

/// Who may send private messages (`muc#roomconfig_allowpm`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PrivateMessages {
    /// Everyone.
    #[default]
    Anyone,
    /// Those with voice.
    Participants,
    /// Moderators; anyone may write to them.
    Moderators,
    /// Nobody.
    None,
}

/// How a room is set up (XEP-0045 §10.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomConfig {
    /// Its name for people.
    pub name: Option<Arc<str>>,
    /// What it is about.
    pub description: Option<Arc<str>>,
    /// Language of its talk, such as `de`.
    pub language: Option<Arc<str>>,
    /// Addresses to turn to.
    pub contacts: Vec<Arc<str>>,
    /// It stays when the last occupant leaves.
    pub persistent: bool,
    /// It is in the public list.
    pub listed: bool,
    /// Only members may enter.
    pub members_only: bool,
    /// Who enters without standing has no voice.
    pub moderated: bool,
    /// What must be given to enter.
    pub password: Option<Redacted<Arc<str>>>,
    /// Who may see real addresses.
    pub whois: Whois,
    /// Most occupants; `None` for the bound of the service.
    pub max_occupants: Option<u32>,
    /// Occupants with voice may change the subject; else moderators only.
    pub occupants_change_subject: bool,
    /// Members may invite into a members-only room; else admins only.
    pub members_invite: bool,
    /// Who may send private messages.
    pub private_messages: PrivateMessages,
    /// Those without voice may ask for it.
    pub voice_requests: bool,
    /// Who enters may change the nickname.
    pub nick_changes: bool,
    /// Members enter under the nickname that is reserved for them only.
    pub nick_locked: bool,
    /// Roles whose presence is told to all: moderators, participants, visitors.
    pub presence_of: [bool; 3],
    /// From which standing on the list of members may be read.
    pub member_list_for: Affiliation,
    /// Messages are kept in the room's archive.
    pub archived: bool,
    /// Most messages that a new occupant is sent from before, where it does not say how many.
    pub history: u32,
    /// Group of the directory whose people are members: it is that department's room.
    pub group: Option<Arc<str>>,
    /// Nobody but its maker may enter before it was set up (XEP-0045 §10.1).
    pub locked: bool,
}

impl Default for RoomConfig {
    fn default() -> Self {
        Self {
            name: None,
            description: None,
            language: None,
            contacts: Vec::new(),
            persistent: false,
            listed: false,
            members_only: false,
            moderated: false,
            password: None,
            whois: Whois::Moderators,
            max_occupants: None,
            occupants_change_subject: false,
            members_invite: false,
            private_messages: PrivateMessages::Anyone,
            voice_requests: true,
            nick_changes: true,
            nick_locked: false,
            presence_of: [true; 3],
            member_list_for: Affiliation::Member,
            archived: true,
            history: 20,
            group: None,
            locked: false,
        }
    }
}

impl RoomConfig {
    /// A private group: hidden, for members, who see each other's addresses and may invite; it stays.
    /// So OMEMO finds everyone's devices.
    #[must_use]
    pub fn group_chat() -> Self {
        Self {
            persistent: true,
            members_only: true,
            whois: Whois::Anyone,
            members_invite: true,
            occupants_change_subject: true,
            ..Self::default()
        }
    }

    /// A department's room: the people of a group of the directory are its members. `open` lets
    /// others in too and puts it into the public list.
    #[must_use]
    pub fn department_room(group: &str, open: bool) -> Self {
        Self {
            name: Some(group.into()),
            persistent: true,
            listed: open,
            members_only: !open,
            whois: Whois::Anyone,
            occupants_change_subject: true,
            group: Some(group.into()),
            ..Self::default()
        }
    }

    /// Writes it down.
    pub(crate) fn to_text(&self) -> String {
        let usual = Self::default();
        let mut out = Entries(String::new());
        out.text("name", &self.name);
        out.text("description", &self.description);
        out.text("language", &self.language);
        for contact in &self.contacts {
            out.entry("contact", contact);
        }
        out.flag("persistent", self.persistent, usual.persistent);
        out.flag("listed", self.listed, usual.listed);
        out.flag("members_only", self.members_only, usual.members_only);
        out.flag("moderated", self.moderated, usual.moderated);
        if let Some(password) = &self.password {
            out.entry("password", password.expose());
        }
        if self.whois == Whois::Anyone {
            out.entry("whois", "anyone");
        }
        if let Some(most) = self.max_occupants {
            out.entry("max_occupants", &most.to_string());
        }
        out.flag(
            "occupants_change_subject",
            self.occupants_change_subject,
            usual.occupants_change_subject,
        );
        out.flag("members_invite", self.members_invite, usual.members_invite);
        match self.private_messages {
            PrivateMessages::Anyone => {}
            PrivateMessages::Participants => out.entry("private_messages", "participants"),
            PrivateMessages::Moderators => out.entry("private_messages", "moderators"),
            PrivateMessages::None => out.entry("private_messages", "none"),
        }
        out.flag("voice_requests", self.voice_requests, usual.voice_requests);
        out.flag("nick_changes", self.nick_changes, usual.nick_changes);
        out.flag("nick_locked", self.nick_locked, usual.nick_locked);
        if self.presence_of != usual.presence_of {
            let shown: String = ["m", "p", "v"]
                .into_iter()
                .zip(self.presence_of)
                .filter_map(|(letter, shown)| shown.then_some(letter))
                .collect();
            out.entry("presence_of", &shown);
        }
        if self.member_list_for != usual.member_list_for {
            out.entry("member_list_for", standing(self.member_list_for));
        }
        out.flag("archived", self.archived, usual.archived);
        if self.history != usual.history {
            out.entry("history", &self.history.to_string());
        }
        out.text("group", &self.group);
        out.flag("locked", self.locked, usual.locked);
        out.0
    }

    /// Reads what was written down.
    pub(crate) fn from_text(text: &str) -> Self {
        let mut config = Self::default();
        for entry in text.split(BETWEEN) {
            let Some((key, value)) = entry.split_once('=') else {
                continue;
            };
            let on = value == "1";
            match key {
                "name" => config.name = Some(value.into()),
                "description" => config.description = Some(value.into()),
                "language" => config.language = Some(value.into()),
                "contact" => config.contacts.push(value.into()),
                "persistent" => config.persistent = on,
                "listed" => config.listed = on,
                "members_only" => config.members_only = on,
                "moderated" => config.moderated = on,
                "password" => config.password = Some(Redacted::new(value.into())),
                "whois" if value == "anyone" => config.whois = Whois::Anyone,
                "max_occupants" => config.max_occupants = value.parse().ok(),
                "occupants_change_subject" => config.occupants_change_subject = on,
                "members_invite" => config.members_invite = on,
                "private_messages" => {
                    config.private_messages = match value {
                        "participants" => PrivateMessages::Participants,
                        "moderators" => PrivateMessages::Moderators,
                        "none" => PrivateMessages::None,
                        _ => PrivateMessages::Anyone,
                    }
                }
                "voice_requests" => config.voice_requests = on,
                "nick_changes" => config.nick_changes = on,
                "nick_locked" => config.nick_locked = on,
                "presence_of" => {
                    config.presence_of = ['m', 'p', 'v'].map(|letter| value.contains(letter));
                }
                "member_list_for" => config.member_list_for = of_standing(value),
                "archived" => config.archived = on,
                "history" => config.history = value.parse().unwrap_or(config.history),
                "group" => config.group = Some(value.into()),
                "locked" => config.locked = on,
                _ => {}
            }
        }
        config
    }
}

fn standing(affiliation: Affiliation) -> &'static str {
    match affiliation {
        Affiliation::Outcast | Affiliation::None => "none",
        Affiliation::Member => "member",
        Affiliation::Admin => "admin",
        Affiliation::Owner => "owner",
    }
}

fn of_standing(text: &str) -> Affiliation {
    match text {
        "none" => Affiliation::None,
        "admin" => Affiliation::Admin,
        "owner" => Affiliation::Owner,
        _ => Affiliation::Member,
    }
}

struct Entries(String);

impl Entries {
    fn entry(&mut self, key: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push(BETWEEN);
        }
        self.0.push_str(key);
        self.0.push('=');
        self.0
            .extend(value.chars().filter(|character| *character != BETWEEN));
    }

    fn text(&mut self, key: &str, value: &Option<Arc<str>>) {
        if let Some(value) = value {
            self.entry(key, value);
        }
    }

    fn flag(&mut self, key: &str, value: bool, usual: bool) {
        if value != usual {
            self.entry(key, if value { "1" } else { "0" });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let full = RoomConfig {
            name: Some("Tür = Tor".into()),
            description: Some("Two\nlines".into()),
            language: Some("de".into()),
            contacts: vec!["a@x".into(), "b@x".into()],
            persistent: true,
            listed: true,
            members_only: true,
            moderated: true,
            password: Some(Redacted::new("a=b".into())),
            whois: Whois::Anyone,
            max_occupants: Some(7),
            occupants_change_subject: true,
            members_invite: true,
            private_messages: PrivateMessages::Moderators,
            voice_requests: false,
            nick_changes: false,
            nick_locked: true,
            presence_of: [true, false, false],
            member_list_for: Affiliation::Owner,
            archived: false,
            history: 0,
            group: Some("Sales".into()),
            locked: true,
        };
        for config in [
            RoomConfig::default(),
            RoomConfig::group_chat(),
            RoomConfig::department_room("Sales", true),
            full,
        ] {
            assert_eq!(RoomConfig::from_text(&config.to_text()), config);
        }
        assert_eq!(RoomConfig::default().to_text(), "");
        let newer = RoomConfig::from_text("name=A\u{1f}colour=blue\u{1f}nonsense");
        assert_eq!(newer.name.as_deref(), Some("A"));
    }
}
