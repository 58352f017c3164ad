//! How often somebody may ask: a bucket of requests for each, which fills again with time.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use base::Moment;
use parking_lot::Mutex;

/// Buckets at most; the fullest are forgotten first, since that changes nothing.
const MOST: usize = 50_000;

/// Buckets of requests.
pub(crate) struct Limits<Key> {
    per_second: f64,
    burst: f64,
    buckets: Mutex<HashMap<Key, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    left: f64,
    at: Moment,
}

impl<Key: Hash + Eq> Limits<Key> {
    /// So many requests a second for each, and at most so many at once.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        Self {
            per_second: per_second.into(),
            burst: burst.into(),
            buckets: Mutex::default(),
        }
    }

    /// Takes one request.
    ///
    /// # Errors
    /// After how many seconds there is one again.
    pub(crate) fn take(&self, key: Key, now: Moment) -> Result<(), u64> {
        let mut buckets = self.buckets.lock();
        if buckets.len() >= MOST {
            let full = Duration::from_secs_f64(self.burst / self.per_second);
            buckets.retain(|_, bucket| bucket.at + full > now);
            if buckets.len() >= MOST && !buckets.contains_key(&key) {
                return Err(1);
            }
        }
        let bucket = buckets.entry(key).or_insert(Bucket {
            left: self.burst,
            at: now,
        });
        let since = now.since(bucket.at).as_secs_f64();
        bucket.left = (bucket.left + since * self.per_second).min(self.burst);
        bucket.at = now;
        if bucket.left < 1.0 {
            let wait = (1.0 - bucket.left) / self.per_second;
            return Err(wait.ceil().max(1.0) as u64);
        }
        bucket.left -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let at = |millis: u64| Moment::from_micros(millis * 1_000);
        let limits = Limits::new(2, 3);
        for _ in 0..3 {
            assert_eq!(limits.take("a", at(0)), Ok(()));
        }
        assert_eq!(limits.take("a", at(0)), Err(1));
        assert_eq!(limits.take("b", at(0)), Ok(()), "somebody else");
        assert_eq!(limits.take("a", at(500)), Ok(()));
        assert_eq!(limits.take("a", at(500)), Err(1));
        for _ in 0..3 {
            assert_eq!(limits.take("a", at(60_000)), Ok(()));
        }
        assert!(
            limits.take("a", at(60_000)).is_err(),
            "no more than it holds"
        );
    }
}
