//! XEP-0356: Privileged Entity.

use bytes::Bytes;

use crate::ns;
use crate::xep::forwarding::Forwarded;
use crate::xml::{Element, Stanza, Writer};

/// Which requests are allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Access {
    /// None.
    #[default]
    None,
    /// `get`.
    Get,
    /// `set`.
    Set,
    /// Both.
    Both,
}

impl Access {
    /// Whether a request of this type is allowed.
    pub fn allows(self, set: bool) -> bool {
        match self {
            Self::None => false,
            Self::Get => !set,
            Self::Set => set,
            Self::Both => true,
        }
    }

    /// The value of `type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Get => "get",
            Self::Set => "set",
            Self::Both => "both",
        }
    }
}

/// What an entity may do beside what all may.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Privileges {
    /// Rosters of accounts (§4.2). Changes are told to who may read.
    pub roster: Access,
    /// Send messages in the name of accounts and of the server (§5.1).
    pub message: bool,
    /// See when accounts come and go (§7.1, `managed_entity`).
    pub presence: bool,
    /// Send requests in the name of accounts, by namespace (§6.1).
    pub iq: Vec<(String, Access)>,
}

impl Privileges {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether changes of rosters are told.
    pub fn pushes(&self) -> bool {
        self.roster.allows(false)
    }

    /// Whether requests of this namespace and type may be sent in the name of accounts.
    pub fn allows(&self, namespace: &str, set: bool) -> bool {
        let found = self.iq.iter().find(|(known, _)| known == namespace);
        found.is_some_and(|(_, access)| access.allows(set))
    }

    /// `<privilege/>`, as the server announces it (§4.3).
    pub fn to_xml(&self) -> String {
        let mut out = Writer::with_capacity(256);
        out.start("privilege").xmlns(ns::PRIVILEGE);
        if self.roster != Access::None {
            out.start("perm")
                .attr("access", "roster")
                .attr("type", self.roster.as_str())
                .attr("push", if self.pushes() { "true" } else { "false" })
                .end();
        }
        if self.message {
            out.start("perm")
                .attr("access", "message")
                .attr("type", "outgoing")
                .end();
        }
        if !self.iq.is_empty() {
            out.start("perm").attr("access", "iq");
            for (namespace, access) in &self.iq {
                out.start("namespace")
                    .attr("ns", namespace)
                    .attr("type", access.as_str())
                    .end();
            }
            out.end();
        }
        if self.presence {
            out.start("perm")
                .attr("access", "presence")
                .attr("type", "managed_entity")
                .end();
        }
        out.end();
        out.finish()
    }
}

/// The message that is to be sent in another's name (§5.2); `None` when the stanza is no such wish.
pub fn message_in_name(stanza: &Stanza) -> Option<Stanza> {
    let tree = stanza.child("privilege", ns::PRIVILEGE)?.tree();
    let forwarded = Forwarded::read(tree.root().child("forwarded", ns::FORWARD)?)?;
    Some(forwarded.stanza)
}

/// The request that is to be sent in another's name (§6.2), out of `<privileged_iq/>`; `None` when there is none inside
/// that says its namespace.
pub fn request_in_name(payload: Element<'_>) -> Option<Stanza> {
    if !payload.is("privileged_iq", ns::PRIVILEGE) {
        return None;
    }
    let request = payload.children().find(|child| child.name() == "iq")?;
    if request.namespace() != ns::CLIENT {
        return None;
    }
    Stanza::parse(&request.raw()).ok()
}

/// The payload that brings the answer to such a request back (§6.2).
pub fn answer_in_name(answer: &Bytes) -> String {
    let text = std::str::from_utf8(answer).unwrap_or_default();
    let inner = text
        .strip_prefix("<iq")
        .map(|rest| format!("<iq xmlns='{}'{rest}", ns::CLIENT));
    let mut out = Writer::with_capacity(text.len() + 160);
    out.start("privilege")
        .xmlns(ns::PRIVILEGE)
        .start("forwarded")
        .xmlns(ns::FORWARD)
        .raw(inner.as_deref().unwrap_or_default())
        .end()
        .end();
    out.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn privileges_are_announced_as_the_specification_shows_them() {
        let privileges = Privileges {
            roster: Access::Both,
            message: true,
            presence: true,
            iq: vec![(ns::PUBSUB.to_owned(), Access::Set)],
        };
        assert_eq!(
            privileges.to_xml(),
            "<privilege xmlns='urn:xmpp:privilege:2'><perm access='roster' type='both' push='true'/>\
             <perm access='message' type='outgoing'/><perm access='iq'>\
             <namespace ns='http://jabber.org/protocol/pubsub' type='set'/></perm>\
             <perm access='presence' type='managed_entity'/></privilege>"
        );
        assert!(privileges.allows(ns::PUBSUB, true) && !privileges.allows(ns::PUBSUB, false));
        assert!(!privileges.allows(ns::ROSTER, true));
        assert!(Privileges::default().is_empty() && !Privileges::default().pushes());
    }

    #[test]
    fn what_is_inside_comes_out() {
        let message = Stanza::parse(
            "<message to='a.example'><privilege xmlns='urn:xmpp:privilege:2'><forwarded xmlns='urn:xmpp:forward:0'>\
             <message xmlns='jabber:client' from='juliet@a.example' to='romeo@b.example'><body>Hi</body></message>\
             </forwarded></privilege></message>",
        )
        .unwrap();
        let inner = message_in_name(&message).unwrap();
        assert_eq!(inner.from().as_deref(), Some("juliet@a.example"));
        let request = Stanza::parse(
            "<iq type='set' id='1' to='juliet@a.example'><privileged_iq xmlns='urn:xmpp:privilege:2'>\
             <iq xmlns='jabber:client' type='set' id='2' to='romeo@b.example'><x xmlns='urn:x'/></iq></privileged_iq></iq>",
        )
        .unwrap();
        let payload = request.children().next().unwrap().tree();
        let inner = request_in_name(payload.root()).unwrap();
        assert_eq!(inner.to().as_deref(), Some("romeo@b.example"));
        let foreign = Stanza::parse(
            "<iq type='set' id='1'><privileged_iq xmlns='urn:xmpp:privilege:2'><iq type='set' id='2'><x xmlns='urn:x'/></iq>\
             </privileged_iq></iq>",
        )
        .unwrap();
        let payload = foreign.children().next().unwrap().tree();
        assert!(
            request_in_name(payload.root()).is_none(),
            "its namespace is not jabber:client"
        );
    }
}
