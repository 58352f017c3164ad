//! Streams that end before login cost little: the more of them one address makes, the later it hears why.
//!
//! Whoever writes nonsense, closes and comes again does not come again before it was told, or has another socket open,
//! and those are counted. Nobody else waits: who logs in has no end to be told of.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use base::{Moment, subscriber};
use parking_lot::Mutex;

/// Seconds' worth of ends that are told at once.
const BURST_SECONDS: u64 = 4;
/// Longest wait.
const LONGEST: Duration = Duration::from_secs(5);
/// Addresses remembered at the most. What is not remembered does not wait.
const REMEMBERED: usize = 100_000;

/// Remembers by address until when its ends are paid for.
#[derive(Default)]
pub(crate) struct Ends {
    paid_until: Mutex<HashMap<IpAddr, Moment>>,
}

impl Ends {
    /// Counts a stream from `address` that ends before login, at most `per_second` of them; gives how long it waits
    /// for its end.
    pub(crate) fn wait(&self, address: IpAddr, per_second: u32, now: Moment) -> Duration {
        let address = subscriber(address);
        let price = 1_000_000 / u64::from(per_second.max(1));
        let burst = Duration::from_secs(BURST_SECONDS);
        let mut all = self.paid_until.lock();
        if all.len() >= REMEMBERED && !all.contains_key(&address) {
            return Duration::ZERO;
        }
        let until = all.entry(address).or_insert(now);
        // Who waits the longest does not wait longer still for what it does meanwhile.
        *until = ((*until).max(now) + Duration::from_micros(price)).min(now + burst + LONGEST);
        until.since(now).saturating_sub(burst)
    }

    /// Forgets those who owe nothing.
    pub(crate) fn sweep(&self, now: Moment) {
        let mut all = self.paid_until.lock();
        all.retain(|_, until| *until > now);
        if all.is_empty() {
            all.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_go_at_once_and_the_many_wait_in_line() {
        let (ends, now) = (Ends::default(), Moment::from_micros(1_000_000));
        let noisy = IpAddr::from([192, 0, 2, 1]);
        for _ in 0..40 {
            assert_eq!(ends.wait(noisy, 10, now), Duration::ZERO);
        }
        assert_eq!(ends.wait(noisy, 10, now), Duration::from_millis(100));
        assert_eq!(ends.wait(noisy, 10, now), Duration::from_millis(200));
        for _ in 0..1000 {
            assert!(ends.wait(noisy, 10, now) <= LONGEST);
        }
        assert_eq!(
            ends.wait(IpAddr::from([192, 0, 2, 2]), 10, now),
            Duration::ZERO,
            "nobody else waits"
        );
        let later = now + Duration::from_secs(9);
        assert_eq!(ends.wait(noisy, 10, later), Duration::ZERO, "time forgives");
        ends.sweep(later + Duration::from_secs(60));
        assert!(ends.paid_until.lock().is_empty());
    }
}
