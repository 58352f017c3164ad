//! XEP-0045: Multi-User Chat, version 1.35.5: the payloads.

use base::{Jid, Timestamp};

use crate::condition::{StanzaCondition, StanzaError};
use crate::ns;
use crate::xep::affiliation_versions::Versions;
use crate::xep::data_form::{DataForm, Field, FormKind};
use crate::xml::{Element, Writer};

/// What an occupant may do while it is there (§5.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Not there.
    #[default]
    None,
    /// Without voice in a moderated room.
    Visitor,
    /// With voice.
    Participant,
    /// Keeps order.
    Moderator,
}

impl Role {
    /// The value of the attribute.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Visitor => "visitor",
            Self::Participant => "participant",
            Self::Moderator => "moderator",
        }
    }

    /// Reads the attribute.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "none" => Self::None,
            "visitor" => Self::Visitor,
            "participant" => Self::Participant,
            "moderator" => Self::Moderator,
            _ => return None,
        })
    }
}

/// Long-lived standing (§5.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Affiliation {
    /// Banned.
    Outcast,
    /// None.
    #[default]
    None,
    /// A member.
    Member,
    /// An administrator.
    Admin,
    /// An owner.
    Owner,
}

impl Affiliation {
    /// The value of the attribute.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Outcast => "outcast",
            Self::None => "none",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// Reads the attribute.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "outcast" => Self::Outcast,
            "none" => Self::None,
            "member" => Self::Member,
            "admin" => Self::Admin,
            "owner" => Self::Owner,
            _ => return None,
        })
    }
}

/// Status codes (§15.6.2), by what they say.
pub mod status {
    /// Every occupant may see one's real address.
    pub const NON_ANONYMOUS: u16 = 100;
    /// The configuration has changed in a way that nobody's privacy depends on.
    pub const CONFIGURATION: u16 = 104;
    /// The presence is one's own.
    pub const SELF: u16 = 110;
    /// Messages are kept from now on, or as one enters.
    pub const LOGGING: u16 = 170;
    /// Messages are kept no more.
    pub const NO_LOGGING: u16 = 171;
    /// Addresses are shown to everyone from now on.
    pub const NOW_NON_ANONYMOUS: u16 = 172;
    /// Addresses are shown to moderators only from now on.
    pub const NOW_SEMI_ANONYMOUS: u16 = 173;
    /// The room was made.
    pub const CREATED: u16 = 201;
    /// The service has given another nickname.
    pub const NICK_ASSIGNED: u16 = 210;
    /// Banned.
    pub const BANNED: u16 = 301;
    /// A new nickname.
    pub const NEW_NICK: u16 = 303;
    /// Kicked.
    pub const KICKED: u16 = 307;
    /// Removed by a change of affiliation.
    pub const UNAFFILIATED: u16 = 321;
    /// Removed because the room is for members only now.
    pub const MEMBERS_ONLY: u16 = 322;
    /// Removed because the service stops.
    pub const SHUTDOWN: u16 = 332;
    /// Removed because of an error.
    pub const ERROR: u16 = 333;
}

/// How much of what was said before a new occupant wants (§7.2.14).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HistoryRequest {
    /// Most characters of all stanzas together.
    pub max_chars: Option<usize>,
    /// Most messages.
    pub max_stanzas: Option<usize>,
    /// Only of the last seconds.
    pub seconds: Option<u64>,
    /// Only since this time.
    pub since: Option<Timestamp>,
}

/// `<x/>` of a presence that enters a room (§7.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Join {
    /// The password given.
    pub password: Option<base::Redacted<String>>,
    /// What is wanted of the history.
    pub history: Option<HistoryRequest>,
    /// Affiliations are wanted, from a version on (XEP-0463 §4).
    pub affiliations: Option<Versions>,
}

impl Join {
    /// Reads `<x xmlns='http://jabber.org/protocol/muc'/>`. What cannot be read counts as absent.
    #[must_use]
    pub fn read(x: Element<'_>) -> Self {
        let history = x.child("history", ns::MUC).map(|history| {
            let number = |name| history.attr(name).and_then(|text| text.trim().parse().ok());
            HistoryRequest {
                max_chars: number("maxchars"),
                max_stanzas: number("maxstanzas"),
                seconds: history
                    .attr("seconds")
                    .and_then(|text| text.trim().parse().ok()),
                since: history
                    .attr("since")
                    .and_then(|text| Timestamp::parse(text.trim()).ok()),
            }
        });
        Self {
            password: x
                .child("password", ns::MUC)
                .map(|password| base::Redacted::new(password.text().into_owned())),
            history,
            affiliations: Versions::of(x),
        }
    }
}

