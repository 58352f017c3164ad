//! The clock that everything below is given.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use base::{Moment, Now, Timestamp};

/// Time since the start of the process, and of day.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that begins now.
    #[must_use]
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// This moment.
    #[must_use]
    pub fn now(&self) -> Now {
        let moment = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Now::new(
            Moment::from_micros(moment),
            Timestamp::from_micros(i64::try_from(wall.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// The instant that a moment stands for, for timers.
    #[must_use]
    pub fn instant(&self, moment: Moment) -> tokio::time::Instant {
        (self.start + std::time::Duration::from_micros(moment.micros())).into()
    }
}
