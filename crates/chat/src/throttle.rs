//! Guessing is slowed per account and per address, without locking the true user out.
//!
//! Wrong passwords are counted three times: for the account *from* the address, for the address over all accounts, and
//! for the account over all addresses. Each failure is forgiven after a while, one by one.
//!
//! - **Where the account has logged in from lately**, only its own failures from there count, and they count nowhere else.
//!   So neither a guesser elsewhere, nor a bad client behind the same address, nor an old device with an old password holds
//!   up anybody else there.
//! - **Anywhere else** the worse of the address's and the account's count holds up the answer: longer with each failure, up
//!   to a bound.
//! - **Past a number of failures** ([`ThrottleConfig::refuse_after`]) attempts are turned away unseen, but for one in each
//!   [`ThrottleConfig::longest_delay`]: a wrong password in a loop locks nobody out, and does not get more than that
//!   looked at. At an address, that one is only for accounts that have hardly failed from there, so whoever guesses at one
//!   account does not take it from those who come there for the first time.
//! - **Tokens** (FAST) **and certificates** are not guessed: they are neither counted nor held up. What trying them costs is
//!   bounded by the connections that an address may have before login, and by [`crate::faults`].
//!
//! All of it is forgotten when the server stops: then every address is a new one, until somebody logs in from there.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use base::{Moment, subscriber};
use parking_lot::Mutex;

/// How long an address is one where an account logs in.
const LATELY: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// The last few addresses of an account that are.
const ADDRESSES: usize = 8;

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
    /// Failures of one address, or of one account from an address where it has logged in, after which but one attempt
    /// in each [`ThrottleConfig::longest_delay`] is looked at.
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
    pairs: HashMap<(Box<str>, IpAddr), Failures>,
    /// Where accounts have logged in from, and when last; the latest at the end.
    homes: HashMap<Box<str>, Vec<(IpAddr, Moment)>>,
}

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    since: Moment,
    /// When one more attempt is let through past the bound.
    next: Moment,
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

    /// What an attempt on `account` from `address` meets now. Past the bound, being let through is used up by this.
    pub(crate) fn admit(&self, account: Option<&str>, address: IpAddr, now: Moment) -> Toll {
        let address = subscriber(address);
        let config = &self.config;
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let pair = account.map(|name| (Box::<str>::from(name), address));
        let own = pair.and_then(|pair| state.pairs.get_mut(&pair));
        if account.is_some_and(|name| state.homes.is_one(name, address, now)) {
            return own.map_or(Toll::Free, |own| own.toll(now, config));
        }
        if let Some(from) = state.addresses.get_mut(&address)
            && from.at(now, config) >= config.refuse_after
        {
            let guessed = own.is_some_and(|own| own.at(now, config) > config.free_failures);
            return if guessed {
                Toll::Refused
            } else {
                from.toll(now, config)
            };
        }
        delay(state.strange(account, address, now, config), config)
    }

    /// How long the answer to a failure that was counted just now is held back.
    pub(crate) fn delay(&self, account: Option<&str>, address: IpAddr, now: Moment) -> Duration {
        let address = subscriber(address);
        let state = self.state.lock();
        let count = match account {
            Some(name) if state.homes.is_one(name, address, now) => state
                .pairs
                .get(&(name.into(), address))
                .map_or(0, |own| own.at(now, &self.config)),
            _ => state.strange(account, address, now, &self.config),
        };
        match delay(count, &self.config) {
            Toll::Wait(hold) => hold,
            Toll::Free | Toll::Refused => Duration::ZERO,
        }
    }

    pub(crate) fn failed(&self, account: Option<&str>, address: IpAddr, now: Moment) {
        let address = subscriber(address);
        let (config, room) = (&self.config, self.config.remembered);
        let mut guard = self.state.lock();
        let state = &mut *guard;
        if let Some(name) = account {
            count(&mut state.pairs, (name.into(), address), room, now, config);
            if state.homes.is_one(name, address, now) {
                return;
            }
            count(&mut state.accounts, name.into(), room, now, config);
        }
        count(&mut state.addresses, address, room, now, config);
    }

    pub(crate) fn succeeded(&self, account: &str, address: IpAddr, now: Moment) {
        let address = subscriber(address);
        let mut state = self.state.lock();
        let homes = &mut state.homes;
        if !homes.contains_key(account) && homes.len() >= self.config.remembered {
            return;
        }
        let list = homes.entry(account.into()).or_default();
        list.retain(|(home, _)| *home != address);
        if list.len() >= ADDRESSES {
            list.remove(0);
        }
        list.push((address, now));
    }

    pub(crate) fn sweep(&self, now: Moment) {
        let config = &self.config;
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let open = |failures: &Failures| failures.at(now, config) > 0;
        state.addresses.retain(|_, failures| open(failures));
        state.accounts.retain(|_, failures| open(failures));
        state.pairs.retain(|_, failures| open(failures));
        state.homes.retain(|_, list| {
            list.retain(|(_, last)| now <= *last + LATELY);
            !list.is_empty()
        });
    }
}

/// Where accounts log in.
trait Homes {
    /// Whether `account` has logged in from there lately.
    fn is_one(&self, account: &str, address: IpAddr, now: Moment) -> bool;
}

impl Homes for HashMap<Box<str>, Vec<(IpAddr, Moment)>> {
    fn is_one(&self, account: &str, address: IpAddr, now: Moment) -> bool {
        self.get(account).is_some_and(|list| {
            list.iter()
                .any(|(home, last)| *home == address && now <= *last + LATELY)
        })
    }
}

