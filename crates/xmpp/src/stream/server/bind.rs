//! Binding a resource (RFC 6120 §7, XEP-0386) and resumption before binding (XEP-0198 §5).

use base::{BareJid, FullJid};

use super::{Answer, BindRequest, Established, Inline, Negotiation, Output, Question, State};
use crate::condition::{StanzaCondition, StanzaError, StreamCondition};
use crate::ns;
use crate::sasl::ScramHash;
use crate::sm::SmElement;
use crate::stream::seed::base32;
use crate::stream::{ClientAgent, TransportKind};
use crate::xep::bind2::Bind;
use crate::xml::{Kind, Stanza, Writer};

/// A question about a resource or a former session, outside of SASL2.
#[derive(Debug)]
pub(super) enum Binding {
    /// `<bind/>` in an iq of this id.
    Bind(String),
    /// `<resume/>` of this session.
    Resume(String),
}

impl Negotiation {
    /// Logged in: `<bind/>`, `<resume/>`, nothing else.
    pub(super) fn known(&mut self, element: &Stanza) {
        let Some(account) = self.account.clone() else {
            return self.confused();
        };
        if element.namespace() == ns::STREAM_MANAGEMENT {
            return match SmElement::read(element) {
                Some(SmElement::Resume { previous, h }) if self.config.stream_management => {
                    self.ask(Question::Resume {
                        account,
                        previous: previous.clone(),
                        h,
                        credential: self.credential,
                    });
                    self.state = State::Binding(Binding::Resume(previous));
                }
                // Enabling comes after binding (XEP-0198 §3).
                _ => self.send_sm_failure(None, StanzaCondition::UnexpectedRequest),
            };
        }
        let bind = element.child("bind", ns::BIND);
        match (element.kind(), element.type_().as_deref(), bind) {
            (Kind::Iq, Some("set"), Some(bind)) => {
                let tree = bind.tree();
                let wanted = tree
                    .root()
                    .child("resource", ns::BIND)
                    .map(|resource| resource.text().into_owned());
                self.bind(
                    element,
                    &account,
                    wanted.filter(|resource| !resource.is_empty()),
                );
            }
            (Kind::Iq, Some("get" | "set"), None) if element.has("session", ns::SESSION) => {
                self.refuse(
                    element,
                    &StanzaError::new(StanzaCondition::UnexpectedRequest)
                        .text("Bind a resource first."),
                );
            }
            // RFC 6120 §7.1: nothing is processed before a resource is bound.
            _ => self.close(
                Some(StreamCondition::NotAuthorized),
                Some("Bind a resource first."),
            ),
        }
    }

    fn bind(&mut self, element: &Stanza, account: &BareJid, wanted: Option<String>) {
        let Some(id) = element.id().map(std::borrow::Cow::into_owned) else {
            return self.refuse(
                element,
                &StanzaError::new(StanzaCondition::BadRequest).text("An iq needs an id."),
            );
        };
        let chosen_by_client = wanted.is_some();
        let resource = wanted.unwrap_or_else(|| self.seed.text("resource"));
        let Ok(jid) = account.with_resource(&resource) else {
            return self.refuse(
                element,
                &StanzaError::new(StanzaCondition::BadRequest)
                    .text("This cannot be a resource; choose another."),
            );
        };
        self.ask(Question::Bind(BindRequest {
            account: account.clone(),
            jid,
            chosen_by_client,
            bind2: false,
            agent: ClientAgent::default(),
            enable: Inline::default(),
            credential: self.credential,
            by_password: self.by_password,
        }));
        self.state = State::Binding(Binding::Bind(id));
    }

