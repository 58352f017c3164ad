//! XEP-0445: Pre-Authenticated In-Band Registration: an account is made by an invitation (XEP-0401), between the features of
//! the stream and the login.

use base::{BareJid, Redacted};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::iq;
use xmpp::ns;
use xmpp::stream::client::Handshake;
use xmpp::xml::{Frame, Stanza, Writer};

use super::Link;
use crate::client::Client;
use crate::connection::requests::words;
use crate::event::Event;
use crate::storage::Storage;
use crate::turn::Turn;

const ID: &str = "invitation";

/// An invitation to make an account, as its address says (XEP-0401 §3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Where the account will be.
    pub domain: String,
    /// The account, when the invitation is for this one only.
    pub account: Option<BareJid>,
    /// Who has invited, when it says so.
    pub inviter: Option<BareJid>,
    /// What opens the door.
    pub token: Redacted<String>,
}

/// Why an address is no invitation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvitationError {
    /// It is something else.
    #[error("this is no invitation: it begins with xmpp: and has preauth= in it")]
    NoInvitation,
    /// It is one to become a contact only.
    #[error("this invitation is for people who have an account: sign in with yours")]
    ContactOnly,
}

impl Invitation {
    /// Reads `xmpp:…?register;preauth=…`, or `xmpp:…?roster;preauth=…;ibr=y` of somebody whose server makes accounts of
    /// such invitations.
    ///
    /// # Errors
    /// [`InvitationError`], when it is neither.
    pub fn parse(text: &str) -> Result<Self, InvitationError> {
        let wrong = InvitationError::NoInvitation;
        let rest = text.trim().strip_prefix("xmpp:").ok_or(wrong.clone())?;
        let (address, query) = rest.split_once('?').ok_or(wrong.clone())?;
        let address = crate::payload::decode_percent(address);
        let jid = base::Jid::parse(&address).map_err(|_| wrong.clone())?;
        let mut parts = query.split(['#', ';']);
        let action = parts.next().unwrap_or_default();
        let mut token = None;
        let mut makes_accounts = false;
        for part in parts {
            match part.split_once('=') {
                Some(("preauth", value)) => token = Some(crate::payload::decode_percent(value)),
                Some(("ibr", "y")) => makes_accounts = true,
                _ => {}
            }
        }
        let token = token
            .filter(|token| !token.is_empty())
            .ok_or(wrong.clone())?;
        let named = jid.bare().local().is_some().then(|| jid.bare());
        let (account, inviter) = match action {
            "register" => (named, None),
            "roster" if makes_accounts => (None, named),
            "roster" => return Err(InvitationError::ContactOnly),
            _ => return Err(wrong),
        };
        Ok(Self {
            domain: jid.bare().domain().to_owned(),
            account,
            inviter,
            token: Redacted::new(token),
        })
    }
}

/// An invitation that is to become an account.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) token: Redacted<String>,
    /// The account was asked for, and no answer came: it may be there.
    asked: bool,
}

impl Pending {
    pub(crate) const fn new(token: Redacted<String>) -> Self {
        Self {
            token,
            asked: false,
        }
    }
}

/// How far it came on this connection.
#[derive(Debug)]
pub(crate) enum Registering {
    /// The token is out; the features wait.
    Token(Stanza),
    /// The account is asked for.
    Account(Stanza),
    /// Nothing more to be done: the login goes on.
    Over,
}

fn preauth(token: &str) -> String {
    let mut writer = Writer::new();
    writer.start("preauth").xmlns(ns::PREAUTH);
    writer.attr("token", token).end();
    writer.finish()
}

impl<S: Storage> Client<S> {
    /// What came before the login may be about the account that is being made. Gives the frame that the login goes on with.
    pub(super) fn registers_first(&mut self, frame: Frame, turn: &mut Turn<'_>) -> Option<Frame> {
        let Frame::Element(element) = &frame else {
            return Some(frame);
        };
        match self.connection.registering.take() {
            Some(Registering::Token(features)) => self.token_answered(features, element, turn),
            Some(Registering::Account(features)) => self.account_answered(features, element, turn),
            Some(Registering::Over) => {
                self.connection.registering = Some(Registering::Over);
                Some(frame)
            }
            None => {
                let waits = matches!(
                    &self.connection.link,
                    Link::Handshaking {
                        handshake: Handshake::Features(_),
                        ..
                    }
                );
                let due = waits && self.connection.secured && element.name() == "features";
                let Some(pending) = self.connection.invitation.as_ref().filter(|_| due) else {
                    return Some(frame);
                };
                if !element.has("register", ns::INVITED_REGISTRATION) {
                    let text =
                        "This server makes no accounts by invitation: open the link in a browser.";
                    self.invitation_failed(text, turn);
                    return None;
                }
                let payload = preauth(pending.token.expose());
                self.ask_stranger(&payload);
                self.connection.registering = Some(Registering::Token(element.clone()));
                None
            }
        }
    }

