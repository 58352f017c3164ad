//! XEP-0494: Client Access Management.

use base::Timestamp;

use crate::condition::{StanzaCondition, StanzaError};
use crate::ns;
use crate::xml::{Element, Writer};

/// Something that has access to an account (§3.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientAccess {
    /// What to revoke it by.
    pub id: String,
    /// It has, or had, a session of XMPP.
    pub session: bool,
    /// It is connected now, or may resume.
    pub connected: bool,
    /// When it first had access.
    pub first_seen: Option<Timestamp>,
    /// When it was seen last.
    pub last_seen: Option<Timestamp>,
    /// It has shown the password.
    pub password: bool,
    /// It has access of its own that can be taken back.
    pub grant: bool,
    /// It has tokens of XEP-0484.
    pub fast: bool,
    /// It may do everything; else, all but what lets others in.
    pub unrestricted: bool,
    /// Name of its software.
    pub software: Option<String>,
    /// Name of its device.
    pub device: Option<String>,
}

/// The answer to `<list/>`.
pub fn clients(list: &[ClientAccess]) -> String {
    let mut out = Writer::with_capacity(64 + list.len() * 400);
    out.start("clients").xmlns(ns::CLIENT_ACCESS);
    for client in list {
        out.start("client")
            .attr("connected", if client.connected { "true" } else { "false" })
            .attr("id", &client.id)
            .attr("type", if client.session { "session" } else { "access" });
        for (name, at) in [
            ("first-seen", client.first_seen),
            ("last-seen", client.last_seen),
        ] {
            if let Some(at) = at {
                out.leaf_text(name, None, &at.to_string());
            }
        }
        out.start("auth");
        for (name, is) in [
            ("password", client.password),
            ("grant", client.grant),
            ("fast", client.fast),
        ] {
            if is {
                out.start(name).end();
            }
        }
        out.end();
        let status = if client.unrestricted {
            "unrestricted"
        } else {
            "normal"
        };
        out.start("permission").attr("status", status).end();
        if client.software.is_some() || client.device.is_some() {
            out.start("user-agent");
            for (name, text) in [("software", &client.software), ("device", &client.device)] {
                if let Some(text) = text {
                    out.leaf_text(name, None, text);
                }
            }
            out.end();
        }
        out.end();
    }
    out.end();
    out.finish()
}

/// The id in `<revoke/>`.
///
/// # Errors
/// `bad-request` when there is none.
pub fn revoked(revoke: Element<'_>) -> Result<String, StanzaError> {
    revoke.attr("id").map(str::to_owned).ok_or_else(|| {
        StanzaError::new(StanzaCondition::BadRequest)
            .text("Name the client to revoke in the attribute id")
    })
}

/// The refusal of §3.2: whoever knows the password comes back until it is another one.
pub fn password_reset_required(text: &str) -> StanzaError {
    let mut app = Writer::new();
    app.leaf("password-reset-required", ns::CLIENT_ACCESS);
    StanzaError::new(StanzaCondition::ServiceUnavailable)
        .text(text)
        .app(app.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_shown() {
        let client = ClientAccess {
            id: "c1".into(),
            session: true,
            connected: true,
            last_seen: Some(Timestamp::from_seconds(0)),
            fast: true,
            unrestricted: true,
            software: Some("A&B".into()),
            ..ClientAccess::default()
        };
        assert_eq!(
            clients(&[client]),
            "<clients xmlns='urn:xmpp:cam:0'><client connected='true' id='c1' type='session'>\
             <last-seen>1970-01-01T00:00:00Z</last-seen><auth><fast/></auth>\
             <permission status='unrestricted'/><user-agent><software>A&amp;B</software></user-agent>\
             </client></clients>"
        );
    }
}
