//! How many accounts strangers may make in an hour.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use base::Moment;
use parking_lot::Mutex;

const HOUR: Duration = Duration::from_secs(3600);
/// Addresses remembered at the most. There is an entry for each account that is made, and those
/// are bounded by the hour.
const REMEMBERED: usize = 100_000;

/// Counts registrations without invitation.
#[derive(Default)]
pub(crate) struct RegistrationLimiter {
    made: Mutex<HashMap<IpAddr, (Moment, u32)>>,
}

impl RegistrationLimiter {
    /// Notes one more from `address`; false when it is one too many, and then it is not noted.
    pub(crate) fn admit(
        &self,
        address: IpAddr,
        now: Moment,
        per_address: u32,
        in_all: u32,
    ) -> bool {
        let address = network(address);
        let mut made = self.made.lock();
        made.retain(|_, (since, _)| *since + HOUR > now);
        let all: u64 = made.values().map(|(_, count)| u64::from(*count)).sum();
        let own = made.get(&address).map_or(0, |(_, count)| *count);
        if own >= per_address || all >= u64::from(in_all) || made.len() >= REMEMBERED {
            return false;
        }
        made.entry(address).or_insert((now, 0)).1 += 1;
        true
    }
}

/// An IPv6 /64 counts as one address: it is what one household gets.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => {
            let bits = six.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(bits.into())
        }
        four => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::from_micros(seconds * 1_000_000)
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn each_address_and_all_together_are_bounded_for_an_hour() {
        let limiter = RegistrationLimiter::default();
        let admit = |text: &str, second| limiter.admit(address(text), at(second), 2, 4);
        assert!(admit("2001:db8::1", 0) && admit("2001:db8::2", 1));
        assert!(!admit("2001:db8::3", 2), "the same /64");
        assert!(admit("192.0.2.1", 3) && admit("::ffff:192.0.2.1", 4));
        assert!(!admit("192.0.2.2", 5), "all together");
        assert!(admit("192.0.2.2", 3603), "after an hour");
    }
}
