//! One call of the client: what time it is, and the randomness that came with it.

use base::{Now, id};
use omemo::Randomness;

/// What a call brings to all that it leads to.
pub(crate) struct Turn<'r> {
    pub(crate) now: Now,
    pub(crate) random: &'r mut dyn Randomness,
}

impl Turn<'_> {
    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes);
        bytes
    }

    /// An id that nobody else has: 80 bits.
    pub(crate) fn id(&mut self) -> String {
        id::short(&self.bytes::<10>())
    }

    /// A number below `bound`, which is not 0; evenly enough for waiting times.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        u64::from_le_bytes(self.bytes()) % bound
    }
}