/// `<item/>` of queries and notices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Item {
    /// Standing.
    pub affiliation: Option<Affiliation>,
    /// Role.
    pub role: Option<Role>,
    /// Real address.
    pub jid: Option<Jid>,
    /// Nickname.
    pub nick: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Nickname of who did it.
    pub actor: Option<String>,
}

impl Item {
    /// Reads `<item/>` in any namespace of multi-user chat.
    ///
    /// # Errors
    /// `bad-request` for an affiliation or role that is none, `jid-malformed` for an address that is
    /// none.
    pub fn read(element: Element<'_>) -> Result<Self, StanzaError> {
        let bad = || {
            StanzaError::new(StanzaCondition::BadRequest)
                .text("There is no such role or affiliation (XEP-0045 §5).")
        };
        let affiliation = element
            .attr("affiliation")
            .map(|text| Affiliation::parse(text).ok_or_else(bad))
            .transpose()?;
        let role = element
            .attr("role")
            .map(|text| Role::parse(text).ok_or_else(bad))
            .transpose()?;
        let jid = element
            .attr("jid")
            .map(|text| Jid::parse(text.trim()))
            .transpose()
            .map_err(|_| StanzaError::new(StanzaCondition::JidMalformed))?;
        let reason = element.child("reason", element.namespace());
        Ok(Self {
            affiliation,
            role,
            jid,
            nick: element.attr("nick").map(str::to_owned),
            reason: reason
                .map(|reason| reason.text().into_owned())
                .filter(|reason| !reason.is_empty()),
            actor: None,
        })
    }

    /// Writes `<item/>` in the namespace of its parent.
    pub fn write(&self, writer: &mut Writer) {
        writer
            .start("item")
            .attr_opt("affiliation", self.affiliation.map(Affiliation::as_str))
            .attr_opt("jid", self.jid.as_ref().map(Jid::as_str))
            .attr_opt("nick", self.nick.as_deref())
            .attr_opt("role", self.role.map(Role::as_str));
        if let Some(actor) = &self.actor {
            writer.start("actor").attr("nick", actor).end();
        }
        if let Some(reason) = &self.reason {
            writer.leaf_text("reason", None, reason);
        }
        writer.end();
    }
}

/// `<destroy/>` (§10.9).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Destroy {
    /// Where people go instead.
    pub jid: Option<Jid>,
    /// What they must give to enter there.
    pub password: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

impl Destroy {
    /// Reads `<destroy/>`.
    ///
    /// # Errors
    /// `jid-malformed` when the alternate venue is no address.
    pub fn read(element: Element<'_>) -> Result<Self, StanzaError> {
        let text = |name| {
            element
                .child(name, element.namespace())
                .map(|child| child.text().into_owned())
                .filter(|text| !text.is_empty())
        };
        let jid = element
            .attr("jid")
            .filter(|jid| !jid.is_empty())
            .map(Jid::parse)
            .transpose()
            .map_err(|_| StanzaError::new(StanzaCondition::JidMalformed))?;
        Ok(Self {
            jid,
            password: text("password"),
            reason: text("reason"),
        })
    }

    /// Writes `<destroy/>` in the namespace of its parent.
    pub fn write(&self, writer: &mut Writer) {
        writer
            .start("destroy")
            .attr_opt("jid", self.jid.as_ref().map(Jid::as_str));
        for (name, value) in [("password", &self.password), ("reason", &self.reason)] {
            if let Some(value) = value {
                writer.leaf_text(name, None, value);
            }
        }
        writer.end();
    }
}

/// What a room is asked or told of somebody who is not there (§7.8.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mediated {
    /// Who is meant: the invitee, or (declining) who had invited.
    pub to: Jid,
    /// In words.
    pub reason: Option<String>,
    /// The thread of the conversation that goes on in the room (§7.9).
    pub thread: Option<Option<String>>,
}

impl Mediated {
    /// Reads `<invite/>` or `<decline/>`.
    ///
    /// # Errors
    /// `jid-malformed` when it is for nobody.
    pub fn read(element: Element<'_>) -> Result<Self, StanzaError> {
        let to = element.attr("to").and_then(|to| Jid::parse(to.trim()).ok());
        let to = to.ok_or_else(|| {
            StanzaError::new(StanzaCondition::JidMalformed).text("Please say who is meant.")
        })?;
        let reason = element.child("reason", ns::MUC_USER);
        let thread = element.child("continue", ns::MUC_USER);
        Ok(Self {
            to,
            reason: reason.map(|reason| reason.text().into_owned()),
            thread: thread.map(|thread| thread.attr("thread").map(str::to_owned)),
        })
    }

