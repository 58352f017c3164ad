//! A short token of the REST interface for a session that is logged in, in a namespace of ours; see
//! `docs/api-session.md`.

use base::{Redacted, Timestamp};

use crate::condition::{StanzaCondition, StanzaError};
use crate::ns;
use crate::xml::{Element, Writer};

/// A token, and for how long.
#[derive(Clone, Debug)]
pub struct ApiSession {
    /// What stands behind `Authorization: Bearer`.
    pub token: Redacted<String>,
    /// When it ends; a new one can be asked for before.
    pub expires: Timestamp,
}

impl ApiSession {
    /// The answer.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut out = Writer::with_capacity(192);
        out.start("session")
            .xmlns(ns::API_SESSION)
            .attr("token", self.token.expose())
            .attr("expires", self.expires.to_string());
        out.end();
        out.finish()
    }

    /// Reads the answer.
    ///
    /// # Errors
    /// `bad-request` when it is none.
    pub fn read(element: Element<'_>) -> Result<Self, StanzaError> {
        let token = element.attr("token").filter(|token| !token.is_empty());
        let expires = element
            .attr("expires")
            .and_then(|text| Timestamp::parse(text).ok());
        match (token, expires) {
            (Some(token), Some(expires)) => Ok(Self {
                token: Redacted::new(token.to_owned()),
                expires,
            }),
            _ => Err(StanzaError::new(StanzaCondition::BadRequest)
                .text("The answer has the attributes token and expires.")),
        }
    }
}

/// The request.
#[must_use]
pub fn request() -> String {
    let mut out = Writer::with_capacity(64);
    out.start("session").xmlns(ns::API_SESSION).end();
    out.finish()
}
