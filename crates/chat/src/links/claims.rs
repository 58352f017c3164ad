//! What single senders have on its way to elsewhere: nobody may take all of it.

use std::collections::HashMap;
use std::sync::Arc;

use base::Jid;
use parking_lot::Mutex;

use crate::Chat;
use crate::config::FederationSettings;
use crate::place::Place;

/// A service, a component or the house itself speaks for many.
const FOR_MANY: usize = 10;

/// What is on its way, by sender.
#[derive(Default)]
pub(super) struct Claims(Mutex<HashMap<Box<str>, Held>>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Held {
    /// Ways that were never open.
    ways: usize,
    /// Bytes that wait.
    bytes: usize,
}

/// Who causes something to be sent, and how much of it may be under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asker {
    /// A bare address, or the domain of whoever speaks for many.
    pub(super) name: Box<str>,
    most: Held,
}

impl Asker {
    pub(super) fn of(chat: &Chat, from: &Jid) -> Self {
        let settings = &chat.config().federation;
        if from.local().is_some() && chat.place(from.domain()) == Place::House {
            Self::new(from.bare_str(), settings, 1)
        } else {
            Self::of_many(chat, from.domain())
        }
    }

    /// Whoever speaks for many.
    pub(super) fn of_many(chat: &Chat, domain: &str) -> Self {
        Self::new(domain, &chat.config().federation, FOR_MANY)
    }

    fn new(name: &str, settings: &FederationSettings, times: usize) -> Self {
        Self {
            name: name.into(),
            most: Held {
                ways: settings.account_domains.saturating_mul(times),
                bytes: settings.account_bytes.saturating_mul(times),
            },
        }
    }
}

/// A part of what is on its way; dropping it gives it back.
pub(crate) struct Claim {
    claims: Arc<Claims>,
    name: Box<str>,
    held: Held,
}

impl Claims {
    /// A way that was never open; `None` when the asker has too many.
    pub(super) fn way(self: &Arc<Self>, asker: &Asker) -> Option<Claim> {
        self.take(asker, Held { ways: 1, bytes: 0 }, false)
    }

    /// The same, however many there are.
    pub(super) fn way_anyhow(self: &Arc<Self>, asker: &Asker) -> Option<Claim> {
        self.take(asker, Held { ways: 1, bytes: 0 }, true)
    }

    /// Bytes that wait; `None` when the asker has too many.
    pub(super) fn bytes(self: &Arc<Self>, asker: &Asker, bytes: usize) -> Option<Claim> {
        self.take(asker, Held { ways: 0, bytes }, false)
    }

    /// The same, however many there are.
    pub(super) fn bytes_anyhow(self: &Arc<Self>, asker: &Asker, bytes: usize) -> Option<Claim> {
        self.take(asker, Held { ways: 0, bytes }, true)
    }

    fn take(self: &Arc<Self>, asker: &Asker, wanted: Held, anyhow: bool) -> Option<Claim> {
        let mut all = self.0.lock();
        let mut held = all.get(&asker.name).copied().unwrap_or_default();
        held.ways += wanted.ways;
        held.bytes = held.bytes.saturating_add(wanted.bytes);
        let fits = held.ways <= asker.most.ways && held.bytes <= asker.most.bytes;
        if !fits && !anyhow {
            return None;
        }
        all.insert(asker.name.clone(), held);
        Some(Claim {
            claims: Arc::clone(self),
            name: asker.name.clone(),
            held: wanted,
        })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut all = self.claims.0.lock();
        if let Some(held) = all.get_mut(&self.name) {
            held.ways -= self.held.ways;
            held.bytes -= self.held.bytes;
            if *held == Held::default() {
                all.remove(&self.name);
            }
        }
    }
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Claim").field(&self.held).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let settings = FederationSettings {
            account_domains: 2,
            account_bytes: 100,
            ..FederationSettings::default()
        };
        let claims = Arc::new(Claims::default());
        let juliet = Asker::new("juliet@example.org", &settings, 1);
        let nurse = Asker::new("nurse@example.org", &settings, 1);
        let first = claims.way(&juliet).expect("room");
        let _second = claims.way(&juliet).expect("room");
        assert!(claims.way(&juliet).is_none());
        assert!(claims.way(&nurse).is_some());
        drop(first);
        let _third = claims.way(&juliet).expect("room again");
        let _bytes = claims.bytes(&nurse, 100).expect("room");
        assert!(claims.bytes(&nurse, 1).is_none());
        let more = claims.bytes_anyhow(&nurse, 1);
        assert!(more.is_some());
        drop((_second, _third, _bytes, more));
        assert!(claims.0.lock().is_empty());
    }
}
