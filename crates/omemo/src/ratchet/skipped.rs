//! Keys of messages that have not come yet, and what is known of chains that are over.

use std::collections::VecDeque;

use super::MAX_SKIP;
use crate::crypto::{Key, PublicKey};

/// After how many further keys of the other side a skipped key is thrown away. Keys must not be kept for ever, and
/// their age is best told by what happens in the session, not by a clock (XEP-0384 §4.3).
const MAX_CHAINS: usize = 256;

/// How many chains that are over and of which nothing is missing are remembered, to tell a repeated message.
const MAX_PAST: usize = 256;

/// How many thrown-away keys are remembered by number, to tell a late message from a repeated one.
const MAX_DROPPED: usize = 1_024;

/// Keys that were skipped, by chain and number.
#[derive(Debug, Clone, Default)]
pub(super) struct Skipped {
    /// The chains, oldest first. The last one may be the one that is being received.
    pub(super) chains: VecDeque<SkippedChain>,
    /// How the keys of chains begin that are over and wholly read, oldest first.
    pub(super) past: VecDeque<[u8; 8]>,
}

#[derive(Debug, Clone)]
pub(super) struct SkippedChain {
    pub(super) ratchet: PublicKey,
    /// Whether the chain has been replaced.
    pub(super) over: bool,
    /// By number, oldest first.
    pub(super) keys: VecDeque<(u32, Key)>,
    /// Numbers of keys that were thrown away.
    pub(super) dropped: VecDeque<u32>,
}

/// Where the key of a message is.
#[derive(Debug)]
pub(super) enum Whereabouts<'a> {
    /// Kept.
    Kept(&'a Key),
    /// Thrown away unused.
    Dropped,
    /// Not kept, though its chain was once received: it was used.
    PassedChain,
    /// It is yet to be derived.
    Unknown,
}

impl Skipped {
    fn chain(&self, ratchet: &PublicKey) -> Option<&SkippedChain> {
        self.chains.iter().find(|chain| chain.ratchet == *ratchet)
    }

    fn chain_mut(&mut self, ratchet: &PublicKey) -> &mut SkippedChain {
        let index = self.position(ratchet).unwrap_or_else(|| {
            self.chains.push_back(SkippedChain {
                ratchet: *ratchet,
                over: false,
                keys: VecDeque::new(),
                dropped: VecDeque::new(),
            });
            self.chains.len() - 1
        });
        &mut self.chains[index]
    }

    pub(super) fn find(&self, ratchet: &PublicKey, number: u32) -> Whereabouts<'_> {
        let Some(chain) = self.chain(ratchet) else {
            return if self.past.contains(&start(ratchet)) {
                Whereabouts::PassedChain
            } else {
                Whereabouts::Unknown
            };
        };
        if let Some((_, key)) = chain.keys.iter().find(|(at, _)| *at == number) {
            Whereabouts::Kept(key)
        } else if chain.dropped.contains(&number) {
            Whereabouts::Dropped
        } else if chain.over {
            Whereabouts::PassedChain
        } else {
            Whereabouts::Unknown
        }
    }

    /// The key of this message was used.
    pub(super) fn forget(&mut self, ratchet: &PublicKey, number: u32) {
        if let Some(index) = self.position(ratchet)
            && let Some(chain) = self.chains.get_mut(index)
        {
            chain.keys.retain(|(at, _)| *at != number);
            if chain.over {
                self.put_away(index);
            }
        }
    }

    fn position(&self, ratchet: &PublicKey) -> Option<usize> {
        self.chains
            .iter()
            .position(|chain| chain.ratchet == *ratchet)
    }

    /// Remembers only how a chain began, when nothing of it is missing.
    fn put_away(&mut self, index: usize) {
        if let Some(chain) = self.chains.get(index)
            && chain.keys.is_empty()
            && chain.dropped.is_empty()
        {
            self.past.push_back(start(&chain.ratchet));
            self.chains.remove(index);
            if self.past.len() > MAX_PAST {
                self.past.pop_front();
            }
        }
    }

    /// Keeps keys of a chain; the oldest ones go when there are too many.
    pub(super) fn keep(&mut self, ratchet: &PublicKey, keys: Vec<(u32, Key)>) {
        if keys.is_empty() {
            return;
        }
        self.chain_mut(ratchet).keys.extend(keys);
        let kept: usize = self.chains.iter().map(|chain| chain.keys.len()).sum();
        let mut surplus = kept.saturating_sub(MAX_SKIP as usize);
        for chain in &mut self.chains {
            while surplus > 0
                && let Some((number, _)) = chain.keys.pop_front()
            {
                chain.dropped.push_back(number);
                surplus -= 1;
            }
            while chain.dropped.len() > MAX_DROPPED {
                chain.dropped.pop_front();
            }
        }
    }

    /// The chain has been replaced. Chains that are too old go with the keys in them.
    pub(super) fn close(&mut self, ratchet: &PublicKey) {
        self.chain_mut(ratchet).over = true;
        if let Some(index) = self.position(ratchet) {
            self.put_away(index);
        }
        while self.chains.len() > MAX_CHAINS {
            self.chains.pop_front();
        }
    }
}

fn start(ratchet: &PublicKey) -> [u8; 8] {
    let mut start = [0; 8];
    start.copy_from_slice(&ratchet.as_bytes()[..8]);
    start
}
