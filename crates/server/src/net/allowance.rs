//! How fast one connection may send, through whatever door it came.

use std::time::Duration;

use base::{Limits, Moment};

/// It is filled again only when less than this is left, in bytes: most reads then ask for no time.
const LOW: i64 = 32 * 1024;
/// Shortest wait for more.
const SHORTEST: Duration = Duration::from_millis(100);

/// How much more may be taken from a client: a bucket that fills with time, first at a stranger's rate, and at that of
/// those who are in once [`Allowance::known`] was called. What comes in one piece may leave it in debt; nothing more is
/// read then until that is paid.
pub(crate) struct Allowance {
    bytes: i64,
    filled: Moment,
    known: bool,
}

impl Allowance {
    /// That of a stranger: a few seconds' worth, enough for any login.
    pub(crate) fn of_stranger(limits: &Limits, now: Moment) -> Self {
        Self {
            bytes: i64::from(limits.preauth_input_bytes_per_second) * 4,
            filled: now,
            known: false,
        }
    }

    /// Its client is logged in: from here on it is another one, and full.
    pub(crate) fn known(&mut self, limits: &Limits) {
        self.known = true;
        self.bytes = limits.input_burst_bytes.into();
    }

    /// So many bytes have come.
    pub(crate) fn spend(&mut self, bytes: usize) {
        self.bytes = self
            .bytes
            .saturating_sub(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Fills the bucket when it is low. False while it is empty.
    pub(crate) fn may_read(&mut self, limits: &Limits, now: Moment) -> bool {
        if self.bytes < LOW {
            let (rate, most) = self.rate(limits);
            let passed = i64::try_from(now.since(self.filled).as_micros()).unwrap_or(i64::MAX);
            let gained = passed.saturating_mul(rate) / 1_000_000;
            if gained > 0 {
                self.bytes = self.bytes.saturating_add(gained).min(most);
                self.filled = now;
            }
        }
        self.bytes > 0
    }

    /// When an empty bucket has something again.
    pub(crate) fn refill_at(&self, limits: &Limits, now: Moment) -> Option<Moment> {
        let missing = u64::try_from(1_i64.checked_sub(self.bytes)?).ok()?;
        let (rate, _) = self.rate(limits);
        let micros = missing.saturating_mul(1_000_000) / u64::try_from(rate.max(1)).unwrap_or(1);
        (missing > 0).then(|| now + Duration::from_micros(micros).max(SHORTEST))
    }

    /// Bytes a second, and the most that may gather.
    fn rate(&self, limits: &Limits) -> (i64, i64) {
        if self.known {
            (
                limits.input_bytes_per_second.into(),
                limits.input_burst_bytes.into(),
            )
        } else {
            let rate = i64::from(limits.preauth_input_bytes_per_second);
            (rate, rate * 4)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Moment {
        Moment::from_micros(milliseconds * 1_000)
    }

    fn limits() -> Limits {
        Limits {
            preauth_input_bytes_per_second: 1_000,
            input_bytes_per_second: 10_000,
            input_burst_bytes: 50_000,
            ..Limits::default()
        }
    }

    #[test]
    fn a_stranger_has_a_few_seconds_worth_and_then_its_rate() {
        let limits = limits();
        let mut allowance = Allowance::of_stranger(&limits, at(0));
        assert!(allowance.may_read(&limits, at(0)));
        assert_eq!(allowance.refill_at(&limits, at(0)), None);
        allowance.spend(4_000);
        assert!(!allowance.may_read(&limits, at(0)));
        assert!(allowance.may_read(&limits, at(500)));
        allowance.spend(500);
        assert!(!allowance.may_read(&limits, at(500)));
        // What was not used in an hour is no more than what one begins with.
        assert!(allowance.may_read(&limits, at(3_600_000)));
        allowance.spend(4_000);
        assert!(!allowance.may_read(&limits, at(3_600_000)));
    }

    #[test]
    fn one_large_piece_is_paid_for_before_the_next() {
        let limits = limits();
        let mut allowance = Allowance::of_stranger(&limits, at(0));
        allowance.known(&limits);
        allowance.spend(150_000);
        assert!(!allowance.may_read(&limits, at(0)));
        let paid = allowance.refill_at(&limits, at(0)).expect("a time");
        assert_eq!(paid, Moment::from_micros(10_000_100));
        assert!(!allowance.may_read(&limits, at(10_000)));
        assert!(allowance.may_read(&limits, at(10_001)));
    }
}
