//! How many connections there are, and how many of them by strangers.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use base::{Limits, subscriber};
use parking_lot::Mutex;

/// Connections that are open now, over all transports.
#[derive(Default)]
pub struct Open(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    all: u32,
    strangers: u32,
    /// Strangers by [`subscriber`].
    by_address: HashMap<IpAddr, u32>,
    /// All that came in, by [`subscriber`], where that is bounded.
    all_by_address: HashMap<IpAddr, u32>,
}

/// A connection's place; dropping it gives it back.
pub struct Place {
    open: Arc<Open>,
    address: IpAddr,
    stranger: bool,
    /// It is counted among all from its address.
    counted: bool,
}

impl Open {
    /// How many connections are open.
    pub fn count(&self) -> u32 {
        self.0.lock().all
    }

    /// A place for a connection from `address`, unless there are too many. What comes from this
    /// machine itself counts, but is bounded only by the number of all connections.
    pub fn enter(self: &Arc<Self>, address: IpAddr, limits: &Limits) -> Option<Place> {
        let mut counts = self.0.lock();
        if counts.all >= limits.connections {
            return None;
        }
        let network = subscriber(address);
        let from_there = counts.by_address.get(&network).copied().unwrap_or_default();
        let crowded = counts.strangers >= limits.preauth_connections
            || from_there >= limits.preauth_connections_per_address;
        if crowded && !address.is_loopback() {
            return None;
        }
        counts.all += 1;
        counts.strangers += 1;
        *counts.by_address.entry(network).or_default() += 1;
        Some(Place {
            open: Arc::clone(self),
            address,
            stranger: true,
            counted: false,
        })
    }

    /// The same, with at most so many from one address even of those that are known. What comes from this machine itself
    /// is not bounded by that.
    pub(super) fn enter_among(
        self: &Arc<Self>,
        address: IpAddr,
        limits: &Limits,
        from_there: u32,
    ) -> Option<Place> {
        let network = subscriber(address);
        let mut place = self.enter(address, limits)?;
        let mut counts = self.0.lock();
        let all = counts.all_by_address.entry(network).or_default();
        *all += 1;
        let crowded = *all > from_there && !address.is_loopback();
        drop(counts);
        place.counted = true;
        (!crowded).then_some(place)
    }

    /// A place for a connection that this server makes itself, unless there are so many.
    pub(super) fn leave(self: &Arc<Self>, most: u32) -> Option<Place> {
        let mut counts = self.0.lock();
        if counts.all >= most {
            return None;
        }
        counts.all += 1;
        Some(Place {
            open: Arc::clone(self),
            address: IpAddr::from([0, 0, 0, 0]),
            stranger: false,
            counted: false,
        })
    }
}

impl Place {
    /// Where the connection comes from.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The connection has authenticated. True the first time.
    pub fn known(&mut self) -> bool {
        let stranger = std::mem::take(&mut self.stranger);
        if stranger {
            self.open.0.lock().leave_strangers(self.address);
        }
        stranger
    }
}

impl Counts {
    fn leave_address(&mut self, address: IpAddr) {
        let network = subscriber(address);
        if let Some(count) = self.all_by_address.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                self.all_by_address.remove(&network);
            }
        }
    }

    fn leave_strangers(&mut self, address: IpAddr) {
        self.strangers -= 1;
        let network = subscriber(address);
        if let Some(count) = self.by_address.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&network);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.known();
        let mut counts = self.open.0.lock();
        counts.all -= 1;
        if self.counted {
            counts.leave_address(self.address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_bounded_by_address_and_friends_are_not() {
        let limits = Limits {
            preauth_connections_per_address: 2,
            preauth_connections: 3,
            ..Limits::default()
        };
        let open = Arc::new(Open::default());
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let mut first = open.enter(one, &limits).expect("a place");
        let second = open.enter(one, &limits).expect("a place");
        assert!(open.enter(one, &limits).is_none());
        first.known();
        let third = open
            .enter(one, &limits)
            .expect("one of the first two is known now");
        let _fourth = open.enter(other, &limits).expect("another address");
        assert!(
            open.enter(other, &limits).is_none(),
            "three strangers are enough"
        );
        assert!(open.enter(IpAddr::from([127, 0, 0, 1]), &limits).is_some());
        drop((first, second, third));
        assert_eq!(open.count(), 1);
        assert_eq!(open.0.lock().by_address.len(), 1);
    }

    #[test]
    fn one_address_does_not_take_all_places_even_when_it_is_known() {
        let limits = Limits {
            connections: 3,
            ..Limits::default()
        };
        let open = Arc::new(Open::default());
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let mut first = open.enter_among(one, &limits, 2).expect("a place");
        let mut second = open.enter_among(one, &limits, 2).expect("a place");
        first.known();
        second.known();
        assert!(open.enter_among(one, &limits, 2).is_none());
        let third = open
            .enter_among(other, &limits, 2)
            .expect("another address");
        assert!(
            open.enter_among(other, &limits, 2).is_none(),
            "three are all"
        );
        // What goes out has more.
        let out = open.leave(4).expect("a place");
        assert!(open.leave(4).is_none());
        drop((first, second, third, out));
        assert_eq!(open.count(), 0);
        assert!(open.0.lock().all_by_address.is_empty());
    }
}
