//! Keys of messages that have not come yet, and what is known of chains that are over.

use std::collections::VecDeque;

use super::MAX_SKIP;
use crate::crypto::{Key, PublicKey};

/// After how many further keys of the other side a skipped key is thrown away. Keys must not be kept for ever, and
/// their age is best told by what happens in the session, not by a clock (XEP-0384 §4.3).
const MAX_AGE: u32 = 256;

/// How many chains that are over are remembered, to tell a repeated message from one of another session.
const MAX_PAST: usize = 256;

/// How many thrown-away keys are remembered by number, to tell a late message from a repeated one.
const MAX_DROPPED: usize = 1_024;

/// Keys that were skipped, by chain and number.
#[derive(Debug, Clone, Default)]
pub(super) struct Skipped {
    /// The chains, oldest first. The last one may be the one that is being received.
    pub(super) chains: VecDeque<SkippedChain>,
    /// Chains that are over and of which no key is kept, oldest first: how their keys begin, and whether something of
    /// them was thrown away unread.
    pub(super) past: VecDeque<([u8; 8], bool)>,
    /// How many chains are over.
    pub(super) count: u32,
}

#[derive(Debug, Clone)]
pub(super) struct SkippedChain {
    pub(super) ratchet: PublicKey,
    /// Since which count of chains that are over this one is.
    pub(super) over: Option<u32>,
    /// Whether more was missing at its end than is ever kept.
    pub(super) lossy: bool,
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
                over: None,
                lossy: false,
                keys: VecDeque::new(),
                dropped: VecDeque::new(),
            });
            self.chains.len() - 1
        });
        &mut self.chains[index]
    }

    pub(super) fn find(&self, ratchet: &PublicKey, number: u32) -> Whereabouts<'_> {
        let Some(chain) = self.chain(ratchet) else {
            let begins = start(ratchet);
            return match self.past.iter().find(|(start, _)| *start == begins) {
                Some((_, true)) => Whereabouts::Dropped,
                Some((_, false)) => Whereabouts::PassedChain,
                None => Whereabouts::Unknown,
            };
        };
        if let Some((_, key)) = chain.keys.iter().find(|(at, _)| *at == number) {
            Whereabouts::Kept(key)
        } else if chain.dropped.contains(&number) || chain.lossy {
            Whereabouts::Dropped
        } else if chain.over.is_some() {
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
            if chain.over.is_some() {
                self.put_away(index);
            }
        }
    }

    fn position(&self, ratchet: &PublicKey) -> Option<usize> {
        self.chains
            .iter()
            .position(|chain| chain.ratchet == *ratchet)
    }

    /// Remembers only how a chain began, when no key of it is kept.
    fn put_away(&mut self, index: usize) {
        if let Some(chain) = self.chains.get(index)
            && chain.keys.is_empty()
            && chain.dropped.is_empty()
        {
            let lossy = chain.lossy;
            self.remove(index, lossy);
        }
    }

    fn remove(&mut self, index: usize, lossy: bool) {
        if let Some(chain) = self.chains.remove(index) {
            self.past.push_back((start(&chain.ratchet), lossy));
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

    /// The chain has been replaced; `lossy` when not all that is missing of it could be kept. Chains that are too old go
    /// with the keys in them.
    pub(super) fn close(&mut self, ratchet: &PublicKey, lossy: bool) {
        self.count = self.count.wrapping_add(1);
        let count = self.count;
        let chain = self.chain_mut(ratchet);
        chain.over = Some(count);
        chain.lossy = lossy;
        if let Some(index) = self.position(ratchet) {
            self.put_away(index);
        }
        let is_old = |chain: &SkippedChain| {
            chain
                .over
                .is_some_and(|over| count.wrapping_sub(over) > MAX_AGE)
        };
        while let Some(index) = self.chains.iter().position(is_old) {
            self.remove(index, true);
        }
    }
}

fn start(ratchet: &PublicKey) -> [u8; 8] {
    let mut start = [0; 8];
    start.copy_from_slice(&ratchet.as_bytes()[..8]);
    start
}
