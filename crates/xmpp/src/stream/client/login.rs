//! Logging in.

use super::bind::Settling;
use super::choose::{log_in, upgrade_hash};
use super::open::Core;
use super::{Action, Bound, ClientError, Handshake, Progress};
use crate::condition::SaslCondition;
use crate::ns;
use crate::sasl::scram::{ClientFirst, ClientProof};
use crate::sasl::{
    MAXIMUM_ITERATIONS, Mechanism, SaltedPassword, SaslError, ScramHash, Token, TokenBinding,
    decode, encode,
};
use crate::sm::SmElement;
use crate::xep::sasl2::{self, ServerElement, Success};
use crate::xml::{Stanza, Writer};
use base::FullJid;
use bytes::Bytes;

/// Where the mechanism stands.
pub(super) enum Attempt {
    /// SCRAM: the challenge comes.
    First(ClientFirst),
    /// SCRAM: the server's proof comes.
    Proof(ClientProof),
    /// A token: the server's proof comes.
    Token(Token, TokenBinding),
    /// Nothing is to be proven to us.
    Other,
    /// All is proven; tasks come.
    Proven,
}

impl std::fmt::Debug for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Attempt(…)")
    }
}

/// A login on its way.
#[derive(Debug)]
pub struct Authenticating {
    pub(super) core: Box<Core>,
    pub(super) mechanism: Mechanism,
    pub(super) attempt: Attempt,
    pub(super) sasl2: bool,
    pub(super) advertised: String,
    pub(super) features: Stanza,
    /// XEP-0480: the keys that are being asked for.
    pub(super) task: Option<ScramHash>,
}

impl Authenticating {
    /// Takes the server's next element.
    ///
    /// # Errors
    /// [`ClientError`]; a refused token leads to another try by other means instead.
    pub fn handle(mut self, element: &Stanza) -> Result<Progress, ClientError> {
        match self.read(element)? {
            ServerElement::Challenge(message) => {
                let Attempt::First(first) = std::mem::replace(&mut self.attempt, Attempt::Other)
                else {
                    return Err(ClientError::Unexpected);
                };
                let (response, proof) = first.respond(&message, Some(&self.advertised))?;
                self.attempt = Attempt::Proof(proof);
                let mut writer = Writer::with_capacity(320);
                let namespace = if self.sasl2 { ns::SASL2 } else { ns::SASL };
                writer.leaf_text("response", Some(namespace), &encode(response));
                Ok(self.wait(writer.finish()))
            }
            ServerElement::Success(success) => {
                self.prove(success.additional_data.as_deref())?;
                self.core.mechanism = Some(self.mechanism);
                if self.sasl2 {
                    self.succeed(*success)
                } else {
                    Ok(self.restart())
                }
            }
            ServerElement::Failure { condition, .. } => self.failed(condition),
            ServerElement::Continue {
                additional_data,
                tasks,
            } => {
                if !matches!(self.attempt, Attempt::Proven) {
                    self.prove(additional_data.as_deref())?;
                }
                let task = tasks.iter().find(|task| upgrade_hash(task).is_some());
                let task = task.ok_or(ClientError::NoMechanism)?;
                let mut writer = Writer::with_capacity(96);
                writer
                    .start("next")
                    .xmlns(ns::SASL2)
                    .attr("task", task)
                    .end();
                self.task = upgrade_hash(task);
                Ok(self.wait(writer.finish()))
            }
            ServerElement::Salt { salt, iterations } => {
                let hash = self
                    .task
                    .take()
                    .filter(|_| matches!(self.attempt, Attempt::Proven));
                let password = self.core.config.credentials.password.as_ref();
                let (Some(hash), Some(password)) = (hash, password) else {
                    return Err(ClientError::Unexpected);
                };
                if iterations > MAXIMUM_ITERATIONS {
                    return Err(SaslError::Malformed.into());
                }
                let salted = SaltedPassword::derive(password, &salt, iterations, hash)
                    .map_err(|_| SaslError::Malformed)?;
                Ok(self.wait(sasl2::salted_password(salted.key.expose())))
            }
        }
    }

