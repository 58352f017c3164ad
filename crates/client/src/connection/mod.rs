//! The connection: made, logged in, kept alive, and made again.

pub(crate) mod invitation;
pub(crate) mod leaving;
pub(crate) mod link;
pub(crate) mod login;
pub(crate) mod requests;
pub(crate) mod stream;

use std::sync::Arc;
use std::time::Duration;

use base::Moment;
use bytes::Bytes;
use xmpp::condition::StreamCondition;
use xmpp::sm::SmElement;
use xmpp::stream::client::{Action, Handshake, Progress};
use xmpp::stream::{Transport, TransportKind};
use xmpp::xml::{Frame, Framing, Kind, Reader, ReaderLimits, Stanza};

use crate::border::{CloseReason, Input, Output};
use crate::client::Client;
use crate::event::{ConnectionState, Event};
use crate::storage::{Storage, StorageError};
use crate::turn::Turn;

pub(crate) use link::{Connection, Link};

/// The largest stanza that is read: pages of the archive with messages for many devices are large.
const STANZA_BYTES: usize = 16 * 1024 * 1024;
/// A connection that was asked for and of which nothing was heard.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(60);
/// A login that does not get on.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(60);
/// Nothing was heard for so long: ask whether the server is still there.
const QUIET: Duration = Duration::from_secs(90);
/// It did not answer.
const SILENCE: Duration = Duration::from_secs(30);
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);

fn framing(kind: TransportKind) -> Framing {
    match kind {
        TransportKind::Tcp => Framing::Stream,
        _ => Framing::Frames,
    }
}

const fn stream_end(kind: TransportKind) -> &'static str {
    match kind {
        TransportKind::Tcp => "</stream:stream>",
        _ => "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>",
    }
}

/// A stanza as it goes over the transport: in a frame of its own its namespace is said (RFC 7395 §3.3.3).
fn framed(stanza: Bytes, kind: TransportKind) -> Bytes {
    let end = stanza
        .iter()
        .position(|byte| matches!(byte, b' ' | b'>' | b'/'));
    let tag_end = stanza.iter().position(|byte| *byte == b'>').unwrap_or(0);
    let says = stanza
        .get(..tag_end)
        .is_some_and(|tag| tag.windows(6).any(|part| part == b"xmlns="));
    match end {
        Some(end) if kind != TransportKind::Tcp && !says => {
            let (name, rest) = stanza.split_at(end);
            [name, b" xmlns='jabber:client'", rest].concat().into()
        }
        _ => stanza,
    }
}

impl<S: Storage> Client<S> {
    pub(crate) fn take_input(
        &mut self,
        input: Input,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        match input {
            Input::Online(online) => {
                self.connection.network = online;
                if online && matches!(self.connection.link, Link::Waiting { .. } | Link::Offline) {
                    self.connection.attempts = 0;
                    self.connect(turn);
                }
                Ok(())
            }
            Input::Connected(transport) => {
                self.transport_is_up(transport, turn);
                Ok(())
            }
            Input::TlsEstablished(facts) => {
                match std::mem::take(&mut self.connection.link) {
                    Link::Handshaking {
                        mut reader,
                        handshake,
                        kind,
                        since,
                    } => match handshake.tls_established(facts) {
                        Ok((handshake, bytes)) => {
                            self.connection.secured = true;
                            reader.clear();
                            reader.restart();
                            self.connection.link = Link::Handshaking {
                                reader,
                                handshake,
                                kind,
                                since,
                            };
                            self.write(bytes);
                        }
                        Err(error) => self.login_failed(&error, turn)?,
                    },
                    other => self.connection.link = other,
                }
                Ok(())
            }
            Input::Received(bytes) => self.received(&bytes, turn),
            Input::Closed(reason) => {
                let text = match reason {
                    CloseReason::Ended => "the connection is gone".to_owned(),
                    CloseReason::Unreachable(text) | CloseReason::Certificate(text) => text,
                };
                if !matches!(self.connection.link, Link::Offline | Link::Waiting { .. }) {
                    self.lost(&text, turn);
                }
                Ok(())
            }
        }
    }

    pub(crate) fn write(&mut self, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        if !bytes.is_empty() {
            self.staged.push_back(Output::Write(bytes));
        }
    }