    /// Writes `<invite/>` or `<decline/>` as it goes out: `from` is who has sent it.
    pub fn write(&self, name: &str, from: &str, writer: &mut Writer) {
        writer.start(name).attr("from", from);
        if let Some(reason) = &self.reason {
            writer.leaf_text("reason", None, reason);
        }
        if let Some(thread) = &self.thread {
            writer
                .start("continue")
                .attr_opt("thread", thread.as_deref())
                .end();
        }
        writer.end();
    }
}

/// Writes one `<status/>`.
pub fn write_status(code: u16, writer: &mut Writer) {
    writer.start("status").attr("code", code.to_string()).end();
}

/// A request for voice (§7.13), or its approval (§8.6).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VoiceRequest {
    /// Role that is asked for.
    pub role: Option<Role>,
    /// Nickname of who asks.
    pub nick: Option<String>,
    /// Whether it is granted; absent in the request.
    pub allow: Option<bool>,
}

impl VoiceRequest {
    /// Reads a submitted form; `None` when it is about something else.
    #[must_use]
    pub fn read(form: &DataForm) -> Option<Self> {
        if form.form_type() != Some(ns::MUC_REQUEST) || form.kind != FormKind::Submit {
            return None;
        }
        let value = |var| form.field(var).and_then(Field::value).map(str::trim);
        Some(Self {
            role: value("muc#role").and_then(Role::parse),
            nick: value("muc#roomnick").map(str::to_owned),
            allow: value("muc#request_allow").map(|value| matches!(value, "1" | "true")),
        })
    }

    /// The form that moderators fill in; `jid` is who asks.
    #[must_use]
    pub fn approval_form(jid: &str, nick: &str) -> DataForm {
        let labelled = |label: &str, field: Field| Field {
            label: Some(label.to_owned()),
            ..field
        };
        let mut form = DataForm::new(FormKind::Form, ns::MUC_REQUEST)
            .with(labelled(
                "Requested role",
                Field::new("muc#role", "list-single", ["participant"]),
            ))
            .with(labelled(
                "User ID",
                Field::new("muc#jid", "jid-single", [jid]),
            ))
            .with(labelled(
                "Room Nickname",
                Field::new("muc#roomnick", "text-single", [nick]),
            ))
            .with(labelled(
                "Grant voice to this person?",
                Field::new("muc#request_allow", "boolean", ["false"]),
            ));
        form.title = Some("Voice request".to_owned());
        form.instructions = vec![
            "To approve this request for voice, select the \"Grant voice to this person?\" checkbox and click OK."
                .to_owned(),
        ];
        form
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    fn tree(text: &str) -> Tree {
        Tree::parse(text).expect("XML")
    }

    #[test]
    fn entering() {
        let read = tree(
            "<x xmlns='http://jabber.org/protocol/muc'><password>cauldron</password>\
             <history maxstanzas='20' since='1970-01-01T00:00:00Z' maxchars='x'/>\
             <mav xmlns='urn:xmpp:muc:affiliations:1' since='a'/></x>",
        );
        let join = Join::read(read.root());
        let history = join.history.expect("a wish");
        assert_eq!(history.max_stanzas, Some(20));
        assert_eq!(history.max_chars, None);
        assert_eq!(history.since, Some(Timestamp::from_micros(0)));
        assert_eq!(
            join.password
                .as_ref()
                .map(|password| password.expose().as_str()),
            Some("cauldron")
        );
        assert_eq!(
            join.affiliations.and_then(|mav| mav.since).as_deref(),
            Some("a")
        );
        assert!(!format!("{:?}", join.password).contains("cauldron"));
    }

    #[test]
    fn items() {
        let text = "<item affiliation='outcast' jid='a@b' nick='n'><reason>Why</reason></item>";
        let within = format!("<q xmlns='urn:x'>{text}</q>");
        let read = tree(&within);
        let item = read.root().children().next().map(Item::read);
        let item = item.expect("an item").expect("a valid one");
        let mut writer = Writer::new();
        item.write(&mut writer);
        assert_eq!(writer.finish(), text);
        for wrong in [
            "<item role='king'/>",
            "<item affiliation='x'/>",
            "<item jid='@'/>",
        ] {
            assert!(Item::read(tree(wrong).root()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn invitations() {
        let read = tree(
            "<invite xmlns='http://jabber.org/protocol/muc#user' to='hecate@x'><reason>Come</reason>\
             <continue thread='t'/></invite>",
        );
        let invite = Mediated::read(read.root()).expect("an invitation");
        let mut writer = Writer::new();
        invite.write("invite", "crone@x/desk", &mut writer);
        assert_eq!(
            writer.finish(),
            "<invite from='crone@x/desk'><reason>Come</reason><continue thread='t'/></invite>"
        );
        let nobody = tree("<invite xmlns='http://jabber.org/protocol/muc#user'/>");
        assert!(Mediated::read(nobody.root()).is_err());
    }
}
