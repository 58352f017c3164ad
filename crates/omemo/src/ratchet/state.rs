//! A ratchet as it is kept.

use super::skipped::{Skipped, SkippedChain};
use super::{Chain, Ratchet, Receiving};
use crate::codec::{Decoder, Encoder, StateError};

fn write_chain(out: &mut Encoder, chain: &Chain) {
    out.key(&chain.key).number(chain.next);
}

fn read_chain(from: &mut Decoder<'_>) -> Result<Chain, StateError> {
    Ok(Chain {
        key: from.key()?,
        next: from.number()?,
    })
}

impl Ratchet {
    /// Bytes that it takes, about.
    pub(crate) fn size(&self) -> usize {
        let keys: usize = self
            .skipped
            .chains
            .iter()
            .map(|chain| 48 + 36 * chain.keys.len() + 4 * chain.dropped.len())
            .sum();
        256 + keys + 9 * self.skipped.past.len()
    }

    pub(crate) fn write(&self, out: &mut Encoder) {
        // The public key is kept too: to derive it costs as much as an agreement.
        out.key(&self.root)
            .secret(&self.own)
            .public(&self.own_public)
            .number(self.previous);
        out.option(self.sending.as_ref(), write_chain);
        out.option(self.receiving.as_ref(), |out, receiving| {
            out.public(&receiving.ratchet);
            write_chain(out, &receiving.chain);
        });
        out.count(self.skipped.chains.len());
        for chain in &self.skipped.chains {
            out.public(&chain.ratchet);
            out.option(chain.over, |out, over| {
                out.number(over);
            });
            out.flag(chain.lossy);
            out.count(chain.keys.len());
            for (number, key) in &chain.keys {
                out.number(*number).key(key);
            }
            out.count(chain.dropped.len());
            for number in &chain.dropped {
                out.number(*number);
            }
        }
        out.count(self.skipped.past.len());
        for (start, lossy) in &self.skipped.past {
            out.array(start).flag(*lossy);
        }
        out.number(self.skipped.count);
    }

    pub(crate) fn read(from: &mut Decoder<'_>) -> Result<Self, StateError> {
        Ok(Self {
            root: from.key()?,
            own: from.secret()?,
            own_public: from.public()?,
            previous: from.number()?,
            sending: from.option(read_chain)?,
            receiving: from.option(|from| {
                Ok(Receiving {
                    ratchet: from.public()?,
                    chain: read_chain(from)?,
                })
            })?,
            skipped: Skipped {
                chains: from.list(|from| {
                    Ok(SkippedChain {
                        ratchet: from.public()?,
                        over: from.option(Decoder::number)?,
                        lossy: from.flag()?,
                        keys: from.list(|from| Ok((from.number()?, from.key()?)))?,
                        dropped: from.list(Decoder::number)?,
                    })
                })?,
                past: from.list(|from| Ok((from.array()?, from.flag()?)))?,
                count: from.number()?,
            },
        })
    }
}
