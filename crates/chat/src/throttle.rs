//! Guessing is slowed per account and per address, without locking the true user out.
//!
//! Every failure raises a cost that decays with time. An address that guesses waits longer and
//! longer for each answer and is turned away at last; an account under attack from many
//! addresses only makes *strange* addresses wait: those from which its owner has logged in
//! before are not counted against.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use base::{Moment, subscriber};
use parking_lot::Mutex;

/// Bounds of guessing.
#[derive(Clone, Copy, Debug)]
pub struct ThrottleConfig {
    /// Failures that cost nothing.
    pub free_failures: u32,
    /// First delay; it doubles with each further failure.
    pub first_delay: Duration,
    /// Longest delay.
    pub longest_delay: Duration,
    /// Time in which one failure is forgiven.
    pub forgive_after: Duration,
    /// Failures of one address after which it is turned away at once.
    pub refuse_after: u32,
    /// Addresses and accounts remembered at the most.
    pub remembered: usize,
}

impl Default for ThrottleConfig {
    fn default() -> Self {
        Self {
            free_failures: 5,
            first_delay: Duration::from_millis(250),
            longest_delay: Duration::from_secs(10),
            forgive_after: Duration::from_secs(30),
            refuse_after: 100,
            remembered: 100_000,
        }
    }
}

/// Remembers failures.
pub(crate) struct Throttle {
    config: ThrottleConfig,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    addresses: HashMap<IpAddr, Failures>,
    accounts: HashMap<Box<str>, Failures>,
    trusted: HashMap<Box<str>, Vec<IpAddr>>,
}

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    since: Moment,
}

/// What an attempt from somewhere meets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Toll {
    /// Go on.
    Free,
    /// Answer after this time.
    Wait(Duration),
    /// Do not even look.
    Refused,
}

impl Throttle {
    pub(crate) fn new(config: ThrottleConfig) -> Self {
        Self {
            config,
            state: Mutex::default(),
        }
    }

    /// What a further attempt on `account` from `address` meets now.
    pub(crate) fn toll(&self, account: Option<&str>, address: IpAddr, now: Moment) -> Toll {
        let address = subscriber(address);
        let state = self.state.lock();
        let from = state
            .addresses
            .get(&address)
            .map_or(0, |failures| failures.at(now, &self.config));
        if from >= self.config.refuse_after {
            return Toll::Refused;
        }
        let trusted = account.is_some_and(|name| {
            state
                .trusted
                .get(name)
                .is_some_and(|list| list.contains(&address))
        });
        let against = match account {
            Some(name) if !trusted => state
                .accounts
                .get(name)
                .map_or(0, |failures| failures.at(now, &self.config)),
            _ => 0,
        };
        let over = from.max(against).saturating_sub(self.config.free_failures);
        if over == 0 {
            return Toll::Free;
        }
        let factor = 1_u32.checked_shl(over - 1).unwrap_or(u32::MAX);
        Toll::Wait(
            self.config
                .first_delay
                .saturating_mul(factor)
                .min(self.config.longest_delay),
        )
    }

    pub(crate) fn failed(&self, account: Option<&str>, address: IpAddr, now: Moment) {
        let address = subscriber(address);
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let room = self.config.remembered;
        if state.addresses.len() < room || state.addresses.contains_key(&address) {
            Failures::add(state.addresses.entry(address), now, &self.config);
        }
        if let Some(name) = account
            && (state.accounts.len() < room || state.accounts.contains_key(name))
        {
            Failures::add(state.accounts.entry(name.into()), now, &self.config);
        }
    }

    pub(crate) fn succeeded(&self, account: &str, address: IpAddr) {
        let address = subscriber(address);
        let mut state = self.state.lock();
        if !state.accounts.contains_key(account)
            && !state.trusted.contains_key(account)
            && state.trusted.len() >= self.config.remembered
        {
            return;
        }
        let list = state.trusted.entry(account.into()).or_default();
        if !list.contains(&address) {
            // The last few addresses of the true user are enough.
            if list.len() >= 8 {
                list.remove(0);
            }
            list.push(address);
        }
    }

    pub(crate) fn sweep(&self, now: Moment) {
        let mut state = self.state.lock();
        state
            .addresses
            .retain(|_, failures| failures.at(now, &self.config) > 0);
        state
            .accounts
            .retain(|_, failures| failures.at(now, &self.config) > 0);
    }
}

impl Failures {
    fn at(self, now: Moment, config: &ThrottleConfig) -> u32 {
        let forgiven = now.since(self.since).as_micros() / config.forgive_after.as_micros().max(1);
        self.count
            .saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX))
    }

    fn add<K>(
        entry: std::collections::hash_map::Entry<'_, K, Self>,
        now: Moment,
        config: &ThrottleConfig,
    ) {
        let failures = entry.or_insert(Self {
            count: 0,
            since: now,
        });
        *failures = Self {
            count: failures.at(now, config).saturating_add(1),
            since: now,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRANGER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    fn at(seconds: u64) -> Moment {
        Moment::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_guesser_waits_and_is_refused_while_the_owner_walks_in() {
        let throttle = Throttle::new(ThrottleConfig::default());
        throttle.succeeded("juliet", HOME);
        for _ in 0..20 {
            throttle.failed(Some("juliet"), STRANGER, at(1));
        }
        assert!(matches!(
            throttle.toll(Some("juliet"), STRANGER, at(1)),
            Toll::Wait(_)
        ));
        assert_eq!(throttle.toll(Some("juliet"), HOME, at(1)), Toll::Free);
        for _ in 0..100 {
            throttle.failed(Some("juliet"), STRANGER, at(1));
        }
        assert_eq!(throttle.toll(None, STRANGER, at(1)), Toll::Refused);
    }

    #[test]
    fn time_forgives() {
        let throttle = Throttle::new(ThrottleConfig::default());
        for _ in 0..10 {
            throttle.failed(None, STRANGER, at(0));
        }
        assert!(matches!(
            throttle.toll(None, STRANGER, at(0)),
            Toll::Wait(_)
        ));
        assert_eq!(throttle.toll(None, STRANGER, at(3600)), Toll::Free);
        throttle.sweep(at(3600));
        assert!(throttle.state.lock().addresses.is_empty());
    }
}
