//! Randomness as an argument.

use zeroize::Zeroizing;

/// A source of random bytes fit for keys. The caller brings it; this crate draws none of its own.
///
/// Every `FnMut(&mut [u8])` is one:
///
/// ```
/// # use omemo::Randomness;
/// let mut next = 0u8;
/// let mut counting = |bytes: &mut [u8]| bytes.fill_with(|| { next = next.wrapping_add(1); next });
/// let random: &mut dyn Randomness = &mut counting;
/// let mut two = [0; 2];
/// random.fill(&mut two);
/// assert_eq!(two, [1, 2]);
/// ```
pub trait Randomness {
    /// Fills all of `bytes`. What comes out must not be guessable.
    fn fill(&mut self, bytes: &mut [u8]);
}

impl<F: FnMut(&mut [u8])> Randomness for F {
    fn fill(&mut self, bytes: &mut [u8]) {
        self(bytes);
    }
}

/// Random bytes that are no secret.
pub(crate) fn array<const N: usize>(random: &mut dyn Randomness) -> [u8; N] {
    let mut bytes = [0; N];
    random.fill(&mut bytes);
    bytes
}

/// Random bytes that are a secret.
pub(crate) fn secret<const N: usize>(random: &mut dyn Randomness) -> Zeroizing<[u8; N]> {
    let mut bytes = Zeroizing::new([0; N]);
    random.fill(bytes.as_mut_slice());
    bytes
}
