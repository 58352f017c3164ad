//! Streams that end by their client's fault cost little: the more of them somebody makes, the longer each takes.
//!
//! Before login they are counted by address: whoever writes nonsense, closes and comes again hears later why, and does not
//! come again before it was told, or has another socket open, and those are counted. After login they are counted by
//! account: its next login is answered later. Nobody else waits.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use base::{Moment, subscriber};
use parking_lot::Mutex;

/// Seconds' worth of faults that cost no time.
const BURST: Duration = Duration::from_secs(4);
/// Longest wait.
const LONGEST: Duration = Duration::from_secs(5);
/// Addresses, and accounts, that are remembered at the most. Who is not remembered does not wait.
const REMEMBERED: usize = 100_000;

/// Remembers until when the faults of each address and account are paid for.
#[derive(Default)]
pub(crate) struct Faults {
    addresses: Mutex<HashMap<IpAddr, Moment>>,
    accounts: Mutex<HashMap<Box<str>, Moment>>,
}

impl Faults {
    /// Counts a stream from `address` that ends before login, at most `per_second` of them; gives how long it waits
    /// for its end.
    pub(crate) fn of_stranger(&self, address: IpAddr, per_second: u32, now: Moment) -> Duration {
        let mut addresses = self.addresses.lock();
        charge(&mut addresses, subscriber(address), per_second, now);
        owed(addresses.get(&subscriber(address)), now)
    }

    /// Counts a stream of `account` that ends by its client's fault, at most `per_second` of them.
    pub(crate) fn of_account(&self, account: &str, per_second: u32, now: Moment) {
        charge(&mut self.accounts.lock(), account.into(), per_second, now);
    }

    /// How long a login to `account` waits.
    pub(crate) fn owed(&self, account: &str, now: Moment) -> Duration {
        owed(self.accounts.lock().get(account), now)
    }

    /// Forgets those who owe nothing.
    pub(crate) fn sweep(&self, now: Moment) {
        sweep(&mut self.addresses.lock(), now);
        sweep(&mut self.accounts.lock(), now);
    }
}

fn charge<K: Hash + Eq>(all: &mut HashMap<K, Moment>, who: K, per_second: u32, now: Moment) {
    if all.len() >= REMEMBERED && !all.contains_key(&who) {
        return;
    }
    let price = Duration::from_micros(1_000_000 / u64::from(per_second.max(1)));
    let until = all.entry(who).or_insert(now);
    // Who waits the longest does not wait longer still for what it does meanwhile.
    *until = ((*until).max(now) + price).min(now + BURST + LONGEST);
}

fn owed(until: Option<&Moment>, now: Moment) -> Duration {
    until.map_or(Duration::ZERO, |until| {
        until.since(now).saturating_sub(BURST)
    })
}

fn sweep<K: Hash + Eq>(all: &mut HashMap<K, Moment>, now: Moment) {
    all.retain(|_, until| *until > now);
    if all.is_empty() {
        all.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_go_at_once_and_the_many_wait_in_line() {
        let (faults, now) = (Faults::default(), Moment::from_micros(1_000_000));
        let noisy = IpAddr::from([192, 0, 2, 1]);
        for _ in 0..40 {
            assert_eq!(faults.of_stranger(noisy, 10, now), Duration::ZERO);
        }
        let tenth = Duration::from_millis(100);
        assert_eq!(faults.of_stranger(noisy, 10, now), tenth);
        assert_eq!(faults.of_stranger(noisy, 10, now), tenth * 2);
        for _ in 0..1000 {
            assert!(faults.of_stranger(noisy, 10, now) <= LONGEST);
        }
        let other = IpAddr::from([192, 0, 2, 2]);
        assert_eq!(
            faults.of_stranger(other, 10, now),
            Duration::ZERO,
            "nobody else waits"
        );
        let later = now + Duration::from_secs(9);
        assert_eq!(
            faults.of_stranger(noisy, 10, later),
            Duration::ZERO,
            "time forgives"
        );
        faults.sweep(later + Duration::from_secs(60));
        assert!(faults.addresses.lock().is_empty());
    }

    #[test]
    fn an_account_whose_streams_break_logs_in_slower() {
        let (faults, now) = (Faults::default(), Moment::from_micros(1_000_000));
        for _ in 0..41 {
            assert_eq!(faults.owed("rude@example.org", now), Duration::ZERO);
            faults.of_account("rude@example.org", 10, now);
        }
        assert_eq!(
            faults.owed("rude@example.org", now),
            Duration::from_millis(100)
        );
        assert_eq!(faults.owed("romeo@example.org", now), Duration::ZERO);
    }
}
