//! The clock and the dice that the engine is given.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base::{Moment, Now, Timestamp};
use client::Randomness;

/// Time since the start of the process, and of day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that begins now.
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// This moment.
    pub(crate) fn now(&self) -> Now {
        let moment = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        Now::new(Moment::from_micros(moment), wall())
    }

    /// The instant that a moment stands for, for timers.
    pub(crate) fn instant(&self, moment: Moment) -> tokio::time::Instant {
        (self.start + Duration::from_micros(moment.micros())).into()
    }
}

/// The time of day.
pub(crate) fn wall() -> Timestamp {
    let wall = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_micros(i64::try_from(wall.as_micros()).unwrap_or(i64::MAX))
}

/// The randomness of the system.
pub(crate) struct Dice;

impl Randomness for Dice {
    fn fill(&mut self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_err() {
            // Keys of what can be guessed are worse than an end: there is no way on.
            std::process::abort();
        }
    }
}
