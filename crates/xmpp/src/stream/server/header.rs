//! Opening a stream: RFC 6120 §4.7 and §4.8, RFC 7395 §3.4, XEP-0206.

use base::Jid;

use super::{Negotiation, Passwords, Question, State};
use crate::condition::StreamCondition;
use crate::ns;
use crate::stream::TransportKind;
use crate::xml::{Stanza, StreamHeader, Writer};

/// What a stream is refused for.
type Refusal = (StreamCondition, &'static str);

impl Negotiation {
    /// `<stream:stream>` over TCP.
    pub(super) fn open_stream(&mut self, header: &StreamHeader) {
        if !matches!(self.state, State::Header) {
            return self.close(
                Some(StreamCondition::BadFormat),
                Some("The stream is open already."),
            );
        }
        let checked = if header.name != "stream" || header.namespace != ns::STREAMS {
            Err((
                StreamCondition::InvalidNamespace,
                "The root must be <stream:stream/> of http://etherx.jabber.org/streams.",
            ))
        } else if header.prefix.as_deref() != Some("stream") {
            Err((
                StreamCondition::BadNamespacePrefix,
                "Use the prefix 'stream' for the stream's namespace.",
            ))
        } else if header.default_namespace != ns::CLIENT {
            Err((
                StreamCondition::InvalidNamespace,
                "The content namespace must be jabber:client.",
            ))
        } else {
            self.check(
                header.version.as_deref(),
                header.to.as_deref(),
                header.from.as_deref(),
            )
        };
        self.opened_with(checked, header.from.as_deref());
    }

    /// `<open/>` over WebSocket.
    pub(super) fn open_frame(&mut self, open: &Stanza) {
        if !matches!(self.state, State::Header) {
            return self.close(
                Some(StreamCondition::BadFormat),
                Some("The stream is open already."),
            );
        }
        let (to, from) = (open.to(), open.from());
        let tree = open.tree();
        let checked = self.check(tree.root().attr("version"), to.as_deref(), from.as_deref());
        self.opened_with(checked, from.as_deref());
    }

    /// Begins a stream over BOSH, whose `<body/>` takes the place of the header (XEP-0206 §4), and begins it
    /// again after SASL (`xmpp:restart='true'`, with the `to` and `from` of that body). The features come out
    /// as [`super::Output::Send`].
    pub fn bosh_start(&mut self, to: Option<&str>, from: Option<&str>) {
        if self.transport.kind != TransportKind::Bosh || self.is_over() {
            return;
        }
        if !matches!(self.state, State::Header) {
            return self.close(
                Some(StreamCondition::BadFormat),
                Some("The stream is open already."),
            );
        }
        let checked = self.check(Some("1.0"), to, from);
        self.opened_with(checked, from);
    }

    fn check(
        &self,
        version: Option<&str>,
        to: Option<&str>,
        from: Option<&str>,
    ) -> Result<Option<Jid>, Refusal> {
        let major = version
            .unwrap_or("0.9")
            .split('.')
            .next()
            .and_then(|major| major.trim().parse::<u32>().ok());
        match major {
            Some(1..) => {}
            Some(0) => {
                return Err((
                    StreamCondition::UnsupportedVersion,
                    "Version 1.0 of XMPP is needed.",
                ));
            }
            None => {
                return Err((
                    StreamCondition::UnsupportedVersion,
                    "The version is no number.",
                ));
            }
        }
        let Some(to) = to.filter(|to| !to.is_empty()) else {
            return Err((
                StreamCondition::ImproperAddressing,
                "Say in 'to' which host the stream is for.",
            ));
        };
        let known =
            Jid::parse(to).is_ok_and(|to| to.is_domain() && to.domain() == self.config.domain);
        if !known {
            return Err((
                StreamCondition::HostUnknown,
                "This server does not serve that host.",
            ));
        }
        let Some(from) = from.filter(|from| !from.is_empty()) else {
            return Ok(None);
        };
        match Jid::parse(from) {
            Ok(from) if from.domain() == self.config.domain => Ok(Some(from)),
            _ => Err((
                StreamCondition::InvalidFrom,
                "The 'from' of the stream is no account of this host.",
            )),
        }
    }

    fn opened_with(&mut self, checked: Result<Option<Jid>, Refusal>, from: Option<&str>) {
        let claimed = match checked {
            Ok(claimed) => claimed,
            Err((condition, text)) => return self.close(Some(condition), Some(text)),
        };
        let header = self.header_text(from.filter(|_| claimed.is_some()));
        self.opened = true;
        self.claimed = claimed;
        if let (None, Some(directory)) = (&self.account, self.config.directory)
            && self.may_log_in()
        {
            let named = self.claimed.as_ref().filter(|from| from.local().is_some());
            if let Some(named) = named {
                let account = named.bare();
                self.ask(Question::Passwords { account });
                self.state = State::Offering(header);
                return;
            }
            self.passwords = if directory.scram_for_unnamed {
                Passwords::Here
            } else {
                Passwords::Elsewhere
            };
        }
        self.welcome(header);
    }

    /// Sends our header and what is offered.
    pub(super) fn welcome(&mut self, header: String) {
        let features = match self.account {
            None => {
                self.state = State::Stranger;
                self.features_before_login()
            }
            Some(_) => {
                self.state = State::Known;
                self.features_after_login(false)
            }
        };
        if self.transport.kind == TransportKind::Tcp {
            self.send(header + &features);
        } else {
            self.send(header);
            self.send(features);
        }
    }

    /// Our header or `<open/>`; empty for BOSH.
    pub(super) fn header_text(&mut self, to: Option<&str>) -> String {
        let mut writer = Writer::with_capacity(320);
        match self.transport.kind {
            TransportKind::Bosh => return String::new(),
            TransportKind::Tcp => {
                writer
                    .raw("<?xml version='1.0'?>")
                    .start("stream:stream")
                    .xmlns(ns::CLIENT);
                writer.attr("xmlns:stream", ns::STREAMS);
            }
            TransportKind::WebSocket => {
                writer.start("open").xmlns(ns::FRAMING);
            }
        }
        writer
            .attr("from", &self.config.domain)
            .attr_opt("to", to)
            .attr("id", self.seed.text("stream"));
        writer.attr("version", "1.0").attr("xml:lang", "en");
        match self.transport.kind {
            TransportKind::Tcp => writer.finish_open(),
            _ => {
                writer.end();
                writer.finish()
            }
        }
    }
}
