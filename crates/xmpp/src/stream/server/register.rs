//! Accounts made before login (XEP-0077, XEP-0445), where the house offers that.

use super::{Answer, Negotiation, Question, State};
use crate::condition::{StanzaCondition, StanzaError, StreamCondition};
use crate::iq::{Iq, IqBody};
use crate::ns;
use crate::xep::registration::{self, Registration};
use crate::xml::{Stanza, Writer};

/// Which accounts may be made before login.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RegistrationOffer {
    /// None.
    #[default]
    Off,
    /// Those of people who bring the token of an invitation (XEP-0445).
    Invited,
    /// Everybody's.
    Open,
}

/// How far somebody has come.
#[derive(Debug, Default)]
pub(super) struct Register {
    /// The token that was accepted, and the name that it is for.
    invited: Option<(String, Option<String>)>,
    /// One stream makes one account.
    done: bool,
}

/// What is being found out, for the iq of this id.
#[derive(Debug)]
pub(super) enum Asked {
    /// Whether a token is good.
    Token(String, String),
    /// Whether the account could be made.
    Account(String),
}

impl Negotiation {
    pub(super) fn offers_registration(&self) -> bool {
        self.config.registration != RegistrationOffer::Off && self.may_log_in()
    }

    /// The stream features.
    pub(super) fn registration_features(&self, writer: &mut Writer) {
        if self.offers_registration() {
            writer.leaf("register", ns::REGISTER_FEATURE);
            writer.leaf("register", ns::INVITED_REGISTRATION);
        }
    }

    /// An iq of somebody who is not logged in: about registration, or it ends the stream.
    pub(super) fn stranger_iq(&mut self, element: &Stanza) {
        let refused = |condition, text: &str| StanzaError::new(condition).text(text);
        let iq = match Iq::parse(element) {
            Ok(iq) => iq,
            Err(error) => return self.refuse(element, &error),
        };
        let for_us = element
            .to()
            .is_none_or(|to| to.as_ref() == self.config.domain);
        let (set, child) = match &iq.body {
            IqBody::Get(child) if for_us => (false, child),
            IqBody::Set(child) if for_us => (true, child),
            _ => return self.close(Some(StreamCondition::NotAuthorized), Some("Log in first.")),
        };
        let tree = child.tree();
        match (child.name(), child.namespace(), set) {
            ("preauth", ns::PREAUTH, true) => match registration::token(tree.root()) {
                Some(token) => {
                    let token = token.to_owned();
                    self.ask(Question::Invitation {
                        token: token.clone(),
                    });
                    self.state = State::Register(Asked::Token(iq.id.into_owned(), token));
                }
                None => self.refuse(
                    element,
                    &refused(StanzaCondition::BadRequest, "The token is missing."),
                ),
            },
            ("query", ns::REGISTER, _) if !self.may_register() => self.refuse(
                element,
                &refused(
                    StanzaCondition::NotAllowed,
                    "Accounts are made by invitation here; please open the link of yours.",
                ),
            ),
            ("query", ns::REGISTER, false) => {
                let name = self.register.invited.as_ref();
                let name = name.and_then(|(_, name)| name.as_deref());
                let instructions = "Choose a name and a password for your account.";
                let mut writer = self.start_iq(&iq.id, "result");
                writer.raw(&registration::fields(instructions, name)).end();
                self.send(writer.finish());
                self.refused_too_often();
            }
            ("query", ns::REGISTER, true) => match Registration::read(tree.root()) {
                Ok(wanted) => self.register_account(element, &iq.id, wanted),
                Err(error) => self.refuse(element, &error),
            },
            _ => self.close(Some(StreamCondition::NotAuthorized), Some("Log in first.")),
        }
    }

    fn may_register(&self) -> bool {
        self.config.registration == RegistrationOffer::Open || self.register.invited.is_some()
    }

    fn register_account(&mut self, element: &Stanza, id: &str, wanted: Registration) {
        let refused = |condition, text: &str| StanzaError::new(condition).text(text);
        let error = match wanted {
            // §3.2: nobody is registered yet on this stream.
            Registration::Remove => refused(
                StanzaCondition::UnexpectedRequest,
                "Log in to remove your account.",
            ),
            // §3.1.2: one registration is enough.
            _ if self.register.done => refused(
                StanzaCondition::NotAcceptable,
                "Your account is there; please log in.",
            ),
            Registration::Fields {
                username: Some(username),
                password: Some(password),
            } => {
                let token = self.register.invited.as_ref();
                self.ask(Question::Register {
                    username,
                    password,
                    token: token.map(|(token, _)| token.clone()),
                });
                self.state = State::Register(Asked::Account(id.to_owned()));
                return;
            }
            Registration::Fields { .. } => refused(
                StanzaCondition::NotAcceptable,
                "A name and a password are needed.",
            ),
        };
        self.refuse(element, &error);
    }

    pub(super) fn answer_register(&mut self, asked: Asked, answer: Answer) {
        self.state = State::Stranger;
        let (id, result) = match (asked, answer) {
            (Asked::Token(id, token), Answer::Invited(result)) => {
                let result = result.map(|name| self.register.invited = Some((token, name)));
                (id, result)
            }
            (Asked::Account(id), Answer::Registered(result)) => {
                self.register.done = result.is_ok();
                (id, result)
            }
            _ => return self.confused(),
        };
        match result {
            Ok(()) => {
                let mut writer = self.start_iq(&id, "result");
                writer.end();
                self.send(writer.finish());
            }
            Err(error) => {
                self.send_error(&id, &error);
                self.refused_too_often();
            }
        }
    }
}
