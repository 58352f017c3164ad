//! Counters of the stanza path, cheap enough to be always on.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counters since the start of the process.
        #[derive(Default)]
        pub struct Metrics { $($(#[$doc])* pub $name: Counter,)* }

        /// All counters at one moment.
        #[derive(Clone, Copy, Debug, Default)]
        pub struct MetricsSnapshot { $($(#[$doc])* pub $name: u64,)* }

        impl Metrics {
            /// Reads all counters.
            #[must_use]
            pub fn snapshot(&self) -> MetricsSnapshot {
                MetricsSnapshot { $($name: self.$name.get(),)* }
            }
        }
    };
}

counters! {
    /// Messages received from clients.
    messages_in,
    /// Presence stanzas received from clients.
    presence_in,
    /// Requests received from clients.
    requests_in,
    /// Stanzas written to clients.
    stanzas_out,
    /// Messages kept in archives, counted once however many archives keep them.
    messages_kept,
    /// Sessions bound.
    sessions_bound,
    /// Sessions ended.
    sessions_ended,
    /// Sessions resumed (XEP-0198).
    sessions_resumed,
    /// Authentications that succeeded.
    logins,
    /// Authentications that failed.
    logins_failed,
    /// Streams ended by a stream error of ours.
    stream_errors,
    /// Sessions ended because their mailbox was full.
    mailboxes_overflowed,
}

/// A number that only grows.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds `more`.
    pub fn add(&self, more: u64) {
        if more > 0 {
            self.0.fetch_add(more, Ordering::Relaxed);
        }
    }

    /// The value.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
