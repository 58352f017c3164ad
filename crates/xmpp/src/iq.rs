//! Requests and answers (RFC 6120 §8.2.3).

use std::borrow::Cow;

use bytes::Bytes;

use crate::condition::{StanzaCondition, StanzaError, error_reply};
use crate::xml::{Child, Kind, Stanza, Writer};

/// An `iq` stanza that keeps the rules of RFC 6120 §8.2.3.
#[derive(Debug, Clone)]
pub struct Iq<'a> {
    /// What ties request and answer together.
    pub id: Cow<'a, str>,
    /// Request or answer, with its payload.
    pub body: IqBody<'a>,
}

/// What an `iq` carries.
#[derive(Debug, Clone)]
pub enum IqBody<'a> {
    /// Asks for information. Wants an answer.
    Get(Child<'a>),
    /// Changes something. Wants an answer.
    Set(Child<'a>),
    /// A good answer, with or without payload.
    Result(Option<Child<'a>>),
    /// A bad answer.
    Error(StanzaError),
}

impl<'a> Iq<'a> {
    /// Checks an `iq`: it has an id, a valid type, and exactly one child when it is a request.
    /// The error is the one to answer with.
    pub fn parse(stanza: &'a Stanza) -> Result<Self, StanzaError> {
        let bad = |text: &str| StanzaError::new(StanzaCondition::BadRequest).text(text);
        if stanza.kind() != Kind::Iq {
            return Err(bad("This is not an iq stanza"));
        }
        let id = stanza
            .id()
            .ok_or_else(|| bad("Add the attribute id to the iq"))?;
        let mut children = stanza.children();
        let first = children.next();
        let more = children.next().is_some();
        let one = || match (first, more) {
            (Some(child), false) => Ok(child),
            _ => Err(bad(
                "An iq of type get or set has exactly one child element",
            )),
        };
        let body = match stanza.type_().as_deref() {
            Some("get") => IqBody::Get(one()?),
            Some("set") => IqBody::Set(one()?),
            Some("result") if more => {
                return Err(bad("An iq of type result has at most one child element"));
            }
            Some("result") => IqBody::Result(first),
            Some("error") => IqBody::Error(
                StanzaError::of(stanza)
                    .unwrap_or_else(|| StanzaError::new(StanzaCondition::UndefinedCondition)),
            ),
            _ => return Err(bad("The type of an iq is get, set, result or error")),
        };
        Ok(Self { id, body })
    }

    /// The payload of a request, with whether it is a `set`.
    pub fn request(&self) -> Option<(bool, &Child<'a>)> {
        match &self.body {
            IqBody::Get(child) => Some((false, child)),
            IqBody::Set(child) => Some((true, child)),
            _ => None,
        }
    }
}

fn build(kind: &str, id: Option<&str>, from: Option<&str>, to: Option<&str>, xml: &str) -> Bytes {
    let mut writer = Writer::with_capacity(xml.len() + 192);
    writer
        .start("iq")
        .attr_opt("from", from)
        .attr_opt("to", to)
        .attr_opt("id", id)
        .attr("type", kind)
        .raw(xml)
        .end();
    writer.into_bytes()
}

/// The good answer to `iq`. `payload` is one element as XML text, or empty.
pub fn result(iq: &Stanza, from: Option<&str>, to: Option<&str>, payload: &str) -> Bytes {
    build("result", iq.id().as_deref(), from, to, payload)
}

/// The bad answer to `iq`.
pub fn error(iq: &Stanza, from: Option<&str>, to: Option<&str>, error: &StanzaError) -> Bytes {
    match to {
        Some(to) => error_reply(iq, from, to, error),
        None => {
            let mut payload = Writer::new();
            error.write(&mut payload);
            build("error", iq.id().as_deref(), from, None, &payload.finish())
        }
    }
}

/// A request of type `get`. `payload` is one element as XML text.
pub fn get(id: &str, from: Option<&str>, to: Option<&str>, payload: &str) -> Bytes {
    build("get", Some(id), from, to, payload)
}

/// A request of type `set`. `payload` is one element as XML text.
pub fn set(id: &str, from: Option<&str>, to: Option<&str>, payload: &str) -> Bytes {
    build("set", Some(id), from, to, payload)
}