    fn ask_stranger(&mut self, payload: &str) {
        let domain = self.settings.account.domain().to_owned();
        let request = iq::set(ID, None, Some(&domain), payload);
        self.write_stanza(request);
    }

    fn token_answered(
        &mut self,
        features: Stanza,
        answer: &Stanza,
        turn: &mut Turn<'_>,
    ) -> Option<Frame> {
        if let Some(error) = error_of(answer) {
            let made = self.connection.invitation.as_ref();
            if made.is_some_and(|pending| pending.asked) {
                // It opened the account, and the answer was lost.
                return self.log_in_now(features);
            }
            self.invitation_failed(&words(&error), turn);
            return None;
        }
        if let Some(pending) = &mut self.connection.invitation {
            pending.asked = true;
        }
        let mut writer = Writer::new();
        writer.start("query").xmlns(ns::REGISTER);
        let name = self.settings.account.local().unwrap_or_default();
        writer.leaf_text("username", None, name);
        let password = self.connection.password.as_ref();
        let password = password.map(|password| password.expose().as_str());
        writer.leaf_text("password", None, password.unwrap_or_default());
        writer.end();
        self.ask_stranger(&writer.finish());
        self.connection.registering = Some(Registering::Account(features));
        None
    }

    fn account_answered(
        &mut self,
        features: Stanza,
        answer: &Stanza,
        turn: &mut Turn<'_>,
    ) -> Option<Frame> {
        if let Some(error) = error_of(answer) {
            let text = if error.condition == StanzaCondition::Conflict {
                "This name is taken: choose another one.".to_owned()
            } else {
                words(&error)
            };
            self.invitation_failed(&text, turn);
            return None;
        }
        self.log_in_now(features)
    }

    fn log_in_now(&mut self, features: Stanza) -> Option<Frame> {
        self.connection.invitation = None;
        self.connection.registering = Some(Registering::Over);
        Some(Frame::Element(features))
    }

    fn invitation_failed(&mut self, text: &str, turn: &mut Turn<'_>) {
        self.connection.invitation = None;
        self.connection.password = None;
        self.tell(Event::LoginFailed {
            text: text.to_owned(),
        });
        self.drop_connection(text, turn);
    }
}

fn error_of(answer: &Stanza) -> Option<StanzaError> {
    let failed = answer.type_().as_deref() == Some("error");
    failed.then(|| {
        StanzaError::of(answer)
            .unwrap_or_else(|| StanzaError::new(StanzaCondition::UndefinedCondition))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_invitations() {
        let read = |text| {
            Invitation::parse(text).map(|found| {
                let account = found.account.map(|jid| jid.to_string());
                let inviter = found.inviter.map(|jid| jid.to_string());
                (found.domain, account, inviter, found.token.into_inner())
            })
        };
        let text = |text: &str| text.to_owned();
        for (address, found) in [
            (
                "xmpp:example.org?register;preauth=abc",
                Ok((text("example.org"), None, None, text("abc"))),
            ),
            (
                "xmpp:romeo@example.org?register;preauth=a%2Bb",
                Ok((
                    text("example.org"),
                    Some(text("romeo@example.org")),
                    None,
                    text("a+b"),
                )),
            ),
            (
                " xmpp:juliet@example.org?roster;preauth=abc;ibr=y ",
                Ok((
                    text("example.org"),
                    None,
                    Some(text("juliet@example.org")),
                    text("abc"),
                )),
            ),
            (
                "xmpp:juliet@example.org?roster;preauth=abc",
                Err(InvitationError::ContactOnly),
            ),
            (
                "xmpp:juliet@example.org?message",
                Err(InvitationError::NoInvitation),
            ),
            ("https://example.org/", Err(InvitationError::NoInvitation)),
        ] {
            assert_eq!(read(address), found, "{address}");
        }
    }
}