    /// Writes a stanza as the transport wants it.
    pub(crate) fn write_stanza(&mut self, stanza: impl Into<Bytes>) {
        let kind = match &self.connection.link {
            Link::Online(session) => session.kind,
            Link::Handshaking { kind, .. } => *kind,
            _ => TransportKind::Tcp,
        };
        self.write(framed(stanza.into(), kind));
    }

    /// Makes the next attempt now, if there is anything to try with.
    pub(crate) fn connect(&mut self, turn: &Turn<'_>) {
        if !self.connection.wanted || !self.connection.network || !self.connection.has_credentials()
        {
            self.set_link(Link::Offline, ConnectionState::Offline);
            return;
        }
        let since = turn.now.moment;
        self.set_link(Link::Connecting { since }, ConnectionState::Connecting);
        self.staged.push_back(Output::Connect {
            domain: self.settings.account.domain().to_owned(),
        });
    }

    fn set_link(&mut self, link: Link, state: ConnectionState) {
        self.connection.link = link;
        if self.connection.told != state {
            self.connection.told = state.clone();
            self.tell(Event::Connection(state));
        }
    }

    fn transport_is_up(&mut self, transport: Transport, turn: &mut Turn<'_>) {
        if !matches!(self.connection.link, Link::Connecting { .. }) {
            // It was given up meanwhile.
            self.staged.push_back(Output::Disconnect);
            return;
        }
        let limits = ReaderLimits {
            element_bytes: STANZA_BYTES,
            ..ReaderLimits::default()
        };
        let kind = transport.kind;
        self.connection.secured = transport.is_protected() || self.settings.without_tls;
        self.connection.registering = None;
        let config = Arc::new(self.login_config(turn.now.wall));
        let (handshake, first) = Handshake::start(config, transport, turn.bytes());
        self.connection.link = Link::Handshaking {
            reader: Reader::new(framing(kind), limits),
            handshake,
            kind,
            since: turn.now.moment,
        };
        self.write(first);
    }

    /// The connection is gone, or must go. The next attempt follows.
    pub(crate) fn lost(&mut self, text: &str, turn: &mut Turn<'_>) {
        if matches!(self.connection.link, Link::Online(_)) {
            self.connection.attempts = 0;
        }
        self.stream_is_gone();
        if !self.connection.wanted || !self.connection.network || !self.connection.has_credentials()
        {
            self.set_link(Link::Offline, ConnectionState::Offline);
            return;
        }
        let attempts = self.connection.attempts;
        self.connection.attempts = attempts.saturating_add(1);
        let longest = Duration::from_secs(1 << attempts.min(16)).min(LONGEST_WAIT);
        // Half of it is left to chance, so that not all who lost one server come back at once.
        let half = longest.as_millis() as u64 / 2;
        let wait = Duration::from_millis(half + turn.below(half + 1));
        let until = turn.now + wait;
        self.set_link(
            Link::Waiting {
                until: until.moment,
            },
            ConnectionState::Waiting {
                until: until.wall,
                text: text.to_owned(),
            },
        );
    }

    /// Closes the connection because of something that is wrong with it.
    pub(crate) fn drop_connection(&mut self, text: &str, turn: &mut Turn<'_>) {
        self.staged.push_back(Output::Disconnect);
        self.lost(text, turn);
    }

    /// Says good-bye.
    pub(crate) fn close(&mut self) {
        if let Link::Online(session) = &self.connection.link {
            let end = stream_end(session.kind);
            self.write(end);
        }
        if !matches!(self.connection.link, Link::Offline | Link::Waiting { .. }) {
            self.staged.push_back(Output::Disconnect);
        }
        self.stream_is_gone();
        self.set_link(Link::Offline, ConnectionState::Offline);
    }

