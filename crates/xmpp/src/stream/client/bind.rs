//! Binding, resuming, enabling.

use base::FullJid;

use super::open::Core;
use super::{Bound, ClientError, Handshake, Progress};
use crate::condition::{StanzaCondition, StanzaError};
use crate::ns;
use crate::sm::SmElement;
use crate::stream::TransportKind;
use crate::xml::{Kind, Stanza, Tree, Writer};

/// SASL2 has succeeded; the features of the stream come.
#[derive(Debug)]
pub struct Settling {
    pub(super) core: Box<Core>,
    pub(super) bound: Bound,
    /// Resumption was tried inline, in vain.
    pub(super) resume_tried: bool,
}

impl Settling {
    /// Takes the features. Goes on to a legacy bind when Bind 2 was not offered.
    pub(super) fn handle(mut self, element: &Stanza) -> Result<Progress, ClientError> {
        if element.name() != "features" || element.namespace() != ns::STREAMS {
            return Err(ClientError::Unexpected);
        }
        if !self.bound.bind2 {
            let token = self.bound.token.take();
            return begin_with(self.core, element, token, self.resume_tried);
        }
        let inner = Tree::parse(&format!(
            "<bound xmlns='{}'>{}</bound>",
            ns::BIND2,
            self.bound.bound
        ));
        let enabled = inner
            .ok()
            .and_then(|tree| tree.root().children().find_map(SmElement::of));
        if let Some(SmElement::Enabled { id, resume, .. }) = enabled {
            self.bound.stream_management = Some(id.filter(|_| resume));
        }
        self.bound.features = Some(element.clone());
        if self.bound.jid.is_none() {
            return Err(ClientError::Unexpected);
        }
        Ok(Progress::Done(Box::new(self.bound)))
    }
}

/// A request for a resource or for the former session is out.
#[derive(Debug)]
pub struct Binding {
    core: Box<Core>,
    bound: Box<Bound>,
    /// Waits for the answer to `<resume/>`.
    resuming: bool,
}

/// Binds or resumes on a stream that is logged in.
pub(super) fn begin(core: Box<Core>, features: &Stanza) -> Result<Progress, ClientError> {
    begin_with(core, features, None, false)
}

fn begin_with(
    core: Box<Core>,
    features: &Stanza,
    token: Option<crate::xep::fast::IssuedToken>,
    resume_tried: bool,
) -> Result<Progress, ClientError> {
    let bound = Box::new(Bound {
        jid: None,
        mechanism: core.mechanism,
        bind2: false,
        bound: String::new(),
        stream_management: None,
        resumed: None,
        token_mechanism: core.token_wanted.filter(|_| token.is_some()),
        token,
        salted: core.salted.clone(),
        features: Some(features.clone()),
        transport: core.transport.clone(),
    });
    let resume = core
        .config
        .resume
        .clone()
        .filter(|_| features.has("sm", ns::STREAM_MANAGEMENT));
    if let Some((previous, h)) = resume.filter(|_| !resume_tried) {
        let text = SmElement::Resume { previous, h }.to_xml();
        return Ok(Progress::next(
            Handshake::Binding(Binding {
                core,
                bound,
                resuming: true,
            }),
            text,
        ));
    }
    Ok(bind(core, bound))
}

const BIND_ID: &str = "bind";

fn bind(core: Box<Core>, bound: Box<Bound>) -> Progress {
    let mut writer = Writer::with_capacity(192);
    writer.start("iq");
    if core.transport.kind != TransportKind::Tcp {
        writer.xmlns(ns::CLIENT);
    }
    writer
        .attr("type", "set")
        .attr("id", BIND_ID)
        .start("bind")
        .xmlns(ns::BIND);
    if let Some(resource) = &core.config.resource {
        writer.leaf_text("resource", None, resource);
    }
    writer.end().end();
    Progress::next(
        Handshake::Binding(Binding {
            core,
            bound,
            resuming: false,
        }),
        writer.finish(),
    )
}

impl Binding {
    /// Takes the answer.
    ///
    /// # Errors
    /// [`ClientError::Bind`] when the server refuses.
    pub fn handle(mut self, element: &Stanza) -> Result<Progress, ClientError> {
        if self.resuming {
            return match SmElement::read(element) {
                Some(SmElement::Resumed { h, .. }) => {
                    self.bound.resumed = Some(h);
                    Ok(Progress::Done(self.bound))
                }
                Some(SmElement::Failed { .. }) => Ok(bind(self.core, self.bound)),
                _ => Err(ClientError::Unexpected),
            };
        }
        if element.kind() != Kind::Iq || element.id().as_deref() != Some(BIND_ID) {
            return Err(ClientError::Unexpected);
        }
        if element.type_().as_deref() != Some("result") {
            let error = StanzaError::of(element);
            return Err(ClientError::Bind(
                error.unwrap_or_else(|| StanzaCondition::UndefinedCondition.into()),
            ));
        }
        let tree = element
            .child("bind", ns::BIND)
            .ok_or(ClientError::Unexpected)?
            .tree();
        let jid = tree
            .root()
            .child("jid", ns::BIND)
            .ok_or(ClientError::Unexpected)?;
        self.bound.jid = Some(FullJid::parse(&jid.text()).map_err(|_| ClientError::Unexpected)?);
        let offered = self
            .bound
            .features
            .as_ref()
            .is_some_and(|features| features.has("sm", ns::STREAM_MANAGEMENT));
        match self
            .core
            .config
            .enable
            .stream_management
            .filter(|_| offered)
        {
            Some(request) => {
                let text = SmElement::Enable {
                    resume: request.resume,
                    max: request.max,
                }
                .to_xml();
                Ok(Progress::next(
                    Handshake::Enabling(Box::new(Enabling { bound: self.bound })),
                    text,
                ))
            }
            None => Ok(Progress::Done(self.bound)),
        }
    }
}

/// `<enable/>` is out.
#[derive(Debug)]
pub struct Enabling {
    bound: Box<Bound>,
}

impl Enabling {
    /// Takes the answer; a refusal is not an error.
    ///
    /// # Errors
    /// [`ClientError::Unexpected`] for anything else.
    pub fn handle(mut self, element: &Stanza) -> Result<Bound, ClientError> {
        match SmElement::read(element) {
            Some(SmElement::Enabled { id, resume, .. }) => {
                self.bound.stream_management = Some(id.filter(|_| resume))
            }
            Some(SmElement::Failed { .. }) => {}
            _ => return Err(ClientError::Unexpected),
        }
        Ok(*self.bound)
    }
}