    /// The request that follows from Bind 2. The same device and tag get the same resource each time, and the
    /// device's id cannot be read out of it (XEP-0386 §3.2.1).
    pub(super) fn bind2_request(
        &mut self,
        account: &BareJid,
        bind: &Bind,
        agent: ClientAgent,
    ) -> Option<BindRequest> {
        let tag = bind.tag.as_deref();
        let unique = match &agent.id {
            Some(id) => {
                let parts = [
                    b"resource\0",
                    account.as_str().as_bytes(),
                    b"\0",
                    id.as_bytes(),
                    b"\0",
                ];
                let [label, account, zero, id, end] = parts.map(|part: &[u8]| part);
                let tag = tag.unwrap_or_default().as_bytes();
                let key = ScramHash::Sha256.hmac(
                    self.config.secret.expose(),
                    &[label, account, zero, id, end, tag],
                );
                base32(&key.expose()[..10])
            }
            None => self.seed.text("resource"),
        };
        let tagged = tag.and_then(|tag| account.with_resource(&format!("{tag}/{unique}")).ok());
        let jid: FullJid = match tagged {
            Some(jid) => jid,
            None => account.with_resource(&unique).ok()?,
        };
        let enable = bind.enable.clone();
        Some(BindRequest {
            account: account.clone(),
            jid,
            chosen_by_client: false,
            bind2: true,
            agent,
            enable,
            credential: self.credential,
            by_password: self.by_password,
        })
    }

    pub(super) fn answer_binding(&mut self, binding: Binding, answer: Answer) {
        match (binding, answer) {
            (Binding::Bind(id), Answer::Bound { jid, .. }) => {
                let mut writer = self.start_iq(&id, "result");
                writer
                    .start("bind")
                    .xmlns(ns::BIND)
                    .leaf_text("jid", None, jid.as_str())
                    .end()
                    .end();
                self.send(writer.finish());
                self.state = State::Ended;
                self.out.push_back(Output::Established(Established::Bound {
                    jid,
                    enable: Inline::default(),
                    bind2: false,
                    agent: ClientAgent::default(),
                }));
            }
            (Binding::Bind(id), Answer::BindRefused(error)) => {
                self.state = State::Known;
                self.send_error(&id, &error);
                self.refused_too_often();
            }
            (Binding::Resume(previous), Answer::Resumed { h }) => {
                let Some(account) = self.account.clone() else {
                    return self.confused();
                };
                self.send(
                    SmElement::Resumed {
                        previous: previous.clone(),
                        h,
                    }
                    .to_xml(),
                );
                self.state = State::Ended;
                self.out
                    .push_back(Output::Established(Established::Resumed {
                        account,
                        previous,
                    }));
            }
            (Binding::Resume(_), Answer::ResumeFailed { h, condition }) => {
                self.state = State::Known;
                self.send_sm_failure(h, condition);
            }
            (binding, _) => {
                self.state = State::Binding(binding);
                self.confused();
            }
        }
    }

    fn send_sm_failure(&mut self, h: Option<u32>, condition: StanzaCondition) {
        self.send(SmElement::Failed { h, condition }.to_xml());
        self.refused_too_often();
    }

    pub(super) fn start_iq(&self, id: &str, kind: &str) -> Writer {
        let mut writer = Writer::with_capacity(320);
        writer.start("iq");
        if self.transport.kind != TransportKind::Tcp {
            writer.xmlns(ns::CLIENT);
        }
        writer.attr("type", kind).attr("id", id);
        writer
    }

    pub(super) fn refuse(&mut self, element: &Stanza, error: &StanzaError) {
        let id = element.id().unwrap_or_default().into_owned();
        self.send_error(&id, error);
        self.refused_too_often();
    }

    pub(super) fn send_error(&mut self, id: &str, error: &StanzaError) {
        let mut writer = self.start_iq(id, "error");
        error.write(&mut writer);
        writer.end();
        self.send(writer.finish());
    }
}

/// Answers RFC 3921's `<session/>`, which changes nothing and which old clients send after binding. `None` when
/// the stanza is another. For the session that has taken the stream over.
pub fn session_reply(iq: &Stanza) -> Option<String> {
    let asks = iq.kind() == Kind::Iq
        && iq.type_().as_deref() == Some("set")
        && iq.has("session", ns::SESSION);
    let id = iq.id().filter(|_| asks)?;
    let mut writer = Writer::with_capacity(96);
    writer
        .start("iq")
        .xmlns(ns::CLIENT)
        .attr("type", "result")
        .attr("id", id)
        .end();
    Some(writer.finish())
}