    fn received(&mut self, bytes: &[u8], turn: &mut Turn<'_>) -> Result<(), StorageError> {
        match &mut self.connection.link {
            Link::Handshaking { reader, .. } => reader.feed(bytes),
            Link::Online(session) => {
                session.heard = turn.now.moment;
                session.asked = None;
                session.reader.feed(bytes);
            }
            _ => return Ok(()),
        }
        loop {
            let frame = match &mut self.connection.link {
                Link::Handshaking { reader, .. } => reader.next(),
                Link::Online(session) => session.reader.next(),
                _ => return Ok(()),
            };
            match frame {
                Ok(Some(frame)) => self.frame(frame, turn)?,
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.drop_connection(&format!("the server sent broken XML: {error}"), turn);
                    return Ok(());
                }
            }
        }
    }

    fn frame(&mut self, frame: Frame, turn: &mut Turn<'_>) -> Result<(), StorageError> {
        let frame = match &self.connection.link {
            Link::Handshaking { .. } => match self.registers_first(frame, turn) {
                Some(frame) => frame,
                None => return Ok(()),
            },
            _ => frame,
        };
        match std::mem::take(&mut self.connection.link) {
            Link::Handshaking {
                mut reader,
                handshake,
                kind,
                since,
            } => match handshake.handle(&frame) {
                Ok(Progress::Next {
                    handshake,
                    send,
                    action,
                }) => {
                    match action {
                        Some(Action::RestartStream) => reader.restart(),
                        Some(Action::StartTls) => self.staged.push_back(Output::StartTls),
                        None => {}
                    }
                    self.connection.link = Link::Handshaking {
                        reader,
                        handshake,
                        kind,
                        since,
                    };
                    self.write(send);
                    Ok(())
                }
                Ok(Progress::Done(bound)) => self.logged_in(reader, kind, *bound, turn),
                Err(error) => self.login_failed(&error, turn),
            },
            online @ Link::Online(_) => {
                self.connection.link = online;
                match frame {
                    Frame::Element(element) => self.element(&element, turn),
                    _ => {
                        self.drop_connection("the server closed the stream", turn);
                        Ok(())
                    }
                }
            }
            other => {
                self.connection.link = other;
                Ok(())
            }
        }
    }

    fn element(&mut self, element: &Stanza, turn: &mut Turn<'_>) -> Result<(), StorageError> {
        if element.kind() == Kind::Other {
            if let Some(managed) = SmElement::read(element) {
                return self.managed(&managed, turn);
            }
            if let Some(condition) = StreamCondition::of(element) {
                if condition == StreamCondition::NotAuthorized && self.machine.is_taken_out() {
                    return self.revoked();
                }
                self.drop_connection(&format!("the server closed the stream: {condition}"), turn);
            } else if element.name() == "close" {
                self.drop_connection("the server closed the stream", turn);
            }
            return Ok(());
        }
        self.stream.handled();
        match element.kind() {
            Kind::Message => self.message_came(element, turn),
            Kind::Presence => self.presence_came(element, turn),
            Kind::Iq => self.iq_came(element, turn),
            Kind::Other => Ok(()),
        }
    }

    /// When the connection wants to be looked at next.
    pub(crate) fn connection_deadline(&self) -> Moment {
        match &self.connection.link {
            Link::Offline => Moment::NEVER,
            Link::Waiting { until } => *until,
            Link::Connecting { since } => *since + CONNECT_TIMEOUT,
            Link::Handshaking { since, .. } => *since + LOGIN_TIMEOUT,
            Link::Online(session) => match session.asked {
                Some(asked) => asked + SILENCE,
                None => session.heard + QUIET,
            },
        }
    }

    pub(crate) fn connection_tick(&mut self, turn: &mut Turn<'_>) -> Result<(), StorageError> {
        if turn.now.moment < self.connection_deadline() {
            return Ok(());
        }
        match &mut self.connection.link {
            Link::Offline => {}
            Link::Waiting { .. } => self.connect(turn),
            Link::Connecting { .. } | Link::Handshaking { .. } => {
                self.drop_connection("the server does not answer", turn);
            }
            Link::Online(session) if session.asked.is_some() => {
                self.drop_connection("the server does not answer any more", turn);
            }
            Link::Online(session) => {
                session.asked = Some(turn.now.moment);
                if self.stream.is_managed() {
                    self.write(SmElement::Request.to_xml());
                } else {
                    self.ping_server(turn);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stanza_in_a_frame_says_its_namespace() {
        let framed = |text: &'static str, kind| framed(Bytes::from(text), kind);
        for (text, expected) in [
            ("<presence/>", "<presence xmlns='jabber:client'/>"),
            (
                "<iq id='1'><a xmlns='b'/></iq>",
                "<iq xmlns='jabber:client' id='1'><a xmlns='b'/></iq>",
            ),
            (
                "<message>x</message>",
                "<message xmlns='jabber:client'>x</message>",
            ),
            ("<r xmlns='urn:xmpp:sm:3'/>", "<r xmlns='urn:xmpp:sm:3'/>"),
        ] {
            assert_eq!(framed(text, TransportKind::WebSocket), expected);
            assert_eq!(framed(text, TransportKind::Tcp), text);
        }
    }
}
