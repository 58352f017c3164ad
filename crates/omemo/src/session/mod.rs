//! Sessions between two devices: started by X3DH, carried by the Double Ratchet.
//!
//! One session of a device is the one that is written with. A few older ones are kept for reading only: when two
//! devices start a session with each other at the same time, each takes the other's for the newer one, and messages
//! in the first would be lost. A message that is read in an older session makes it the one to write with, which is
//! how both sides come to agree on one again.
//!
//! Others keep one session only, and cannot read what is written in one that they have replaced (XEP-0384 §5.6). Where two start
//! at the same time, that is what we write between their key exchange and the first that we hear of them in the session
//! that they took from us. Nothing on the wire tells it from a session that they have started anew because they lost
//! the other, in which we must write. So whoever writes is to read first what waits for them.

mod agreement;
mod state;

use base::Timestamp;
use xmpp::xep::omemo::{DeviceId, Form};
use zeroize::Zeroizing;

use crate::crypto::{EdwardsKey, IdentityKey, PublicKey, Randomness};
use crate::ratchet::{Ratchet, RatchetFault};
use crate::wire::key::{ExchangeHeader, KeyFault, Message};

pub(crate) use agreement::{OwnKeys, accept, initiate};

/// How many sessions of a device are kept, the one to write with included.
const MAX_SESSIONS: usize = 5;

/// From which number on the first message of a chain is answered by a heartbeat (XEP-0384 §6).
const HEARTBEAT: u32 = 53;

/// A session with a device.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// Whether we began it.
    ours: bool,
    /// The other device's identity.
    pub(crate) identity: IdentityKey,
    /// The identity keys of who began and who did not, as the form encodes them.
    associated: [Vec<u8>; 2],
    /// What tells this session's key exchange from all others.
    ephemeral: PublicKey,
    /// What is put around our messages until the other side has answered.
    exchange: Option<ExchangeHeader>,
    ratchet: Ratchet,
}

impl Session {
    /// What the tag of a message covers beside it. libsignal takes the sender first, XEP-0384 §4.2 who began.
    fn associated(&self, form: Form, sending: bool) -> Vec<u8> {
        let [began, other] = &self.associated;
        if form == Form::Legacy && sending != self.ours {
            [other.as_slice(), began].concat()
        } else {
            [began.as_slice(), other].concat()
        }
    }

    /// Whether a key exchange with this key led to this session.
    fn is_of(&self, ephemeral: &PublicKey) -> bool {
        !self.ours && self.ephemeral == *ephemeral
    }
}

/// Why a key was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionFault {
    Key(KeyFault),
    Ratchet(RatchetFault),
    /// There is no session with the device.
    None,
}

impl From<KeyFault> for SessionFault {
    fn from(fault: KeyFault) -> Self {
        Self::Key(fault)
    }
}

/// A key for a message that was read in a session.
pub(crate) struct OpenedKey {
    pub(crate) secret: Zeroizing<Vec<u8>>,
    pub(crate) identity: IdentityKey,
    /// The sender should be answered, so that its ratchet turns.
    pub(crate) heartbeat: bool,
}

/// All sessions with one device in one form.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sessions {
    /// The first one is the one to write with.
    sessions: Vec<Session>,
    /// When a message was last read.
    pub(crate) heard: Option<Timestamp>,
    /// When the first session was started.
    started: Option<Timestamp>,
    /// How many messages were written since.
    pub(crate) unanswered: u32,
}

impl Sessions {
    /// Whether messages can be written.
    pub(crate) fn is_ready(&self) -> bool {
        self.sessions
            .first()
            .is_some_and(|session| session.ratchet.can_send())
    }

    /// Since when the device may be silent.
    pub(crate) fn heard_or_started(&self) -> Option<Timestamp> {
        self.heard.or(self.started)
    }

    /// The identity behind the session to write with.
    pub(crate) fn identity(&self) -> Option<IdentityKey> {
        self.sessions.first().map(|session| session.identity)
    }

    /// Makes a session the one to write with.
    pub(crate) fn put_first(&mut self, session: Session, now: Timestamp) {
        self.started.get_or_insert(now);
        self.sessions.insert(0, session);
        self.sessions.truncate(MAX_SESSIONS);
    }

    /// Writes `secret` for the device: the key's bytes, and whether a key exchange is around them. `None` without a
    /// session that can be written with.
    pub(crate) fn seal(
        &mut self,
        form: Form,
        own: &EdwardsKey,
        device: DeviceId,
        secret: &[u8],
    ) -> Option<(Vec<u8>, bool)> {
        let session = self.sessions.first_mut()?;
        let associated = session.associated(form, true);
        let message = session.ratchet.seal(form, &associated, secret)?;
        self.unanswered = self.unanswered.saturating_add(1);
        Some(match &session.exchange {
            Some(exchange) => (exchange.around(form, own, device, &message), true),
            None => (message, false),
        })
    }

    /// Reads a message without key exchange, in whichever session it belongs to.
    pub(crate) fn open(
        &mut self,
        form: Form,
        bytes: &[u8],
        now: Timestamp,
        random: &mut dyn Randomness,
    ) -> Result<OpenedKey, SessionFault> {
        let message = Message::read(form, bytes)?;
        let mut worst = SessionFault::None;
        for index in 0..self.sessions.len() {
            match self.open_in(form, index, &message, now, random) {
                Ok(opened) => return Ok(opened),
                // Whatever says more than that the message is not of this session.
                Err(fault)
                    if matches!(
                        worst,
                        SessionFault::None | SessionFault::Ratchet(RatchetFault::Forged)
                    ) =>
                {
                    worst = SessionFault::Ratchet(fault);
                }
                Err(_) => {}
            }
        }
        Err(worst)
    }

    /// Reads the message in a key exchange that led to a session which we have. `None` when we have none of it.
    pub(crate) fn open_known(
        &mut self,
        form: Form,
        ephemeral: &PublicKey,
        bytes: &[u8],
        now: Timestamp,
        random: &mut dyn Randomness,
    ) -> Option<Result<OpenedKey, SessionFault>> {
        let index = self
            .sessions
            .iter()
            .position(|session| session.is_of(ephemeral))?;
        let message = match Message::read(form, bytes) {
            Ok(message) => message,
            Err(fault) => return Some(Err(fault.into())),
        };
        Some(
            self.open_in(form, index, &message, now, random)
                .map_err(SessionFault::Ratchet),
        )
    }

    fn open_in(
        &mut self,
        form: Form,
        index: usize,
        message: &Message<'_>,
        now: Timestamp,
        random: &mut dyn Randomness,
    ) -> Result<OpenedKey, RatchetFault> {
        let session = self.sessions.get_mut(index).ok_or(RatchetFault::Forged)?;
        let associated = session.associated(form, false);
        let opened = session.ratchet.open(form, &associated, message, random)?;
        session.exchange = None;
        let identity = session.identity;
        // Late messages of an older session do not make it the newer one.
        if opened.first_of_chain.is_some() {
            let session = self.sessions.remove(index);
            self.sessions.insert(0, session);
        }
        self.heard = Some(now);
        self.unanswered = 0;
        Ok(OpenedKey {
            secret: opened.text,
            identity,
            heartbeat: opened
                .first_of_chain
                .is_some_and(|number| number >= HEARTBEAT),
        })
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