impl State {
    /// What counts against an attempt from an address where the account has not logged in.
    fn strange(
        &self,
        account: Option<&str>,
        address: IpAddr,
        now: Moment,
        config: &ThrottleConfig,
    ) -> u32 {
        let from = self.addresses.get(&address);
        let against = account.and_then(|name| self.accounts.get(name));
        let at = |failures: Option<&Failures>| failures.map_or(0, |one| one.at(now, config));
        at(from).max(at(against))
    }
}

/// What so many failures cost below the bound.
fn delay(failures: u32, config: &ThrottleConfig) -> Toll {
    let over = failures.saturating_sub(config.free_failures);
    if over == 0 {
        return Toll::Free;
    }
    let factor = 1_u32.checked_shl(over - 1).unwrap_or(u32::MAX);
    let hold = config.first_delay.saturating_mul(factor);
    Toll::Wait(hold.min(config.longest_delay))
}

/// Counts a failure, if there is room for it.
fn count<K: std::hash::Hash + Eq>(
    all: &mut HashMap<K, Failures>,
    who: K,
    room: usize,
    now: Moment,
    config: &ThrottleConfig,
) {
    if all.len() < room || all.contains_key(&who) {
        let failures = all.entry(who).or_insert(Failures {
            count: 0,
            since: now,
            next: now,
        });
        failures.count = failures.at(now, config).saturating_add(1);
        failures.since = now;
    }
}

impl Failures {
    fn at(self, now: Moment, config: &ThrottleConfig) -> u32 {
        let forgiven = now.since(self.since).as_micros() / config.forgive_after.as_micros().max(1);
        self.count
            .saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX))
    }

    /// What an attempt meets against which only these count.
    fn toll(&mut self, now: Moment, config: &ThrottleConfig) -> Toll {
        let failures = self.at(now, config);
        if failures < config.refuse_after {
            return delay(failures, config);
        }
        if now < self.next {
            return Toll::Refused;
        }
        self.next = now + config.longest_delay;
        Toll::Wait(config.longest_delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRANGER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));
    const LONGEST: Toll = Toll::Wait(Duration::from_secs(10));

    fn at(seconds: u64) -> Moment {
        Moment::from_micros(seconds * 1_000_000)
    }

    fn throttle() -> Throttle {
        Throttle::new(ThrottleConfig::default())
    }

    fn guess(throttle: &Throttle, account: &str, address: IpAddr, times: u32) {
        for _ in 0..times {
            throttle.failed(Some(account), address, at(1));
        }
    }

    #[test]
    fn a_guesser_waits_and_is_refused_while_the_owner_walks_in() {
        let throttle = throttle();
        throttle.succeeded("juliet", HOME, at(0));
        guess(&throttle, "juliet", STRANGER, 20);
        assert_eq!(throttle.admit(Some("juliet"), STRANGER, at(1)), LONGEST);
        assert_eq!(throttle.admit(Some("juliet"), HOME, at(1)), Toll::Free);
        guess(&throttle, "juliet", STRANGER, 100);
        assert_eq!(
            throttle.admit(Some("juliet"), STRANGER, at(1)),
            Toll::Refused
        );
        assert_eq!(
            throttle.admit(Some("juliet"), STRANGER, at(600)),
            Toll::Refused
        );
    }

    #[test]
    fn one_bad_client_does_not_lock_out_those_behind_its_address() {
        let throttle = throttle();
        throttle.succeeded("anna", HOME, at(0));
        guess(&throttle, "ben", HOME, 130);
        assert_eq!(throttle.admit(Some("anna"), HOME, at(1)), Toll::Free);
        // Who comes there for the first time takes longer, and is not looked at without end.
        assert_eq!(throttle.admit(Some("carl"), HOME, at(1)), LONGEST);
        assert_eq!(throttle.admit(Some("dora"), HOME, at(2)), Toll::Refused);
        assert_eq!(throttle.admit(Some("dora"), HOME, at(11)), LONGEST);
        assert_eq!(throttle.admit(Some("ben"), HOME, at(30)), Toll::Refused);
    }

    #[test]
    fn an_old_password_at_home_leaves_the_owner_a_way_in() {
        let throttle = throttle();
        throttle.succeeded("anna", HOME, at(0));
        guess(&throttle, "anna", HOME, 5);
        assert_eq!(throttle.admit(Some("anna"), HOME, at(1)), Toll::Free);
        guess(&throttle, "anna", HOME, 145);
        assert_eq!(throttle.admit(Some("anna"), HOME, at(1)), LONGEST);
        assert_eq!(throttle.admit(Some("anna"), HOME, at(2)), Toll::Refused);
        assert_eq!(throttle.admit(Some("anna"), HOME, at(11)), LONGEST);
        // It holds up nobody else, and not its owner elsewhere.
        assert_eq!(throttle.admit(Some("ben"), HOME, at(2)), Toll::Free);
        assert_eq!(throttle.admit(Some("anna"), STRANGER, at(2)), Toll::Free);
    }

    #[test]
    fn an_address_is_trusted_for_a_while() {
        let throttle = throttle();
        throttle.succeeded("anna", HOME, at(0));
        let later = at(31 * 24 * 60 * 60);
        for _ in 0..130 {
            throttle.failed(Some("ben"), HOME, later);
        }
        assert_eq!(throttle.admit(Some("anna"), HOME, later), LONGEST);
        throttle.sweep(later);
        assert!(throttle.state.lock().homes.is_empty());
    }

    #[test]
    fn time_forgives() {
        let throttle = throttle();
        for _ in 0..10 {
            throttle.failed(None, STRANGER, at(0));
        }
        assert!(throttle.delay(None, STRANGER, at(0)) > Duration::ZERO);
        assert_eq!(throttle.admit(None, STRANGER, at(3600)), Toll::Free);
        throttle.sweep(at(3600));
        assert!(throttle.state.lock().addresses.is_empty());
    }
}