    fn wait(self, send: String) -> Progress {
        Progress::next(Handshake::Authenticating(Box::new(self)), send)
    }

    /// Both profiles in one shape.
    fn read(&self, element: &Stanza) -> Result<ServerElement, ClientError> {
        if self.sasl2 {
            return ServerElement::read(element).ok_or(ClientError::Unexpected);
        }
        if element.namespace() != ns::SASL {
            return Err(ClientError::Unexpected);
        }
        let text = element.inner().trim_ascii();
        let data = || {
            if text == "=" {
                Ok(Vec::new())
            } else {
                decode(text)
            }
        };
        Ok(match element.name() {
            "challenge" => ServerElement::Challenge(data()?),
            "success" => {
                let additional_data = if text.is_empty() { None } else { Some(data()?) };
                ServerElement::Success(Box::new(Success {
                    additional_data,
                    ..Success::default()
                }))
            }
            "failure" => {
                let condition = element
                    .children()
                    .find_map(|child| SaslCondition::parse(child.name()));
                let condition = condition.unwrap_or(SaslCondition::NotAuthorized);
                ServerElement::Failure {
                    condition,
                    text: None,
                }
            }
            _ => return Err(ClientError::Unexpected),
        })
    }

    /// The server must prove that it knows us, by every mechanism that can.
    fn prove(&mut self, closing: Option<&[u8]>) -> Result<(), ClientError> {
        match std::mem::replace(&mut self.attempt, Attempt::Proven) {
            Attempt::Proof(proof) => {
                let closing = closing.ok_or(SaslError::NotAuthorized)?;
                self.core.salted = Some(proof.check(closing)?.salted);
            }
            Attempt::Token(token, binding) => {
                let closing = closing.ok_or(SaslError::NotAuthorized)?;
                if !token.check_response(closing, binding, self.core.transport.bindings()) {
                    return Err(SaslError::NotAuthorized.into());
                }
            }
            Attempt::First(_) => return Err(SaslError::NotAuthorized.into()),
            Attempt::Other | Attempt::Proven => {}
        }
        Ok(())
    }

    /// RFC 6120 §6.4.6: a new stream.
    fn restart(self) -> Progress {
        let (handshake, text) = self.core.open();
        Progress::Next {
            handshake,
            send: Bytes::from(text),
            action: Some(Action::RestartStream),
        }
    }

    fn failed(mut self, condition: SaslCondition) -> Result<Progress, ClientError> {
        if matches!(self.mechanism, Mechanism::Token(_))
            && condition != SaslCondition::TemporaryAuthFailure
        {
            // XEP-0484 §4.1: forget the token, try otherwise.
            self.core.token_refused = true;
            let again = log_in(self.core, &self.features);
            return again.map_err(|error| match error {
                ClientError::NoMechanism => ClientError::Login(condition),
                other => other,
            });
        }
        Err(ClientError::Login(condition))
    }

    fn succeed(self, success: Success) -> Result<Progress, ClientError> {
        let mut bound = Bound {
            jid: FullJid::parse(&success.identifier).ok(),
            mechanism: self.core.mechanism,
            bind2: success.bound.is_some(),
            bound: success.bound.unwrap_or_default(),
            stream_management: None,
            resumed: None,
            token_mechanism: self.core.token_wanted.filter(|_| success.token.is_some()),
            token: success.token,
            salted: self.core.salted.clone(),
            features: None,
            transport: self.core.transport.clone(),
        };
        if let Some(SmElement::Resumed { h, .. }) = success.sm {
            bound.resumed = Some(h);
            return Ok(Progress::Done(Box::new(bound)));
        }
        let resume_tried = success.sm.is_some();
        let settling = Settling {
            core: self.core,
            bound,
            resume_tried,
        };
        Ok(Progress::next(
            Handshake::Settling(Box::new(settling)),
            String::new(),
        ))
    }
}
