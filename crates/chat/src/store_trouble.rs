//! What is said of a store that fails: to those whose stanzas it fails for, and in the log, one line at once and then one in
//! a while, however many stanzas it fails for.

use std::time::Duration;

use base::Moment;
use parking_lot::Mutex;
use store::StoreError;
use xmpp::condition::{StanzaCondition, StanzaError};

/// How long the log is silent after a line.
const SILENCE: Duration = Duration::from_secs(60);

/// What has happened since the last line.
#[derive(Default)]
struct Trouble {
    failures: u64,
    last: Option<StoreError>,
    told: Option<Moment>,
}

static TROUBLE: Mutex<Trouble> = Mutex::new(Trouble {
    failures: 0,
    last: None,
    told: None,
});

/// The store has failed for one stanza or one login.
pub(crate) fn note(error: &StoreError) {
    TROUBLE.lock().add(error);
}

/// Writes the line that is due.
pub(crate) fn tell(now: Moment) {
    let due = TROUBLE.lock().take(now);
    if let Some((failures, error)) = due {
        tracing::error!(%error, failures, "the store failed");
    }
}

/// The answer to a client whose request the store could not carry out. The reason is for the log
/// of the administrator; the client is told to try again.
#[must_use]
pub(crate) fn store_failed(error: &StoreError) -> StanzaError {
    note(error);
    match error {
        StoreError::DiskFull | StoreError::Overloaded => {
            StanzaError::new(StanzaCondition::ResourceConstraint).text(
                "The server has no room to keep this now. Nothing was changed; please try again later.",
            )
        }
        _ => StanzaError::new(StanzaCondition::InternalServerError).text(
            "The server could not reach its store, and nothing was changed. Please tell its administrator.",
        ),
    }
}

impl Trouble {
    fn add(&mut self, error: &StoreError) {
        self.failures += 1;
        self.last = Some(error.clone());
    }

    fn take(&mut self, now: Moment) -> Option<(u64, StoreError)> {
        if self.told.is_some_and(|told| now < told + SILENCE) {
            return None;
        }
        let last = self.last.take()?;
        self.told = Some(now);
        Some((std::mem::take(&mut self.failures), last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_failures_are_few_lines() {
        let at = |seconds: u64| Moment::from_micros(seconds * 1_000_000);
        let mut trouble = Trouble::default();
        assert!(trouble.take(at(0)).is_none());
        trouble.add(&StoreError::DiskFull);
        assert_eq!(trouble.take(at(1)), Some((1, StoreError::DiskFull)));
        for _ in 0..1000 {
            trouble.add(&StoreError::DiskFull);
        }
        assert!(trouble.take(at(60)).is_none());
        assert_eq!(trouble.take(at(61)), Some((1000, StoreError::DiskFull)));
        assert!(trouble.take(at(3600)).is_none());
    }
}
