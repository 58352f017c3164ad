//! Sessions as they are kept.

use zeroize::Zeroizing;

use super::{Session, Sessions};
use crate::codec::{Decoder, Encoder, StateError};
use crate::ratchet::Ratchet;
use crate::wire::key::ExchangeHeader;

const VERSION: u8 = 1;

impl Session {
    fn write(&self, out: &mut Encoder) {
        out.flag(self.ours).identity(&self.identity);
        for identity in &self.associated {
            out.bytes(identity);
        }
        out.public(&self.ephemeral);
        out.option(self.exchange.as_ref(), |out, exchange| {
            out.number(exchange.prekey).number(exchange.signed_prekey);
        });
        self.ratchet.write(out);
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, StateError> {
        let ours = from.flag()?;
        let identity = from.identity()?;
        let associated = [from.bytes()?.to_vec(), from.bytes()?.to_vec()];
        let ephemeral = from.public()?;
        let exchange = from.option(|from| {
            Ok(ExchangeHeader {
                prekey: from.number()?,
                signed_prekey: from.number()?,
                ephemeral,
            })
        })?;
        Ok(Self {
            ours,
            identity,
            associated,
            ephemeral,
            exchange,
            ratchet: Ratchet::read(from)?,
        })
    }
}

impl Sessions {
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let size: usize = self
            .sessions
            .iter()
            .map(|session| 192 + session.ratchet.size())
            .sum();
        let mut out = Encoder::new(VERSION, 32 + size);
        out.option(self.heard, |out, heard| {
            out.time(heard);
        });
        out.option(self.started, |out, started| {
            out.time(started);
        });
        out.number(self.unanswered);
        out.count(self.sessions.len());
        for session in &self.sessions {
            session.write(&mut out);
        }
        out.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        let (_, mut from) = Decoder::new(bytes, VERSION)?;
        let sessions = Self {
            heard: from.option(Decoder::time)?,
            started: from.option(Decoder::time)?,
            unanswered: from.number()?,
            sessions: from.list(Session::read)?,
        };
        from.finish()?;
        Ok(sessions)
    }
}
