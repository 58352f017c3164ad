//! Which format the records as a whole have, and how an older one becomes ours.
//!
//! A change within one record is that record's version (`codec.rs`), and is read as it comes. What changes names or moves
//! things between records is a step here. Steps are never edited once they were released; `tests/snapshots` has what
//! each released format looked like.

use super::{Draft, KeyStore};
use crate::error::Error;

/// Makes the next format of the one before.
type Step<S> = fn(&mut Draft<'_, S>) -> Result<(), Error<<S as KeyStore>::Error>>;

/// The first format has number 1; each step leads to the next. There has been one format so far.
const fn steps<S: KeyStore>() -> [Step<S>; 0] {
    []
}

const FIRST: u8 = 1;

/// Brings the records to our format. An empty store has it already.
pub(super) fn run<S: KeyStore>(draft: &mut Draft<'_, S>) -> Result<(), Error<S::Error>> {
    let steps = steps::<S>();
    let ours = FIRST.saturating_add(u8::try_from(steps.len()).unwrap_or(u8::MAX));
    let format = draft.format(ours)?;
    if let Some(format) = format {
        let done = usize::from(format.saturating_sub(FIRST));
        for step in steps.iter().skip(done) {
            step(draft)?;
        }
    }
    if format != Some(ours) {
        draft.put_format(ours);
    }
    Ok(())
}
